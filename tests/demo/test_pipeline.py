"""The whole job, twice, from two folders by two processes: the same bytes; and a proof that can fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.bundle import saving
from lifexport.demo import pipeline
from lifexport.errors import MismatchError, MissingDependencyError, OutputError
from lifexport.finetuning.forward import Ints

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("certificate", "cost", "fidelity", "golden", "manifest", "network", "quantspec", "target")
FILES = sorted([*(f"{name}.json" for name in DOCUMENTS), "golden.npz", "model.nir", "model.onnx", "report.html"])


def demo(cwd: Path, out: str, *args: str) -> str:
    program = "from lifexport.cli import main; import sys; sys.argv[0] = 'lifexport'; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, "demo", "--out", out, *args]
    return subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder / "one", demo(folder, "one")


def test_files_and_card(written):
    folder, card = written
    assert sorted(path.name for path in folder.iterdir()) == FILES
    said = " ".join(card.split())
    assert "forward pass of fine-tuning equals the reference: 1552500 V and 1552500 spikes" in said
    assert said.count("0 differ") == 4
    assert max(map(len, card.splitlines())) <= 120
    seal = json.loads((folder / "manifest.json").read_text())["seal"]
    assert f"sealed: {seal}" in card and lx.verify(folder, expect=seal).ok


def test_the_card_says_what_rounding_cost_and_what_fine_tuning_won_back(written):
    folder, card = written
    report = json.loads((folder / "fidelity.json").read_text())
    right = {what: int(n) for what, n in re.findall(r"^  (as trained|rounded|fine-tuned).* (\d+) right$", card, re.M)}
    assert list(right) == ["as trained", "rounded", "fine-tuned"]
    assert right["as trained"] == report["accuracy"]["float"]["count"]
    assert right["fine-tuned"] == report["accuracy"]["integer"]["count"]
    assert right["rounded"] < right["fine-tuned"] - 10


def test_the_same_bytes_from_another_process_and_folder(written, tmp_path):
    folder, _ = written
    printed = demo(tmp_path, "deep/er", "--json")
    for name in FILES:
        assert (tmp_path / "deep/er" / name).read_bytes() == (folder / name).read_bytes(), name
    assert json.loads(printed) == json.loads((folder / "fidelity.json").read_text())


def test_report(written):
    document = json.loads((written[0] / "fidelity.json").read_text())
    assert schemas.violations("fidelity", document, code="LX003") == []
    assert document["accuracy"]["float"]["rate"] > 0.95
    assert abs(document["accuracy"]["change"]["rate"]) <= 0.03
    assert [layer["state_bits"] for layer in document["layers"]] == [12, 12]
    assert [weights["bits"] for weights in document["weights"]] == [3, 3]
    assert document["input"]["samples"] == 450
    for layer in document["layers"]:
        assert 0.01 < layer["spikes"]["integer"] / layer["spikes"]["values"] < 0.6


def test_every_file_checks(written):
    folder, _ = written
    for name, kind in (("model.nir", "nir"), ("model.onnx", "onnx"), ("fidelity.json", "fidelity"), (".", "bundle")):
        checked = lx.check(folder / name)
        assert checked.ok and checked.kind == kind


def test_golden_vectors_replay_in_onnxruntime_and_hold_no_path(written):
    import onnxruntime

    folder, _ = written
    golden, index = np.load(folder / "golden.npz"), json.loads((folder / "golden.json").read_text())
    named = {(entry["what"], entry["node"]): golden[entry["name"]] for entry in index["arrays"]}
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    codes = named["input", None].astype(np.uint8)
    got = dict(zip(names, session.run(names, {"x": codes}), strict=True))
    np.testing.assert_array_equal(got["prediction"], named["prediction", None])
    np.testing.assert_array_equal(got["scores"], named["scores", None])
    np.testing.assert_array_equal(got["hidden.V_final"], named["v", "hidden"][-1])
    np.testing.assert_array_equal(got["spikes"], named["spikes", "output"])
    for path in folder.iterdir():
        assert str(folder).encode() not in path.read_bytes(), path


def test_missing_packages_are_named_first(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.importlib.util, "find_spec", lambda name: None if name == "optax" else name)
    with pytest.raises(MissingDependencyError, match=r"LX005.*optax.*lifexport\[demo\]"):
        pipeline.run(tmp_path / "out", seed=0, weight_bits=8, state_bits=16, progress=lambda *_: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["_derive", "compare", "save_html"])
def test_an_interruption_leaves_the_files_of_the_last_run(tmp_path, monkeypatch, step):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    f, x = float_network(1)
    lx.save(lx.quantize(f, "fpga-q", calibration=x), tmp_path / "out", golden_samples=1)
    old = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.setattr(pipeline, "EPOCHS", 1)
    monkeypatch.setattr(pipeline, "FINE_TUNING_EPOCHS", 1)
    monkeypatch.setattr(saving, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(tmp_path / "out", seed=0, weight_bits=8, state_bits=16, progress=lambda *_: None)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == old
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_something_else_is_refused_before_training(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="LX002"):
        pipeline.run(tmp_path, seed=0, weight_bits=8, state_bits=16, progress=lambda *_: pytest.fail("trained"))


def test_proofs_can_fail(tmp_path, monkeypatch):
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    codes = q.encode(x).codes
    proof, _ = pipeline._prove_simulators(q, codes)
    assert f"{x.shape[0] * x.shape[1] * 14} V" in proof
    original = pipeline.simulate

    def off_by_one(network, data, **options):
        trace = original(network, data, **options)
        if options.get("backend", "fast") == "fast":
            trace.v["last"][3, 1, 2] += 1
        return trace

    monkeypatch.setattr(pipeline, "simulate", off_by_one)
    with pytest.raises(MismatchError, match=r"LX303.*last\.V: 1 values.*\(3, 1, 2\)"):
        pipeline._prove_simulators(q, codes)


@pytest.mark.parametrize("what", ["v", "spikes"])
def test_the_proof_of_fine_tuning_can_fail(monkeypatch, what):
    f, x = float_network(1)
    module = lx.QAT(f, "fpga-q", calibration=x)
    network = module.to_int()
    reference = lx.simulate(network, x, record=("v", "spikes"), backend="reference")
    values = x.shape[0] * x.shape[1] * 14
    proof = pipeline._prove_fine_tuning(module, x, reference)
    assert f"{values} V and {values} spikes of the test set, 0 differ" in proof
    original = pipeline.integers_inside_gradient

    def off_by_one(*given):
        ints = original(*given)._asdict()
        changed = np.array(ints[what]["last"])
        changed[3, 1, 2] += 1
        return Ints(**ints | {what: ints[what] | {"last": changed}})

    monkeypatch.setattr(pipeline, "integers_inside_gradient", off_by_one)
    with pytest.raises(MismatchError, match=rf"LX303.*last\.{what}: 1 values.*\(3, 1, 2\)".replace(".v:", ".V:")):
        pipeline._prove_fine_tuning(module, x, reference)
