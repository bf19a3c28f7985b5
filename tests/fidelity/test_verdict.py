"""Thresholds: what is asked is measured, what is not met fails, what is no threshold is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.errors import FileError, ParameterError


@pytest.fixture(scope="module")
def pair():
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x[::-1], weight_bits=4)
    return f, q, x, lx.simulate(f, x).prediction.labels


def report(pair, **asked):
    f, q, x, labels = pair
    return lx.compare(f, q, x, labels=labels, thresholds=lx.Thresholds(**asked))


def test_nothing_asked_is_no_verdict(pair):
    f, q, x, _ = pair
    plain = lx.compare(f, q, x)
    assert plain.outcome is None
    assert plain.verdict is None and plain.ok and "no thresholds were stated" in plain.card()
    assert report(pair).verdict == ()


def limits(pair):
    """Every threshold, with what was measured, taken from the report itself."""
    plain = report(pair)
    change = plain.accuracy_change
    yield "accuracy", plain.accuracy_integer.rate, +1
    yield "accuracy_drop", 100 * (change.lost - change.gained) / change.total, -1
    yield "prediction_agreement", plain.predictions.rate, +1
    yield "spike_coincidence", min(row.coincidence for row in plain.layers), +1
    yield "membrane_sqnr_local_db", min(row.membrane_sqnr_local_db for row in plain.layers), +1
    yield "overflow_rate", max(row.overflows / row.values for row in plain.layers), -1
    yield "tau_change", max(abs(row.decay.tau_change) for row in plain.layers), -1
    yield "threshold_change", max(abs(row.threshold.change) for row in plain.layers), -1


def test_every_threshold_holds_at_its_value_and_not_beyond(pair):
    seen = set()
    for name, measured, sign in limits(pair):
        seen.add(name)
        (row,) = report(pair, **{name: measured}).verdict
        assert row.holds and row.measured == pytest.approx(measured), name
        beyond = measured + sign * (1e-6 + 1e-6 * abs(measured))
        if not (name in ("accuracy", "prediction_agreement", "spike_coincidence") and beyond > 1) and beyond >= 0:
            found = report(pair, **{name: beyond})
            (row,) = found.verdict
            assert not row.holds and not found.ok
            (finding,) = [f for f in found.findings if f.code == "LX506"]
            assert finding.field == name and finding.node == row.node and finding.severity == "error"
            assert "DOES NOT HOLD" in found.card() and f"FAILS  {name}" in found.card()
            assert schemas.violations("fidelity", found.to_json(), code="LX003") == []
    assert seen | {"silent_layers", "certain"} == set(lx.Thresholds.__dataclass_fields__)


def test_silent_layers_are_counted(pair):
    f, q, x, _ = pair
    node = q.nodes["last"]
    quiet = dataclasses.replace(
        node, rules=dataclasses.replace(node.rules, compare=">"), threshold=node.rules.membrane.hi
    )
    mute = dataclasses.replace(q, nodes={**q.nodes, "last": quiet})
    found = lx.compare(f, mute, x, thresholds=lx.Thresholds(silent_layers=0))
    assert found.layer("last").spikes_integer == 0  # nothing is above the highest membrane there is
    (row,) = found.verdict
    assert not row.holds and row.node == "last" and row.measured == 1
    assert lx.compare(f, q, x, thresholds=lx.Thresholds(silent_layers=0)).ok


def test_a_drop_is_lost_minus_gained(pair):
    f, q, x, labels = pair
    integer = lx.simulate(q, x).prediction.labels
    truth = labels.copy()
    (changed,) = np.nonzero(labels != integer)
    assert len(changed) >= 1
    truth[changed[0]] = integer[changed[0]]  # the integers win one
    (row,) = lx.compare(f, q, x, labels=truth, thresholds=lx.Thresholds(accuracy_drop=0)).verdict
    assert row.measured == pytest.approx(100 * (len(changed) - 2) / 6)


def test_a_layer_silent_in_training_too_did_not_fall_silent(pair):
    f, _, x, _ = pair
    quiet = dataclasses.replace(f.nodes["last"], v_threshold=1e3)
    mute = dataclasses.replace(f, nodes={**f.nodes, "last": quiet})
    q = lx.quantize(mute, "fpga-q", calibration=x[::-1])
    (row,) = lx.compare(mute, q, x, thresholds=lx.Thresholds(silent_layers=0)).verdict
    assert row.measured == 0 and row.holds and not row.evidence


def test_accuracy_needs_labels(pair):
    f, q, x, _ = pair
    with pytest.raises(ParameterError, match=r"LX006.*accuracy_drop: asked without labels"):
        lx.compare(f, q, x, thresholds=lx.Thresholds(accuracy_drop=1))


@pytest.mark.parametrize(
    "given",
    [
        {"accuracy": 1.1},
        {"accuracy": -0.1},
        {"accuracy": "high"},
        {"accuracy_drop": float("nan")},
        {"silent_layers": 0.5},
        {"silent_layers": True},
        {"overflow_rate": float("inf")},
        {"certain": 1},
    ],
)
def test_what_is_no_threshold(given):
    with pytest.raises(ParameterError, match=f"LX006.*{next(iter(given))}"):
        lx.Thresholds(**given)


def test_from_toml(tmp_path):
    path = tmp_path / "lifexport.toml"
    path.write_text("[fidelity]\naccuracy_drop = 1\nspike_coincidence = 0.9\n[other]\nx = 1\n")
    assert lx.Thresholds.from_toml(path) == lx.Thresholds(accuracy_drop=1, spike_coincidence=0.9)
    for text, kind, said in (
        ("[fidelity]\nacuracy_drop = 1\n", ParameterError, "did you mean 'accuracy_drop'"),
        ("[fidelity]\naccuracy_drop = '1'\n", ParameterError, "accuracy_drop"),
        ("[other]\n", ParameterError, r"no table \[fidelity\]"),
        ("fidelity = 3\n", ParameterError, "no table"),
        ("[fidelity\n", FileError, "not TOML"),
        ("\x00", FileError, "not TOML"),
    ):
        path.write_text(text)
        with pytest.raises(kind, match=said):
            lx.Thresholds.from_toml(path)
    path.write_bytes(b"\xff\xfe[")
    with pytest.raises(FileError, match="not TOML"):
        lx.Thresholds.from_toml(path)
    with pytest.raises(FileError, match="No such file"):
        lx.Thresholds.from_toml(tmp_path / "none.toml")
