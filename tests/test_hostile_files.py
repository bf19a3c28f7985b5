"""Hostile files at every door: an LX code within two seconds, and memory in proportion to the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from float_nets import float_network
from hostile_files import FILES, bomb, header, zipped

import lifexport as lx
from lifexport.arrayfiles import read_inputs, read_npy, read_npz
from lifexport.errors import FileError
from lifexport.regular import open_regular

HERE = Path(__file__).resolve().parent
SECONDS, MEGABYTES = 2.0, 500


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """What every door said to every file, from a process of its own: memory is that process's."""
    folder = tmp_path_factory.mktemp("doors")
    f, x = float_network(1)
    lx.save(lx.quantize(f, "fpga-q", calibration=x), folder / "good", trained=f, inputs=x, golden_samples=2)
    np.savez(folder / "x.npz", x=x[:5, :2])
    command = [sys.executable, str(HERE / "hostile_doors.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_door_refuses_by_name_in_time(rows):
    hostile = [row for row in rows if row["file"] != "a good file"]
    assert {row["file"] for row in hostile} == set(FILES) and len({row["door"] for row in hostile}) == 11
    for row in hostile:
        assert row["code"].startswith("LX") and row["exit"] in (1, 2, 3), row
        assert row["seconds"] < SECONDS, row


def test_no_door_takes_more_memory_than_the_file_warrants(rows):
    good = max(row["megabytes"] for row in rows if row["file"] == "a good file")
    assert max(row["megabytes"] for row in rows) < good + MEGABYTES


def test_what_is_no_file_is_never_opened(tmp_path):
    for name, (suffix, make) in FILES.items():
        if name.startswith(("a FIFO", "a device", "a terminal", "a socket")):
            with pytest.raises(FileError, match=r"LX003.*: a (FIFO|device|socket); fix: "):
                open_regular(make(tmp_path / f"{name}{suffix}"))


def test_an_archive_may_expand_but_not_without_end(tmp_path):
    spikes = (np.random.default_rng(0).random((100, 120, 784)) < 0.05).astype(np.uint8)
    np.savez_compressed(tmp_path / "spikes.npz", x=spikes)
    assert np.array_equal(read_inputs(tmp_path / "spikes.npz")[0], spikes)
    for make in (bomb, zipped(header("(1, 40000000)") + bytes(40_000_000))):
        with pytest.raises(FileError, match=r"LX003.*expand to \d+, at most \d+ are read; save it uncompressed"):
            read_npz(make(tmp_path / "bomb.npz"))


def test_an_array_without_numbers_is_short(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((5, 0, 3)))
    assert read_npy(tmp_path / "none.npy").shape == (5, 0, 3)
