"""The unit that a network was trained in decides nothing: not one code differs in volt, millivolt and plain numbers."""

from __future__ import annotations

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import RangeError
from lifexport.graph import Edge
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.quantspec import METHODS
from tests.exact_nets import tau

SPIKES = InputCode(kind="spikes")
ALL = ("decay", "spikes", "synapse", "start", "leak_on_fire", "reset", "initial")
CODES = ("weight", "shift", "drop", "threshold", "reset_code", "bias", "v_initial", "decay", "current_decay", "scale")
VOLT, MILLIVOLT, ODD = UNITS = (1.0, 1e-3, 7e5)
"""The threshold, volt; where it is not 1 V, a step is 1 s and not 1 ms."""


def halves(rng, shape):
    """Weights on a coarse grid: codes of fewer bits lie halfway between two of its points."""
    return rng.integers(-63, 64, shape) / 64


def network(kind, one: float, *, bias=False, readout=None, **fields):
    """Two layers with a threshold of ``one`` volt."""
    rng, dt = np.random.default_rng(1), 1e-3 if one == VOLT else 1.0
    own = {"dt": dt, "r": 1.0, "v_threshold": one, "v_reset": -0.25 * one, "v_rest": -0.5 * one} | fields
    own |= {"tau": tau(0.875) * dt / 1e-3} if kind is not FloatIAF else {"r": 1 / dt}
    own |= {"v_initial": own["v_rest"]}
    own |= {"tau_syn": tau(0.75) * dt / 1e-3} if kind is FloatCubaLIF else {}
    last = kind if readout is None else FloatLI
    other = own if readout is None else {k: own[k] for k in ("dt", "r", "tau", "v_rest", "v_initial")}
    nodes = {"in": Input(shape=(6,)), "a": kind(shape=(8,), **own), "b": last(shape=(4,), **other)}
    biases = [np.abs(halves(rng, n)) * one / 4 if bias else None for n in (8, 4)]
    nodes["fa"] = FloatDense(weight=4 * halves(rng, (8, 6)) * one, bias=biases[0])
    nodes["fb"] = FloatDense(weight=4 * halves(rng, (4, 8)) * one, bias=biases[1])
    nodes["out"] = Output(shape=(4,))
    edges = [Edge(*pair.split()) for pair in ("in fa", "fa a", "a fb", "fb b", "b out")]
    f = lx.FloatNetwork(nodes=nodes, edges=edges, dt=dt, readout=readout or "count")
    return f, (np.random.default_rng(2).random((12, 3, 6)) < 0.4).astype(float)


def integers(q):
    """Every code of a network, by node and field."""
    fields = {(name, field): getattr(node, field, None) for name, node in q.nodes.items() for field in CODES}
    return {key: np.asarray(value).tolist() for key, value in fields.items() if value is not None}


AT_REST = {"v_reset": 0.0, "v_rest": 0.0}
TRIED = {
    "fpga-q, bias": ("fpga-q", FloatLIF, {"bias": True}, {}),
    "fpga-q, channel": ("fpga-q", FloatLIF, {"reset": "value"}, {"scale": "channel"}),
    "fpga-q, readout": ("fpga-q", FloatCubaLIF, {"readout": "membrane_last"}, {}),
    "fpga-q, decay": ("fpga-q", FloatLIF, {}, {"decay_bits": 4, "rounding": "half_even"}),
    "loihi-lava": ("loihi-lava", FloatLIF, AT_REST | {"reset": "value"}, {}),
    "loihi1-nengo": ("loihi1-nengo", FloatCubaLIF, AT_REST | {"reset": "value"}, {}),
    "xylo-v1": ("xylo-v1", FloatCubaLIF, AT_REST, {}),
    "xylo-v2": ("xylo-v2", FloatLIF, AT_REST, {}),
    "spikerplus": ("spikerplus", FloatLIF, {}, {"state_bits": 12}),
    "sinabs-iaf": ("sinabs-iaf", FloatIAF, AT_REST, {"weight_bits": 6}),
}


@pytest.mark.filterwarnings("ignore:LX214")
@pytest.mark.parametrize("case", TRIED)
def test_no_code_depends_on_the_unit(case):
    target, kind, fields, choices = TRIED[case]
    approximate = () if target == "fpga-q" else ALL
    for method, power_of_two in (*zip(METHODS, (True, False, True, False), strict=True), ("minmax", False)):
        more = {"method": method, "power_of_two": power_of_two, "weight_bits": 4, "approximate": approximate} | choices
        found = []
        units = UNITS if method == "minmax" else UNITS[:2]
        for one in units:
            f, x = network(kind, one, **fields)
            found.append(lx.quantize(f, target, calibration=x, input=SPIKES, **more))
        for other in found[1:]:
            assert integers(other) == integers(found[0]), (method, power_of_two)
        volts = [float(q.nodes["a"].unit) for q in found]
        np.testing.assert_allclose(np.divide(volts, volts[0]), units, rtol=2e-7)


def test_powers_of_two_are_those_of_the_threshold():
    """A network on the grid keeps its codes, whatever it was trained in; captured with units and without."""
    rng = np.random.default_rng(0)
    k = rng.integers(-127, 128, (10, 6))
    k[0, 0] = 127
    x, plain = (rng.random((20, 3, 10)) < 0.3).astype(float), {"V_th": 1.0, "V_reset": 0.0, "V_initializer": 0.0}
    volt = {name: value * u.volt for name, value in plain.items()}

    def captured(unit, dt, **fields):
        layer = lx.Linear(10, 6, w_init=jnp.asarray(k / 32, jnp.float32), unit=unit)
        return lx.capture(lx.Sequential(layer, lx.IAF(6, **fields)), dt=dt)

    nets = {
        "plain": captured(None, 1.0, R=1.0, **plain),
        "mV": captured(u.mA, 1 * u.ms, R=1 * u.ohm / u.ms),
        "volt": captured(u.amp, 1 * u.ms, R=1 * u.ohm / u.ms, **volt),
    }
    for name, f in nets.items():
        q = lx.quantize(f, "sinabs-iaf", calibration=x, power_of_two=True)
        assert np.array_equal(q.nodes["linear0"].weight, k.T), name
        assert [node.threshold.tolist() for node in q.populations.values()] == [[32] * 6], name


@pytest.mark.parametrize("power_of_two", [False, True])
def test_a_read_out_that_calibration_never_moves_is_refused(power_of_two):
    f, x = network(FloatLIF, VOLT, readout="membrane_last")
    with pytest.raises(RangeError, match=r"LX204.*b\.calibration: a membrane that it never moves"):
        lx.quantize(f, "fpga-q", calibration=0 * x, power_of_two=power_of_two)
    li = FloatLI(shape=(1,), dt=1e-3, tau=1e-2, r=1.0)
    nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[1.0, 2.0]]), "li": li, "out": Output(shape=(1,))}
    edges = [Edge("in", "fc"), Edge("fc", "li"), Edge("li", "out")]
    f = lx.FloatNetwork(nodes=nodes, edges=edges, dt=1e-3, readout="membrane_last")
    with pytest.raises(RangeError, match=r"LX204.*li\.calibration"):
        lx.quantize(f, "fpga-q", calibration=np.zeros((5, 1, 2)), power_of_two=power_of_two)


@pytest.mark.parametrize("power_of_two", [False, True])
def test_where_nothing_spikes_the_weights_are_the_measure(power_of_two):
    found = []
    for one in (1.0, 1e-3):
        li = FloatLI(shape=(2,), dt=1e-3, tau=1e-2, r=1.0)
        weight = one * np.array([[1.0, 0.3], [-0.7, 0.123]])
        nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=weight), "li": li, "out": Output(shape=(2,))}
        edges = [Edge("in", "fc"), Edge("fc", "li"), Edge("li", "out")]
        f = lx.FloatNetwork(nodes=nodes, edges=edges, dt=1e-3, readout="membrane_last")
        found.append(integers(lx.quantize(f, "fpga-q", calibration=np.ones((9, 1, 2)), power_of_two=power_of_two)))
    assert found[0] == found[1]
