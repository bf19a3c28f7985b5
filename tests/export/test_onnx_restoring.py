"""What an ONNX file holds comes back, and whatever was changed in it is found."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction

import numpy as np
import onnx
import pytest
from nets import edge_network, int_lif, random_network, with_fields
from onnx import TensorProto, numpy_helper

import lifexport as lx
from lifexport import errors
from lifexport.arrays import same
from lifexport.checking import check
from lifexport.export import onnx_restoring
from lifexport.export.onnx_file import check_onnx, read_model
from lifexport.export.onnx_model import build
from lifexport.export.onnx_restoring import restore
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.nodes import InputCode, IntInput, Output

LIFS = ("function", "inline")
OPTIONS = [{}, {"initial_state": "input"}, {"outputs": "trace"}, {"initial_state": "input", "outputs": "trace"}]


def with_population(network: IntNetwork, **fields) -> IntNetwork:
    name = next(iter(network.populations))
    return dataclasses.replace(network, nodes=network.nodes | {name: with_fields(network.nodes[name], **fields)})


def living() -> IntNetwork:
    """Per-neuron parameters, a resting potential, an initial state that the rails hold."""
    network, _ = edge_network(2, decay=[3, 4, 5, 6, 7, 8], decay_bits=4, state_bits=13, threshold=90, reset_code=8)
    rest = [-0.07, 0.1, -0.0, 0.0, 5e-324, 1e300]
    rules = {"rounding": "floor", "overflow": "saturate", "reset": "subtract", "bias": [1, 2, 3, 4, 5, 6]}
    network = with_population(network, v_rest=rest, v_initial=[1, -2, 3, 4, 5, 4095], **rules)
    return dataclasses.replace(
        network, target="fpga-q", target_digest="ab", readout="membrane_max", approximations=("a.b: c",)
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_the_network_comes_back(tmp_path, seed, options):
    network = random_network(seed)[0] if seed else living()
    path = lx.to_onnx(network, tmp_path / "m.onnx", verify=False, lif=LIFS[seed % 2], **options).path
    assert same(restore(read_model(path)), network)
    assert check_onnx(path) == ()


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)], ids=str)
def test_shapes_come_back(tmp_path, shape):
    given = {"decay": 3, "decay_bits": 2, "threshold": 9, "reset": "subtract", "reset_code": 9, "unit": Fraction(1)}
    nodes = {
        "in": IntInput(shape=shape, code=InputCode(kind="spikes")),
        "lif": int_lif(shape=shape, **given, bias=np.arange(np.prod(shape, dtype=int)).reshape(shape)),
        "out": Output(shape=shape),
    }
    network = IntNetwork(nodes=nodes, edges=(Edge("in", "lif"), Edge("lif", "out")), dt=1e-3)
    assert same(restore(read_model(lx.to_onnx(network, tmp_path / "m.onnx").path)), network)


def test_a_network_that_would_not_come_back_is_refused(tmp_path):
    network = with_population(living(), bias_shift=np.int64(0))
    with pytest.raises(errors.MismatchError, match=r"LX402.*\['lif'\].bias_shift: int64 != int"):
        lx.to_onnx(network, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


# Graphs edited after they were written


def step(model):
    scan = next(node for node in model.graph.node if node.op_type == "Scan")
    return next(attribute.g for attribute in scan.attribute if attribute.name == "body")


def node(name, graph=step):
    return lambda model: next(node for node in graph(model).node if node.name == name)


def initializer(name, change):
    def edit(model):
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))

    return edit


def one_more(array):
    array = array.copy()
    array.flat[-1] += 1
    return array


def become(pick, **fields):
    def edit(model):
        for field, value in fields.items():
            setattr(pick(model), field, value)

    return edit


def main(model):
    return model.graph


def swapped(model):
    names = node("lif/fires")(model).input
    names[0], names[1] = names[1], names[0]


def external(model):
    """The same numbers, from a file outside."""
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "lif.decay")
    numbers = numpy_helper.to_array(tensor)
    onnx.external_data_helper.set_external_data(tensor, "outside.bin")
    tensor.raw_data = numbers.tobytes()


def annotated(model):
    model.metadata_props.add(key="author", value="me")


GRAPH_EDITS = {
    "a constant": (initializer("int32:4095", lambda a: a * 0 + 8191), {"int32:4095"}),
    "an offset of a rounding": (initializer("int32:1073741824", one_more), {"int32:1073741824"}),
    "a weight": (initializer("fc.weight", one_more), {"fc.weight"}),
    "a threshold": (initializer("lif.threshold", one_more), {"lif.threshold"}),
    "a decay": (initializer("lif.decay", one_more), {"lif.decay"}),
    "a weight in another type": (initializer("fc.weight", lambda a: a.astype(np.uint8)), {"fc.weight"}),
    "a threshold per neuron": (initializer("lif.threshold", lambda a: np.repeat(a, 6)), {"lif.threshold"}),
    "an initial state": (initializer("graph.lif.V_initial", one_more), {"lif.v_initial"}),
    "a comparison": (become(node("lif/fires"), op_type="Greater"), {"lif/fires"}),
    "the first comparison": (become(node("graph/lif.fired_start", main), op_type="Greater"), {"graph/lif.fired_start"}),
    "a reset": (become(node("lif/sub"), op_type="Add"), {"lif/sub"}),
    "an operand": (lambda m: node("lif/sub")(m).input.__setitem__(1, "lif.V_before"), {"lif/sub"}),
    "operands in another order": (swapped, {"lif/fires"}),
    "a readout": (become(node("graph/peak", main), op_type="ReduceMin"), {"graph/peak"}),
    "an attribute": (lambda m: node("graph/best", main)(m).attribute[0].__setattr__("i", 0), {"graph/best"}),
    "a direction": (
        lambda m: node("time", main)(m).attribute.append(onnx.helper.make_attribute("scan_input_directions", [1])),
        {"time"},
    ),
    "an initializer more": (
        lambda m: m.graph.initializer.append(numpy_helper.from_array(np.int32(7), "more")),
        {"more"},
    ),
    "a node more": (
        lambda m: m.graph.node.append(onnx.helper.make_node("Identity", ["scores"], ["more"], "more")),
        {"more"},
    ),
    "a name": (become(node("lif/sub"), name="lif/minus"), {"lif/sub", "lif/minus"}),
    "an output fewer": (lambda m: m.graph.output.pop(), {"lif.V_final"}),
    "an output of another shape": (
        lambda m: m.graph.output[1].type.tensor_type.shape.dim[1].__setattr__("dim_param", "any"),
        {"scores"},
    ),
    "an input's name": (lambda m: m.graph.input[0].type.tensor_type.shape.dim[0].__setattr__("dim_param", "t"), {"x"}),
    "an opset": (lambda m: m.opset_import[0].__setattr__("version", 22), {""}),
    "an IR version": (become(lambda m: m, ir_version=9), {""}),
    "a description": (become(lambda m: m, doc_string="Feed x with anything."), {""}),
    "metadata": (annotated, {""}),
    "nodes in another order": (lambda m: m.graph.initializer.reverse(), {""}),
}


def edited(model, edit, tmp_path):
    edit(model)
    path = tmp_path / "edited.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("name", GRAPH_EDITS)
def test_an_edited_graph_is_found(tmp_path, name):
    edit, places = GRAPH_EDITS[name]
    path = edited(build(living(), lif="inline", initial_state="captured", outputs="final"), edit, tmp_path)
    findings = check_onnx(path)
    assert {(finding.code, finding.where) for finding in findings} == {("LX403", place) for place in places}
    with pytest.raises(errors.MismatchError, match="LX403"):
        restore(read_model(path))


def function(model):
    return model.functions[0]


def renamed_input(model):
    """Two parameters change places."""
    names = function(model).input
    i, j = (list(names).index(name) for name in ("threshold", "reset_code"))
    names[i], names[j] = names[j], names[i]


FUNCTION = "LIFSoft_int13_decay4_floor"
FUNCTION_EDITS = {
    "a node": (become(node("sub", function), op_type="Add"), "/sub"),
    "a constant": (
        lambda m: node("int32_1073741824", function)(m).attribute[0].t.CopyFrom(numpy_helper.from_array(np.int32(7))),
        "/int32_1073741824",
    ),
    "an input": (renamed_input, ""),
    "a description": (become(function, doc_string="Resets by value."), ""),
    "a function more": (lambda m: m.functions.add(name="more", domain="ai.lifexport"), "more"),
    "a call": (lambda m: node("lif/step")(m).input.__setitem__(3, "lif.threshold"), "lif/step"),
}


@pytest.mark.parametrize("name", FUNCTION_EDITS)
def test_an_edited_function_is_found(tmp_path, name):
    edit, place = FUNCTION_EDITS[name]
    model = build(living(), initial_state="captured", outputs="final")
    (called,) = [part.name for part in model.functions]
    assert called.startswith(FUNCTION)
    findings = check_onnx(edited(model, edit, tmp_path))
    whole = place if place in ("more", "lif/step") else called + place
    assert [(finding.code, finding.where) for finding in findings] == [("LX403", whole)]


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
def test_functions_that_a_converter_dropped_are_missed(tmp_path, form):
    model = build(living(), form=form, outputs="final")
    path = edited(model, lambda m: m.ClearField("functions"), tmp_path)
    onnx.checker.check_model(onnx.load(path))  # the checker passes it
    (finding,) = check_onnx(path)
    assert finding.code == "LX003" and "converter dropped the functions" in finding.fix
    assert f"ai.lifexport::{FUNCTION}" in finding.found


def test_numbers_outside_of_the_file_are_refused(tmp_path):
    path = edited(build(living(), initial_state="captured", outputs="final"), external, tmp_path)
    (tmp_path / "outside.bin").write_bytes(np.arange(6, dtype=np.int32).tobytes())
    assert {finding.code for finding in check_onnx(path)} <= {"LX003", "LX403"} and not check(path).ok


def test_many_differences_are_counted(tmp_path):
    def edit(model):
        for part in step(model).node:
            part.name += "!"

    model = build(living(), lif="inline", initial_state="captured", outputs="trace")
    findings = check_onnx(edited(model, edit, tmp_path))
    assert len(findings) == onnx_restoring.MOST + 1
    assert "more differences" in findings[-1].found


# Records edited after they were written


def lif(record):
    return record["nodes"]["lif"]


def move(record, old, new):
    record[new] = record.pop(old)


RECORD_EDITS = {
    "dt": (lambda r: r.update(dt={"num": 1, "den": 512}), {"LX403"}),
    "dt zero": (lambda r: r["dt"].update(num=0), {"LX103"}),
    "digest": (lambda r: r.update(digest="0" * 64), {"LX403"}),
    "target": (lambda r: r.update(target="fpga-p"), {"LX403"}),
    "digest of the target": (lambda r: r.update(target_digest="cd"), {"LX403"}),
    "approximations": (lambda r: r.update(approximations=[]), {"LX403"}),
    "readout": (lambda r: r.update(readout="count"), {"LX403"}),
    "unknown readout": (lambda r: r.update(readout="best"), {"LX106"}),
    "state reset": (lambda r: r.update(state_reset="never"), {"LX403"}),
    "kind": (lambda r: r.update(kind="FloatNetwork"), {"LX403"}),
    "kind of a node": (lambda r: lif(r).update(kind="IAF"), {"LX403"}),
    "rounding": (lambda r: lif(r)["fields"]["rules"]["leak"].update(rounding="half_up"), {"LX403"}),
    "unknown rounding": (lambda r: lif(r)["fields"]["rules"]["leak"].update(rounding="up"), {"LX106"}),
    "reset": (lambda r: lif(r)["fields"]["rules"].update(reset="value"), {"LX403"}),
    "width": (lambda r: lif(r)["fields"]["rules"]["membrane"].update(hi=8191), {"LX403"}),
    "range of nothing": (lambda r: lif(r)["fields"]["rules"]["membrane"].update(hi=-9999), {"LX204"}),
    "range without end": (lambda r: lif(r)["fields"]["rules"]["membrane"].update(hi=10**22), {"LX003"}),
    "width true": (lambda r: lif(r)["fields"].update(bias_shift=False), {"LX003"}),
    "width missing": (lambda r: lif(r)["fields"]["rules"]["membrane"].pop("hi"), {"LX003"}),
    "unit": (lambda r: lif(r)["fields"].update(unit={"num": 3, "den": 7}), {"LX204"}),
    "unit over zero": (lambda r: lif(r)["fields"].update(unit={"num": 1, "den": 0}), {"LX003"}),
    "unit not in lowest terms": (lambda r: lif(r)["fields"].update(unit={"num": 2, "den": 2}), {"LX403"}),
    "unit a list": (lambda r: lif(r)["fields"].update(unit=[1, 1]), {"LX003"}),
    "unit of the input": (lambda r: r["nodes"]["in"]["fields"]["code"]["unit"].update(num=2), {"LX204"}),
    "bits of the input": (lambda r: r["nodes"]["in"]["fields"]["code"].update(bits=7), {"LX403"}),
    "code a number": (lambda r: r["nodes"]["in"]["fields"].update(code=7), {"LX003"}),
    "shape of the population": (lambda r: lif(r)["fields"].update(shape=[3]), {"LX403"}),
    "shape of the population without end": (lambda r: lif(r)["fields"].update(shape=[10**12, 6]), {"LX403"}),
    "shape of the output": (lambda r: r["nodes"]["out"]["fields"].update(shape=[10**30]), {"LX102"}),
    "shape negative": (lambda r: r["nodes"]["out"]["fields"].update(shape=[-6]), {"LX003"}),
    "a fact more": (lambda r: lif(r)["fields"].update(refractory=2), {"LX403"}),
    "a node less": (lambda r: r["nodes"].pop("fc"), {"LX107"}),
    "a node renamed": (lambda r: move(r["nodes"], "fc", "fd"), {"LX403", "LX107"}),
    "half a surrogate pair": (lambda r: move(r["nodes"], "fc", "\ud800"), {"LX003"}),
    "edge": (lambda r: r["edges"].pop(), {"LX107"}),
    "delay": (lambda r: r["edges"][0].__setitem__(2, 1), {"LX403"}),
    "long delay": (lambda r: r["edges"][0].__setitem__(2, 2), {"LX401", "LX403"}),
    "delay without end": (lambda r: r["edges"][0].__setitem__(2, 10**30), {"LX003"}),
    "renamed": (lambda r: r["renamed"].update(lif="fil"), {"LX403"}),
    "an extra": (lambda r: r.update(profile="plain"), {"LX403"}),
    "digest of an array": (lambda r: lif(r)["arrays"]["bias"].update(sha256="0" * 64), {"LX403"}),
    "key of an array's digest": (lambda r: move(lif(r)["arrays"]["bias"], "sha256", "sha257"), {"LX003"}),
    "type of an array": (lambda r: lif(r)["arrays"]["bias"].update(dtype="int32"), {"LX403"}),
    "shape of an array": (lambda r: lif(r)["arrays"]["bias"].update(shape=[3]), {"LX403"}),
    "shape of an array without end": (lambda r: lif(r)["arrays"]["bias"].update(shape=[10**12]), {"LX003"}),
    "no array": (lambda r: lif(r)["arrays"].pop("bias"), {"LX403"}),
    "an array more": (lambda r: lif(r)["arrays"].update(tau=lif(r)["arrays"]["bias"]), {"LX403"}),
    "resting potential": (lambda r: lif(r)["values"]["v_rest"]["hex"].__setitem__(0, "0x1p-3"), {"LX403"}),
    "resting potential infinite": (lambda r: lif(r)["values"]["v_rest"]["hex"].__setitem__(0, "inf"), {"LX403"}),
    "no resting potential": (lambda r: lif(r)["values"].pop("v_rest"), {"LX403"}),
    "a parameter in the record too": (
        lambda r: lif(r)["values"].update(threshold={"shape": [], "hex": [(90.0).hex()]}),
        {"LX403"},
    ),
    "a parameter that is no integer": (
        lambda r: lif(r)["values"].update(threshold={"shape": [], "hex": ["nan"]}),
        {"LX003"},
    ),
}


def with_record(model, change, tmp_path, spaces=False):
    record = json.loads(model.metadata_props[0].value)
    change(record)
    separators = None if spaces else (",", ":")
    model.metadata_props[0].value = json.dumps(record, sort_keys=True, separators=separators)
    path = tmp_path / "edited.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("name", RECORD_EDITS)
@pytest.mark.parametrize("initial_state", ["captured", "input"])
def test_an_edited_record_is_found(tmp_path, name, initial_state):
    change, codes = RECORD_EDITS[name]
    path = with_record(build(living(), initial_state=initial_state, outputs="final"), change, tmp_path)
    found = {finding.code for finding in check_onnx(path)}
    assert found and found <= codes
    assert not check(path).ok


PLACES = {
    "lif.v_initial": lambda r: lif(r)["values"]["v_initial"]["hex"].__setitem__(0, "0x0p+0"),
    "lif.v_rest": lambda r: lif(r)["values"].pop("v_rest"),
    "lif.bias": lambda r: lif(r)["arrays"]["bias"].update(dtype="int32"),
    "lif.refractory": lambda r: lif(r)["fields"].update(refractory=2),
    "lif.kind": lambda r: lif(r).update(kind="IAF"),
    "digest": lambda r: r.update(dt={"num": 1, "den": 512}),
    "dt": lambda r: r["dt"].update(den=r["dt"]["den"] + 1),  # another ratio, the same float64
    "kind": lambda r: r.update(kind="FloatNetwork"),
    "lifexport": lambda r: r["renamed"].update(lif="fil"),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_edited_record_is_named(tmp_path, place):
    path = with_record(build(living(), initial_state="input", outputs="final"), PLACES[place], tmp_path)
    assert [(f.code, f.where) for f in check_onnx(path)] == [("LX403", place)]


def test_a_record_in_another_spelling_is_found(tmp_path):
    path = with_record(build(living(), initial_state="input", outputs="final"), lambda r: None, tmp_path, spaces=True)
    assert [(f.code, f.where) for f in check_onnx(path)] == [("LX403", "lifexport")]


def test_another_version_of_lifexport_is_not_taken_for_an_edit(tmp_path):
    """What another version wrote is checked the same way; where it writes otherwise, that version is named."""
    model = build(living(), lif="inline", initial_state="captured", outputs="final")
    path = with_record(model, lambda r: r["tool"].update(version="0.0.7"), tmp_path)
    assert check_onnx(path) == ()
    become(node("lif/sub"), op_type="Add")(model)
    path.write_bytes(model.SerializeToString())
    (finding,) = check_onnx(path)
    assert "lifexport 0.0.7, which wrote it" in finding.fix


def test_a_file_without_record_cannot_be_restored():
    model = build(living(), initial_state="captured", outputs="final")
    model.ClearField("metadata_props")
    with pytest.raises(errors.FileError, match="LX003"):
        restore(model)


# Files damaged at random


@pytest.mark.parametrize("variant", range(4))
def test_a_flipped_bit_is_found_or_means_nothing(tmp_path, variant):
    """Nothing is raised; a file that passes holds the same graph, and the same network if it has a record."""
    network, path = random_network(variant)[0], tmp_path / "m.onnx"
    lx.to_onnx(network, path, verify=False, **OPTIONS[variant])
    content, rng = path.read_bytes(), np.random.default_rng(variant)
    graph = onnx.load_from_string(content).graph
    found = 0
    for place in rng.choice(8 * len(content), 120, replace=False):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        checked = check(path)
        found += not checked.ok
        if checked.ok:
            model = read_model(path)
            assert model.graph.SerializeToString(deterministic=True) == graph.SerializeToString(deterministic=True)
            assert [f.code for f in checked.findings] == ["LX420"] or same(restore(model), network)
    assert found > 100


def test_every_bit_of_a_number_counts(tmp_path):
    network, path = living(), tmp_path / "m.onnx"
    model = build(network, initial_state="captured", outputs="final")
    for tensor in model.graph.initializer:
        assert tensor.data_type in (*onnx_restoring.DTYPES, TensorProto.INT64)
        whole = tensor.raw_data
        for byte in range(len(whole)):
            damaged = bytearray(whole)
            damaged[byte] ^= 1 << (byte % 8)
            tensor.raw_data = bytes(damaged)
            path.write_bytes(model.SerializeToString())
            assert {f.code for f in check_onnx(path)} & {"LX403", "LX003"}, (tensor.name, byte)
        tensor.raw_data = whole


def test_an_integer_unit_comes_back_as_one(tmp_path):
    network = living()
    nodes = network.nodes | {"lif": dataclasses.replace(network.nodes["lif"], unit=1)}
    assert isinstance(network.nodes["fc"].unit, Fraction)
    path = lx.to_onnx(dataclasses.replace(network, nodes=nodes), tmp_path / "m.onnx").path
    assert type(restore(read_model(path)).nodes["lif"].unit) is int
