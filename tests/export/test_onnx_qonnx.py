"""QONNX dialect: exact by the definition of its operators, or refused by name."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import onnx
import pytest
from float_nets import float_network
from nets import edge_network, random_network, with_fields

import lifexport as lx
from lifexport.errors import LifexportError, MismatchError, RangeError, UnknownNameError, UnsupportedError
from lifexport.export import onnx_qonnx, onnx_qonnx_proof
from lifexport.export.onnx_file import check_onnx
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Current, Leak, Word
from tests.interop.test_fpga_tools import network

OPERATORS = {"Quant", "BipolarQuant", "MatMul", "Mul", "Add", "Sub"}
NARROW = {"state_bits": 12, "decay_bits": 8, "rounding": "floor", "overflow": "saturate"}


def one(tmp_path, q: IntNetwork, **options):
    result = lx.to_onnx(q, tmp_path / "m.onnx", dialect="qonnx", **options)
    assert lx.same(lx.from_onnx(result.path), q)
    assert check_onnx(result.path) == ()
    return result


def changed(q: IntNetwork, **fields) -> IntNetwork:
    return dataclasses.replace(q, nodes=q.nodes | {"lif": with_fields(q.nodes["lif"], **fields)})


@pytest.mark.sampled
@pytest.mark.parametrize("rounding", ["floor", "half_up", "half_even"])
@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("when", ["next_step", "step_end"])
@pytest.mark.parametrize("bits", [(8, 4), (12, 8), (14, 9)], ids=str)
def test_every_rule_from_every_edge(tmp_path, rounding, reset, when, bits):
    numbers = {"decay": np.random.default_rng(1).integers(0, (1 << bits[1]) + 1, 6), "threshold": 90, "v_initial": 0}
    rules = {"reset": reset, "reset_code": 5, "reset_when": when, "rounding": rounding, "overflow": "saturate"}
    q, codes = edge_network(0, **rules, state_bits=bits[0], decay_bits=bits[1], **numbers)
    proofs = one(tmp_path, q, inputs=codes).proofs
    assert "Quant and BipolarQuant by definition" in proofs[1] and "0 differ" in proofs[1]


@pytest.mark.parametrize("field", ["decay", "bias", "threshold", "reset_code"])
@pytest.mark.parametrize("reset", ["subtract", "value"])
def test_a_parameter_of_zeros(tmp_path, field, reset):
    q, codes = edge_network(0, **NARROW, reset=reset, decay=200, threshold=90, reset_code=5, bias=3)
    q = changed(q, **{field: 0}) if field != "threshold" or reset == "value" else changed(q, threshold=1)
    one(tmp_path, q, inputs=codes)


def test_random_networks_are_exact_or_refused(tmp_path):
    exact, refused = 0, set()
    for seed in range(100):
        q, codes = random_network(seed)
        try:
            one(tmp_path, q, inputs=codes[:4])
            exact += 1
        except LifexportError as failure:
            assert not isinstance(failure, MismatchError), failure
            refused |= {finding.code for finding in failure.findings}
    assert exact >= 5 and refused == {"LX302", "LX401"}


@pytest.mark.parametrize(
    ("source", "target", "delay"), [("back", "lif.0", 1), ("in", "fc0", 2), ("lif.1", "out", 1), ("fc1", "lif.1", 3)]
)
def test_an_edge_of_any_source_can_be_late(tmp_path, source, target, delay):
    q, codes = network(recurrent=True)
    edges = [
        e if {e.source, e.target} != {"lif.0", "back"} or source != "back" else Edge(e.source, e.target)
        for e in q.edges
    ]
    edges = [Edge(source, target, delay) if (e.source, e.target) == (source, target) else e for e in edges]
    one(tmp_path, dataclasses.replace(q, edges=edges), inputs=codes[:5])


def test_currents(tmp_path):
    q, codes = edge_network(0, **NARROW, decay=200, threshold=90, reset_code=90, reset="subtract")
    current = Current(word=Word.signed(12), leak=Leak(bits=6), when="before_input")
    lif = dataclasses.replace(q.nodes["lif"], current_decay=np.full((1, 6), 40), current_initial=np.zeros((1, 6), int),
                              rules=dataclasses.replace(q.nodes["lif"].rules, current=current))  # fmt: skip
    one(tmp_path, dataclasses.replace(q, nodes=q.nodes | {"lif": lif}), inputs=codes)


def test_what_a_tool_reads(tmp_path):
    """Static shapes of all tensors, names of C, operators and opset that hls4ml knows, a constant per reader."""
    q, _ = network(recurrent=True)
    model = onnx.load(one(tmp_path, q).path)
    assert {node.op_type for node in model.graph.node} <= OPERATORS
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 16, "qonnx.custom_op.general": 1}
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    assert {value.name for value in values} >= {name for node in model.graph.node for name in node.output}
    for value in values:
        assert re.fullmatch(r"[A-Za-z_]\w*", value.name), value.name
        assert all(d.dim_value > 0 for d in value.type.tensor_type.shape.dim)
    assert [value.name for value in model.graph.input] == ["x", "lif_0_V", "lif_1_V", "lif_0_to_back_spikes"]
    outputs = [value.name for value in model.graph.output]
    assert outputs == ["spikes", "lif_0_V_next", "lif_1_V_next", "lif_0_to_back_spikes_next"]
    stored = {tensor.name for tensor in model.graph.initializer}
    readers = [name for node in model.graph.node for name in node.input if name in stored]
    assert len(readers) == len(set(readers)) == len(stored)
    assert f"default_precision={onnx_qonnx.precision(q)!r}" in model.graph.doc_string


@pytest.mark.parametrize("options", [{"recurrent": True}, {"reset_when": "step_end"}], ids=str)
def test_outputs_that_are_no_quant_are_read_by_nobody(tmp_path, options):
    """hls4ml merges a sum with what reads it, and gives another tensor out."""
    model = onnx.load(one(tmp_path, network(**options)[0]).path)
    makers = {node.output[0]: node.op_type for node in model.graph.node}
    read = {name for node in model.graph.node for name in node.input}
    assert {makers[value.name] for value in model.graph.output if value.name in read} <= {"Quant"}
    assert {makers[value.name] for value in model.graph.output} == {"Quant", "Add"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"overflow": "wrap"}, "LX401.*dialect: a word that wraps"),
        ({"rounding": "toward_zero"}, "LX401.*rounding 'toward_zero'.*use floor or half_up or half_even"),
        ({"state_bits": 16, "decay_bits": 12, "decay": 4095}, "LX302.*decay: a membrane of up to .*24 bits"),
        ({"refractory": True}, "LX401.*the larger of two numbers|LX401.*the smaller"),
        ({"max_spikes": 7}, "LX401.*several spikes a step"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_has_no_node_is_refused(tmp_path, fields, said):
    given = NARROW | {"decay": 200, "threshold": 90, "reset_code": 90, "reset": "subtract"}
    rules = {key: fields[key] for key in fields if key in ("refractory", "max_spikes")}
    q, _ = edge_network(0, **given | {key: value for key, value in fields.items() if key not in rules})
    lif = dataclasses.replace(q.nodes["lif"], rules=dataclasses.replace(q.nodes["lif"].rules, **rules))
    q = dataclasses.replace(q, nodes=q.nodes | {"lif": lif})
    with pytest.raises((UnsupportedError, RangeError), match=said):
        lx.to_onnx(q, tmp_path / "m.onnx", dialect="qonnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"form": "scan"}, "form: 'scan' in dialect 'qonnx'; fix: leave it out: it is 'step' there"),
        ({"lif": "function"}, "lif: 'function'"),
        ({"opset": 21}, "opset: 21"),
        ({"outputs": "trace"}, "dialect: outputs='trace'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_options_of_another_dialect_are_refused(tmp_path, options, said):
    with pytest.raises(UnsupportedError, match=f"LX401.*{said}"):
        lx.to_onnx(network()[0], tmp_path / "m.onnx", dialect="qonnx", **options)
    with pytest.raises(UnknownNameError, match="did you mean 'qonnx'"):
        lx.to_onnx(network()[0], tmp_path / "m.onnx", dialect="qonn")


def test_networks_of_another_kind_are_refused(tmp_path):
    with pytest.raises(UnsupportedError, match=r"LX401.*dialect: a FloatNetwork"):
        lx.to_onnx(float_network(0)[0], tmp_path / "m.onnx", dialect="qonnx")
    q, _ = network()
    renamed = {"fc0": "fc", "fc1": "fc.", "lif.0": "fc_"}
    nodes = {renamed.get(name, name): node for name, node in q.nodes.items()}
    edges = [Edge(renamed.get(e.source, e.source), renamed.get(e.target, e.target), e.delay) for e in q.edges]
    with pytest.raises(UnsupportedError, match=r"LX401.*two layers that C would call fc_"):
        lx.to_onnx(dataclasses.replace(q, nodes=nodes, edges=edges), tmp_path / "m.onnx", dialect="qonnx")


def test_it_is_no_file_for_onnxruntime(tmp_path):
    path = one(tmp_path, network()[0]).path
    with pytest.raises(UnsupportedError, match=r"LX401.*dialect: 'qonnx', which onnxruntime cannot run"):
        lx.OnnxStream(path)


@pytest.mark.parametrize("name", ["lif_0_threshold", "lif_0_threshold_2", "lif_1_decay", "fc0_weight"])
def test_edited_numbers_are_found(tmp_path, name):
    q, _ = network()
    path = one(tmp_path, q).path
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    array = onnx.numpy_helper.to_array(tensor).copy()
    array.flat[0] += 20
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, path)
    assert {finding.code for finding in check_onnx(path)} == {"LX403"}
    cases = [("spikes", np.random.default_rng(0).integers(0, 2, (30, 1, 20)), None)]
    with pytest.raises(MismatchError, match="LX402"):
        onnx_qonnx_proof.prove_qonnx(model, q, cases)
