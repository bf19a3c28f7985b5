"""Nothing is overwritten in silence: other networks, what is read, what somebody else writes, wrong names."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cli.calling import call
from float_nets import float_network

import lifexport as lx
from lifexport.arrayfiles import read_inputs
from lifexport.bundle.intnetwork import save_intnetwork
from lifexport.errors import OutputError, ParameterError
from lifexport.locking import sole_writer


@pytest.fixture(scope="module")
def nets():
    """A trained network, the integers of it, and others of the same shape."""
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    return f, q, lx.quantize(f, "fpga-q", calibration=x, weight_bits=4), x[:4, :2]


@pytest.fixture
def bundle(nets, tmp_path):
    f, q, _, x = nets
    lx.save(q, tmp_path / "out", inputs=q.encode(x).codes)
    lx.to_nir(f, tmp_path / "model.nir")
    np.savez(tmp_path / "x.npz", x=x)
    return tmp_path / "out"


def test_the_same_network_may_be_saved_again_and_another_one_by_name_only(nets, bundle):
    f, q, other, x = nets
    louder = dataclasses.replace(f.nodes["fc0"], weight=2 * f.nodes["fc0"].weight)
    seal = lx.verify(bundle).seal
    assert lx.save(q, bundle, inputs=q.encode(x).codes).seal == seal
    with pytest.raises(OutputError, match=r"LX008.*a bundle of another integer network.*--force, overwrite=True"):
        lx.save(other, bundle)
    assert lx.verify(bundle).seal == seal and not [p for p in bundle.parent.iterdir() if p.name.startswith(".")]
    lx.save(q, bundle, trained=f)  # what was saved without its trained network gets one
    with pytest.raises(OutputError, match=r"LX008.*another trained network"):
        lx.save(q, bundle, trained=dataclasses.replace(f, nodes={**f.nodes, "fc0": louder}))
    lx.save(other, bundle, overwrite=True)
    assert lx.same(lx.load(bundle), other)
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"LX002.*holds other things"):
        lx.save(other, bundle, overwrite=True)


def test_the_command_line_has_the_way_on(bundle):
    network, out = bundle.parent / "model.nir", bundle.parent / "other"
    shutil.copytree(bundle, out)
    args = ("export", network, "--target", "fpga-q", "--weight-bits", "3", "--inputs", bundle.parent / "x.npz")
    done = call(*args, "--out", out)
    assert done.code == 2 and "LX008" in done.err and "--force" in done.err
    assert call(*args, "--out", out, "--force").code == 0
    done = call(*args[:2], "--out", bundle.parent / "copy.nir", "--force")
    assert done.code == 2 and "LX006" in done.err and "--force" in done.err
    done = call("demo", "--out", out, "--seed", "7")
    assert done.code == 2 and "LX008" in done.err and "seed None" in done.err  # before the training


def outputs(folder):
    """Calls whose output is, holds or lies in something that they read."""
    nir, x, out = folder / "model.nir", folder / "x.npz", folder / "out"
    link, hard = folder / "link.nir", folder / "hard.json"
    link.symlink_to("model.nir")
    os.link(out / "network.json", hard)
    quantize = ("--target", "fpga-q", "--inputs", x)
    return {
        "itself": ("export", nir, "--out", nir),
        "by a link": ("export", nir, "--out", link),
        "by a hard link": ("quantize", out / "network.json", *quantize, "--out", hard),
        "a bundle": ("export", out, "--out", out),
        "inside of a bundle": ("simulate", out, "--inputs", x, "--out", out / "golden.npz"),
        "around": ("export", out / "network.json", "--out", out),
        "inputs": ("simulate", out, "--inputs", x, "--out", x),
        "target": ("quantize", nir, "--target", out / "target.json", "--inputs", x, "--out", out / "target.json"),
        "a table": ("sweep", nir, *quantize, "--weight-bits", "3", "--resume", nir),
    }


def test_what_is_read_is_never_written(bundle):
    folder = bundle.parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, args in outputs(folder).items():
        done = call(*args)
        assert done.code == 2 and "LX008" in done.err and "another name" in done.err, (name, done.text)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_sealed_file_is_never_written(bundle):
    args = ("export", bundle.parent / "model.nir", "--out")
    done = call(*args, bundle / "model.nir")
    assert done.code == 2 and "LX008" in done.err and "has sealed" in done.err
    (bundle / "manifest.json").write_text('{"files": [{"path": "mine.nir"}]}')  # of another tool
    assert call(*args, bundle / "mine.nir").code == 0


def test_the_second_of_two_exports_fails_by_name(nets, tmp_path):
    _, q, _, _ = nets
    with sole_writer(tmp_path / "out"):
        with pytest.raises(OutputError, match=r"LX009 somebody else is writing there: .*out; fix: wait"):
            lx.save(q, tmp_path / "out")
        with sole_writer(tmp_path / "other"):
            pass
    assert [*tmp_path.iterdir()] == []
    program = (
        "import sys, os; from pathlib import Path; from lifexport.locking import sole_writer\n"
        "with sole_writer(Path(sys.argv[1])):\n    os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=False).returncode == 9
    assert [path.name for path in tmp_path.iterdir()] == [".out.lock"]  # of a killed process: nobody's
    with sole_writer(tmp_path / "out"):
        pass
    assert [*tmp_path.iterdir()] == []


def test_wrong_endings_are_refused(nets, bundle):
    f, q, _, x = nets
    folder = bundle.parent
    report = lx.compare(f, q, x)
    for name, write in {
        "m.onnx": lambda path: lx.to_nir(f, path),
        "m.H5": lambda path: lx.to_nir(f, path),
        "m.nir": lambda path: lx.to_onnx(q, path),
        "q.npz": lambda path: save_intnetwork(q, path),
        "r.html": report.save,
        "c.html": lx.certify(q).write,
        "out.json": lambda path: lx.save(q, path),
        "M.NIR": lambda path: lx.save(q, path),
        "x.csv": read_inputs,
    }.items():
        with pytest.raises(ParameterError, match=r"LX006.*; fix: "):
            write(folder / name)
        assert not (folder / name).exists()
    for args in (
        ("export", folder / "model.nir", "--out", folder / "m.h5", "--target", "fpga-q"),
        ("simulate", bundle, "--inputs", folder / "x.npz", "--out", folder / "trace.npy"),
        (
            "quantize",
            folder / "model.nir",
            "--target",
            "fpga-q",
            "--inputs",
            folder / "x.npz",
            "--out",
            folder / "q.nir",
        ),
    ):
        done = call(*args)
        assert done.code == 2 and "LX006" in done.err, done.text
