"""A whole sequence through any layer, whoever wrote it."""

from __future__ import annotations

from typing import Any

import brainstate
import jax

from .activity import note


class Stateless:
    """A layer that remembers nothing: to it, time is one more leading axis."""

    update: Any

    def run(self, x):
        """All time steps at once.

        Parameters
        ----------
        x : array, shape ``(time, *batch, *in_size)``

        Returns
        -------
        array or quantity, shape ``(time, *batch, *out_size)``
            What ``update`` gives for every step.
        """
        return self.update(x)


def run_layer(layer, x):
    """Run a layer over a sequence, by the fastest way that equals one call for every step.

    Parameters
    ----------
    layer : module or function
        One with a ``run`` of its own runs itself; brainstate's ``Sequential`` goes layer by layer. Any other that
        writes no state and draws no random number takes all steps at once (``jax.vmap`` over time), the rest one
        after the other.
    x : array or quantity, shape ``(time, *batch, *in_size)``

    Returns
    -------
    array or quantity, shape ``(time, *batch, *out_size)``

    Notes
    -----
    Spikes of a foreign population (``brainpy.state.LIF``; any module with ``get_spike``) are noted for
    ``activity.recording``, as those of a layer with ``run`` are by itself.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> run_layer(brainstate.nn.Linear(3, 2), jnp.ones((7, 4, 3))).shape
    (7, 4, 2)
    >>> run_layer(lambda x: x - x.mean(axis=0), jnp.arange(6.0).reshape(3, 2)).tolist()
    [[-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5]]
    """
    if hasattr(layer, "run"):
        return layer.run(x)
    if type(layer) is brainstate.nn.Sequential:
        for inner in layer.layers:
            x = run_layer(inner, x)
        return x
    if not _remembers(layer, x):
        return jax.vmap(layer)(x)
    y = brainstate.transform.for_loop(layer, x)
    if hasattr(layer, "get_spike"):
        note(layer, y)
    return y


def _remembers(layer, x) -> bool:
    """Whether one step writes a state; that of the random numbers is one."""
    if isinstance(layer, brainstate.nn.Dynamics):
        return True  # Not tried out: a registered input would be used up.
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), x)
    step: Any = brainstate.transform.StatefulFunction(layer)
    return bool(step.make_jaxpr(one).get_write_states(one))
