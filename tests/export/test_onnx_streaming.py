"""Files of one step, streamed: equal to the simulator, whatever is asked in between."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from nets import random_network, spatial_network

import lifexport as lx
from lifexport.errors import FileError, LifexportError, MismatchError, ParameterError, UnsupportedError
from lifexport.export.onnx_step import typed


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    network, codes = random_network(3, recurrent=True)
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    lx.to_onnx(network, path, form="step", verify=False)
    return network, codes, path


def streamed(stream, codes):
    return np.stack([stream.step(x) for x in codes])


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_is_the_simulator(tmp_path, seed):
    network, codes = spatial_network(seed)
    path = lx.to_onnx(network, tmp_path / "m.onnx", form="step", verify=False).path
    trace = lx.simulate(network, codes, backend="reference")
    with lx.OnnxStream(path, batch=codes.shape[1]) as stream:
        assert lx.same(stream.network, network)
        np.testing.assert_array_equal(streamed(stream, codes), trace.output)
        for name, value in typed(network, trace.final_state).items():
            np.testing.assert_array_equal(stream.state[name], value)


def test_a_reset_starts_anew_and_what_was_returned_stays(written):
    _, codes, path = written
    with lx.OnnxStream(path, batch=4) as stream:
        before, first = stream.state, streamed(stream, codes)
        assert any((stream.state[name] != value).any() for name, value in before.items())
        stream.reset()
        kept = stream.step(codes[0])
        copy = kept.copy()
        stream.step(codes[1])
        np.testing.assert_array_equal(kept, copy)
        stream.reset()
        np.testing.assert_array_equal(streamed(stream, codes), first)
        assert first.any()


def test_real_inputs_are_encoded(written):
    network, codes, path = written
    real = np.random.default_rng(0).integers(0, 2, (8, 4, codes.shape[2])).astype(float)
    with lx.OnnxStream(path, batch=4) as stream:
        np.testing.assert_array_equal(streamed(stream, real), lx.simulate(network, real, backend="reference").output)


def test_bad_inputs_leave_the_state_alone(written):
    network, codes, path = written
    fmt = network.input_code.format
    bad = [codes[0, :, 1:], codes[0, :2], codes[0] * 0 + fmt.hi + 1, codes[0] * np.nan, codes[0].astype(str), codes]
    with lx.OnnxStream(path, batch=4) as stream:
        stream.step(codes[0])
        before = stream.state
        for x in bad:
            with pytest.raises(ParameterError, match=r"LX301|LX205"):
                stream.step(x)
        for name, value in stream.state.items():
            np.testing.assert_array_equal(value, before[name])


def test_a_closed_stream_says_so(written):
    _, codes, path = written
    stream = lx.OnnxStream(path, batch=4)
    stream.close()
    for use in (lambda: stream.step(codes[0]), stream.reset):
        with pytest.raises(LifexportError, match=r"LX006.*closed"):
            use()


@pytest.mark.parametrize("batch", [0, 2.0, True])
def test_a_bad_batch(written, batch):
    with pytest.raises(LifexportError, match=r"LX006.*batch"):
        lx.OnnxStream(written[2], batch=batch)


def test_a_whole_sequence_is_no_stream(tmp_path):
    network, _ = random_network(0)
    path = lx.to_onnx(network, tmp_path / "m.onnx", verify=False).path
    with pytest.raises(UnsupportedError, match=r"LX401.*form.*'scan'"):
        lx.OnnxStream(path)


def test_edited_foreign_and_damaged_files(written, tmp_path):
    network, _, path = written
    assert lx.same(lx.from_onnx(path), network)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "fc0.weight":
            tensor.raw_data = bytes([tensor.raw_data[0] ^ 1]) + tensor.raw_data[1:]
    onnx.save(model, tmp_path / "edited.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    (tmp_path / "short.onnx").write_bytes(path.read_bytes()[:200])
    said = {
        "edited": (MismatchError, "LX403.*weight"),
        "foreign": (FileError, "LX003.*record"),
        "short": (FileError, "LX003"),
    }
    for name, (kind, text) in said.items():
        for read in (lx.from_onnx, lx.OnnxStream):
            with pytest.raises(kind, match=text):
                read(tmp_path / f"{name}.onnx")
