"""Whatever is thrown at a verb: a sentence with a code, the right exit code, no traceback, nothing half-written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli.bad_models import INPUTS, REFUSED, RUN, write
from cli.calling import call

import lifexport as lx
from lifexport.errors import LifexportError
from lifexport.findings import CODES

DT = ("--dt", "1e-3")


@pytest.fixture
def inputs(tmp_path):
    path = tmp_path / "x.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=(rng.random((20, 4, INPUTS)) < 0.4).astype(float), labels=np.array([0, 1, 2, 0]))
    return path


def verbs(model, inputs, out):
    """Every verb that reads a model."""
    for name, verb, *more in (
        ("check", "check"),
        ("check for a target", "check", "--target", "fpga-q"),
        ("quantize", "quantize", "--target", "fpga-q", "--inputs", inputs, "--out", out / "q.json"),
        ("simulate", "simulate", "--inputs", inputs, "--record", "v", "--out", out / "t.npz"),
        ("export", "export", "--target", "fpga-q", "--inputs", inputs, "--out", out / "bundle"),
        ("export a file", "export", "--out", out / "model.onnx"),
        ("certify", "certify"),
    ):
        yield name, (verb, model, *DT, *more)


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_are_refused(name, tmp_path, inputs):
    make, code, exit_code = REFUSED[name]
    model, out = make(tmp_path / "model.nir"), tmp_path / "out"
    out.mkdir()
    for verb, args in verbs(model, inputs, out):
        called = call(*args)
        assert called.code == exit_code, (verb, called)
        assert code in called.text, (verb, called.text)
        assert "Traceback" not in called.text and "internal error" not in called.text
        assert list(out.iterdir()) == [], verb
    with pytest.raises(LifexportError, match=code):
        lx.from_nir(model, dt=1e-3)


def test_no_time_step(tmp_path, inputs):
    """NIR states none: it is asked for, never guessed."""
    model, out = write(tmp_path / "model.nir"), tmp_path / "out"
    for verb, args in verbs(model, inputs, out):
        called = call(*(arg for arg in args if arg not in DT))
        assert called.code == 1 and "LX103" in called.text and not out.exists(), (verb, called)


@pytest.mark.parametrize("name", RUN)
def test_odd_models_are_run_or_refused_by_name(name, tmp_path, inputs):
    model, out = RUN[name](tmp_path / "model.nir"), tmp_path / "out"
    out.mkdir()
    if "million" in name:
        x = np.zeros((2, 1, 1_000_000))
        x[..., ::97] = 1.0
        np.savez(inputs, x=x)
    ended = {}
    for verb, args in verbs(model, inputs, out):
        if "million" in name and verb == "export a file":
            continue  # proving its float32 takes 10 s
        called = call(*args)
        assert called.code in (0, 1) or (verb == "certify" and called.code == 2), (verb, called)
        assert "Traceback" not in called.text and "internal error" not in called.text
        if called.code:
            assert any(code in called.text for code in CODES), (verb, called.text)
        ended[verb] = called
    assert ended["simulate"].code == 0
    if ended["export"].code == 0:
        assert lx.verify(out / "bundle").ok
    else:
        assert not (out / "bundle").exists()
    if name == "one huge weight":
        assert "LX208" in ended["quantize"].text  # the other weights of the layer became zero, and it is said
    if name == "a layer of zeros":
        assert "LX501" in ended["quantize"].text
    if name == "unicode names":
        assert ended["export"].code == 0 and "ニューロン" in lx.load(out / "bundle").nodes


def arrays():
    good = np.ones((5, 2, INPUTS))
    yield "wrong width", {"x": good[..., :3]}, "LX", 1
    yield "empty", {"x": good[:0]}, "LX", 1
    yield "no samples", {"x": good[:, :0]}, "LX", 1
    yield "flat", {"x": good[0, 0]}, "LX", 1
    yield "NaN", {"x": good * np.nan}, "LX205", 1
    yield "infinity", {"x": good * np.inf}, "LX205", 1
    yield "text", {"x": np.array(["a"])}, "LX003", 2
    yield "complex", {"x": good * 1j}, "LX003", 2
    yield "another name", {"y": good}, "LX003", 2
    yield "nothing", {}, "LX003", 2
    yield "labels of another length", {"x": good, "labels": np.zeros(3, int)}, "LX205", 1
    yield "labels that are no classes", {"x": good, "labels": np.array([0, 99])}, "LX205", 1
    yield "labels that are fractions", {"x": good, "labels": np.array([0.0, 0.5])}, "LX205", 1


@pytest.mark.parametrize(("name", "given", "code", "exit_code"), [*arrays()], ids=[case[0] for case in arrays()])
def test_inputs(name, given, code, exit_code, tmp_path):
    model, out = write(tmp_path / "model.nir"), tmp_path / "out"
    np.savez(tmp_path / "x.npz", **given)
    for verb, place in (("quantize", out.with_suffix(".json")), ("export", out)):
        called = call(verb, model, *DT, "--target", "fpga-q", "--inputs", tmp_path / "x.npz", "--out", place)
        assert called.code == exit_code and code in called.text, called
        assert "Traceback" not in called.text and "internal error" not in called.text
        assert not place.exists()


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_files_of_arrays(tmp_path):
    model = write(tmp_path / "model.nir")
    good = tmp_path / "good.npz"
    np.savez(good, x=np.ones((5, 2, INPUTS)))
    content = good.read_bytes()
    np.savez(tmp_path / "pickle.npz", x=np.array([Evil()], dtype=object))
    np.save(tmp_path / "pickle.npy", np.array([Evil()], dtype=object))
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "none.npz").write_bytes(b"")
    (tmp_path / "text.npy").write_text("hello")
    header = np.lib.format.magic(1, 0) + (118).to_bytes(2, "little")
    huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 99999999), }"
    (tmp_path / "huge.npy").write_bytes(header + huge.ljust(117).encode() + b"\n")
    for name in ("pickle.npz", "pickle.npy", "cut.npz", "none.npz", "text.npy", "huge.npy", "missing.npz", ""):
        called = call("simulate", model, *DT, "--inputs", tmp_path / name if name else "")
        assert called.code == 2 and ("LX003" in called.err or "empty name" in called.err), (name, called)
        assert "Traceback" not in called.err and "internal error" not in called.err
    assert call("simulate", model, *DT, "--inputs", good).code == 0


def test_real_inputs_of_every_number_type(tmp_path):
    model = write(tmp_path / "model.nir")
    texts = set()
    for dtype in ("f2", "f4", "f8", ">f8", "u1", "i8", "?"):
        np.savez(tmp_path / "x.npz", x=np.ones((5, 2, INPUTS), dtype))
        called = call("simulate", model, *DT, "--inputs", tmp_path / "x.npz", "--json")
        assert called.code == 0, called
        texts.add(called.out)
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--target", "fpga-p"), 2, "did you mean 'fpga-q'"),
        (("--target", "missing.json"), 2, "LX003"),
        (("--target", "sinabs-iaf"), 1, "LX203"),
        (("--target", "fpga-q", "--weight-bits", "99"), 2, "LX202"),
        (("--target", "fpga-q", "--rounding", "nearest"), 1, "LX203"),
        (("--target", "fpga-q", "--approximate", "everything"), 2, "LX006"),
        (("--target", "fpga-q", "--membrane-range", "0.5"), 2, "LX006"),
        (("--target", "fpga-q", "--spec", "missing.json"), 2, "LX003"),
        (("--target", "fpga-q", "--source", "snntroch"), 2, "snntorch"),
        (("--target", "fpga-q", "--dt", "-1"), 2, "not a time step"),
        (("--target", "fpga-q", "--profile", "norse"), 2, "LX006"),
        ((), 2, "--target"),
    ],
)
def test_options(args, code, said, tmp_path, inputs):
    model = write(tmp_path / "model.nir")
    called = call("export", model, *DT, "--inputs", inputs, "--out", tmp_path / "out", *args)
    assert called.code == code and said in called.text, called
    assert "Traceback" not in called.text and not (tmp_path / "out").exists()


def test_a_target_with_too_few_neurons(tmp_path, inputs):
    document = lx.load_target("fpga-q").document | {"name": "tiny"}
    document["limits"] = document["limits"] | {"neurons": 5}
    (tmp_path / "tiny.json").write_text(json.dumps(document))
    model = write(tmp_path / "model.nir")
    for args in (
        ("check", model, *DT, "--target", tmp_path / "tiny.json"),
        ("export", model, *DT, "--target", tmp_path / "tiny.json", "--inputs", inputs, "--out", tmp_path / "out"),
    ):
        called = call(*args)
        assert called.code == 1 and "LX203" in called.text and "has 5" in called.text, called


def test_what_check_finds_is_what_export_refuses(tmp_path, inputs):
    """Both name the same places, those of all layers at once."""
    model = write(tmp_path / "model.nir", tau=1e3)
    found = [f for f in lx.check(model, dt=1e-3, target="fpga-q").findings if f.severity == "error"]
    with pytest.raises(LifexportError) as refused:
        lx.quantize(lx.from_nir(model, dt=1e-3), "fpga-q", calibration=np.load(inputs)["x"])
    places = [(f.code, f.node, f.field) for f in refused.value.findings]
    assert places == [(f.code, f.node, f.field) for f in found] and places


@pytest.mark.parametrize("verb", ["export", "quantize", "simulate"])
def test_outputs_that_cannot_be_written(verb, tmp_path, inputs, monkeypatch):
    model = write(tmp_path / "model.nir")
    (tmp_path / "file").write_text("")
    more = {
        "export": ("--target", "fpga-q"),
        "quantize": ("--target", "fpga-q"),
        "simulate": ("--record", "v"),
    }[verb]
    suffix = {"export": "", "quantize": ".json", "simulate": ".npz"}[verb]
    for out in (tmp_path / "file" / f"inside{suffix}", ""):
        called = call(verb, model, *DT, "--inputs", inputs, "--out", out, *more)
        assert called.code == 2 and ("LX002" in called.err or "empty name" in called.err), called
        assert "Traceback" not in called.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model.nir", "x.npz"]


@pytest.mark.sampled
@pytest.mark.parametrize("name", ["model.onnx", "network.json", "golden.npz", "manifest.json", "model.nir"])
@pytest.mark.parametrize("damage", ["cut", "empty", "other", "gone"])
def test_damaged_bundles(name, damage, tmp_path, inputs):
    model, out = write(tmp_path / "model.nir"), tmp_path / "out"
    assert call("export", model, *DT, "--target", "fpga-q", "--inputs", inputs, "--out", out).code == 0
    path = out / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"something else"}[damage])
    expected = 2 if name == "manifest.json" else 3
    for args in (
        ("verify", out),
        ("check", out),
        ("compare", out),
        ("diff", out, out),
        ("simulate", out, "--inputs", inputs),
        ("certify", out),
        ("export", out, "--out", tmp_path / "again"),
    ):
        called = call(*args)
        assert called.code == expected, (args, called)
        assert "Traceback" not in called.text and "internal error" not in called.text
        assert name in called.text or damage == "gone" or name == "manifest.json"
        assert not (tmp_path / "again").exists()


def test_numbers_of_an_onnx_file_outside_its_folder(tmp_path):
    import onnx

    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
            "g",
            [onnx.helper.make_tensor_value_info("x", 1, [1])],
            [onnx.helper.make_tensor_value_info("y", 1, [1])],
            [onnx.helper.make_tensor("w", 1, [1], [1.0])],
        )
    )
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    for args in (("check", tmp_path / "m.onnx"), ("certify", tmp_path / "m.onnx")):
        called = call(*args)
        assert called.code == 2 and "LX003" in called.text and "passwd" in called.text


def test_what_the_fuzzer_found(tmp_path):
    """Kept from ``tests/fuzz_files.py``: headers that are no Python, names that are no text, deflate that is none."""
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    whole = (tmp_path / "x.npy").read_bytes()
    model = write(tmp_path / "model.nir")
    for change in ((b"False", b"Fal(e"), (b"'shape'", b"'sh\x00pe'"), (b"(2, 2)", b"(2, 2 "), (b"<f8", b"<f\xff")):
        (tmp_path / "bad.npy").write_bytes(whole.replace(*change))
        called = call("simulate", model, *DT, "--inputs", tmp_path / "bad.npy")
        assert called.code == 2 and "LX003" in called.err, (change, called)
    np.savez_compressed(tmp_path / "x.npz", x=np.ones((20, 20)))
    packed = bytearray((tmp_path / "x.npz").read_bytes())
    packed[45:60] = bytes(15)
    (tmp_path / "bad.npz").write_bytes(packed)
    called = call("simulate", model, *DT, "--inputs", tmp_path / "bad.npz")
    assert called.code == 2 and "LX003" in called.err, called
    f = lx.from_nir(model, dt=1e-3)
    lx.to_onnx(f, tmp_path / "m.onnx", verify=False)
    name = b"hidden.decay"
    content = (tmp_path / "m.onnx").read_bytes()
    assert name in content
    (tmp_path / "m.onnx").write_bytes(content.replace(name, b"hid\xff" + name[4:], 1))
    called = call("check", tmp_path / "m.onnx")
    assert called.code == 2 and "LX003" in called.out and "is not text" in called.out
