"""The forward pass of training is the simulator: every membrane, every spike, outside and inside of gradients."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from exact_nets import exact_network, tau
from nets import with_fields
from quantization.test_targets import EXACT, SHIFTS, SPIKES
from random_float import random_float_network

import lifexport as lx
from lifexport.errors import RangeError
from lifexport.finetuning import QAT
from lifexport.neurons import FloatCubaLIF, FloatLIF

pytestmark = pytest.mark.sampled

CASES = EXACT | {
    core: (core, FloatCubaLIF, SHIFTS | {"tau_syn": tau(3 / 4), "strength": 0.1}, SPIKES)
    for core in ("xylo-v1", "xylo-v2")
}
CASES["spikerplus, overflows in between"] = (
    "spikerplus",
    FloatLIF,
    SHIFTS | {"reset": "value", "last": 7, "strength": 0.7},
    {"weight_bits": 4, "state_bits": 5, "membrane_range": 1.2},
)


def disturbed(q: QAT, seed: int) -> None:
    """Move every parameter by some codes, as training would, some beyond their last code."""
    rng = np.random.default_rng(seed)
    q.latent.value = jax.tree.map(lambda a: a * jnp.asarray(rng.uniform(0.7, 1.35, a.shape), a.dtype), q.latent.value)


def require_equal(q: QAT, x: np.ndarray) -> dict[str, np.ndarray]:
    """Compare with the int64 reference; gradients must be finite. Returns the reference's spikes."""
    network = q.to_int()
    codes = network.encode(x).codes
    t = lx.simulate(network, codes, record=("spikes", "v"), backend="reference")

    def loss(parameters):
        out = q.apply(parameters, jnp.asarray(codes, jnp.int32))
        return (out.spikes.sum(0) ** 2).mean() + out.v.mean(), out.ints

    outside = jax.jit(loss)(q.latent.value)[1]
    (_, inside), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(q.latent.value)
    for ints in (outside, inside):
        for name in network.populations:
            np.testing.assert_array_equal(np.asarray(ints.v[name]), t.v[name])
            np.testing.assert_array_equal(np.asarray(ints.spikes[name]), t.spikes[name])
    for gradient in jax.tree.leaves(gradients):
        assert np.isfinite(gradient).all()
    assert all(np.abs(g["weight"]).max() > 0 for name, g in gradients.items() if "weight" in g), gradients
    return t.spikes


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("moved", [pytest.param(False, marks=pytest.mark.thorough), True], ids=["at first", "moved"])
def test_every_target_that_steps_in_time(case, moved):
    target, kind, fields, choices = CASES[case]
    f, x = exact_network(kind, **fields)
    q = QAT(f, target, calibration=x, thresholds=moved, **choices)
    if moved:
        disturbed(q, 1)
    else:
        assert lx.same(q.to_int(), lx.quantize(f, target, calibration=x, **choices))
    fired = require_equal(q, x)
    print(case, {name: f"{spikes.mean():.3f}" for name, spikes in fired.items()})
    assert all(0.001 < spikes.mean() < 1.5 for spikes in fired.values())


def test_overflows_do_act_between_inputs():
    """Else the case above would show nothing."""
    target, kind, fields, choices = CASES["spikerplus, overflows in between"]
    f, x = exact_network(kind, **fields)
    q = lx.quantize(f, target, calibration=x, **choices)
    with pytest.raises(RangeError, match=r"LX302.*overflows in between"):
        lx.simulate(q, q.encode(x).codes, backend="fast")
    summed = {
        name: with_fields(node, accumulate="sum") if node.role == "population" else node
        for name, node in q.nodes.items()
    }
    a, b = (lx.simulate(n, q.encode(x).codes, record=("v",)) for n in (q, dataclasses.replace(q, nodes=summed)))
    assert (a.v["a"] != b.v["a"]).mean() > 0.001


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.thorough] * (seed > 7)) for seed in range(44)])
def test_random_networks(seed):
    f, codes, choices = random_float_network(seed)
    q = QAT(f, "fpga-q", **choices)
    disturbed(q, seed)
    fired = require_equal(q, codes)
    print(choices, {name: f"{spikes.mean():.3f}" for name, spikes in fired.items()})


@pytest.mark.thorough
def test_many_networks_at_once():
    """``vmap`` over parameters, with and without gradients."""
    f, codes, choices = random_float_network(0)
    q = QAT(f, "fpga-q", **choices)
    first = q.latent.value
    many = jax.tree.map(lambda a: a * jnp.asarray([1.0, 1.1, 0.8]).reshape(-1, *(1,) * a.ndim), first)

    def loss(parameters):
        out = q.apply(parameters, jnp.asarray(codes, jnp.int32))
        return (out.spikes.sum(0) ** 2).mean(), out.ints

    (_, ints), gradients = jax.jit(jax.vmap(jax.value_and_grad(loss, has_aux=True)))(many)
    for i in range(3):
        q.latent.value = jax.tree.map(lambda a, i=i: a[i], many)
        t = lx.simulate(q.to_int(), codes, record=("v",), backend="reference")
        alone = jax.grad(lambda p: loss(p)[0])(q.latent.value)
        for name, v in t.v.items():
            np.testing.assert_array_equal(np.asarray(ints.v[name][i]), v)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(gradients), strict=True):
            np.testing.assert_allclose(b[i], a, rtol=1e-4, atol=1e-5 * float(jnp.abs(a).max()))
