"""A verdict that could hardly have been another one is no evidence: what is missing is said by name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.cli import outcome
from lifexport.nodes import FloatDense, InputCode
from lifexport.samples import DIGITS, KEPT, Samples, Shared, digests

CODE = InputCode(kind="spikes")
RUN = {"prediction_agreement": 0.1, "spike_coincidence": 0.1, "silent_layers": 5, "overflow_rate": 1.0}
STATIC = {"tau_change": 1e6, "threshold_change": 1e6}


def judged(f, q, x, labels=None, **asked):
    report = lx.compare(f, q, x, labels=labels, thresholds=lx.Thresholds(**asked))
    assert schemas.violations("fidelity", report.to_json(), code="LX003") == []
    return report


def codes(report):
    return {(finding.code, finding.node or finding.field) for finding in report.findings if finding.code >= "LX506"}


@pytest.fixture(scope="module")
def pair():
    f, x = float_network(1)
    return f, lx.quantize(f, "fpga-q", input=CODE), x


def with_threshold(f, high, *names):
    nodes = {name: dataclasses.replace(f.nodes[name], v_threshold=high) for name in names}
    return dataclasses.replace(f, nodes={**f.nodes, **nodes})


def test_evidence_holds(pair):
    report = judged(*pair, **RUN, **STATIC)
    assert report.outcome == "holds" and report.ok and codes(report) == set()
    assert outcome.of_report(report) == 0 and "verdict: holds" in report.card()


def test_nothing_fires(pair):
    f = with_threshold(pair[0], 1e3, "hidden", "last")
    report = judged(f, lx.quantize(f, "fpga-q", input=CODE), pair[2], **RUN, **STATIC)
    assert {("LX508", "hidden"), ("LX508", "last"), ("LX508", "prediction")} == codes(report)
    assert {row.name for row in report.verdict if row.evidence} == set(STATIC)
    assert all(row.holds for row in report.verdict) and report.outcome == "no evidence" and not report.ok
    assert outcome.of_report(report) == 1 and outcome.worst(report.findings) == 0
    assert "verdict: NO EVIDENCE" in report.card() and "holds, without evidence" in report.card()
    plain = lx.compare(f, lx.quantize(f, "fpga-q", input=CODE), pair[2])
    assert codes(plain) == codes(report) and outcome.of_report(plain) == 0  # told, though nothing was asked


def test_one_silent_layer_says_nothing_about_its_spikes(pair):
    f = with_threshold(pair[0], 1e3, "last")
    report = judged(f, lx.quantize(f, "fpga-q", input=CODE), pair[2], spike_coincidence=0.1, overflow_rate=1.0)
    assert ("LX508", "last") in codes(report) and ("LX508", "hidden") not in codes(report)
    assert {row.name for row in report.verdict if not row.evidence} == {"spike_coincidence"}


@pytest.mark.parametrize("constant", ["both", "integer"])
def test_one_class_for_every_sample(pair, constant):
    f, q, x = pair
    assert len(set(lx.simulate(f, x).prediction.labels)) > 1
    only = np.array([5.0, -9, -9, -9, -9])
    one = dataclasses.replace(f, nodes={**f.nodes, "fc1": FloatDense(weight=f.nodes["fc1"].weight, bias=only)})
    q = lx.quantize(one, "fpga-q", input=CODE)
    f, q = (one, q) if constant == "both" else (f, dataclasses.replace(q, trained=f.digest()))
    report = judged(f, q, x, np.zeros(6, int), accuracy=0, accuracy_drop=100, prediction_agreement=0, tau_change=1e6)
    assert ("LX508", "prediction") in codes(report)
    assert {row.name for row in report.verdict if row.evidence} == {"tau_change"}


def test_a_single_sample_that_nobody_judges_is_no_finding(pair):
    f, q, x = pair
    assert codes(lx.compare(f, q, x[:, :1])) == set()
    assert codes(judged(f, q, x[:, :1], overflow_rate=1.0)) == set()
    assert ("LX508", "prediction") in codes(judged(f, q, x[:, :1], prediction_agreement=0))


def test_too_few_samples_say_how_many_would_do(pair):
    f, q, x = pair
    labels = lx.simulate(q, x).prediction.labels
    report = judged(f, q, x, labels, accuracy_drop=3, accuracy=0.9, prediction_agreement=0.3)
    assert codes(report) >= {("LX509", "accuracy_drop"), ("LX509", "accuracy")}
    said = {finding.field: finding.found for finding in report.findings if finding.code == "LX509"}
    assert "6 samples: 91 would do for 3" in said["accuracy_drop"] and "35 would do for 0.9" in said["accuracy"]
    assert {row.name for row in report.verdict if row.evidence} == {"prediction_agreement"}


def test_copies_of_samples_are_not_more_samples(pair):
    f, q, x = pair
    report = judged(f, q, np.concatenate([x] * 6, axis=1), prediction_agreement=0.7)
    assert "36 samples, 6 different: 9 would do" in next(f.found for f in report.findings if f.code == "LX509")


@pytest.mark.parametrize("shared", [1, 6])
def test_evaluated_samples_that_were_calibrated_on(pair, shared):
    f, _, x = pair
    seen = np.concatenate([x[::-1], x[:, :shared]], axis=1)
    q = lx.quantize(f, "fpga-q", calibration=seen.astype(np.float32))
    report = judged(f, q, x, **RUN, **STATIC)
    assert report.calibrated == Shared(shared, 6, 6) and codes(report) == {("LX510", None)}
    assert {row.name for row in report.verdict if row.evidence} == set(STATIC)
    other = judged(f, lx.quantize(f, "fpga-q", calibration=x[::-1]), x, **RUN)
    assert other.ok and other.calibrated == Shared(0, 6, 6)
    assert judged(f, dataclasses.replace(q, calibration=None), x, **RUN).calibrated is None


def test_another_parent(pair):
    f, q, x = pair
    other = dataclasses.replace(f, nodes={**f.nodes, "fc0": FloatDense(weight=1.7 * f.nodes["fc0"].weight)})
    assert q.trained == f.digest()
    report = judged(other, q, x, **STATIC)
    assert codes(report) == {("LX511", "trained")} and not report.ok and outcome.of_report(report) == 3
    assert codes(lx.compare(other, dataclasses.replace(q, trained=None), x)) == set()


def test_certainty_is_the_end_of_the_interval(pair):
    f, q, x = pair
    labels = lx.simulate(f, x).prediction.labels
    plain = judged(f, q, x, labels)
    ends = {
        "accuracy": plain.accuracy_integer.interval[0],
        "accuracy_drop": -100 * plain.accuracy_change.interval[0],
        "prediction_agreement": plain.predictions.interval[0],
    }
    for name, end in ends.items():
        worse = 1 if name == "accuracy_drop" else -1
        for by, holds in ((worse * 1e-6, True), (-worse * 1e-6, False)):
            report = judged(f, q, x, labels, **{name: end + by}, certain=True)
            (row,) = report.verdict
            assert row.holds is holds and row.bound == pytest.approx(end), name
            assert "with certainty" in report.card()
        (row,) = judged(f, q, x, labels, **{name: end}).verdict
        assert row.holds and row.bound is None


def test_samples_are_told_by_what_they_are():
    x = np.random.default_rng(0).normal(size=(3, KEPT + 300, 2))
    seen = Samples.of(x[:, :-100])
    assert seen.count == KEPT + 200 and len(seen.digests) == DIGITS * KEPT
    inside, outside = seen.shared(x[:, :-100]), seen.shared(x[:, -100:])
    assert inside.found == KEPT and KEPT <= inside.told < inside.total  # one more may be the last that is kept
    assert outside.found == 0 and 0 < outside.told < 100
    assert Samples.of(x[:, :5], x[:, 3:7]).count == 7
    assert digests(x[:, :2].astype(np.float32)) != digests(x[:, :2])
    assert digests(np.array([[[-0.0]]])) == digests(np.array([[[0]]])) != digests(np.array([[[0]], [[0]]]))


def test_a_network_says_what_it_comes_from_in_every_file(pair, tmp_path):
    f, _, x = pair
    q = lx.quantize(f, "fpga-q", calibration=x)
    assert q.trained == f.digest() and q.calibration == Samples.of(x)
    lx.to_nir(q, tmp_path / "a.nir")
    lx.to_onnx(q, tmp_path / "a.onnx")
    for again in (lx.from_nir(tmp_path / "a.nir"), lx.from_onnx(tmp_path / "a.onnx")):
        assert lx.same(again, q)
    assert lx.load(lx.save(q, tmp_path / "out").path).digest() == q.digest()
    assert q.digest() != dataclasses.replace(q, trained=None, calibration=None).digest()
