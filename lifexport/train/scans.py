"""One scan for all neuron kinds: a whole sequence forward, and backward by hand from the saved states alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Emit = Callable[[Any], Any]
Advance = Callable[[Any, Any, Any], Any]


def scan_steps(emit: Emit, advance: Advance, state: Any, inputs: Any, *, unroll: int = 1) -> tuple[Any, Any]:
    r"""Run neurons through a sequence; gradients are taken by a reversed scan of the step's own transpose.

    .. math:: h_t = \text{advance}(h_{t-1},\, \text{emit}(h_{t-1}),\, x_t), \qquad y_t = \text{emit}(h_t)

    Backward, with :math:`\bar h` the gradient with respect to the state after a step:

    .. math:: \bar h_{t-1} = A_h^T \bar h_t + E^T (\bar y_{t-1} + A_y^T \bar h_t), \qquad
       \bar x_t = A_x^T \bar h_t

    where :math:`A` and :math:`E` are the derivatives of ``advance`` and ``emit`` at :math:`h_{t-1}`. Automatic
    differentiation of the same scan would save every intermediate value of every step; here the states are saved and
    the derivatives taken anew.

    Parameters
    ----------
    emit : callable, ``emit(state)``
        What a state gives out: spikes of its membrane, with the surrogate as derivative, or the membrane itself.
    advance : callable, ``advance(state, emitted, x)``
        The state one step later. ``x`` must enter by addition: the derivatives may not depend on it, for it is not
        saved. Nothing else that is differentiated may be used but the arguments.
    state : pytree of arrays
        State before the first step, of the shapes and dtypes that ``advance`` returns. Integer arrays are carried
        along and have no gradient.
    inputs : pytree of float arrays, shape ``(time, ...)``
        At least one step.
    unroll : int
        Steps in one iteration of the compiled loop.

    Returns
    -------
    state, emitted
        After the last step; and after every step, shape ``(time, ...)``.

    Notes
    -----
    Reverse mode only (``jax.grad``, ``jax.vjp``), as everything that has a ``jax.custom_vjp``.

    Examples
    --------
    >>> state, seen = scan_steps(lambda v: v, lambda v, _, x: 0.5 * v + x, jnp.zeros(1), jnp.ones((3, 1)))
    >>> seen.ravel().tolist()
    [1.0, 1.5, 1.75]
    """
    step = _Step(emit, advance, unroll)
    floats, others, join = _split(state)
    return _scan(step, join, floats, others, inputs)


class _Step(NamedTuple):
    emit: Emit
    advance: Advance
    unroll: int


def _forward(step: _Step, state, inputs, *, save: bool):
    """State and outputs; and the states before every step, where they are to be saved."""

    def body(carry, x):
        before, emitted = carry
        after = step.advance(before, emitted, x)
        out = step.emit(after)
        return (after, out), (out, before if save else None)

    (last, _), (out, saved) = jax.lax.scan(body, (state, step.emit(state)), inputs, unroll=step.unroll)
    return (last, out), saved


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _scan(step: _Step, join, floats, others, inputs):
    return _forward(step, join(floats, others), inputs, save=False)[0]


def _scan_forward(step: _Step, join, floats, others, inputs):
    (last, out), saved = _forward(step, join(floats, others), inputs, save=True)
    # The derivatives do not depend on x: zero will do.
    return (last, out), (saved, last, jax.tree.map(lambda leaf: jnp.zeros_like(leaf[0]), inputs))


def _scan_backward(step: _Step, join, residuals, gradients):
    saved, last, zero = residuals
    of_last, of_out = gradients
    count = jax.tree.leaves(saved)[0].shape[0]

    def emit_transposed(state, of_emitted):
        floats, others, _ = _split(state)
        return jax.vjp(lambda floats: step.emit(join(floats, others)), floats)[1](of_emitted)[0]

    def advance_transposed(state, of_after):
        floats, others, _ = _split(state)

        def floats_after(floats, emitted, x):
            return _split(step.advance(join(floats, others), emitted, x))[0]

        return jax.vjp(floats_after, floats, step.emit(state), zero)[1](of_after)

    def body(of_after, now):
        t, before = now
        of_floats, of_emitted, of_x = advance_transposed(before, of_after)
        # What was emitted before the first step is no output: from outside nothing arrives for it.
        outside = jax.tree.map(lambda g: jnp.where(t > 0, g, jnp.zeros_like(g)), _at(of_out, jnp.maximum(t - 1, 0)))
        return _add(of_floats, emit_transposed(before, _add(of_emitted, outside))), of_x

    start = _add(_split(of_last)[0], emit_transposed(last, _at(of_out, count - 1)))
    of_floats, of_inputs = jax.lax.scan(body, start, (jnp.arange(count), saved), reverse=True, unroll=step.unroll)
    return of_floats, None, of_inputs


_scan.defvjp(_scan_forward, _scan_backward)


def _split(state):
    """Leaves that have a gradient, the others, and what joins them again."""
    leaves, tree = jax.tree.flatten(state)
    real = [bool(jnp.issubdtype(leaf.dtype, jnp.floating)) for leaf in leaves]

    def join(floats, others):
        floats, others = iter(floats), iter(others)
        return jax.tree.unflatten(tree, [next(floats if is_real else others) for is_real in real])

    floats = [leaf for leaf, is_real in zip(leaves, real, strict=True) if is_real]
    return floats, [leaf for leaf, is_real in zip(leaves, real, strict=True) if not is_real], join


def _at(stacked, index):
    return jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, index, keepdims=False), stacked)


def _add(a, b):
    return jax.tree.map(jnp.add, a, b)
