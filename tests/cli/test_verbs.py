"""Verbs that tell: what they print, for people and for machines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.calling import call

import lifexport as lx
from lifexport import schemas
from lifexport.cli.main import VERBS
from lifexport.findings import CODES
from lifexport.targets import target_names

VECTORS = Path(__file__).resolve().parent.parent / "golden" / "vectors"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    done = call(verb, "--help")
    assert done.code == 0 and "Example: lifexport" in " ".join(done.out.split()), done.out
    assert all(len(line) <= 100 for line in done.out.splitlines())


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "completion"])
def test_every_verb_speaks_to_machines(verb):
    assert "--json" in call(verb, "--help").out


def test_the_overview_loads_no_verb():
    program = "import sys; from lifexport.cli import main; sys.argv = ['lifexport', '--help']\ntry: main()\n"
    program += "except SystemExit: print([m for m in sys.modules if m.startswith('lifexport.cli.verbs.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]") and all(verb in done.stdout for verb in VERBS)


def test_explain():
    done = call("explain", "lx206", "LX601")
    assert done.code == 0 and CODES["LX206"].why in done.out and "exit code 3" in done.out
    assert len(call("explain").out.splitlines()) == len(CODES)
    entries = json.loads(call("explain", "--json").out)
    assert [entry["code"] for entry in entries] == [*CODES]
    done = call("explain", "LX26")
    assert done.code == 2 and "did you mean 'LX206'" in done.err


def test_schema():
    assert json.loads(call("schema", "manifest").out) == schemas.load("manifest")
    assert set(json.loads(call("schema", "--json").out)) == set(schemas.names())
    assert all(name in call("schema").out for name in schemas.names())
    done = call("schema", "manifets")
    assert done.code == 2 and "did you mean 'manifest'" in done.err


def test_targets():
    assert json.loads(call("targets", "fpga-q").out) == lx.load_target("fpga-q").document
    assert all(name in call("targets").out for name in target_names())
    assert [t["name"] for t in json.loads(call("targets", "--json").out)] == [*target_names()]
    assert call("targets", "fpga").code == 2


def test_doctor(monkeypatch):
    done = json.loads(call("doctor", "--json").out)
    assert done["lifexport"] == lx.__version__ and done["needed"]["numpy"]
    assert "numpy" in call("doctor").out
    monkeypatch.setattr("lifexport.cli.verbs.doctor.NEEDED", ("no-such-package",))
    done = call("doctor")
    assert done.code == 1 and "MISSING" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    done = call("completion", shell)
    assert done.code == 0 and "_LIFEXPORT_COMPLETE" in done.out
    assert call("completion", "tcsh").code == 2


def test_completion_completes(monkeypatch):
    program = "from lifexport.cli import main; import sys; sys.argv = ['lifexport']; main()"
    env = {"_LIFEXPORT_COMPLETE": "bash_complete", "COMP_WORDS": "lifexport ver", "COMP_CWORD": "1", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert "verify" in done.stdout


@pytest.mark.parametrize(("text", "said"), [("x", "3..8"), ("8..3", "3..8"), ("1..99999999", "3..8"), ("", "3..8")])
def test_ranges_that_are_none(text, said):
    done = call("sweep", "m.nir", "--target", "fpga-q", "--inputs", "x.npz", "--weight-bits", text)
    assert done.code == 2 and said in done.err


def test_targets_say_whether_their_delays_were_seen():
    lines = {line.split()[0]: line for line in call("targets").out.splitlines()}
    assert "delivery across layers: seen (feed_forward, recurrent)" in lines["spikerplus"]
    assert all("delivery across layers: never seen" in lines[name] for name in ("fpga-q", "tinyodin"))


def test_recorded_vectors_are_replayed(tmp_path):
    path = VECTORS / "sinabs_public.npz"
    done = call("targets", "--replay", path, "sinabs-iaf")
    assert done.code == 0 and "40 cases, 0 of 13834 numbers differ" in done.out
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["003_iaf/out/v"][4, 0] += 1
    np.savez(tmp_path / "some name.npz", **arrays)
    done = call("targets", "sinabs-iaf", "--replay", tmp_path)
    assert done.code == 3 and "1 of 13834 numbers differ" in done.out
    assert "LX607 error: some name.npz: 003_iaf.v[4, 0]: recorded vectors differ" in done.out
    done = call("targets", "--json", "--replay", tmp_path, "sinabs-iaf")
    document = json.loads(done.out)
    assert done.code == 3 and schemas.violations("replay", document, code="LX003") == []
    assert document["findings"][0]["index"] == [4, 0] and document["differing"] == 1


def test_a_description_of_ones_own_replays_vectors(tmp_path):
    mine = tmp_path / "my-core.json"
    mine.write_text(json.dumps(lx.load_target("sinabs-iaf").document | {"name": "my-core"}))
    done = call("targets", "--replay", VECTORS / "sinabs_public.npz", mine)
    assert done.code == 2 and "LX006" in done.err and "--as" in done.err
    done = call("targets", "--replay", VECTORS / "sinabs_public.npz", mine, "--as", "sinabs-iaf")
    assert done.code == 0 and "target my-core: 40 cases, 0 of 13834 numbers differ" in done.out


def test_options_of_a_replay_that_do_not_apply():
    for args, said in (
        (("--replay", VECTORS), "without a target"),
        (("--as", "sinabs-iaf"), "without vectors"),
        (("--replay", VECTORS / "none", "sinabs-iaf"), "LX003"),
        (("--replay", VECTORS, "sinabs-iaf", "--as", "sinabs"), "LX001"),
        (("--replay", VECTORS, "fpga-q"), "no case for 'fpga-q'"),
        (("--replay", "", "fpga-q"), "an empty name"),
    ):
        done = call("targets", *args)
        assert done.code == 2 and said in done.err, (args, done)
