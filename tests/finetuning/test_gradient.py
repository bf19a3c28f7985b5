"""Gradients are those of the same arithmetic in float32 with straight-through rounding, differentiated by JAX."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from exact_nets import exact_network, tau
from quantization.test_targets import EXACT

import lifexport as lx
from lifexport.finetuning import QAT, backward, forward
from lifexport.finetuning.rounding import to_codes
from lifexport.neurons import FloatCubaLIF, FloatLIF
from lifexport.nodes import InputCode
from lifexport.simulation import layerwise
from lifexport.train.surrogate import Arctan, ReluGrad

pytestmark = pytest.mark.sampled

LIF = {"r": 1.0, "tau": tau(0.8)}
CASES = {
    "soft": (FloatLIF, LIF, {}),
    "soft, loop, branch": (FloatLIF, LIF | {"recurrent": True, "skip": True}, {}),
    "hard": (FloatLIF, LIF | {"reset": "value", "v_reset": -0.3, "v_rest": -0.1}, {}),
    "hard, loop": (FloatLIF, LIF | {"reset": "value", "recurrent": True}, {}),
    "saturating": (FloatLIF, LIF | {"strength": 1.1}, {"membrane_range": 1.3}),
    "toward zero": (FloatLIF, LIF, {"rounding": "toward_zero"}),
    "current": (FloatCubaLIF, LIF | {"tau_syn": tau(0.6), "strength": 0.2}, {}),
}


TARGETS = {case: given for case, given in EXACT.items() if "spikerplus" not in case}
"""Targets whose neurons take the sum of a step; those that take inputs one by one keep what arrived anyway."""


def straight_through(values, rounded):
    return values + jax.lax.stop_gradient(rounded - values)


def reference(network, surrogate, detach, weights, codes):
    """Spikes of the last population, and all membranes, in float32: every equation spelled out."""

    def step(carry, x):
        v, current, before = carry
        now, after_v, after_current = {network.input_name: x}, {}, {}
        for name, node in network.nodes.items():
            if node.role == "connection":
                (edge,) = network.incoming(name)
                given = before[edge.source] if edge.delay else now[edge.source]
                now[name] = given @ weights[name].T * 2.0**node.shift
            elif node.role == "population":
                rules, distance = node.rules, node.reset_code - 0.0
                if rules.reset == "value":
                    distance = node.threshold - node.reset_code - 0.0
                reset = surrogate((v[name] - node.threshold) / distance)
                reset = jax.lax.stop_gradient(reset) if detach else reset
                amount = (
                    node.reset_code if rules.reset == "subtract" else jax.lax.stop_gradient(v[name] - node.reset_code)
                )
                kept = v[name] - reset * amount
                arriving = sum(now[edge.source] for edge in network.incoming(name))
                if rules.current is not None:
                    decayed = current[name] * node.current_decay[0] / 2.0**rules.current.leak.bits
                    arriving = straight_through(decayed, jnp.floor(decayed)) + arriving
                    after_current[name] = arriving
                leaked = kept * node.decay / 2.0**rules.leak.bits
                whole = jnp.floor(leaked) if rules.leak.rounding == "floor" else jnp.trunc(leaked)
                total = straight_through(leaked, whole) + arriving + node.bias
                lo, hi = node.membrane_range()
                total = jnp.where((total > lo) & (total < hi), total, jnp.clip(jax.lax.stop_gradient(total), lo, hi))
                after_v[name], now[name] = total, surrogate((total - node.threshold) / distance)
        return (after_v, after_current, {n: now[n] for n in network.populations}), (now[network.readout_name], after_v)

    start = {n: jnp.zeros((codes.shape[1], *p.shape)) for n, p in network.populations.items()}
    first = {n: start[n] + p.v_initial for n, p in network.populations.items()}
    currents = {n: start[n] for n, p in network.populations.items() if p.rules.current is not None}
    _, (spikes, v) = jax.lax.scan(step, (first, currents, start), codes.astype(jnp.float32))
    return spikes, v


@pytest.mark.parametrize("detach", [False, True], ids=["through the reset", "detached"])
@pytest.mark.parametrize("case", CASES)
def test_equal_those_of_straight_through_arithmetic(case, detach):
    kind, fields, choices = CASES[case]
    f, x = exact_network(kind, **fields)
    surrogate = Arctan(2.0) if detach else ReluGrad()
    q = QAT(f, "fpga-q", calibration=x, state_bits=12, decay_bits=8, spk_fun=surrogate, detach_reset=detach, **choices)
    network, codes = q.to_int(), jnp.asarray(x, jnp.int8)
    target = jnp.asarray(np.random.default_rng(3).normal(size=(x.shape[1], 6)), jnp.float32)

    def loss(spikes):
        return ((spikes.sum(0) - 4 * target) ** 2).mean()

    def wanted(parameters):
        weights, _ = q.numbers.codes(parameters)
        spikes, v = reference(network, surrogate, detach, weights, codes)
        return loss(spikes), v

    def found(parameters):
        out = q.apply(parameters, codes)
        return loss(out.spikes), out.ints.v

    (a, va), ga = jax.value_and_grad(wanted, has_aux=True)(q.latent.value)
    (b, vb), gb = jax.value_and_grad(found, has_aux=True)(q.latent.value)
    assert float(a) == float(b)
    clipped = {n: int((v == network.nodes[n].membrane_range()[1]).sum()) for n, v in vb.items()}
    assert case != "saturating" or all(clipped.values()), clipped
    for name, v in vb.items():
        np.testing.assert_array_equal(np.asarray(va[name]), np.asarray(v))
    for path, g in jax.tree_util.tree_leaves_with_path(ga):
        other = gb[path[0].key][path[1].key]
        scale = float(jnp.abs(g).max())
        assert scale > 0
        assert float(jnp.abs(g - other).max()) <= 1e-5 * scale, path


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_fine_integers_have_the_gradients_of_the_trained_network(reset):
    rng = np.random.default_rng(4)
    neuron = {"tau": 8 * u.ms, "spk_fun": Arctan(2.0), "spk_reset": reset}
    first, second = (rng.integers(-127, 128, shape) / 127 for shape in ((12, 20), (20, 5)))  # weights on the grid
    first[0, 0] = second[0, 0] = 1
    net = lx.Sequential(
        lx.Linear(12, 20, w_init=6 * first),
        lx.LIF(20, **neuron),
        lx.Linear(20, 5, w_init=5 * second),
        lx.LIF(5, **neuron),
    )
    x = (rng.random((30, 4, 12)) < 0.3).astype(np.float32)
    q = QAT(
        lx.capture(net, dt=1 * u.ms),
        "fpga-q",
        input=InputCode(kind="spikes"),
        state_bits=24,
        decay_bits=16,
        membrane_range=64,  # what saturates has no gradient
    )
    weights = net.states(brainstate.ParamState)

    def loss():
        with brainstate.environ.context(dt=1 * u.ms):
            brainstate.nn.init_all_states(net, batch_size=4)
            return (brainstate.transform.for_loop(net.update, jnp.asarray(x)).sum(0) ** 2).mean()

    gradients, value = brainstate.transform.grad(loss, weights, return_value=True)()
    integer, found = jax.value_and_grad(lambda p: (q.apply(p, jnp.asarray(x, jnp.int8)).spikes.sum(0) ** 2).mean())(
        q.latent.value
    )
    assert float(value) == pytest.approx(float(integer), rel=1e-6)
    for layer, gradient in zip(("linear0", "linear1"), gradients.values(), strict=True):
        size = np.sqrt(np.mean(np.square(q.trained.nodes[layer].weight))) * 1e3  # ampere to milliampere
        wanted, got = np.asarray(gradient["weight"]).T * size, np.asarray(found[layer]["weight"])
        assert np.abs(wanted - got).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.thorough
@pytest.mark.parametrize("case", TARGETS)
def test_what_is_not_kept_is_not_needed(case, monkeypatch):
    """Gradients from what is kept, window by window, are those from all states and inputs at once, for every target."""
    target, kind, fields, choices = TARGETS[case]
    f, x = exact_network(kind, **fields)
    x = x[:53]  # whole windows, and four steps

    def gradients(steps):
        monkeypatch.setattr(forward, "ROWS", steps * x.shape[1])
        monkeypatch.setattr(backward, "ROWS", steps * x.shape[1])
        q = QAT(f, target, calibration=x, thresholds=True, **choices)
        codes = jnp.asarray(q.encode(x))
        return jax.grad(lambda p: (q.apply(p, codes).spikes.sum(0) ** 2).mean())(q.latent.value)

    few = gradients(7)
    monkeypatch.setattr(layerwise, "needs_arriving", lambda node: True)
    monkeypatch.setattr(forward, "needed", lambda network, began: began)
    for a, b in zip(jax.tree.leaves(few), jax.tree.leaves(gradients(53)), strict=True):
        assert float(jnp.abs(a).max()) > 0
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * float(jnp.abs(b).max()))


@pytest.mark.parametrize(("first", "found"), [(0, [0, 0, 5]), (2, [5, 6, 7])])
def test_what_is_late_is_nothing_at_first(first, found):
    nothing = backward._Carry({}, {}, backward.Gradients({}, {}))
    window = backward._Window(SimpleNamespace(network=None), nothing, first, 3)  # type: ignore[arg-type]
    assert window.rows(jnp.array([5, 6, 7, 8, 9]), 2).tolist() == found


def test_clipped_codes_come_back_but_go_no_further():
    values, slopes = jnp.array([-9.0, -9.0, 3.0, 9.0, 9.0]), jnp.array([1.0, -1.0, 1.0, 1.0, -1.0])
    _, back = jax.vjp(partial(to_codes, lo=-7.0, hi=7.0), values)
    assert back(slopes)[0].tolist() == [0.0, -1.0, 1.0, 1.0, 0.0]
