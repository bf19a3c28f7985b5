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
from lifexport.demo import pipeline
from lifexport.errors import MismatchError, MissingDependencyError
from lifexport.finetuning.forward import Ints

ROOT = Path(__file__).resolve().parents[2]
FILES = ["card.txt", "fidelity.json", "golden.npz", "model.nir", "model.onnx"]


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
    folder, printed = written
    assert sorted(path.name for path in folder.iterdir()) == FILES
    card = (folder / "card.txt").read_text()
    assert printed.startswith(card)
    assert "forward pass of fine-tuning equals the reference: 1552500 V and 1552500 spikes" in card
    assert card.count("0 differ") == 4
    assert max(map(len, card.splitlines())) <= 120


def test_the_card_says_what_rounding_cost_and_what_fine_tuning_won_back(written):
    folder, _ = written
    card, report = (folder / "card.txt").read_text(), json.loads((folder / "fidelity.json").read_text())
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
    for name, kind in (("model.nir", "nir"), ("model.onnx", "onnx"), ("fidelity.json", "fidelity")):
        checked = lx.check(folder / name)
        assert checked.ok and checked.kind == kind


def test_golden_vectors_replay_in_onnxruntime_and_hold_no_path(written):
    import onnxruntime

    folder, _ = written
    golden = np.load(folder / "golden.npz")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    got = dict(zip(names, session.run(names, {"x": golden["input"].astype(np.uint8)}), strict=True))
    np.testing.assert_array_equal(got["prediction"], golden["prediction"])
    np.testing.assert_array_equal(got["scores"], golden["scores"])
    np.testing.assert_array_equal(got["hidden.V_final"], golden["hidden.v"][-1])
    np.testing.assert_array_equal(got["spikes"], golden["output.spikes"])
    about = json.loads(str(golden["about"]))
    assert about["schema"] == "lifexport.golden/1"
    assert str(folder) not in str(about)


def test_missing_packages_are_named_first(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.importlib.util, "find_spec", lambda name: None if name == "optax" else name)
    with pytest.raises(MissingDependencyError, match=r"LX005.*optax.*lifexport\[demo\]"):
        pipeline.run(tmp_path / "out", seed=0, weight_bits=8, state_bits=16, progress=lambda *_: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["to_nir", "to_onnx", "compare", "_card"])
def test_an_interruption_leaves_the_files_of_the_last_run(tmp_path, monkeypatch, step):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    old = {name: f"old {name}" for name in FILES}
    for name, text in old.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(pipeline, "EPOCHS", 1)
    monkeypatch.setattr(pipeline, "FINE_TUNING_EPOCHS", 1)
    monkeypatch.setattr(pipeline, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(tmp_path, seed=0, weight_bits=8, state_bits=16, progress=lambda *_: None)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == old


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
