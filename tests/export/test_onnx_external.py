"""Numbers in a file of their own: the same network, the same proof, and no other file is opened."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import pytest
from float_nets import float_network
from nets import edge_network, int_lif

import lifexport as lx
from lifexport.errors import FileError, MismatchError, OutputError, UnsupportedError
from lifexport.export import onnx_external, onnx_model, onnx_verify
from lifexport.export.onnx_file import check_onnx
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.nodes import FloatDense, InputCode, IntDense, IntInput, Output


@pytest.fixture(scope="module")
def network() -> IntNetwork:
    rng = np.random.default_rng(0)
    lif = {"threshold": rng.integers(50, 90, 300), "decay": rng.integers(3000, 4097, 300), "decay_bits": 12}
    nodes = {
        "in": IntInput(shape=(40,), code=InputCode(kind="spikes")),
        "fc": IntDense(weight=rng.integers(-7, 8, (300, 40)), weight_bits=4),
        "lif": int_lif(shape=(300,), unit=1, state_bits=16, reset="subtract", reset_code=60, **lif),
        "out": Output(shape=(300,)),
    }
    return IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_it_is_the_same_network(tmp_path, network, form, weights):
    """Weights and the parameters of every neuron lie in the data file, proved and restored from there."""
    result = lx.to_onnx(network, tmp_path / "m.onnx", form=form, weights=weights, external_data=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    assert result.size == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert "0 differ" in result.proofs[1] and "the same IntNetwork" in result.proofs[2]
    model = onnx.load(result.path, load_external_data=False)
    outside = {t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL}
    outside -= {"graph.lif.V_initial"}
    assert outside == {"fc.weight", "lif.threshold", "lif.decay"} and result.path.stat().st_size < 12_000
    assert lx.same(lx.from_onnx(result.path), network) and check_onnx(result.path) == ()
    whole = onnx_model.build(network, form=form, weights=weights)
    onnx.external_data_helper.load_external_data_for_model(model, str(tmp_path))
    for ours, theirs in zip(model.graph.initializer, whole.graph.initializer, strict=True):
        assert ours.raw_data == theirs.raw_data


def test_float_graphs_and_streams(tmp_path):
    f, x = float_network(1)
    wide = dataclasses.replace(f.nodes["fc0"], weight=np.repeat(f.nodes["fc0"].weight, 40, axis=0), bias=None)
    back = FloatDense(weight=np.repeat(f.nodes["fc1"].weight, 40, axis=1) / 40)
    hidden = {k: np.repeat(getattr(f.nodes["hidden"], k), 40) for k in f.nodes["hidden"].real}
    hidden = dataclasses.replace(f.nodes["hidden"], shape=(360,), refractory=0, **hidden)
    f = dataclasses.replace(f, nodes=f.nodes | {"fc0": wide, "hidden": hidden, "fc1": back})
    path = lx.to_onnx(f, tmp_path / "m.onnx", form="step", external_data=True, inputs=x).path
    assert lx.same(lx.from_onnx(path), f)
    with lx.OnnxStream(path, batch=6) as stream:
        spikes = np.stack([stream.step(now) for now in x])
    assert (spikes == lx.simulate(f, x).output).mean() > 0.99
    model, data = onnx.load(path, load_external_data=False), onnx_external.data_path(path)
    decay = next(tensor for tensor in model.graph.initializer if tensor.name == "hidden.decay")
    content = bytearray(data.read_bytes())
    content[int({entry.key: entry.value for entry in decay.external_data}["offset"])] ^= 1
    data.write_bytes(content)  # a number that is in no record
    assert [(finding.code, finding.where) for finding in check_onnx(path)] == [("LX403", "hidden.decay")]


def test_more_than_protobuf_holds_goes_there_by_itself(tmp_path, network, monkeypatch):
    lx.to_onnx(network, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx.data").exists()
    monkeypatch.setattr(onnx_external, "LARGEST", 10_000)
    lx.to_onnx(network, tmp_path / "b.onnx")
    assert (tmp_path / "b.onnx.data").exists()
    with pytest.raises(UnsupportedError, match=r"LX401.*external_data: False for \d+ bytes"):
        lx.to_onnx(network, tmp_path / "c.onnx", external_data=False)
    with pytest.raises(UnsupportedError, match=r"LX401.*external_data: True in dialect 'qonnx'"):
        lx.to_onnx(edge_network(0, state_bits=12, decay_bits=8, decay=9, rounding="floor", overflow="saturate")[0],
                   tmp_path / "c.onnx", dialect="qonnx", external_data=True)  # fmt: skip
    assert not (tmp_path / "c.onnx").exists()


def test_nothing_is_written_when_the_proof_fails(tmp_path, network, monkeypatch):
    (tmp_path / "m.onnx").write_text("old")
    monkeypatch.setattr(onnx_verify, "_expected", lambda network, trace, traced: {"spikes": trace.output + 1})
    with pytest.raises(MismatchError):
        lx.to_onnx(network, tmp_path / "m.onnx", external_data=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"] and (tmp_path / "m.onnx").read_text() == "old"
    with pytest.raises(OutputError, match="LX002"):
        lx.to_onnx(network, tmp_path / "none" / "m.onnx", external_data=True)


@pytest.fixture
def written(tmp_path, network):
    return lx.to_onnx(network, tmp_path / "m.onnx", external_data=True, verify=False).path


@pytest.mark.parametrize("place", [0, 6_000, 11_999, 12_010, 13_000, -1])
def test_every_byte_of_the_data_file_counts(written, place):
    """Weights, what stands between tensors, and thresholds."""
    data = onnx_external.data_path(written)
    content = bytearray(data.read_bytes())
    content[place] ^= 1
    data.write_bytes(content)
    assert {finding.code for finding in check_onnx(written)} == {"LX403"}
    with pytest.raises(MismatchError):
        lx.from_onnx(written)


def test_a_longer_a_shorter_and_no_data_file(written):
    data = onnx_external.data_path(written)
    content = data.read_bytes()
    data.write_bytes(content + b"\0")
    assert [finding.code for finding in check_onnx(written)] == ["LX403"]
    data.write_bytes(content[:-8])
    assert {finding.code for finding in check_onnx(written)} <= {"LX003", "LX403"}
    assert check_onnx(written)
    data.write_bytes(b"")
    assert [finding.code for finding in check_onnx(written)] == ["LX003"]
    data.unlink()
    (finding,) = check_onnx(written)
    assert finding.code == "LX003" and "keep both files of the export together" in finding.fix


@pytest.mark.parametrize("location", ["../m.onnx.data", "/etc/passwd", "other.data", "./m.onnx.data"])
@pytest.mark.parametrize("where", ["initializer", "constant", "constant of a loop"])
def test_no_other_file_is_opened(written, location, where):
    model = onnx.load(written, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.name == "fc.weight")
    if where != "initializer":
        scan = next(node for node in model.graph.node if node.op_type == "Scan")
        body = next(attribute.g for attribute in scan.attribute if attribute.name == "body")
        if where == "constant of a loop":
            body.node.insert(0, model.functions[0].node[0])
        nodes = body.node if where == "constant of a loop" else model.functions[0].node
        tensor = nodes[0].attribute[0].t
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    else:
        tensor.external_data[0].value = location
    written.write_bytes(model.SerializeToString())
    (finding,) = check_onnx(written)
    assert finding.code == "LX003" and "m.onnx.data" in finding.fix
    with pytest.raises(FileError):
        lx.from_onnx(written)


@pytest.mark.parametrize(
    ("key", "value"), [("offset", "-1"), ("offset", "9" * 30), ("length", "x"), ("length", "999999")]
)
def test_places_that_are_none(written, key, value):
    model = onnx.load(written, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.name == "lif.decay")
    next(entry for entry in tensor.external_data if entry.key == key).value = value
    written.write_bytes(model.SerializeToString())
    assert {finding.code for finding in check_onnx(written)} <= {"LX003", "LX403"}
    assert check_onnx(written)
