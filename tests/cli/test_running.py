"""Verbs that run a network say what the functions behind them say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli.calling import call
from float_nets import float_network

import lifexport as lx


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A bundle, inputs with labels of which some are wrong, and a recording of its integers."""
    folder = tmp_path_factory.mktemp("made")
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    lx.save(q, folder / "bundle", trained=f, inputs=x)
    trace = lx.simulate(q, x, record=("spikes", "v"))
    labels = trace.prediction.labels.copy()
    labels[:2] = (labels[:2] + 1) % 5
    np.savez(folder / "x.npz", x=x, labels=labels)
    np.savez(folder / "chip.npz", **{f"{name}.v": rows for name, rows in trace.v.items()})
    return folder, q, trace, labels


def test_simulate_tells_what_the_network_says(made):
    folder, q, trace, labels = made
    found = json.loads(call("simulate", folder / "bundle", "--inputs", folder / "x.npz", "--json").out)
    assert found["network"] == q.digest() and found["prediction"] == trace.prediction.labels.tolist()
    assert found["correct"] == len(labels) - 2
    assert {name: row["spikes"] for name, row in found["layers"].items()} == {
        name: int(rows.sum()) for name, rows in trace.spikes.items()
    }
    out = folder / "trace.npz"
    assert call("simulate", folder / "bundle", "--inputs", folder / "x.npz", "--record", "v", "--out", out).code == 0
    with np.load(out) as kept:
        assert all((kept[f"{name}.v"] == rows).all() for name, rows in trace.v.items())


@pytest.mark.parametrize("form", ["scan", "step"])
def test_export_writes_the_form_that_is_asked_for(made, form, tmp_path):
    folder, q, *_ = made
    assert call("export", folder / "bundle", "--out", tmp_path / "m.onnx", "--form", form).code == 0
    assert lx.same(lx.from_onnx(tmp_path / "m.onnx"), q)
    assert lx.to_onnx(q, tmp_path / "own.onnx", form=form).sha256 == lx.files.sha256((tmp_path / "m.onnx").read_bytes())


def test_compare_takes_real_inputs_and_codes(made, tmp_path):
    folder, q, *_ = made
    with np.load(folder / "x.npz") as given:
        np.save(tmp_path / "codes.npy", q.encode(given["x"]).codes)
    for inputs in (folder / "x.npz", tmp_path / "codes.npy"):
        done = call("compare", folder / "bundle", "--recorded", folder / "chip.npz", "--inputs", inputs)
        assert done.code == 0 and " 0 of " in done.out, done.err
