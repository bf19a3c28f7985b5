"""Hostile files at every door: an LX code within two seconds, and memory in proportion to the file."""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from float_nets import float_network
from hostile_files import FILES, bomb, header, zipped

import lifexport as lx
from lifexport.arrayfiles import read_inputs, read_npy, read_npz
from lifexport.bundle.networks import read_network
from lifexport.errors import FileError
from lifexport.regular import open_regular
from lifexport.room import require_few, require_room
from lifexport.spatial import FloatConv

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


def refused(tmp_path, read, *words: str) -> list[str]:
    """What is said of every hostile file whose name has one of these words."""
    said = []
    for i, (name, (suffix, make)) in enumerate(FILES.items()):
        if any(word in name for word in words):
            with pytest.raises(FileError, match="LX003") as caught:
                read(make(tmp_path / f"{i}{suffix}"))
            said.append(str(caught.value))
    return said


def test_a_file_of_holes_is_no_file(tmp_path):
    assert all("the rest are holes" in said for said in refused(tmp_path, open_regular, "of holes"))
    (tmp_path / "small").write_bytes(b"x")
    with open_regular(tmp_path / "small") as file:
        assert file.read() == b"x"


def test_archives_that_claim_more_than_they_hold(tmp_path):
    said = refused(tmp_path, read_npz, "members", "bzip2", "an archive of an array")
    words = ("a list of members", "on top of each other", "in another way than numpy", "in 128 bytes")
    assert len(said) == 4 and all(word in text for word, text in zip(words, said, strict=True)), said


def test_models_that_come_to_more_than_they_say(tmp_path):
    said = refused(tmp_path, read_network, "functions", "a function", "20000 nodes", "empty tensors")
    assert (
        len(said) == 6
        and "more than 524288 fields" in said[5]
        and "100000000 nodes" in said[1]
        and "20000 nodes" in said[4]
    )
    assert all("more than 16 deep" in said[i] for i in (0, 2, 3))


def test_nir_files_that_come_to_more_than_they_say(tmp_path):
    said = refused(tmp_path, read_network, "chunk", "never written", "many groups", "many nodes", "one text")
    assert len(said) == 6 and sum("more than the file can hold" in text for text in said) == 4, said


def test_networks_out_of_proportion_to_their_file():
    f, _ = float_network(1)
    require_room(f, 0)
    edges = [dataclasses.replace(edge, delay=1 << 20) if edge.target == "fc1" else edge for edge in f.edges]
    with pytest.raises(FileError, match=r"LX003.*hidden -> fc1 .1048576 later., at most 65536 steps"):
        require_room(dataclasses.replace(f, edges=edges), 0)
    edges = [dataclasses.replace(edge, delay=1 << 16) for edge in f.edges]
    many = SimpleNamespace(nodes=f.nodes, edges=edges * 10, connections={})
    with pytest.raises(FileError, match=r"LX003.*numbers up to '.*65536 later"):
        require_room(many, 0)
    conv = FloatConv(weight=np.ones((1, 1, 999, 999)), size=(1100, 1100))
    wide = SimpleNamespace(nodes={"conv": conv}, edges=(), connections={"conv": conv})
    with pytest.raises(FileError, match=r"LX003.*conv: a kernel that sees \d+ numbers"):
        require_room(wide, 1 << 24)
    with pytest.raises(FileError, match=r"LX003.*1025 nodes, at most 1024"):
        require_few(1025, 0)


def test_an_array_without_numbers_is_short(tmp_path):
    assert "not a number in it" in refused(tmp_path, read_npy, "steps without")[0]
    np.save(tmp_path / "none.npy", np.zeros((5, 0, 3)))
    assert read_npy(tmp_path / "none.npy").shape == (5, 0, 3)


def test_a_text_longer_than_its_file_is_not_made_room_for(tmp_path):
    """HDF5 allocates what the stored length says, 4 GiB at the most, and only then looks for the text."""
    path = tmp_path / "m.nir"
    lx.to_nir(float_network(1)[0], path)
    with h5py.File(path) as file:
        offset = file["node/type"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[offset : offset + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    tracked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileError, match=r"LX003.*node/type holds a text of 2147483647 bytes"):
        lx.from_nir(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - tracked < 100_000
