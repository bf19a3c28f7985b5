"""Quantization: exact where it says so, refused where it must be."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from float_nets import DT, float_network

import lifexport as lx
from lifexport.errors import FileError, LifexportError, ParameterError, RangeError, UnknownNameError, UnsupportedError
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.ops import ROUNDINGS

SPIKES = InputCode(kind="spikes")


def small(weight=((1.5, -3.0),), bias=None, n=1, **lif) -> lx.FloatNetwork:
    fields = {"tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0} | lif
    nodes = {
        "in": Input(shape=(2,)),
        "fc": FloatDense(weight=weight, bias=bias),
        "lif": FloatLIF(shape=(n,), dt=DT, **fields),
        "out": Output(shape=(n,)),
    }
    return lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=DT)


def quantize(f, **choices):
    return lx.quantize(f, "fpga-q", **{"input": SPIKES} | choices)


@pytest.mark.parametrize("weight_bits", range(2, 9))
def test_weights_are_the_nearest_codes(weight_bits):
    f, _ = float_network(1)
    q = quantize(f, weight_bits=weight_bits, state_bits=24)
    for name, node in q.connections.items():
        volt = f.nodes[name].weight * f.nodes[f.outgoing(name)[0].target].gain[:, None]
        hi = 2 ** (weight_bits - 1) - 1
        assert np.abs(node.weight).max() == hi
        assert np.abs(volt - node.weight * float(node.unit)).max() <= float(node.unit) / 2 * (1 + 1e-9)
        assert node.weight_bits == weight_bits


@pytest.mark.parametrize("state_bits", [8, 9, 12, 16, 24])
@pytest.mark.parametrize("membrane_range", [None, 1.5, 8.0])
def test_the_range_is_a_multiple_of_the_threshold(state_bits, membrane_range):
    f = small(weight=((1e-6, 0.0),))  # weights that do not set the unit
    q = quantize(f, state_bits=state_bits, membrane_range=membrane_range)
    node = q.nodes["lif"]
    expected = membrane_range or (4.0 if state_bits >= 12 else 2.0)
    assert node.rules.membrane.bits == state_bits
    assert float(node.unit) * node.membrane_range()[1] == pytest.approx(expected, rel=1e-6)
    assert node.threshold[0] * float(node.unit) == pytest.approx(1.0, abs=float(node.unit) / 2)


def test_a_coarse_weight_enlarges_the_unit_to_a_power_of_two():
    q = quantize(small(weight=((7.0, -64.0),)), weight_bits=4, state_bits=16)
    fc, lif = q.nodes["fc"], q.nodes["lif"]
    assert fc.shift > 0 and fc.unit == lif.unit * 2**fc.shift
    assert 4.0 <= float(lif.unit) * 32767 < 8.0
    assert np.abs(fc.weight).max() == 7


@pytest.mark.parametrize("decay_bits", [4, 5, 8, 12, 16])
def test_decays_are_the_nearest(decay_bits):
    tau = np.array([3e-3, 10e-3, 15e-3])
    f = small(weight=np.ones((3, 2)), n=3, tau=tau)
    node = quantize(f, decay_bits=decay_bits).nodes["lif"]
    assert np.abs(node.decay / 2**decay_bits - np.exp(-DT / tau)).max() <= 2.0 ** -(decay_bits + 1)


@pytest.mark.parametrize(
    ("rounding", "overflow", "reset"), [*itertools.product(ROUNDINGS, ["saturate", "wrap"], ["subtract", "value"])]
)
def test_rules_are_passed_on(rounding, overflow, reset):
    node = quantize(small(reset=reset), rounding=rounding, overflow=overflow).nodes["lif"]
    rules = node.rules
    assert (rules.leak.rounding, rules.membrane.overflow, rules.reset) == (rounding, overflow, reset)


@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("offset", [-64.0, -0.5, 1.0])
def test_a_shift_of_all_potentials_changes_no_code(reset, offset):
    """Rest, reset, threshold and start move together: the chip counts from rest."""
    base = {"v_threshold": 1.0, "v_reset": -0.25, "v_rest": 0.125, "v_initial": 0.5}
    a = quantize(small(reset=reset, **base))
    b = quantize(small(reset=reset, **{name: value + offset for name, value in base.items()}))
    nodes = {**b.nodes, "lif": dataclasses.replace(b.nodes["lif"], v_rest=a.nodes["lif"].v_rest)}
    assert lx.same(a, dataclasses.replace(b, nodes=nodes, trained=a.trained))
    node, unit = a.nodes["lif"], float(a.nodes["lif"].unit)
    expected = {"threshold": 0.875, "reset_code": 1.25 if reset == "subtract" else -0.375, "v_initial": 0.375}
    for field, value in expected.items():
        assert getattr(node, field)[0] * unit == pytest.approx(value, abs=unit / 2)


def test_gain_is_folded_into_weights_and_biases():
    f = small(weight=((1.0, 1.0), (1.0, 1.0)), bias=[0.5, 0.5], n=2, r=[1.0, 2.0])
    q = quantize(f)
    weight, bias = q.nodes["fc"].weight, q.nodes["lif"].bias
    assert weight[1, 0] == 127 and weight[0, 0] == 64  # ties to even: 63.5
    unit = float(q.nodes["lif"].unit)
    np.testing.assert_allclose(bias * unit, 0.5 * f.nodes["lif"].gain, atol=unit / 2)


@pytest.mark.parametrize("state_bits", [8, 16])
def test_greater_than_becomes_greater_or_equal(state_bits):
    a, b = (
        quantize(small(compare=compare), state_bits=state_bits).nodes["lif"].threshold[0] for compare in (">=", ">")
    )
    assert b == a + 1


@pytest.mark.parametrize("threshold_bits", [4, 5, 6])
def test_greater_than_costs_nothing_where_low_bits_are_dropped(threshold_bits):
    """One code above the threshold, then rounded: not a whole step of the dropped bits above it."""
    a, b = (
        quantize(small(compare=compare, v_threshold=0.93), threshold_bits=threshold_bits).nodes["lif"]
        for compare in (">=", ">")
    )
    assert a.threshold_shift > 0 and b.threshold == a.threshold


def narrow_target(**sections):
    document = copy.deepcopy(dict(lx.load_target("fpga-q").document))
    for section, fields in sections.items():
        document[section] |= fields
    return lx.Target(document)


@pytest.mark.parametrize("section", ["threshold", "bias"])
def test_low_bits_that_the_target_does_not_drop_are_refused(section):
    bits = {"min": 4, "max": 4, "default": 4}
    f = small(bias=[0.9])
    for most, refused in ((24, False), (0, True)):
        target = narrow_target(**{section: {"bits": bits, "shift": {"min": 0, "max": most}}})
        if refused:
            with pytest.raises(RangeError, match=rf"LX204.*lif\.{section}: needs a shift of \d+.*has 0"):
                lx.quantize(f, target, input=SPIKES)
        else:
            lx.quantize(f, target, input=SPIKES)


@pytest.mark.parametrize("bits", [4, 6, 10])
def test_narrow_thresholds_and_biases_keep_low_zeros(bits):
    f = small(weight=((1.5, -3.0), (1.5, -3.0)), bias=[0.9, -1.1], n=2, v_threshold=[1.0, 0.77])
    node = quantize(f, threshold_bits=bits, bias_bits=bits).nodes["lif"]
    for codes, shift, real in (
        (node.threshold, node.threshold_shift, f.nodes["lif"].v_threshold),
        (node.bias, node.bias_shift, f.nodes["fc"].bias * f.nodes["lif"].gain),
    ):
        assert shift > 0 and (codes % 2**shift == 0).all()
        assert np.abs(codes >> shift).max() <= 2 ** (bits - 1) - 1
        step = float(node.unit) * 2**shift
        assert np.abs(codes * float(node.unit) - real).max() <= step / 2 * (1 + 1e-9)


def test_biases_of_all_connections_add_up():
    f, _ = float_network(1, recurrent=True)
    back = dataclasses.replace(f.nodes["back"], bias=np.full(9, 0.25))
    f = dataclasses.replace(f, nodes={**f.nodes, "back": back})
    q = quantize(f, state_bits=24)
    node = f.nodes["hidden"]
    expected = (f.nodes["fc0"].bias + 0.25) * node.gain
    unit = float(q.nodes["hidden"].unit)
    np.testing.assert_allclose(q.nodes["hidden"].bias * unit, expected, atol=unit / 2)


def test_wide_integers_follow_the_float_network():
    """One layer, weights that 8 bits hold exactly: what remains is the rounding of leak and input."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (4, 2)) / 64.0
    weight[0, 0] = 127 / 64
    f = small(weight=weight, n=4, v_threshold=0.4)
    x = (rng.random((60, 5, 2)) < 0.4).astype(float)
    q = quantize(f, state_bits=24, decay_bits=16, rounding="half_even")
    a, b = lx.simulate(f, x, record=("v", "spikes")), lx.simulate(q, x, record=("v", "spikes"))
    np.testing.assert_array_equal(a.spikes["lif"], b.spikes["lif"])
    assert a.spikes["lif"].mean() > 0.01
    np.testing.assert_allclose(b.v["lif"] * float(q.nodes["lif"].unit), a.v["lif"], atol=2e-4)


def test_the_network_keeps_names_edges_and_rules():
    f, x = float_network(1, recurrent=True)
    f = dataclasses.replace(f, readout="membrane_max", state_reset="never")
    q = lx.quantize(f, "fpga-q", calibration=x)
    assert list(q.nodes) == list(f.nodes) and q.edges == f.edges
    assert (q.dt, q.readout, q.state_reset, q.target) == (f.dt, "membrane_max", "never", "fpga-q")
    assert q.target_digest == lx.load_target("fpga-q").digest
    assert q.latency == 0


def test_the_same_network_twice():
    f, x = float_network(1)
    assert lx.same(lx.quantize(f, "fpga-q", calibration=x), lx.quantize(f, "fpga-q", calibration=x))


def test_choices_come_as_a_spec_or_as_keywords():
    f = small()
    spec = lx.QuantSpec(weight_bits=4, input=SPIKES)
    assert lx.same(lx.quantize(f, "fpga-q", spec=spec), quantize(f, weight_bits=4))
    with pytest.raises(ParameterError, match=r"LX006.*weight_bits"):
        lx.quantize(f, "fpga-q", spec=spec, weight_bits=5)
    with pytest.raises(ParameterError, match=r"LX006.*weigth_bits.*did you mean 'weight_bits'"):
        lx.quantize(f, "fpga-q", weigth_bits=5)


@pytest.mark.parametrize(
    ("choices", "kind", "said"),
    [
        ({"weight_bits": 9}, RangeError, r"LX202.*weight_bits: 9.*2\.\.8"),
        ({"weight_bits": 1}, RangeError, r"LX202.*weight_bits"),
        ({"state_bits": 7}, RangeError, r"LX202.*state_bits.*8\.\.24"),
        ({"state_bits": 25}, RangeError, r"LX202.*state_bits"),
        ({"decay_bits": 3}, RangeError, r"LX202.*decay_bits.*4\.\.16"),
        ({"decay_bits": 17}, RangeError, r"LX202.*decay_bits"),
        ({"threshold_bits": 20}, RangeError, r"LX202.*threshold_bits.*16 bits of the state"),
        ({"bias_bits": 20}, RangeError, r"LX202.*bias_bits"),
        ({"rounding": "nearest"}, UnsupportedError, r"LX203.*rounding"),
        ({"overflow": "clip"}, UnsupportedError, r"LX203.*overflow"),
        ({"membrane_range": 1.0}, ParameterError, r"LX006.*membrane_range"),
        ({"approximate": ("weights",)}, ParameterError, r"LX006.*approximate"),
    ],
)
def test_choices_outside_the_target(choices, kind, said):
    with pytest.raises(kind, match=said):
        quantize(small(), **choices)


@pytest.mark.parametrize("tau", [5e-5, 1e3])
def test_a_degenerate_decay_is_refused_or_accepted_by_name(tau):
    f = small(tau=tau, weight=((1.5, -3.0),), r=1.0 if tau < 1 else 1e6)
    with pytest.raises(UnsupportedError, match=r"LX206.*lif\.tau\[0\].*approximate"):
        quantize(f)
    assert quantize(f, approximate=("decay",)).nodes["lif"].decay[0] in (0, 4096)


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"v_rest": 1.0}, UnsupportedError, r"LX207.*lif\.v_threshold\[0\]"),
        ({"v_rest": 2.0}, UnsupportedError, r"LX207"),
        ({"v_threshold": 1.0, "v_reset": 1.0 - 1e-9}, RangeError, r"LX204.*lif\.threshold\[0\].*reset code 0"),
    ],
)
def test_potentials_that_make_no_product(change, kind, said):
    with pytest.raises(kind, match=said):
        quantize(small(**change))


def test_a_threshold_lost_in_the_unit_is_refused():
    f = small(weight=((1.0, 1.0), (1.0, 1.0)), n=2, v_threshold=[100.0, 1e-4], v_reset=-1.0)
    with pytest.raises(RangeError, match=r"LX204.*threshold\[1\].*code 0"):
        quantize(f, state_bits=8)


def test_a_far_reset_or_start_widens_the_range():
    node = quantize(small(reset="value", v_reset=-50.0)).nodes["lif"]
    # The unit may be up to twice what the range asks for, so that it meets the weights' step.
    assert node.membrane_range()[0] < node.reset_code[0] <= node.membrane_range()[0] // 2
    assert 16384 <= quantize(small(v_initial=30.0)).nodes["lif"].v_initial[0] <= 32767


TINY = {
    "reset": ({"modes": ["value"], "amount": "any", "when": "next_step", "saturates": False}, r"LX203.*lif\.reset"),
    "bias": (None, r"LX203.*fc\.bias"),
    "limits": ({"neurons": 1, "fan_in": 1}, r"LX203.*fc\.fan_in"),
    "weight": (None, r"LX204.*fc\.weight.*shift"),
}


@pytest.mark.parametrize("section", TINY)
def test_what_a_target_cannot_express_is_refused(section, tmp_path):
    document = json.loads(json.dumps(lx.load_target("fpga-q").document))
    value, said = TINY[section]
    if section == "weight":
        document["weight"]["shift"]["max"] = 0
    else:
        document[section] = value
    f = small(weight=((1.5, -64.0), (1.0, 1.0)), bias=[0.5, 0.5], n=2)
    with pytest.raises((UnsupportedError, RangeError), match=said):
        lx.quantize(f, lx.Target(document), input=SPIKES, weight_bits=4)


def test_delays_beyond_the_targets_are_refused():
    f, x = float_network(1)
    edges = tuple(Edge(e.source, e.target, 3 * int(e.source == "hidden")) for e in f.edges)
    late = dataclasses.replace(f, edges=edges)
    assert lx.quantize(late, "fpga-q", calibration=x).edges == late.edges
    target = narrow_target(delivery={"max_delay": 2})
    with pytest.raises(UnsupportedError, match=r"LX203.*hidden -> last: 3 steps later.*delays by 2 at most"):
        lx.quantize(late, target, calibration=x)


def test_connections_need_populations_of_their_own():
    f, x = float_network(1)
    extra = FloatLIF(shape=(9,), dt=DT, tau=1e-2, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes = {**f.nodes, "twin": extra, "fc2": FloatDense(weight=np.ones((5, 9)))}
    edges = (*f.edges, Edge("fc0", "twin"), Edge("twin", "fc2"), Edge("fc2", "last"))
    with pytest.raises(UnsupportedError, match=r"LX203.*fc0.*hidden, twin"):
        lx.quantize(dataclasses.replace(f, nodes=nodes, edges=edges), "fpga-q", calibration=x)


def test_calibration_is_needed_and_must_be_usable():
    f, x = float_network(1)
    for bad, said in [
        (None, "none"),
        (x[:0], "shape"),
        (x[:, :0], "shape"),
        (x[:, :, :3], "shape"),
        (x[0], "shape"),
        (np.where(np.arange(12) == 3, np.nan, x), "NaN"),
    ]:
        with pytest.raises(ParameterError, match=rf"LX205.*calibration: .*{said}.*fix: "):
            lx.quantize(f, "fpga-q", calibration=bad)


def test_unknown_and_damaged_targets(tmp_path):
    with pytest.raises(UnknownNameError, match=r"LX001.*did you mean 'fpga-q'"):
        lx.quantize(small(), "fpgaq", input=SPIKES)
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(FileError, match="LX003"):
        lx.quantize(small(), tmp_path / "t.json", input=SPIKES)


def test_units_are_exact():
    q = quantize(small(), input=InputCode(kind="graded", bits=5, unit=Fraction(1, 16)))
    fc = q.nodes["fc"]
    assert fc.unit * Fraction(1, 16) == q.nodes["lif"].unit * 2**fc.shift


@pytest.mark.parametrize("tau", [1e-9, 1.3e-6, 1e14, 1e17])
def test_a_decay_of_nothing_or_everything_is_refused_however_it_came_about(tau):
    """Even where float64 itself rounds exp(-dt/tau) to 0 or 1."""
    f = small(tau=tau)
    with pytest.raises(UnsupportedError, match=r"LX206.*lif\.tau"):
        quantize(f, state_bits=24)


def test_an_accepted_loss_of_the_decay_is_reported():
    f = small(tau=1e-9)
    q = quantize(f, approximate=("decay",))
    report = lx.compare(f, q, np.ones((5, 2, 2)))
    assert report.layer("lif").decay.tau_realised is None
    assert report.layer("lif").decay.tau_trained == 1e-9
    assert "LX210" in {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("choice", "code", "where"),
    [
        ({"weight_bit": 8}, "LX006", r"fix: did you mean 'weight_bits'"),
        ({"membrane_range": "2"}, "LX006", "membrane_range"),
        ({"membrane_range": True}, "LX006", "membrane_range"),
        ({"input": "spikes"}, "LX006", "input"),
        ({"approximate": "decay"}, "LX006", r"approximate.*\('decay',\)"),
        ({"spec": {"weight_bits": 8}}, "LX006", "spec.*dict"),
        ({"input": None, "calibration": "x"}, "LX205", "calibration"),
        ({"input": None, "calibration": [[1], [1, 2]]}, "LX205", "calibration"),
        ({"input": None, "calibration": np.ones((2, 1, 2)) * 1j}, "LX205", "calibration.*complex"),
        ({"input": None, "calibration": np.ones((2, 1, 2)) * 1e308}, "LX204", "unit"),
        ({"input": None, "calibration": np.ones((2, 1, 2)) * 1e-310}, "LX204", "unit"),
    ],
)
def test_bad_choices_have_typed_errors(choice, code, where):
    with pytest.raises(LifexportError, match=rf"{code}.*{where}"):
        lx.quantize(small(), "fpga-q", **({} if "spec" in choice else {"input": SPIKES}) | choice)


def test_only_float_networks_are_quantized():
    with pytest.raises(ParameterError, match=r"LX006.*network: a IntNetwork.*capture"):
        lx.quantize(quantize(small()), "fpga-q")  # type: ignore[arg-type]


def test_thresholds_beyond_any_scale_are_refused():
    with pytest.raises(RangeError, match=r"LX204.*unit.*rescale"):
        quantize(small(v_threshold=1e-320))


def test_numpy_integers_are_widths():
    assert lx.same(quantize(small(), weight_bits=np.int64(6)), quantize(small(), weight_bits=6))


@pytest.mark.parametrize(("option", "value"), [("approximate", 3), ("approximate", None), ("approximate", "decay")])
def test_approximations_are_names(option, value):
    with pytest.raises(ParameterError, match=rf"LX006.*approximate.*{value}.*decay"):
        lx.quantize(small(), "fpga-q", input=SPIKES, **{option: value})


@pytest.mark.parametrize("target", [None, 3])
def test_a_target_is_a_name_or_a_file(target):
    with pytest.raises(ParameterError, match=r"LX006.*target.*shipped name"):
        lx.quantize(small(), target, input=SPIKES)


@pytest.mark.parametrize("target", ["fpga-q", "xylo-v2"])
def test_a_decay_that_changes_signs_is_refused(target):
    """Forward Euler with a time constant below the time step; no chip's leak does that."""
    fields = {"tau": 0.7e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0, "discretisation": "euler"}
    lif = FloatLIF(shape=(2,), dt=1e-3, **fields)
    nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=np.eye(2)), "p": lif, "out": Output(shape=(2,))}
    edges = (Edge("in", "fc"), Edge("fc", "p"), Edge("p", "out"))
    net = lx.FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    with pytest.raises(UnsupportedError, match=r"LX203.*p\.tau: a decay of -0\.4286"):
        lx.quantize(net, target, calibration=np.ones((9, 2, 2)), approximate=("decay", "spikes"))
