"""The scan of all neuron kinds against JAX's own differentiation of the same steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.train.scans import scan_steps
from lifexport.train.surrogate import Arctan

FIRE = Arctan(2.0)


def emit(state):
    return FIRE(state["v"] - 1.0)


def advance(state, spikes, x):
    """Two real states that hear each other and a counter that holds one of them; ``x`` is added."""
    g = 0.7 * state["g"] + x - 0.1 * spikes
    v = 0.9 * state["v"] * (1 - spikes) + 0.5 * g + 0.05 * state["v"] ** 2 + 0.3 * x
    wait = state["wait"]
    v = jnp.where(wait > 0, state["v"] - spikes, v)
    return {"v": v, "g": g, "wait": jnp.where(v >= 1.0, 2, jnp.maximum(wait - 1, 0))}


def start(dtype=jnp.float32):
    rng = np.random.default_rng(0)
    v, g = (jnp.asarray(rng.normal(0.3, 0.5, (2, 3)), dtype) for _ in range(2))
    return {"v": v, "g": g, "wait": jnp.zeros((2, 3), jnp.int32)}


def plainly(state, x):
    def step(state, now):
        state = advance(state, emit(state), now)
        return state, emit(state)

    return jax.lax.scan(step, state, x)


@pytest.mark.parametrize("unroll", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 11])
def test_gradients_are_those_of_the_steps(steps, unroll):
    rng = np.random.default_rng(1)
    x, target = (jnp.asarray(rng.normal(0.3, 0.8, (steps, 2, 3)), jnp.float32) for _ in range(2))
    state = start()

    def loss(run, v, g, x):
        last, out = run({**state, "v": v, "g": g}, x)
        return (out * target).sum() + (last["v"] ** 2).sum() + (last["g"] * target[0]).sum(), (last, out)

    def mine(state, x):
        return scan_steps(emit, advance, state, x, unroll=unroll)

    found, wanted = (
        jax.jit(jax.grad(loss, argnums=(1, 2, 3), has_aux=True), static_argnums=0)(run, state["v"], state["g"], x)
        for run in (mine, plainly)
    )
    for a, b in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, strict=True)
    assert steps < 11 or float(wanted[1][1].sum()) > 3


def test_neither_inputs_nor_outputs_are_saved():
    x = jnp.ones((50, 2, 3))

    def run(state, x):
        return scan_steps(lambda v: FIRE(v - 1), lambda v, s, x: 0.9 * v - s + x, state, x)[1]

    _, transposed = jax.vjp(run, jnp.zeros((2, 3)), x)
    kept = [leaf.shape for leaf in jax.tree.leaves(transposed) if hasattr(leaf, "shape") and leaf.size >= x.size]
    assert kept == [x.shape]  # the membranes
