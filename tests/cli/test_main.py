"""The command line as a user meets it: as a process, with its exit code, without a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import cli
from lifexport.findings import CODES, Finding

ROOT = Path(__file__).resolve().parents[2]


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
        (("demo", "--seed", "-1"), 2, "not in the range"),
        (("demo", "--seed", "99999999999999999999"), 2, "not in the range"),
        (("demo", "--out", ""), 2, "empty name"),
        (("check", "x.nir", "--dt", "0"), 2, "0.0 is not a time step"),
        (("check", "x.nir", "--dt", "nan"), 2, "nan is not a time step"),
        (("check", "x.nir", "--dt", "inf"), 2, "inf is not a time step"),
        (("check", "x.nir", "--dt", "-1e-3"), 2, "-0.001 is not a time step"),
        (("check",), 2, "Missing argument"),
        (("check", "none.nir"), 2, "No such file"),
    ],
)
def test_usage(args, code, said, tmp_path):
    done = lifexport(*args, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
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
    document = json.loads((ROOT / "lifexport/targets/fpga-q.json").read_text()) | {"name": "hard"}
    document["reset"]["modes"] = ["value"]
    (tmp_path / "hard.json").write_text(json.dumps(document))
    assert lifexport("check", nir, "--target", tmp_path / "hard.json").returncode == 1


@pytest.mark.parametrize("bits", ["1", "9"])
def test_demo_refuses_before_training(tmp_path, bits):
    done = lifexport("demo", "--weight-bits", bits, "--out", tmp_path / "out")
    assert done.returncode == 2 and "LX202" in done.stderr and "2..8" in done.stderr
    assert "train" not in done.stderr.replace("trained", "")
    assert list(tmp_path.iterdir()) == []


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


def without_reader(args, stdout=False, stderr=False) -> subprocess.CompletedProcess:
    """Run with pipes nobody reads any more in the place of the streams."""
    program = "from lifexport.cli import main; import sys; sys.argv[0] = 'lifexport'; main()"
    reader, writer = os.pipe()
    os.close(reader)
    streams = {name: writer if gone else subprocess.PIPE for name, gone in (("stdout", stdout), ("stderr", stderr))}
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        return subprocess.run([sys.executable, "-c", program, *map(str, args)], env=env, check=False, **streams)
    finally:
        os.close(writer)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_leaves_early_changes_no_verdict(nir, tmp_path, options):
    done = without_reader(("check", nir, *options), stdout=True)
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "cut.nir").write_bytes(nir.read_bytes()[:3000])
    done = without_reader(("check", tmp_path / "cut.nir", *options), stdout=True)
    assert (done.returncode, done.stderr) == (2, b"")


def test_errors_nobody_reads_keep_their_exit_code(tmp_path):
    (tmp_path / "file").write_text("")
    for args in (("dmeo",), ("demo", "--out", tmp_path / "file" / "out")):
        done = without_reader(args, stderr=True)
        assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_nothing_half_written(tmp_path, name):
    program = (
        "import signal, sys, time, lifexport.checking\n"
        "from lifexport import cli, files\n"
        # where tests run under nohup, or as a job in the background, these two are ignored from birth
        "signal.signal(signal.SIGHUP, signal.SIG_DFL), signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def check(path, **_):\n"
        "    with files.whole_files(files.Path('.')) as draft, files.whole_file(path) as temporary:\n"
        "        (draft / 'a').write_text('half'), temporary.write_text('half')\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(60)\n"
        "lifexport.checking.check = check\n"
        "sys.argv = ['lifexport', 'check', 'model.nir']\n"
        "cli.main()"
    )
    (tmp_path / "model.nir").write_text("old")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        assert len(list(tmp_path.iterdir())) == 3
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=30) == 128 + getattr(signal, name)
        assert b"Traceback" not in process.stderr.read()
    assert [path.name for path in tmp_path.iterdir()] == ["model.nir"]
    assert (tmp_path / "model.nir").read_text() == "old"


def test_a_signal_ends_what_does_not_hear_of_it(tmp_path):
    """Compiled code goes on whatever happens: the process is ended beside it, and its drafts are removed."""
    program = (
        "import hashlib, sys, lifexport.checking\n"
        "from lifexport import cli, files\n"
        "def check(path, **_):\n"
        "    with files.whole_folder('out', replaces=bool) as draft, files.whole_file(path) as temporary:\n"
        "        (draft / 'a').write_text('half'), temporary.write_text('half')\n"
        "        print('writing', flush=True)\n"
        "        hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 30)\n"
        "lifexport.checking.check = check\n"
        "sys.argv = ['lifexport', 'check', 'model.nir']\n"
        "cli.main()"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert [*tmp_path.iterdir()] == []


def test_signals_mean_what_they_meant_before(nir, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lifexport", "check", str(nir)])
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(SystemExit):
        cli.main()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


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
