"""ONNX files of every target that steps in time, every connection, every part of a state; both forms."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import onnx
import pytest
from exact_nets import exact_network
from finetuning.test_exact import CASES
from nets import edge_network, int_lif, random_network, relaxing_network, spatial_network

import lifexport as lx
from lifexport import neurons
from lifexport.bounds import membrane_bound
from lifexport.errors import RangeError
from lifexport.export.onnx_file import check_onnx, read_model
from lifexport.export.onnx_restoring import restore
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import ROUNDINGS
from lifexport.readout import READOUTS
from lifexport.spatial import IntConv
from lifexport.targets import choose_rules

OPTIONS = {
    "scan": {},
    "scan, state in": {"initial_state": "input", "outputs": "trace"},
    "scan, opset 17": {"opset": 17, "outputs": "trace"},
    "layerwise": {"form": "layerwise"},
    "layerwise, traced": {"form": "layerwise", "outputs": "trace", "initial_state": "input", "opset": 17},
    "counts": {"outputs": "counts"},
    "layerwise, counts": {"form": "layerwise", "outputs": "counts", "initial_state": "input", "opset": 17},
    "step": {"form": "step"},
    "step, traced": {"form": "step", "outputs": "trace", "opset": 17},
}


def require_exported(network, codes, path, **options):
    result = lx.to_onnx(network, path, inputs=codes, **options)
    assert "0 differ" in result.proofs[1] and "the same IntNetwork" in result.proofs[2]
    assert check_onnx(path) == ()
    assert lx.same(restore(read_model(path)), network)


@pytest.mark.sampled
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("case", CASES)
def test_every_target_that_steps_in_time(tmp_path, case, options):
    target, kind, fields, choices = CASES[case]
    f, x = exact_network(kind, **fields)
    q = lx.quantize(f, target, calibration=x, **choices)
    codes = q.encode(x).codes
    assert lx.simulate(q, codes, backend="reference").output.any()
    require_exported(q, codes, tmp_path / "m.onnx", **options)


@pytest.mark.sampled
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("seed", range(4))
def test_networks_in_space(tmp_path, seed, options):
    network, codes = spatial_network(seed)
    require_exported(network, codes, tmp_path / "m.onnx", **options)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("gain_bits", [None, 6])
@pytest.mark.parametrize("waits_at", ["zero", "membrane"])
@pytest.mark.parametrize("form", ["scan", "step"])
def test_a_relaxation_from_every_edge(tmp_path, rounding, gain_bits, waits_at, form):
    start = np.array([-20, -1, 0, 1, 19, 20])
    network, codes = relaxing_network(rounding, "saturate", gain_bits, waits_at, v_initial=start)
    require_exported(network, codes, tmp_path / "m.onnx", form=form)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("delay", [2, 5])
def test_a_longer_delay(tmp_path, delay, options):
    network, codes = random_network(0, recurrent=False)
    edges = [Edge(e.source, e.target, delay if e.source == "in" or e.source == "lif0" else 0) for e in network.edges]
    require_exported(dataclasses.replace(network, edges=edges), codes, tmp_path / "m.onnx", **options)


@pytest.mark.parametrize("seed", range(40))
def test_one_step_at_a_time(tmp_path, seed):
    network, codes = random_network(seed)
    require_exported(network, codes, tmp_path / "m.onnx", form="step", outputs=("final", "trace")[seed % 2])


def test_a_file_says_what_it_takes_and_gives(tmp_path):
    network, _ = random_network(3, recurrent=True)
    lx.to_onnx(network, tmp_path / "m.onnx", form="step", verify=False)
    graph = onnx.load(tmp_path / "m.onnx").graph
    given, taken = ({value.name for value in side} for side in (graph.input, graph.output))
    assert {"x", "lif0.V", "lif0->back0.spikes"} <= given
    assert taken == {"spikes", *(f"{name}_next" for name in given - {"x"})}


@pytest.mark.parametrize("form", ["scan", "step"])
def test_shifts_of_every_amount_at_the_rails_of_32_bits(tmp_path, form):
    """By 31, a membrane below -2**30 loses one code more than by 30."""
    rules = Rules(membrane=Word.signed(32), leak=Leak(kind="shift"), reset="value")
    network, codes = edge_network(3, state_bits=14)
    unit = 1 << 21
    node = neurons.IntLIF(
        shape=(6,), rules=rules, decay=[0, 1, 29, 30, 31, 31], threshold=1 << 30, reset_code=4 - (1 << 31), unit=1
    )
    fc = dataclasses.replace(network.nodes["fc"], shift=21, unit=unit, weight=network.nodes["fc"].weight.clip(-2, 2))
    network = dataclasses.replace(network, nodes={**network.nodes, "lif": node, "fc": fc})
    trace = lx.simulate(network, codes, record=("v",), backend="reference")
    assert trace.output.any() and trace.v["lif"].min() == -(1 << 31) and trace.v["lif"].max() >= 1 << 30
    require_exported(network, codes, tmp_path / "m.onnx", form=form)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_everything_a_file_takes_and_gives_is_explained(tmp_path, options):
    network, _ = random_network(3, recurrent=True)
    lx.to_onnx(network, tmp_path / "m.onnx", verify=False, **options)
    graph = onnx.load(tmp_path / "m.onnx").graph
    assert all(value.doc_string for value in (*graph.input, *graph.output)) and graph.doc_string
    node = network.nodes["lif0"]
    lo, hi = node.membrane_range()
    said = {value.name: value.doc_string for value in (*graph.input, *graph.output)}
    name = next(name for name in ("lif0.V", "lif0.V_final") if name in said)
    assert f"before its reset, {lo}..{hi}; code 1 is" in said[name]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("readout", READOUTS)
def test_every_readout(tmp_path, readout, options):
    network, codes = random_network(3, recurrent=True)
    require_exported(dataclasses.replace(network, readout=readout), codes, tmp_path / "m.onnx", **options)


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
@pytest.mark.parametrize(("weight_bits", "digits"), [(8, 1), (12, 1), (13, 2), (16, 2), (19, 2)])
def test_convolutions_whose_sums_float32_does_not_hold(tmp_path, form, weight_bits, digits):
    """Weights at both ends of their range on full inputs: every bit of the sum counts."""
    rng, largest = np.random.default_rng(weight_bits), (1 << (weight_bits - 1)) - 1
    weight = rng.choice([-largest - 1, -largest, -1, 1, largest - 1, largest], (4, 2, 3, 3))
    weight[0] = largest
    code = InputCode(kind="graded", bits=8)
    numbers = {"threshold": 1 << 22, "reset_code": 1 << 22, "reset": "subtract", "decay": 3, "decay_bits": 2}
    nodes = {
        "in": IntInput(shape=(2, 6, 5), code=code),
        "conv": IntConv(weight=weight, weight_bits=weight_bits, size=(6, 5), padding=1),
        "lif": int_lif(shape=(4, 6, 5), unit=Fraction(1), state_bits=30, **numbers),
        "out": Output(shape=(4, 6, 5)),
    }
    edges = [Edge("in", "conv"), Edge("conv", "lif"), Edge("lif", "out")]
    network = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    codes = rng.choice([0, 1, 254, 255], (8, 2, 2, 6, 5))
    codes[:2], codes[1, ..., 2, 2] = 255, 254
    require_exported(network, codes, tmp_path / "m.onnx", form=form)
    model = read_model(tmp_path / "m.onnx")
    graphs = [model.graph] + [a.g for n in model.graph.node for a in n.attribute if a.name == "body"]
    assert sum(node.op_type == "Conv" for graph in graphs for node in graph.node) == digits


def test_convolutions_that_not_even_digits_hold_are_refused(tmp_path):
    code = InputCode(kind="graded", bits=20)
    nodes = {
        "in": IntInput(shape=(2, 6, 5), code=code),
        "conv": IntConv(weight=np.ones((1, 2, 3, 3), int), size=(6, 5)),
        "lif": int_lif(
            shape=(1, 4, 3), unit=Fraction(1), threshold=9, reset_code=9, reset="subtract", decay=3, decay_bits=2
        ),
        "out": Output(shape=(1, 4, 3)),
    }
    edges = [Edge("in", "conv"), Edge("conv", "lif"), Edge("lif", "out")]
    with pytest.raises(RangeError, match=r"LX302.*conv: sums of up to .*2\*\*24"):
        lx.to_onnx(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), tmp_path / "m.onnx")


def lava_sums(current_decay: int):
    """Loihi neurons whose sums leave the synaptic word by more than it holds beside a full current."""
    rules = choose_rules(lx.load_target("loihi-lava"), reset="value")
    lif = IntLIF(
        shape=(2,),
        rules=rules,
        decay=3000,
        threshold=1 << 12,
        reset_code=0,
        unit=Fraction(1),
        current_decay=current_decay,
    )
    fc = IntDense(weight=np.array([[127] * 10, [-127] * 9 + [126]]), shift=14, unit=Fraction(1 << 14))
    nodes = {
        "in": IntInput(shape=(10,), code=InputCode(kind="spikes")),
        "fc": fc,
        "lif": lif,
        "out": Output(shape=(2,)),
    }
    return lx.IntNetwork(nodes=nodes, edges=(Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")), dt=1e-3)


def test_currents_that_forget_settle_after_one_wrap(tmp_path):
    """Nothing of the current is kept: what arrives leaves the word by less than its size, and every form is exact."""
    q = lava_sums(0)
    trace = lx.simulate(q, np.ones((6, 1, 10), int), record=("v", "overflows"), backend="reference")
    assert trace.overflowed("lif") > 0 and membrane_bound(q, "lif") > (1 << 24) + (1 << 23)
    np.testing.assert_array_equal(
        lx.simulate(q, np.ones((6, 1, 10), int), record=("v",), backend="fast").v["lif"], trace.v["lif"]
    )
    for form in ("scan", "step", "layerwise"):
        assert "0 differ" in lx.to_onnx(q, tmp_path / "m.onnx", form=form).proofs[1]


def test_currents_that_keep_too_much_may_stay_outside(tmp_path):
    with pytest.raises(RangeError, match=r"LX302.*stay outside"):
        lx.to_onnx(lava_sums(3000), tmp_path / "m.onnx")
