"""ONNX exports: bit-equal in two runtimes, and a proof that can fail."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from fractions import Fraction

import numpy as np
import onnx
import pytest
from nets import edge_network, int_lif, population, random_network, with_fields
from onnx import numpy_helper

import lifexport as lx
from lifexport.errors import FileError, MismatchError, OutputError, RangeError, UnknownNameError, UnsupportedError
from lifexport.export import onnx_model, onnx_verify
from lifexport.export.onnx_file import check_onnx, read_model
from lifexport.export.onnx_running import in_onnxruntime
from lifexport.export.onnx_step import input_dtype, typed
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.readout import READOUTS
from lifexport.simulation.stepwise import initial_state


def changed(network: IntNetwork, name: str, **fields) -> IntNetwork:
    change = with_fields if name in network.populations else dataclasses.replace
    return dataclasses.replace(network, nodes={**network.nodes, name: change(network.nodes[name], **fields)})


@pytest.mark.sampled
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("widths", [(8, 4), (16, 12), (24, 16)], ids=["v8d4", "v16d12", "v24d16"])
@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
def test_every_rule_from_every_edge(tmp_path, rounding, overflow, reset, widths, form):
    state_bits, decay_bits = widths
    rng = np.random.default_rng(len(rounding))
    reset_code = 5 if reset == "subtract" else -5
    rules = {
        "rounding": rounding,
        "overflow": overflow,
        "reset": reset,
        "reset_code": reset_code,
        "state_bits": state_bits,
        "decay_bits": decay_bits,
        "decay": rng.integers(0, (1 << decay_bits) + 1, 6),
        "threshold": 90,
        "v_initial": 0,
    }
    network, codes = edge_network(0, **rules)
    lif = "function" if rounding in ("floor", "half_even") else "inline"
    result = lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes, form=form, lif=lif)
    assert "0 differ" in result.proofs[1] and "the same IntNetwork" in result.proofs[2]


@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("field", ["decay", "bias", "threshold", "reset_code", "v_initial"])
def test_a_parameter_of_zeros(tmp_path, field, reset):
    """It is not added; where it is multiplied or compared it is stored."""
    network, codes = edge_network(
        0, reset=reset, **{"reset_code": 5, "threshold": 90, "bias": 3, "decay": 7} | {field: 0}
    )
    lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes)
    stored = {tensor.name for tensor in onnx.load(tmp_path / "m.onnx").graph.initializer}
    added = field == "bias" or (field == "reset_code" and reset == "value")
    assert (f"lif.{field}" in stored) == (not added and field != "v_initial")
    assert check_onnx(tmp_path / "m.onnx") == ()


@pytest.mark.sampled
@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
@pytest.mark.parametrize("seed", range(40))
def test_random_networks(tmp_path, seed, form):
    network, codes = random_network(seed)
    network = dataclasses.replace(network, readout=READOUTS[seed % 3])
    options = {"outputs": ("final", "trace")[seed // 2 % 2], "form": form}
    options |= {} if form == "step" else {"initial_state": ("captured", "input")[seed % 2]}
    options |= {"lif": ("function", "inline")[seed // 4 % 2]}
    result = lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes, **options)
    assert result.size == (tmp_path / "m.onnx").stat().st_size
    assert check_onnx(result.path) == ()


def late(network: IntNetwork, source: str, target: str) -> IntNetwork:
    """The network with one edge a step later, and every other edge of its loop at once."""
    loop = {source, target}
    edges = [e if {e.source, e.target} != loop else Edge(e.source, e.target) for e in network.edges]
    edges = [Edge(source, target, 1) if (e.source, e.target) == (source, target) else e for e in edges]
    return dataclasses.replace(network, edges=edges)


@pytest.mark.parametrize("options", [{}, {"initial_state": "input", "outputs": "trace"}], ids=["captured", "input"])
@pytest.mark.parametrize(("source", "target"), [("back0", "lif0"), ("in", "fc0"), ("fc0", "lif0"), ("lif0", "back0")])
def test_an_edge_of_any_source_can_be_late(tmp_path, source, target, options):
    network, codes = random_network(2, recurrent=True)
    lx.to_onnx(late(network, source, target), tmp_path / "m.onnx", inputs=codes, **options)
    assert check_onnx(tmp_path / "m.onnx") == ()


def test_edges_without_connections(tmp_path):
    """Input codes and spikes arrive at the membrane as they are."""
    rng = np.random.default_rng(0)
    nodes = {
        "in": IntInput(shape=(4,), code=InputCode(kind="graded", bits=8, signed=True)),
        "a": population(rng, 4, drive=100),
        "b": population(rng, 4, drive=2, bias=0, v_initial=0),
        "out": Output(shape=(4,)),
    }
    edges = (Edge("in", "a"), Edge("a", "b"), Edge("b", "b", 1), Edge("b", "out"))
    lx.to_onnx(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), tmp_path / "m.onnx")


@pytest.mark.parametrize("scale", [127, 8191], ids=["float32 product", "int32 product"])
def test_wide_weights_take_an_exact_product(tmp_path, scale):
    rng = np.random.default_rng(0)
    bits = 8 if scale == 127 else 14
    node = population(rng, 5, drive=1 << 20, state_bits=24, decay_bits=8, decay=200, rounding="floor")
    fc = IntDense(weight=rng.integers(-scale, scale + 1, (5, 40)), weight_bits=bits, unit=Fraction(1))
    nodes = {
        "in": IntInput(shape=(40,), code=InputCode(kind="graded", bits=8)),
        "fc": fc,
        "lif": node,
        "out": Output(shape=(5,)),
    }
    network = IntNetwork(nodes=nodes, edges=(Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")), dt=1e-3)
    codes = rng.choice([0, 255], (10, 2, 40))
    lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes)
    kinds = {n.op_type for n in step_nodes(read_model(tmp_path / "m.onnx"))}
    assert "MatMul" in kinds and "MatMulInteger" not in kinds


def step_nodes(model):
    """Nodes of a step, those of its functions with them."""
    scan = next(node for node in model.graph.node if node.op_type == "Scan")
    body = next(attribute.g.node for attribute in scan.attribute if attribute.name == "body")
    return [*body, *(node for function in model.functions for node in function.node)]


def test_time_and_batch_are_symbolic(tmp_path):
    network, codes = random_network(1, recurrent=False)
    lx.to_onnx(network, tmp_path / "m.onnx")
    model = read_model(tmp_path / "m.onnx")
    assert [d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim][:2] == ["time", "batch"]
    run = in_onnxruntime(model)
    dtype = np.int8 if network.input_code.signed else np.uint8
    for x in (codes, codes[:1], codes[:, :1], codes[:3, :2]):
        trace = lx.simulate(network, x, backend="reference")
        got = run({"x": x.astype(dtype)})
        np.testing.assert_array_equal(got["spikes"], trace.output)
        np.testing.assert_array_equal(got["prediction"], trace.prediction.labels)


@pytest.mark.parametrize("edge", [("lif0", "back0"), ("back0", "lif0")], ids="->".join)
def test_chunks_continue_by_state(tmp_path, edge):
    network, codes = random_network(3, recurrent=True)
    network = late(network, *edge)
    lx.to_onnx(network, tmp_path / "m.onnx", initial_state="input", verify=False)
    run = in_onnxruntime(read_model(tmp_path / "m.onnx"))
    dtype = np.int8 if network.input_code.signed else np.uint8
    state, spikes = typed(network, initial_state(network, codes.shape[1])), []
    for part in (codes[:1], codes[1:8], codes[8:]):
        got = run({"x": part.astype(dtype), **state})
        state = {name: got[f"{name}_final"] for name in state}
        spikes.append(got["spikes"])
    whole = lx.simulate(network, codes, backend="reference")
    np.testing.assert_array_equal(np.concatenate(spikes), whole.output)


@pytest.mark.parametrize(
    ("field", "change"),
    [("threshold", 1), ("reset_code", 1), ("bias", 1), ("decay", -1), ("rounding", None), ("overflow", None)],
)
def test_the_proof_notices_another_network(tmp_path, field, change):
    network, _ = edge_network(2, rounding="floor", overflow="saturate", decay=3, decay_bits=4, state_bits=10)
    path = tmp_path / "m.onnx"
    lx.to_onnx(network, path)
    value = {"rounding": "half_up", "overflow": "wrap"}.get(field)
    if change is not None:
        value = getattr(network.nodes["lif"], field) + change
    with pytest.raises(MismatchError, match="LX402"):
        onnx_verify.verify_file(path, changed(network, "lif", **{field: value}))


def test_the_proof_compares_values_not_only_nodes(tmp_path, monkeypatch):
    """Even where the step check is blind, running shows the difference, by tensor and index."""
    network, _ = edge_network(2, decay=3, decay_bits=4, state_bits=10)
    path = tmp_path / "m.onnx"
    lx.to_onnx(network, path)
    monkeypatch.setattr(onnx_verify, "require_same_step", lambda model, twin: None)
    other = changed(network, "lif", bias=network.nodes["lif"].bias + 1)
    monkeypatch.setattr(onnx_model, "build", lambda n, _=onnx_model.build, **k: _(network, **k))
    with pytest.raises(MismatchError, match=r"lif\.V.*instead of"):
        onnx_verify.verify_file(path, other)


def test_nothing_is_written_when_the_proof_fails(tmp_path, monkeypatch):
    network, _ = random_network(0)
    monkeypatch.setattr(onnx_verify, "_expected", lambda network, trace, traced: {"spikes": trace.output + 1})
    with pytest.raises(MismatchError):
        lx.to_onnx(network, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    network, _ = random_network(4, recurrent=False)
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    lx.to_onnx(network, path)
    return network, path


def rewritten(path, tmp_path, edit):
    model = onnx.load(path)
    edit(model)
    target = tmp_path / "edited.onnx"
    onnx.save(model, target)
    return target


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9, 0.999])
def test_truncated_file(written, tmp_path, share):
    content = written[1].read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match="LX003"):
        read_model(path)
    assert [finding.code for finding in check_onnx(path)] == ["LX003"]


def test_every_truncation_is_noticed(written, tmp_path):
    content = written[1].read_bytes()
    for cut in range(0, len(content), 97):
        path = tmp_path / "cut.onnx"
        path.write_bytes(content[:cut])
        assert {f.code for f in check_onnx(path)} & {"LX003", "LX403", "LX420"}, cut


def test_missing_and_foreign_files(tmp_path):
    assert check_onnx(tmp_path / "none.onnx")[0].code == "LX003"
    (tmp_path / "text.onnx").write_text("hello")
    assert check_onnx(tmp_path / "text.onnx")[0].code == "LX003"


def test_edited_weight_is_found(written, tmp_path):
    def edit(model):
        tensor = next(t for t in model.graph.initializer if t.name.endswith(".weight"))
        array = numpy_helper.to_array(tensor).copy()
        array.flat[0] += 1
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    network, path = written
    path = rewritten(path, tmp_path, edit)
    (finding,) = check_onnx(path)
    assert (finding.code, finding.node, finding.field) == ("LX403", "fc0", "weight")
    with pytest.raises(MismatchError, match=r"fc0\.weight"):
        onnx_verify.verify_file(path, network)


def test_edited_step_is_found(written, tmp_path):
    def edit(model):
        node = next(n for n in step_nodes(model) if n.op_type == "GreaterOrEqual")
        node.op_type = "Greater"

    network, path = written
    with pytest.raises(MismatchError, match="spiked_next"):
        onnx_verify.verify_file(rewritten(path, tmp_path, edit), network)


def test_foreign_operator_is_refused(written, tmp_path):
    def edit(model):
        model.graph.node[0].domain = "com.example"
        model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))

    assert check_onnx(rewritten(written[1], tmp_path, edit))[0].code == "LX003"


def test_file_without_record_is_noted(written, tmp_path):
    path = rewritten(written[1], tmp_path, lambda model: model.ClearField("metadata_props"))
    assert [finding.code for finding in check_onnx(path)] == ["LX420"]


def test_two_processes_write_the_same_bytes(tmp_path):
    program = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "from nets import random_network; import lifexport as lx\n"
        "lx.to_onnx(random_network(5)[0], sys.argv[1], verify=False)"
    )
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / f"{name}.onnx")], check=True)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_unwritable_folder(tmp_path):
    network, _ = random_network(0)
    with pytest.raises(OutputError, match="LX002"):
        lx.to_onnx(network, tmp_path / "none" / "m.onnx")


@pytest.mark.parametrize(
    ("options", "near"),
    [({"form": "scam"}, "scan"), ({"outputs": "traces"}, "trace"), ({"initial_state": "capture"}, "captured")],
)
def test_misspelt_option_offers_the_nearest(tmp_path, options, near):
    network, _ = random_network(0)
    with pytest.raises(UnknownNameError, match=near):
        lx.to_onnx(network, tmp_path / "m.onnx", **options)


@pytest.mark.parametrize("drop", [1, 7])
def test_dropped_low_bits_are_dropped_by_a_floor(tmp_path, drop):
    network, codes = edge_network(3, state_bits=16)
    unit = network.nodes["fc"].unit
    network = changed(network, "fc", drop=drop, unit=unit / 2**drop)
    lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes)
    exact = lx.simulate(network, codes, record=("v",), backend="reference")
    np.testing.assert_array_equal(lx.simulate(network, codes, record=("v",), backend="fast").v["lif"], exact.v["lif"])
    whole = lx.simulate(changed(network, "fc", drop=0, unit=unit), codes, record=("v",), backend="reference")
    assert (whole.v["lif"] != exact.v["lif"]).any()


def test_neurons_that_emit_the_spikes_of_others_are_refused(tmp_path):
    network, _ = edge_network(0, state_bits=16)
    aliased = changed(network, "lif", alias=np.array([1, -1, -1, -1, -1, -1]))
    with pytest.raises(UnsupportedError, match=r"LX401.*lif\.alias"):
        lx.to_onnx(aliased, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_never_reset_takes_its_state_as_input(tmp_path):
    network = dataclasses.replace(edge_network(0, state_bits=16)[0], state_reset="never")
    with pytest.raises(UnsupportedError, match=r"LX401.*state_reset: 'never'"):
        lx.to_onnx(network, tmp_path / "m.onnx")
    lx.to_onnx(network, tmp_path / "m.onnx", initial_state="input")


def test_refusals_name_what_is_too_wide(tmp_path):
    network, _ = edge_network(0, state_bits=24)
    wide = changed(network, "fc", shift=22, unit=Fraction(2) ** 22)
    with pytest.raises(RangeError, match=r"LX302.*fc: sums of up to \d+, beyond int32"):
        lx.to_onnx(wide, tmp_path / "m.onnx")
    broad = changed(network, "in", code=InputCode(kind="graded", bits=33, signed=True))
    with pytest.raises(RangeError, match=r"LX302"):
        lx.to_onnx(broad, tmp_path / "m.onnx")


@pytest.mark.parametrize(("bits", "signed"), [(8, False), (8, True), (12, True), (16, False)])
@pytest.mark.parametrize("form", ["scan", "step"])
def test_inputs_of_every_width(tmp_path, bits, signed, form):
    network, _ = edge_network(0, state_bits=24)
    code = InputCode(kind="graded", bits=bits, signed=signed)
    codes = np.random.default_rng(0).choice([code.format.lo, 0, 1, code.format.hi], (8, 2, 2))
    lx.to_onnx(changed(network, "in", code=code), tmp_path / "m.onnx", inputs=codes, form=form)
    (x, *_) = onnx.load(tmp_path / "m.onnx").graph.input
    named = {8: "INT8" if signed else "UINT8"}.get(bits, "INT32")
    assert x.type.tensor_type.elem_type == onnx.TensorProto.DataType.Value(named)


def test_a_sum_beyond_int32_is_taken_in_int64(tmp_path):
    """Saturation at the rails of 32 bits: the sum before it does not fit."""
    network, codes = edge_network(0, state_bits=31, decay_bits=4, decay=11, rounding="floor", overflow="saturate")
    network = changed(network, "fc", shift=16, unit=Fraction(2) ** 16)
    trace = lx.simulate(network, codes, record=("v",), backend="reference")
    assert trace.overflowed("lif") > 0
    lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes)
    types = {node.op_type for node in step_nodes(read_model(tmp_path / "m.onnx"))}
    assert trace.v["lif"].max() == 2**30 - 1
    assert not types & {"Clip", "Max", "Min"}, "onnxruntime 1.23 to 1.31 compare 32 bits of an int64 there"


@pytest.mark.parametrize(
    ("node", "fields"),
    [
        ("fc", {"shift": 40, "unit": Fraction(2) ** 40, "weight": np.zeros((6, 2), int)}),
        ("lif", {"threshold": 1 << 40, "reset": "value", "reset_code": 0}),
        ("lif", {"decay": 1 << 32, "decay_bits": 33, "rounding": "half_even", "state_bits": 8, "v_initial": 0}),
    ],
    ids=["shift", "threshold", "decay"],
)
def test_numbers_beyond_int32_are_refused(tmp_path, node, fields):
    """They would be cut to 32 bits where the graph stores them."""
    network, _ = edge_network(0, state_bits=16)
    with pytest.raises(RangeError, match=f"LX302.*{node}.{next(iter(fields))}"):
        lx.to_onnx(changed(network, node, **fields), tmp_path / "m.onnx", verify=False)


def test_arithmetic_is_that_of_the_network(tmp_path):
    network, _ = edge_network(0, state_bits=16)
    with pytest.raises(UnsupportedError, match=r"LX401.*arithmetic: 'float' of a IntNetwork"):
        lx.to_onnx(network, tmp_path / "m.onnx", arithmetic="float")
    lx.to_onnx(network, tmp_path / "m.onnx", arithmetic="int")


def test_no_network(tmp_path):
    with pytest.raises(UnsupportedError, match=r"LX401 .*a dict; .*capture or quantize"):
        lx.to_onnx({}, tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"form": "unrolled"}, "unrolled.*scan, step"),
        ({"opset": 18}, "opset.*18"),
        ({"initial_state": "zero"}, "zeros"),
        ({"outputs": "all"}, "all"),
        ({"lif": "functions"}, "function"),
        ({"arithmetic": "integer"}, "int"),
    ],
)
def test_unknown_options_are_told(tmp_path, options, said):
    with pytest.raises(UnknownNameError, match=said):
        lx.to_onnx(edge_network(0)[0], tmp_path / "m.onnx", **options)


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
@pytest.mark.parametrize("lif", ["function", "inline"])
def test_weights_of_four_bits_take_half_a_byte(tmp_path, form, lif):
    """Their extremes too; those that do not fit stay as they are."""
    rng = np.random.default_rng(0)
    lifs = {"decay": 3900, "decay_bits": 12, "threshold": 40, "reset_code": 40, "reset": "subtract", "state_bits": 16}
    nodes = {
        "in": IntInput(shape=(33,), code=InputCode(kind="spikes")),
        "narrow": IntDense(weight=rng.integers(-8, 8, (41, 33)), weight_bits=4),
        "a": int_lif(shape=(41,), unit=Fraction(1), **lifs),
        "wide": IntDense(weight=np.maximum(rng.integers(-8, 9, (5, 41)), np.eye(5, 41, dtype=int) * 8), weight_bits=5),
        "b": int_lif(shape=(5,), unit=Fraction(1), **lifs),
        "out": Output(shape=(5,)),
    }
    names = ["in", "narrow", "a", "wide", "b", "out"]
    q = IntNetwork(nodes=nodes, edges=[Edge(*pair) for pair in itertools.pairwise(names)], dt=1e-3)
    codes = (rng.random((12, 3, 33)) < 0.4).astype(int)
    eight, four = (
        lx.to_onnx(q, tmp_path / f"{kind}.onnx", form=form, lif=lif, inputs=codes, weights=kind)
        for kind in ("int8", "int4")
    )
    types = {t.name: t.data_type for t in onnx.load(four.path).graph.initializer}
    assert (types["narrow.weight"], types["wide.weight"]) == (onnx.TensorProto.INT4, onnx.TensorProto.INT8)
    assert eight.size - four.size > 41 * 33 // 2 - 200
    assert check_onnx(four.path) == () and lx.same(lx.from_onnx(four.path), q)
    with pytest.raises(UnsupportedError, match=r"LX401.*weights: 'int4'.*opset 21"):
        lx.to_onnx(q, tmp_path / "m.onnx", weights="int4", opset=17)


@pytest.mark.parametrize("form", ["scan", "layerwise"])
@pytest.mark.parametrize("readout", READOUTS)
def test_how_often_every_neuron_fires(tmp_path, form, readout):
    network, codes = random_network(1)
    network = dataclasses.replace(network, readout=readout)
    path = lx.to_onnx(network, tmp_path / "m.onnx", inputs=codes, form=form, outputs="counts").path
    got = in_onnxruntime(read_model(path))({"x": codes.astype(input_dtype(network))})
    trace = lx.simulate(network, codes, record=("spikes",), backend="reference")
    assert any(spikes.any() for spikes in trace.spikes.values())
    for name, spikes in trace.spikes.items():
        np.testing.assert_array_equal(got[f"{name}.count"], spikes.sum(axis=0))
    with pytest.raises(UnsupportedError, match=r"LX401.*outputs: 'counts' in form 'step'"):
        lx.to_onnx(network, tmp_path / "s.onnx", form="step", outputs="counts")


def test_a_start_from_zero_is_made_sure_of(tmp_path):
    network, _ = edge_network(0, state_bits=16, v_initial=0)
    zeros, captured = (
        lx.to_onnx(network, tmp_path / f"{start}.onnx", initial_state=start) for start in ("zeros", "captured")
    )
    assert zeros.sha256 == captured.sha256
    elsewhere = changed(network, "lif", v_initial=[0, 0, 1, 0, 0, 0])
    with pytest.raises(UnsupportedError, match=r"LX401.*initial_state: 'zeros', but lif.V starts elsewhere"):
        lx.to_onnx(elsewhere, tmp_path / "m.onnx", initial_state="zeros")
    with pytest.raises(UnsupportedError, match=r"LX401.*initial_state: 'captured' in form 'step'"):
        lx.to_onnx(network, tmp_path / "m.onnx", initial_state="zeros", form="step")


def test_a_step_has_no_state_of_its_own(tmp_path):
    with pytest.raises(UnsupportedError, match=r"LX401.*initial_state: 'captured' in form 'step'"):
        lx.to_onnx(edge_network(0)[0], tmp_path / "m.onnx", form="step", initial_state="captured")
