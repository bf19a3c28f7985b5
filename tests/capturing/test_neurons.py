"""Every kind of neurons: what runs in brainstate and what was captured are the same."""

from __future__ import annotations

import brainpy.state
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import LifexportError, ParameterError, ShapeError, UnitError, UnsupportedError
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF

pytestmark = pytest.mark.sampled

IN, SIZE, STEPS, BATCH = 12, 9, 80, 4


def spread(lo, hi, n=SIZE):
    return np.linspace(lo, hi, n)


PARAMETERS = {
    "R": spread(1.5, 2.5) * u.ohm,
    "tau": spread(3.0, 30.0) * u.ms,
    "V_th": spread(0.9, 0.6) * u.mV,
    "V_reset": spread(-0.5, 0.2) * u.mV,
    "V_rest": spread(0.1, -0.1) * u.mV,
    "V_initializer": spread(-1.0, 0.9) * u.mV,
}
LEAKING = {field: PARAMETERS[field] for field in ("R", "tau", "V_th", "V_initializer")}
SYNAPSE = {"tau_syn": spread(1.0, 6.0) * u.ms, "V_th": spread(1.9, 1.6) * u.mV}
KINDS = {
    "LIF": (lx.LIF, PARAMETERS, FloatLIF),
    "IF": (lx.IF, LEAKING, FloatLIF),
    "LIFRef": (lx.LIFRef, PARAMETERS | {"tau_ref": spread(0.0, 5.5) * u.ms}, FloatLIF),
    "CubaLIF": (lx.CubaLIF, PARAMETERS | SYNAPSE, FloatLIF),
    "CubaLIF, filtered": (
        lx.CubaLIF,
        PARAMETERS | SYNAPSE | {"filtered": True, "g_initializer": spread(-1.0, 1.0) * u.mA},
        FloatCubaLIF,
    ),
    "IAF": (
        lx.IAF,
        {field: PARAMETERS[field] for field in ("V_th", "V_reset", "V_initializer")}
        | {"R": spread(0.2, 0.4) * u.ohm / u.ms},
        FloatIAF,
    ),
}
THEIRS = ("LIF", "IF", "LIFRef", "CubaLIF")


def spikes_in(rate=0.4):
    return (np.random.default_rng(0).random((STEPS, BATCH, IN)) < rate).astype(np.float64)


def feed(n=SIZE, mean=0.4, **given):
    weights = np.random.default_rng(1).normal(mean, 1.0, (IN, n))
    return lx.Linear(IN, n, weights, **given)


def stepped(net, x, dt, watched, state="V"):
    """What the network gave, and the watched layer's state, at every step."""
    brainstate.nn.init_all_states(net, batch_size=x.shape[1])

    def step(i, now):
        with brainstate.environ.context(t=i * dt):
            return net(now), getattr(watched, state).value

    return brainstate.transform.for_loop(step, jnp.arange(len(x)).astype(x.dtype), jnp.asarray(x))


@pytest.mark.parametrize(("reset", "dt"), [("soft", 0.25), ("hard", 1.0)])
@pytest.mark.parametrize("kind", [*KINDS, *(f"brainpy's {kind}" for kind in THEIRS)])
def test_a_captured_population_runs_as_its_module(kind, dt, reset):
    with brainstate.environ.context(precision=64, dt=dt * u.ms):
        cls, parameters, node = KINDS[kind.removeprefix("brainpy's ")]
        cls = getattr(brainpy.state, cls.__name__) if kind.startswith("brainpy's") else cls
        neurons = cls(SIZE, spk_reset=reset, name="cells", **parameters)
        x = spikes_in()
        mean = 0.1 if node is FloatCubaLIF else 0.4 if dt == 1.0 else 0.9
        net = lx.Sequential(feed(mean=mean), neurons)
        spikes, rows = stepped(net, x, dt * u.ms, neurons)
        f = lx.capture(net, dt=dt * u.ms)
        spikes, rows = np.asarray(spikes), np.asarray(rows / u.volt)
    assert type(f.nodes["cells"]) is node
    trace = lx.simulate(f, x, record=("v", "spikes"))
    assert 0.01 < spikes.mean() < 0.6
    np.testing.assert_allclose(trace.v["cells"], rows, rtol=0, atol=1e-15)  # volt: 1e-12 of a mV
    np.testing.assert_array_equal(trace.spikes["cells"], spikes)


@pytest.mark.parametrize("readout", ["membrane_last", "membrane_max"])
def test_leaky_integrators_answer_by_their_membrane(readout):
    x = spikes_in()
    with brainstate.environ.context(precision=64, dt=0.5 * u.ms):
        given = {field: PARAMETERS[field] for field in ("R", "tau", "V_rest", "V_initializer")}
        net = lx.Sequential(feed(), lx.LI(SIZE, **given))
        v, _ = stepped(net, x, 0.5 * u.ms, net.layers[1])
        v = np.asarray(v / u.volt)
        f = lx.capture(net, dt=0.5 * u.ms, readout=readout)
    trace = lx.simulate(f, x, record=("v",))
    assert type(f.nodes["li0"]) is FloatLI
    np.testing.assert_allclose(trace.v["li0"], v, rtol=0, atol=1e-15)
    np.testing.assert_allclose(trace.scores, v[-1] if readout == "membrane_last" else v.max(axis=0), atol=1e-15)
    with pytest.raises(ShapeError, match=r"LX107.*readout: 'count' of 'li0', which never spikes; fix: .*membrane_last"):
        lx.capture(net, dt=0.5 * u.ms)


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("tau", [7.0, spread(2.0, 20.0, 3)])
def test_a_rate_readout_is_weights_and_a_leaky_sum(tau, theirs):
    x = spikes_in()
    kind = brainpy.state.LeakyRateReadout if theirs else lx.LeakyRateReadout
    with brainstate.environ.context(precision=64, dt=0.5 * u.ms):
        net = lx.Sequential(feed(), lx.LIF(SIZE, R=3 * u.ohm), kind(SIZE, 3, tau=tau * u.ms))
        rates, _ = stepped(net, x, 0.5 * u.ms, net.layers[2], "r")
        rates = np.asarray(rates)
        f = lx.capture(net, dt=0.5 * u.ms, readout="membrane_last")
        weights = np.asarray(net.layers[2].weight.value)
    trace = lx.simulate(f, x, record=("v",))
    name = "leakyratereadout0"
    assert list(f.nodes) == ["input", "linear0", "lif0", f"{name}_weight", name, "output"]
    np.testing.assert_array_equal(f.nodes[f"{name}_weight"].weight, weights.T)
    assert np.abs(rates).max() > 0.1
    np.testing.assert_allclose(trace.v[name], rates, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(trace.prediction.labels, rates[-1].argmax(axis=1))


def test_a_rate_readout_built_under_another_dt_is_refused():
    with brainstate.environ.context(dt=1.0 * u.ms):
        net = lx.Sequential(feed(), lx.LIF(SIZE), brainpy.state.LeakyRateReadout(SIZE, 3))
    with pytest.raises(
        ParameterError, match=r"LX103.*readout0\.decay: 0\.818\d+; tau and dt = 0\.0005 s make it 0\.904"
    ):
        lx.capture(net, dt=0.5 * u.ms, readout="membrane_last")
    net.layers[2] = lx.LeakyRateReadout(SIZE, 3)
    assert lx.capture(net, dt=0.5 * u.ms, readout="membrane_last").nodes["leakyratereadout0"].decay[0] > 0.9


def test_a_current_that_no_input_feeds_is_refused():
    with brainstate.environ.context(dt=1.0 * u.ms):
        net = lx.Sequential(feed(), lx.CubaLIF(SIZE, g_initializer=0.1 * u.mA, name="cells"))
    with pytest.raises(
        UnsupportedError, match=r"LX110.*cells\.g_initializer.*fix: use lifexport.CubaLIF\(\.\.\., filtered"
    ):
        lx.capture(net, dt=1.0 * u.ms)


def test_brainpys_kinds_are_judged_at_capture():
    bad = [
        (brainpy.state.LIFRef(SIZE, tau_ref=-1 * u.ms), ParameterError, r"LX104.*tau_ref: -1"),
        (brainpy.state.LIFRef(SIZE, tau_ref=1.0), UnitError, r"LX109.*tau_ref: no unit"),
        (brainpy.state.CubaLIF(SIZE, tau_syn=0 * u.ms), ParameterError, r"LX104.*tau_syn"),
        (brainpy.state.IF(SIZE, V_th=-1 * u.mV), ParameterError, r"LX105.*v_threshold"),
    ]
    for neurons, kind, said in bad:
        if type(neurons).__name__ == "CubaLIF":
            neurons.filtered = True
        with pytest.raises(kind, match=said):
            lx.capture(lx.Sequential(feed(), neurons), dt=1 * u.ms)


class Louder(lx.IAF):
    pass


@pytest.mark.parametrize(
    "neurons",
    [
        Louder(SIZE),
        brainpy.state.ALIF(SIZE),
        brainpy.state.ExpIF(SIZE),
        type("IAF", (brainstate.nn.Module,), {"in_size": (SIZE,), "out_size": (SIZE,), "name": None})(),
    ],
    ids=lambda neurons: type(neurons).__name__,
)
def test_other_neurons_are_refused(neurons):
    with pytest.raises(UnsupportedError, match="LX110"):
        lx.capture(lx.Sequential(feed(), neurons), dt=1 * u.ms)


def test_two_systems_of_units_are_refused():
    plain = {"R": 1.0, "V_th": 1.0, "V_reset": 0.0, "V_initializer": brainstate.nn.init.Constant(0.0)}
    net = lx.Sequential(feed(), lx.LIF(SIZE), lx.Linear(SIZE, 2, unit=None), lx.IAF(2, **plain))
    with pytest.raises(UnitError, match=r"LX109.*iaf0\.V_th: no unit, but lif0\.V_th has unit mV"):
        lx.capture(net, dt=1 * u.ms)
    net = lx.Sequential(feed(), lx.LIF(SIZE), lx.LeakyRateReadout(SIZE, 2, tau=5.0))
    with pytest.raises(UnitError, match=r"LX109.*leakyratereadout0\.tau: no unit, but lif0\.V_th has unit mV"):
        lx.capture(net, dt=1 * u.ms, readout="membrane_last")


def test_integrators_without_units():
    plain = {"V_th": 1.0, "V_reset": 0.0, "V_initializer": brainstate.nn.init.Constant(0.0)}
    f = lx.capture(lx.Sequential(feed(unit=None), lx.IAF(SIZE, R=1000.0, **plain)), dt=1e-3)
    np.testing.assert_allclose(f.nodes["iaf0"].gain, 1.0)


@pytest.mark.parametrize("kind", ["IAF", "LIFRef", "CubaLIF"])
def test_neurons_at_two_places_are_refused(kind):
    shared = getattr(lx, kind)(SIZE, name="shared")
    net = lx.Sequential(feed(), shared, lx.Linear(SIZE, SIZE), shared)
    with pytest.raises(UnsupportedError, match=rf"LX110.*shared: the same neurons at two places.*build a {kind}"):
        lx.capture(net, dt=1 * u.ms)


def test_refractory_times_are_steps():
    cells = lx.LIFRef(4, tau_ref=np.array([0.0, 0.9, 1.0, 2.1], np.float32) * u.ms)
    net = lx.Sequential(feed(4), cells)
    assert lx.capture(net, dt=0.1 * u.ms).nodes["lifref0"].refractory.tolist() == [0, 9, 10, 21]
    assert lx.capture(net, dt=1.0 * u.ms).nodes["lifref0"].refractory.tolist() == [0, 1, 1, 3]
    cells.tau_ref = jnp.array([1.0, -1.0, 0.0, 0.0]) * u.ms
    with pytest.raises(LifexportError, match=r"LX104.*lifref0\.tau_ref\[1\]: -1\.0 ms \(1 of 4\)"):
        lx.capture(net, dt=1.0 * u.ms)
