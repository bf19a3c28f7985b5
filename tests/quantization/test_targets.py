"""What each target expresses exactly, it does: the integer network fires as the trained one did."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from exact_nets import CUBA, EXACT, HARD, IAF, IAF_63, LIF, SHIFTS, SPIKES, exact_network, tau

import lifexport as lx
from lifexport.errors import UnsupportedError
from lifexport.graph import Edge
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from lifexport.nodes import FloatDense
from lifexport.targets import target_names


@pytest.mark.parametrize("case", EXACT)
def test_what_is_exact_fires_as_trained(case):
    target, kind, fields, choices = EXACT[case]
    f, x = exact_network(kind, **fields)
    q = lx.quantize(f, target, calibration=x, **choices)
    report = lx.compare(f, q, x)
    assert q.approximations == report.approximations == ()
    for layer in report.layers:
        print(
            case, layer.node, f"fires {layer.spikes_float / layer.values:.3f}, local {layer.membrane_sqnr_local_db} dB"
        )
        assert 0.003 < layer.spikes_float / layer.values < 0.6
        assert layer.spikes_differing == 0 == layer.overflows
        assert layer.membrane_sqnr_db is None or layer.membrane_sqnr_db > 60
        assert abs(layer.threshold.change) < 1e-4 and abs(layer.decay.tau_change) < 1e-9


@pytest.mark.parametrize("core", ["xylo-v1", "xylo-v2"])
def test_xylo_fires_almost_as_trained(core):
    """Shift leaks in 16 bits take whole codes off: what is left of exactness."""
    f, x = exact_network(FloatCubaLIF, tau_syn=tau(3 / 4), strength=0.1, **SHIFTS)
    q = lx.quantize(f, core, calibration=x, **SPIKES)
    assert [text.split(":")[0] for text in q.approximations] == ["a.spikes"]
    for layer in lx.compare(f, q, x).layers:
        assert layer.spike_agreement > 0.995 and layer.membrane_sqnr_local_db > 20


def test_ties_occur():
    for kind in (IAF, IAF_63):
        f, x = exact_network(FloatIAF, **kind)
        assert (lx.simulate(f, x, record=("v",)).v["a"] == 1.0).sum() > 2


@pytest.mark.parametrize("target", ["fpga-q", "loihi-lava"])
def test_loops_of_two_layers(target):
    """Exact where spikes arrive in their step; where they come a step later, the loop would be two steps long."""
    f, x = exact_network(FloatLIF, **HARD)
    weight = np.random.default_rng(4).integers(-127, 32, (16, 6)) / 127 * 0.3517 / f.nodes["a"].gain[0]
    weight[0, 0] = 0.3517 / f.nodes["a"].gain[0]
    nodes = {**f.nodes, "back": FloatDense(weight=weight)}
    f = dataclasses.replace(f, nodes=nodes, edges=(*f.edges, Edge("b", "back", 1), Edge("back", "a")))
    if target == "loihi-lava":
        with pytest.raises(UnsupportedError, match=r"LX203.*the loop through a, b takes 2 steps"):
            lx.quantize(f, target, calibration=x)
        return
    report = lx.compare(f, lx.quantize(f, target, calibration=x, state_bits=24), x)
    assert all(layer.spikes_differing == 0 < layer.spikes_float for layer in report.layers)


def test_the_tests_notice_a_wrong_delay():
    """Balance nothing, and branches meet at the wrong time."""
    f, x = exact_network(FloatLIF, skip=True, **HARD)
    q = lx.quantize(f, "loihi-lava", calibration=x)
    late = {str(edge): edge.delay for edge in q.edges if edge.delay}
    assert late == {"in -> fa (1 later)": 1, "a -> fb (1 later)": 1, "in -> skip (2 later)": 2}
    edges = [dataclasses.replace(e, delay=1) if e.target == "skip" else e for e in q.edges]
    report = lx.compare(f, dataclasses.replace(q, edges=edges), x)
    assert report.layer("b").spikes_differing > 20


REFUSED = {
    "lava, soft reset": ("loihi-lava", FloatLIF, LIF, r"a\.reset: 'subtract'; the target has 'value'.*\"reset\""),
    "lava, reset level": ("loihi-lava", FloatLIF, HARD | {"v_reset": -0.1}, r"a\.reset: sets V_reset.*\"reset\""),
    "lava, taus": ("loihi-lava", FloatLIF, HARD | {"tau": lambda n: np.linspace(5e-3, 9e-3, n)}, r"a\.tau: 16 time"),
    "lava, start": ("loihi-lava", FloatLIF, HARD | {"v_initial": 0.5}, r"b\.v_initial: not at rest.*2 steps later"),
    "spinnaker, leak": (
        "spinnaker1-unverified",
        FloatLIF,
        HARD,
        r"leak\.kind: quantize has no map onto a leak towards",
    ),
    "lava, refractory": ("loihi-lava", FloatLIF, HARD | {"refractory": 2}, r"a\.refractory: 2 steps; the target has 0"),
    "nengo, refractory": ("loihi1-nengo", FloatLIF, HARD | {"refractory": 64}, r"64 steps; the target has 63"),
    "nengo, start": (
        "loihi1-nengo",
        FloatLIF,
        HARD | {"v_initial": 0.5},
        r"a\.v_initial: not at rest; states start at",
    ),
    "nengo, branch": ("loihi1-nengo", FloatLIF, HARD | {"skip": True}, r"in -> b: 1 steps later.*shorter branch"),
    "xylo, unfiltered": ("xylo-v2", FloatLIF, SHIFTS, r"a\.kind: LIF: unfiltered inputs.*CubaLIF.*\"synapse\""),
    "xylo, hard reset": ("xylo-v2", FloatCubaLIF, CUBA | {"reset": "value"}, r"a\.reset: 'value'.*\"reset\""),
    "xylo, tau": ("xylo-v1", FloatCubaLIF, CUBA | {"tau": 5e-3}, r"a\.tau: 5 ms; the nearest the target has is 3\.476"),
    "xylo, integrator": ("xylo-v1", FloatIAF, IAF, r"a\.tau: an integrator; small potentials leak"),
    "spikerplus, soft": ("spikerplus", FloatLIF, SHIFTS, r"a\.tau: a neuron that fired leaks.*\"leak_on_fire\""),
    "spikerplus, loop": ("spikerplus", FloatLIF, SHIFTS | {"recurrent": True}, r"the loop through a takes 2 steps"),
    "sinabs, leak": ("sinabs-iaf", FloatLIF, LIF, r"a\.tau: LIF; the target does not leak"),
    "sinabs, thresholds": (
        "sinabs-iaf",
        FloatIAF,
        IAF | {"refractory": 2},
        r"a\.refractory: 2 steps; the target has 0",
    ),
    "sinabs, current": ("sinabs-iaf", FloatCubaLIF, CUBA, r"a\.tau_syn: a synaptic current; the target has none"),
    "tinyodin, steps": (
        "tinyodin",
        FloatIAF,
        IAF | {"reset": "value"},
        r"time steps; target 'tinyodin' goes by events",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_exact_is_refused_by_name(case):
    target, kind, fields, said = REFUSED[case]
    f, x = exact_network(kind, **fields)
    with pytest.raises(UnsupportedError, match=rf"(?s)LX203.*{said}"):
        lx.quantize(f, target, calibration=x)


ACCEPTED = {
    "lava, soft reset": ("reset",),
    "lava, reset level": ("reset",),
    "lava, taus": ("decay",),
    "lava, start": ("start",),
    "nengo, start": ("initial",),
    "xylo, unfiltered": ("synapse", "spikes"),
    "xylo, hard reset": ("reset", "spikes", "decay"),
    "xylo, tau": ("decay", "spikes"),
    "spikerplus, soft": ("leak_on_fire",),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_accepted_by_name_is_told(case):
    target, kind, fields, _ = REFUSED[case]
    f, x = exact_network(kind, **fields)
    q = lx.quantize(f, target, calibration=x, approximate=ACCEPTED[case])
    named = {text.rpartition("(")[2].rstrip(")") for text in q.approximations}
    assert named <= set(ACCEPTED[case]) and ACCEPTED[case][0] in named
    report = lx.compare(f, q, x)
    assert report.approximations == q.approximations
    assert f"approximated: {q.approximations[0]}"[:60] in report.card()
    assert q.latency == {"fpga-q": 0, "xylo-v1": 1, "xylo-v2": 1, "spikerplus": 3}.get(target, 2)
    for name in ACCEPTED[case]:
        fewer = tuple(other for other in ACCEPTED[case] if other != name)
        with pytest.raises(UnsupportedError, match=rf"LX203.*{name}"):
            lx.quantize(f, target, calibration=x, approximate=fewer)


def test_a_bias_before_the_first_input_is_refused_and_told():
    f, x = exact_network(FloatLIF, last=63, **HARD)
    biased = dataclasses.replace(f.nodes["fb"], bias=np.full(6, 0.05))
    f = dataclasses.replace(f, nodes={**f.nodes, "fb": biased})
    with pytest.raises(UnsupportedError, match=r"LX203.*fb\.bias: acts from the first step on, 2 steps before"):
        lx.quantize(f, "loihi-lava", calibration=x)
    q = lx.quantize(f, "loihi-lava", calibration=x, approximate=("start",))
    assert q.approximations == ("fb.bias: the bias acts 2 steps before the first input (start)",)
    with pytest.raises(UnsupportedError, match=r"LX203.*fb\.bias: the target has no bias"):
        lx.quantize(f, "spikerplus", calibration=x)


def test_everything_is_refused_at_once():
    f, x = exact_network(FloatLIF, tau=5e-3, r=1.0, v_initial=0.1, refractory=2)
    with pytest.raises(UnsupportedError) as caught:
        lx.quantize(f, "xylo-v2", calibration=x)
    fields = {(finding.node, finding.field) for finding in caught.value.findings}
    assert fields >= {(n, k) for n in ("a", "b") for k in ("tau", "kind", "v_initial", "refractory")} | {
        ("a", "spikes")
    }
    assert ("b", "spikes") not in fields  # the output of a Xylo emits one spike a step


def test_integrators_without_threshold_end_a_network():
    f, x = exact_network(FloatLIF, **LIF)
    li = FloatLI(shape=(6,), dt=f.dt, tau=20e-3, r=1.0)
    f = dataclasses.replace(f, nodes={**f.nodes, "b": li}, readout="membrane_last")
    q = lx.quantize(f, "fpga-q", calibration=x, state_bits=24)
    assert q.nodes["b"].rules.max_spikes == 0
    report = lx.compare(f, q, x)
    assert report.layer("b").membrane_sqnr_db > 60 and report.layer("b").threshold is None
    assert report.predictions.rate == 1
    assert report.layer("b").overflows == 0
    with pytest.raises(UnsupportedError, match=r"LX203.*b\.kind: LI; the neurons of the target spike"):
        lx.quantize(f, "loihi-lava", calibration=x)


def test_every_stepped_target_is_tried():
    tried = {case[0] for case in (*EXACT.values(), *REFUSED.values())} | {"xylo-v1", "xylo-v2"}
    assert tried == set(target_names())
