"""What every layer is held to: ``run`` equals ``update`` step by step, with its gradients and states."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax
import numpy as np


def steps(layer, x):
    """Outputs of ``update``, one call for every step, stacked; plain numbers in the unit of the layer."""
    return np.asarray(u.get_mantissa(brainstate.transform.for_loop(layer.update, x)))


def values(layer) -> dict:
    """Every state of a layer, as plain numbers; random numbers are none."""
    return {key: jax.tree.map(np.asarray, state.value) for key, state in layer.states().items()}


def check_run(layer, x, *, batch=None, tolerance=1e-12, context=None):
    """Two runs from the same start; their outputs and what they leave behind are the same. Returns the outputs."""
    with brainstate.environ.context(dt=1.0 * u.ms, **(context or {})):
        brainstate.nn.init_all_states(layer, batch_size=batch)
        start = {key: state.value for key, state in layer.states().items()}
        found = []
        for way in (steps, lambda layer, x: np.asarray(u.get_mantissa(layer.run(x)))):
            for key, state in layer.states().items():
                state.value = start[key]
            found.append((way(layer, x), values(layer)))
    (slow, after), (fast, after_run) = found
    assert slow.shape == fast.shape and slow.dtype == fast.dtype
    np.testing.assert_allclose(fast, slow, rtol=tolerance, atol=tolerance)
    for key, value in after.items():
        for one, other in zip(jax.tree.leaves(value), jax.tree.leaves(after_run[key]), strict=True):
            np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance)
    return fast


def check_gradients(layer, x, *, batch=None, tolerance=1e-10, context=None):
    """Gradients of a sum of squares through ``run`` and through a loop of ``update`` are the same, and not all 0."""

    def loss(way):
        def value():
            brainstate.nn.init_all_states(layer, batch_size=batch)
            y = u.get_mantissa(way(x))
            weight = np.linspace(1.0, 2.0, y.size).reshape(y.shape).astype(y.dtype)
            return (weight * (y - 0.25) ** 2).sum()

        return value

    def loop(x):
        return brainstate.transform.for_loop(layer.update, x)

    parameters = layer.states(brainstate.ParamState)
    with brainstate.environ.context(dt=1.0 * u.ms, **(context or {})):
        ways = [brainstate.transform.grad(loss(way), parameters)() for way in (layer.run, loop)]
    fast, slow = (jax.tree.leaves(way) for way in ways)
    assert fast and all(np.abs(one).max() > 0 for one in fast)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(other).max())
