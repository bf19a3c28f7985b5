"""A bundle is whole or not there, the same for the same network, and gives everything back."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from nets import random_network, spatial_network
from random_float import random_float_network
from wild_nets import wild_network

import lifexport as lx
from lifexport import files, schemas
from lifexport.bundle import Bundle
from lifexport.errors import LifexportError, OutputError, ParameterError

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import lifexport as lx
from float_nets import float_network
f, x = float_network(1)
q = lx.quantize(f, "fpga-q", calibration=x)
print(lx.save(q, sys.argv[1], trained=f, inputs=x, spec=lx.QuantSpec(), golden_samples=2).seal, flush=True)
"""


def program() -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(root=str(ROOT), tests=str(ROOT / "tests"))]


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_everything_comes_back(saved, pair):
    f, q, x = pair
    bundle = Bundle(saved.path)
    assert lx.same(lx.load(saved.path), q) and lx.same(bundle.trained, f)
    assert bundle.spec == lx.QuantSpec()
    assert bundle.seal == saved.seal and bundle.manifest["network"]["integer"] == q.digest()
    assert bundle.target == lx.load_target("fpga-q").document
    trace = lx.simulate(q, x[:, :2], record=("v", "spikes"), backend="reference")
    for name in q.populations:
        np.testing.assert_array_equal(bundle.golden.arrays["v", name], trace.v[name])
        np.testing.assert_array_equal(bundle.golden.arrays["spikes", name], trace.spikes[name])
    np.testing.assert_array_equal(bundle.golden.x, x[:, :2])
    assert bundle.fidelity["networks"]["integer"] == q.digest()
    assert any("read back" in p or "restored" in p for p in saved.proofs)


def test_the_same_bytes_from_other_processes_and_folders(saved, tmp_path):
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    (tmp_path / "deep").mkdir()
    for cwd, name in ((tmp_path, "a"), (tmp_path / "deep", "../b")):
        done = subprocess.run([*program(), name], cwd=cwd, env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == saved.seal
    assert content(tmp_path / "a") == content(tmp_path / "b") == content(saved.path)


def test_a_time_only_where_it_is_asked_for(pair, tmp_path, monkeypatch):
    assert Bundle(lx.save(pair[1], tmp_path / "a").path).manifest["created"] is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764201600")
    assert Bundle(lx.save(pair[1], tmp_path / "b").path).manifest["created"] == "2025-11-27T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(ParameterError, match="SOURCE_DATE_EPOCH"):
        lx.save(pair[1], tmp_path / "c")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "network", [random_network(2)[0], spatial_network(1)[0], *(wild_network(seed)[0] for seed in range(4))]
)
def test_networks_of_all_kinds(network, tmp_path):
    saved = lx.save(network, tmp_path / "out", golden_samples=2, hdl=True)
    assert lx.same(lx.load(saved.path), network)
    bundle, verification = Bundle(saved.path), lx.verify(saved.path)
    assert verification.ok, [str(f) for f in verification.findings]
    assert saved.report is None and bundle.trained is None and bundle.document("golden.json")["origin"] == "made up"
    there = {"model.nir", "model.onnx"} - {entry["path"] for entry in bundle.manifest["left_out"]}
    assert there <= set(bundle.files)
    said = {check.name for check in verification.checks}
    assert ("onnx" in said) == ("model.onnx" in there) and ("nir" in said) == ("model.nir" in there)


def test_state_that_goes_on(tmp_path):
    network = dataclasses.replace(random_network(2)[0], state_reset="never")
    assert lx.verify(lx.save(network, tmp_path / "out").path).ok


def test_given_codes_are_the_golden_inputs(tmp_path):
    network, codes = random_network(3)
    saved = lx.save(network, tmp_path / "out", inputs=codes, golden_samples=3)
    np.testing.assert_array_equal(Bundle(saved.path).golden.codes, codes[:, :3])
    assert lx.verify(saved.path, inputs=codes).ok


def test_further_inputs_are_run(saved, pair):
    x = pair[2]
    verification = lx.verify(saved.path, inputs=x)
    assert verification.ok and verification.checks[-1].name == "inputs"
    assert "predict the same" in verification.checks[-1].said
    verification = lx.verify(saved.path, inputs=np.ones((3, 1, 99)))
    assert [f.code for f in verification.findings] == ["LX301"]


def test_wrong_arguments(pair, tmp_path):
    f, q, x = pair
    with pytest.raises(ParameterError, match="LX006"):
        lx.save(f, tmp_path / "a")
    with pytest.raises(ParameterError, match="golden_samples"):
        lx.save(q, tmp_path / "a", golden_samples=0)
    with pytest.raises(ParameterError, match=r"LX006.*other than the network's"):
        lx.save(q, tmp_path / "a", target="xylo-v2")
    with pytest.raises(LifexportError, match="LX301"):
        lx.save(q, tmp_path / "a", trained=f, inputs=x[..., :-1])
    with pytest.raises(LifexportError, match="LX006"):
        lx.save(q, tmp_path / "a", trained=random_float_network(3)[0], inputs=x)
    with pytest.raises(OutputError, match="empty name"):
        lx.save(q, "")
    assert list(tmp_path.iterdir()) == []


def test_a_target_of_ones_own_is_in_the_bundle(pair, tmp_path):
    f, _, x = pair
    document = lx.load_target("fpga-q").document | {"name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(document))
    q = lx.quantize(f, tmp_path / "mine.json", calibration=x)
    assert Bundle(lx.save(q, tmp_path / "out", target=tmp_path / "mine.json").path).target == document
    assert Bundle(lx.save(q, tmp_path / "out").path).target is None


def test_only_a_bundle_is_replaced(pair, tmp_path):
    q = pair[1]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"LX002.*holds other things"):
        lx.save(q, tmp_path / "full")
    saved = lx.save(q, tmp_path / "out")
    (saved.path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="LX002"):
        lx.save(q, saved.path)
    (saved.path / "notes.txt").unlink()
    assert lx.save(q, saved.path).seal == saved.seal
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        lx.save(q, tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full", "out"]


def test_a_full_disk_leaves_the_old_bundle(bundle, pair, monkeypatch):
    before = content(bundle)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("lifexport.bundle.golden.write_npz", "lifexport.bundle.saving.save_intnetwork"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            with pytest.raises(OutputError, match=r"LX002.*No space left"):
                lx.save(pair[1], bundle)
    assert content(bundle) == before
    assert [path.name for path in bundle.parent.iterdir()] == ["out"]


@pytest.mark.sampled
@pytest.mark.parametrize("wait", [0.2, 1.0, 1.5, 2.0, 2.5, 3.0])
def test_a_killed_process_leaves_the_old_bundle(bundle, wait):
    before = content(bundle)
    with subprocess.Popen([*program(), str(bundle)], stdout=subprocess.DEVNULL) as process:
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
    assert content(bundle) == before  # or the new one, which is the same
    assert lx.verify(bundle).ok


def test_folders_change_places_without_the_system_call(tmp_path, monkeypatch):
    monkeypatch.setattr(files.sys, "platform", "other")
    for text in ("1", "2"):
        with files.whole_folder(tmp_path / "out", replaces=lambda folder: True) as draft:
            (draft / "a").write_text(text)
    assert (tmp_path / "out" / "a").read_text() == "2" and len(list(tmp_path.iterdir())) == 1


def test_differences_in_words(saved, pair, tmp_path):
    f, _, x = pair
    assert lx.diff(saved.path, saved.path).changes == ()
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=5, decay_bits=8)
    other = lx.save(q, tmp_path / "b", trained=f, inputs=x, spec=lx.QuantSpec(weight_bits=5), golden_samples=2)
    found = lx.diff(saved.path, other.path)
    assert schemas.violations("difference", found.to_json(), code="LX003") == []
    said = [str(change) for change in found.changes]
    assert any("weight_bits: 8 -> 5" in text for text in said), said
    assert any(".decay: " in text and "numbers changed, most at" in text for text in said)
    assert any(text.startswith("quantspec: weight_bits: null -> 5") for text in said)
    assert any(text.startswith("golden: ") for text in said) and not any(text.startswith("trained") for text in said)
    assert "files: model.onnx: has other bytes" in said and "files: model.nir: has other bytes" not in said
    xylo = lx.save(pair[1], tmp_path / "c", golden_samples=2)
    said = [str(change) for change in lx.diff(saved.path, xylo.path).changes]
    assert "trained: is gone" in said and "quantspec: is gone" in said and "fidelity: is gone" in said
