"""Trained neuron kinds against their siblings in brainpy.state, and against the equation in plain Python."""

from __future__ import annotations

import itertools

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy.state import CubaLIF, LIFRef

from lifexport.errors import LifexportError, ParameterError
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF

STEPS, BATCH, N = 300, 3, 8
MILLI = {"v_threshold": np.linspace(0.6, 1.2, N), "v_reset": np.linspace(-0.5, 0.2, N), "v_rest": -0.2}
RESETS = {"subtract": "soft", "value": "hard"}


def ours(node, currents):
    """Membranes and spikes of every step."""
    state, rows = node.initial_state(currents.shape[1]), []
    for current in currents:
        state, spikes, v = node.step(state, current)
        rows.append((v, spikes))
    return np.stack([v for v, _ in rows]), np.stack([s for _, s in rows])


def theirs(lif, inputs, deliver):
    """The same of a brainpy neuron, in volt."""

    def step(i, now):
        with brainstate.environ.context(t=i * u.ms):
            spikes = deliver(lif, now)
            return lif.V.value.to_decimal(u.volt), spikes

    with brainstate.environ.context(precision=64, dt=1.0 * u.ms):
        lif.init_state(inputs.shape[1])
        found = brainstate.transform.for_loop(step, jnp.arange(float(len(inputs))), jnp.asarray(inputs))
    return [np.asarray(a) for a in found]


def their_parameters():
    names = {"v_threshold": "V_th", "v_reset": "V_reset", "v_rest": "V_rest"}
    return {names[field]: value * u.mV for field, value in MILLI.items()} | {"tau": np.linspace(4, 20, N) * u.ms}


def our_parameters():
    volts = {field: np.asarray(value) * 1e-3 for field, value in MILLI.items()}
    return {"shape": (N,), "dt": 1e-3, "tau": np.linspace(4e-3, 20e-3, N), "r": 1.0, **volts}


@pytest.mark.parametrize("reset", RESETS)
def test_refractory_neurons_are_brainpys(reset):
    currents = np.random.default_rng(0).normal(1.5, 2.0, (STEPS, BATCH, N)) * 1e-3
    with brainstate.environ.context(precision=64):
        lif = LIFRef(N, tau_ref=4.0 * u.ms, spk_reset=RESETS[reset], **their_parameters())
    expected = theirs(lif, currents, lambda lif, now: lif.update(now * u.amp))
    node = FloatLIF(refractory=4, reset=reset, **our_parameters())
    found = ours(node, currents)
    assert 0.02 < expected[1].mean() < 0.5
    assert np.abs(found[0] - expected[0]).max() <= 1e-15
    np.testing.assert_array_equal(found[1], expected[1])
    plain = ours(FloatLIF(refractory=1, reset=reset, **our_parameters()), currents)
    assert plain[1].sum() > found[1].sum()


@pytest.mark.parametrize("reset", RESETS)
def test_filtered_inputs_are_brainpys(reset):
    rng = np.random.default_rng(1)
    jumps = (rng.random((STEPS, BATCH, N)) < 0.2) * rng.normal(1.0, 1.0, (STEPS, BATCH, N)) * 1e-3
    with brainstate.environ.context(precision=64):
        lif = CubaLIF(N, tau_syn=np.linspace(1, 6, N) * u.ms, spk_reset=RESETS[reset], **their_parameters())

    def deliver(lif, now):
        lif.add_delta_input("jump", now * u.amp)
        return lif.update(0 * u.mA)

    expected = theirs(lif, jumps, deliver)
    node = FloatCubaLIF(tau_syn=np.linspace(1e-3, 6e-3, N), reset=reset, **our_parameters())
    found = ours(node, jumps)
    assert 0.01 < expected[1].mean() < 0.5
    assert np.abs(found[0] - expected[0]).max() <= 1e-15
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize(("reset", "compare", "refractory"), [*itertools.product(RESETS, (">=", ">"), (0, 3))])
def test_integrators_step_by_step(reset, compare, refractory):
    """Quarters are exact in binary, so that ties are ties."""
    currents = np.random.default_rng(2).integers(-2, 5, (80, 1, 1)) / 4
    fields = {"v_threshold": 1.25, "v_reset": 0.25, "v_rest": 0.5, "v_initial": 0.5, "refractory": refractory}
    node = FloatIAF(shape=(1,), dt=0.5, r=2.0, reset=reset, compare=compare, **fields)
    v_trace, s_trace = ours(node, currents)
    v, fired, held = 0.5, False, 0
    for current, v_found, s_found in zip(currents.ravel(), v_trace.ravel(), s_trace.ravel(), strict=True):
        if fired:
            v, held = (v - 1.0 if reset == "subtract" else 0.25), max(refractory - 1, 0)
        v = v if held else v + current
        held = max(held - 1, 0)
        fired = v >= 1.25 if compare == ">=" else v > 1.25
        assert (v_found, s_found) == (v, fired)
    assert 0.02 < s_trace.mean() < 0.6 and (v_trace == 1.25).any()


def test_leaky_integrators_never_spike():
    node = FloatLI(shape=(2,), dt=1e-3, tau=[5e-3, 9e-3], r=2.0, v_rest=0.1, v_initial=0.3)
    currents = np.ones((50, 1, 2))
    v, spikes = ours(node, currents)
    decay = np.exp(-1e-3 / np.array([5e-3, 9e-3]))
    expected = 0.1 + decay ** np.arange(1, 51)[:, None] * 0.2 + (1 - decay ** np.arange(1, 51)[:, None]) * 2
    np.testing.assert_allclose(v[:, 0], expected, rtol=1e-12)
    assert not spikes.any() and not node.spiking


@pytest.mark.parametrize(
    ("kind", "change", "code", "where"),
    [
        (FloatCubaLIF, {"tau_syn": 0.0}, "LX104", "tau_syn"),
        (FloatCubaLIF, {"tau_syn": 1e-3, "w_in": np.nan}, "LX101", "w_in"),
        (FloatLIF, {"refractory": -1}, "LX103", "refractory"),
        (FloatLIF, {"refractory": 1.5}, "LX006", "refractory"),
    ],
)
def test_bad_parameters(kind, change, code, where):
    good = {"shape": (2,), "dt": 1e-3, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
    with pytest.raises(ParameterError, match=rf"{code}.*{where}"):
        kind(**good | change)
    with pytest.raises(LifexportError, match=r"LX105"):
        FloatIAF(shape=(1,), dt=1e-3, r=1.0, v_threshold=0.0, v_reset=0.0)
