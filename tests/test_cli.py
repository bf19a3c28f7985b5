"""The command line as a user meets it: as a process, with its exit code, without a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import cli
from lifexport.findings import CODES, Finding

ROOT = Path(__file__).resolve().parent.parent


def lifexport(*args: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    program = "from lifexport.cli import main; import sys; sys.argv[0] = 'lifexport'; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", program, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, check=False)


@pytest.fixture(scope="module")
def nir(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "good.nir"
    lx.to_nir(float_network(1)[0], path)
    return path


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "Commands"),
        (("--help",), 0, "demo"),
        (("--version",), 0, lx.__version__),
        (("demo", "--help"), 0, "Example"),
        (("check", "--help"), 0, "Example"),
        (("dmeo",), 2, "did you mean 'demo'"),
        (("chekc", "x"), 2, "did you mean 'check'"),
        (("demo", "--weigth-bits", "4"), 2, "--weight-bits"),
        (("demo", "--weight-bits", "four"), 2, "four"),
        (("check",), 2, "Missing argument"),
        (("check", "none.nir"), 2, "No such file"),
    ],
)
def test_usage(args, code, said):
    done = lifexport(*args)
    assert done.returncode == code, done
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_check_holds_with_warnings(nir):
    done = lifexport("check", nir)
    assert done.returncode == 0
    assert "LX410 warning: hidden.reset" in done.stdout and "3 warnings" in done.stdout


def test_check_json(nir):
    done = lifexport("check", nir, "--json")
    document = json.loads(done.stdout)
    assert document["ok"] and document["kind"] == "nir" and done.returncode == 0


def test_check_truncated(nir, tmp_path):
    (tmp_path / "cut.nir").write_bytes(nir.read_bytes()[:3000])
    done = lifexport("check", tmp_path / "cut.nir")
    assert done.returncode == 2
    assert "LX003 error" in done.stdout and "fix:" in done.stdout


def test_check_mismatch_is_three(nir, tmp_path):
    import h5py

    path = tmp_path / "edited.nir"
    path.write_bytes(nir.read_bytes())
    with h5py.File(path, "r+") as file:
        file["node/nodes/fc0/weight"][0, 0] += 1.0
    done = lifexport("check", path)
    assert done.returncode == 3 and "LX403" in done.stdout


def test_check_finding_is_one(nir, tmp_path):
    document = json.loads((ROOT / "lifexport/targets/fpga-q.json").read_text()) | {"reset": ["value"], "name": "hard"}
    (tmp_path / "hard.json").write_text(json.dumps(document))
    assert lifexport("check", nir, "--target", tmp_path / "hard.json").returncode == 1


def test_demo_refuses_before_training(tmp_path):
    done = lifexport("demo", "--weight-bits", "9", "--out", tmp_path / "out")
    assert done.returncode == 1 and "LX202" in done.stderr and "2..8" in done.stderr
    assert "train" not in done.stderr.replace("trained", "")
    assert list((tmp_path / "out").iterdir()) == []


def test_demo_refuses_a_folder_it_cannot_make(tmp_path):
    (tmp_path / "file").write_text("")
    done = lifexport("demo", "--out", tmp_path / "file" / "out")
    assert done.returncode == 2 and "LX002" in done.stderr


def test_a_bug_is_told_without_a_traceback(nir, monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("lifexport.checking.check", broken)
    monkeypatch.setattr(sys, "argv", ["lifexport", "check", str(nir)])
    with pytest.raises(SystemExit) as leave:
        cli.main()
    assert leave.value.code == cli.INTERNAL
    assert "ZeroDivisionError: oops" in capsys.readouterr().err


def test_a_reader_that_leaves_early_does_no_harm(nir):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = "from lifexport.cli import main; import sys; sys.argv = ['lifexport', 'check', sys.argv[1]]; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(nir)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_every_code_has_an_exit_code():
    for code in CODES:
        assert cli.exit_code(Finding(code=code, found="", fix="")) in (0, 1, 2, 3)


def test_check_stays_light(nir):
    program = (
        "import sys; from lifexport.cli import main; sys.argv = ['lifexport', 'check', sys.argv[1]]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('jax', 'brainstate', 'onnx', 'scipy', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(nir)], capture_output=True, text=True, env=env, check=True
    )
    assert done.stderr.strip() == "[]"
