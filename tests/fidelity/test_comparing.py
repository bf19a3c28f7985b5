"""The report against numbers computed again, the long way."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.errors import ParameterError
from lifexport.fidelity import running
from lifexport.nodes import InputCode

NARROW = {"weight_bits": 4, "state_bits": 12}


@pytest.fixture(scope="module", params=[False, True], ids=["feed-forward", "recurrent"])
def case(request):
    f, x = float_network(3, recurrent=request.param)
    q = lx.quantize(f, "fpga-q", calibration=x, **NARROW)
    labels = np.array([0, 1, 2, 3, 4, 0])
    return f, q, x, labels, lx.compare(f, q, x, labels=labels)


def test_the_case_is_worth_looking_at(case):
    _, _, _, _, report = case
    assert report.first_divergence is not None
    for row in report.layers:
        assert 0.01 < row.spikes_float / row.values < 0.6
        assert 0 < row.spikes_differing < row.values


def test_spikes_are_counted_one_by_one(case):
    f, q, x, _, report = case
    a, b = (lx.simulate(net, data, record=("spikes",), backend=how) for net, data, how in pair(f, q, x))
    for name, row in zip(f.populations, report.layers, strict=True):
        both = differing = 0
        for one, other in zip(a.spikes[name].ravel().tolist(), b.spikes[name].ravel().tolist(), strict=True):
            both += one == 1 and other == 1
            differing += one != other
        assert (row.spikes_coincident, row.spikes_differing) == (both, differing)
        assert (row.spikes_float, row.spikes_integer) == (a.spikes[name].sum(), b.spikes[name].sum())
        assert row.coincidence == pytest.approx(2 * both / (row.spikes_float + row.spikes_integer))


def pair(f, q, x):
    return (f, x, "auto"), (q, q.encode(x).codes, "reference")


def test_first_divergence_is_the_first(case):
    f, q, x, _, report = case
    a, b = (lx.simulate(net, data, record=("spikes", "v"), backend=how) for net, data, how in pair(f, q, x))
    first = next(
        (t, name, s, n)
        for t in range(len(x))
        for name in f.populations
        for s in range(x.shape[1])
        for n in range(a.spikes[name].shape[2])
        if a.spikes[name][t, s, n] != b.spikes[name][t, s, n]
    )
    found = report.first_divergence
    assert (found.step, found.node, found.sample, *found.index) == first
    t, name, s, n = first
    assert found.v_float == a.v[name][t, s, n]
    unit = float(q.nodes[name].unit)
    assert found.v_integer == pytest.approx(b.v[name][t, s, n] * unit + f.nodes[name].v_rest[n])
    assert found.threshold == f.nodes[name].v_threshold[n]


def test_membrane_noise(case):
    f, q, x, _, report = case
    a, b = (lx.simulate(net, data, record=("v",), backend=how) for net, data, how in pair(f, q, x))
    for name in f.populations:
        signal = a.v[name] - f.nodes[name].v_rest
        noise = signal - b.v[name] * float(q.nodes[name].unit)
        expected = 10 * math.log10((signal**2).sum() / (noise**2).sum())
        assert report.layer(name).membrane_sqnr_db == pytest.approx(expected, abs=1e-3)


def test_local_noise_is_that_of_a_network_of_one_layer():
    """The second layer alone, as a network of its own whose input is the first one's float spikes."""
    f, x = float_network(5)
    q = lx.quantize(f, "fpga-q", calibration=x, **NARROW)
    spikes = lx.simulate(f, x, record=("spikes",)).spikes["hidden"].astype(float)

    def alone(net, source):
        nodes = {"in": source, "fc1": net.nodes["fc1"], "last": net.nodes["last"], "out": net.nodes["out"]}
        edges = [lx.network.Edge(*names) for names in (("in", "fc1"), ("fc1", "last"), ("last", "out"))]
        return dataclasses.replace(net, nodes=nodes, edges=edges)

    from lifexport.nodes import Input, InputCode, IntInput

    small_f = alone(f, Input(shape=(9,)))
    small_q = alone(q, IntInput(shape=(9,), code=InputCode(kind="spikes")))
    expected = lx.compare(small_f, small_q, spikes).layer("last")
    assert lx.compare(f, q, x).layer("last").membrane_sqnr_local_db == expected.membrane_sqnr_db
    assert expected.membrane_sqnr_local_db == expected.membrane_sqnr_db


def test_parts_add_up_to_the_whole(case, monkeypatch):
    f, q, x, labels, report = case
    monkeypatch.setattr(running, "VALUES_AT_ONCE", 1)
    assert lx.compare(f, q, x, labels=labels).to_json() == report.to_json()


def test_backends_give_one_report(case):
    f, q, x, labels, report = case
    assert lx.compare(f, q, x, labels=labels, backend="reference").to_json() == report.to_json()


def test_accuracy_and_ties(case):
    f, q, x, labels, report = case
    a, b = (lx.simulate(net, data, backend=how).prediction for net, data, how in pair(f, q, x))
    right_a, right_b = a.labels == labels, b.labels == labels
    assert report.accuracy_float.count == right_a.sum()
    assert report.accuracy_integer.count == right_b.sum()
    assert report.accuracy_change.gained - report.accuracy_change.lost == right_b.sum() - right_a.sum()
    assert report.predictions.count == (a.labels == b.labels).sum()
    assert (report.ties_float, report.ties_integer) == (a.ties, b.ties)


def test_weights(case):
    f, q, _, _, report = case
    for row in report.weights:
        target = f.nodes[f.outgoing(row.node)[0].target]
        trained = f.nodes[row.node].weight * target.gain[:, None]
        codes, unit = q.nodes[row.node].weight, float(q.nodes[row.node].unit)
        noise = ((trained - codes * unit) ** 2).sum()
        assert row.sqnr_db == pytest.approx(10 * math.log10((trained**2).sum() / noise), abs=1e-3)
        assert row.zeroed == ((codes == 0) & (trained != 0)).sum()
        assert row.saturated == 0
        assert row.largest_code == np.abs(codes).max() <= 7


def test_decay_and_threshold_name_the_worst_neuron(case):
    f, q, _, _, report = case
    for name, node in f.populations.items():
        realised = q.nodes[name].decay / 2 ** q.nodes[name].rules.leak.bits
        taus = -f.dt / np.log(realised)
        change = np.abs(np.log(taus / node.tau))
        row = report.layer(name)
        assert row.decay.index == (int(change.argmax()),)
        assert row.decay.tau_realised == pytest.approx(taus[change.argmax()])
        assert row.decay.tau_trained == pytest.approx(node.tau[change.argmax()])
        error = q.nodes[name].threshold * float(q.nodes[name].unit) / (node.v_threshold - node.v_rest) - 1
        assert row.threshold.index == (int(np.abs(error).argmax()),)
        assert row.threshold.change == pytest.approx(error[np.abs(error).argmax()])


def test_wide_integers_leave_little_to_report():
    f, x = float_network(3)
    widths = {"weight_bits": 8, "state_bits": 24, "decay_bits": 16, "membrane_range": 64.0}
    report = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, **widths), x)
    assert report.accuracy_float is None and report.to_json()["accuracy"] is None
    for row in report.layers:
        assert row.spike_agreement > 0.95
        assert abs(row.decay.tau_change) < 1e-3
        assert row.overflows == 0


def test_what_is_exact_is_called_exact():
    """Dyadic decay and weights: nothing is lost, and the report says so."""
    from lifexport.graph import Edge
    from lifexport.neurons import FloatLIF
    from lifexport.nodes import FloatDense, Input, Output

    tau = float(-1e-3 / np.log(0.5))
    lif = FloatLIF(shape=(2,), dt=1e-3, tau=tau, r=2.0, v_threshold=127 / 128 * 8, v_reset=0.0)
    assert lif.decay.tolist() == [0.5, 0.5] and lif.gain.tolist() == [1.0, 1.0]
    nodes = {
        "in": Input(shape=(2,)),
        "fc": FloatDense(weight=[[127 / 64, 0.5], [-0.25, 0.5]]),
        "lif": lif,
        "out": Output(shape=(2,)),
    }
    f = lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    x = np.ones((30, 2, 2))
    q = lx.quantize(f, "fpga-q", calibration=x, state_bits=24)
    report = lx.compare(f, q, x)
    assert report.weights[0].sqnr_db is None
    assert report.layers[0].decay.tau_change == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("labels", [True, False])
def test_written_reports_conform(case, tmp_path, labels):
    f, q, x, y, _ = case
    report = lx.compare(f, q, x, labels=y if labels else None)
    document = json.loads(report.save(tmp_path / "fidelity.json").read_text())
    assert schemas.violations("fidelity", document, code="LX003") == []
    assert "nan" not in report.card().lower() and "None" not in report.card()
    assert max(map(len, report.card().splitlines())) <= 120


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("accuracy",), "97 %"),
        (("layers", 0, "spikes", "agreement"), 1.5),
        (("weights", 0, "zeroed"), -1),
        (("target", "colour"), "red"),
        (("findings",), [{"code": "X1"}]),
    ],
)
def test_near_misses_are_refused(case, path, value):
    document = case[4].to_json()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert schemas.violations("fidelity", document, code="LX003")


def codes_of(report):
    return {(finding.code, finding.node) for finding in report.findings}


def test_findings_name_what_happened():
    f, x = float_network(3)
    # A silent layer, lost weights, a changed time constant, clipped input, a clipped membrane.
    weight = f.nodes["fc1"].weight.copy()
    weight[0, 0] = 1e4
    hushed = dataclasses.replace(
        f, nodes={**f.nodes, "fc1": dataclasses.replace(f.nodes["fc1"], weight=-np.abs(weight))}
    )
    q = lx.quantize(hushed, "fpga-q", calibration=x * 0.5, weight_bits=2, decay_bits=5, membrane_range=1.01)
    codes = codes_of(lx.compare(hushed, q, x))
    assert {("LX208", "fc1"), ("LX501", "last"), ("LX504", "in"), ("LX503", "last")} <= codes
    assert "LX210" in {code for code, _ in codes}
    loud = dataclasses.replace(f.nodes["fc0"], bias=np.full(9, 500.0))
    loud_f = dataclasses.replace(f, nodes={**f.nodes, "fc0": loud})
    loud_q = lx.quantize(loud_f, "fpga-q", calibration=x)
    assert ("LX502", "hidden") in codes_of(lx.compare(loud_f, loud_q, x))


def test_threshold_change_is_found():
    f, x = float_network(3, v_threshold=0.7)
    node = dataclasses.replace(f.nodes["last"], v_threshold=np.array([-0.27, 2.7, 2.7, 2.7, 2.7]))
    f = dataclasses.replace(f, nodes={**f.nodes, "last": node})
    q = lx.quantize(f, "fpga-q", calibration=x, state_bits=9)
    assert ("LX211", "last") in codes_of(lx.compare(f, q, x))


def test_bad_pairs_and_labels_are_refused(case):
    f, q, x, labels, _ = case
    other, _ = float_network(4)
    with pytest.raises(ParameterError, match="IntNetwork"):
        lx.compare(f, f, x)
    renamed = dataclasses.replace(other, nodes={**other.nodes}, readout="membrane_last")
    with pytest.raises(ParameterError, match="LX006"):
        lx.compare(renamed, q, x)
    with pytest.raises(ParameterError, match=r"labels.*shape \(5,\)"):
        lx.compare(f, q, x, labels=labels[:5])
    with pytest.raises(ParameterError, match=r"labels.*0\.\.7"):
        lx.compare(f, q, x, labels=np.array([0, 1, 2, 3, 4, 7]))
    with pytest.raises(ParameterError, match=r"labels.*float"):
        lx.compare(f, q, x, labels=labels / 2)
    with pytest.raises(ParameterError, match="LX301"):
        lx.compare(f, q, x[:, :, :3])
    with pytest.raises(ParameterError, match="LX205"):
        lx.compare(f, q, x * np.nan)


def biased(bias, **choices):
    f, x = float_network(2)
    nodes = {**f.nodes, "fc0": dataclasses.replace(f.nodes["fc0"], bias=bias)}
    f = dataclasses.replace(f, nodes=nodes)
    return f, x, lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, **choices), x)


def test_the_bias_that_moves_rest_most_is_named():
    f, _, report = biased(np.array([90.0, *np.full(8, 0.05)]), bias_bits=6)
    row, node = report.layer("hidden").bias, f.nodes["hidden"]
    trained = f.nodes["fc0"].bias * node.gain
    q = lx.quantize(f, "fpga-q", input=InputCode(kind="spikes"), bias_bits=6)
    realised = q.nodes["hidden"].bias * float(q.nodes["hidden"].unit)
    moved = [
        (b - a) / (1 - d) / th
        for a, b, d, th in zip(trained, realised, node.decay, node.v_threshold - node.v_rest, strict=True)
    ]
    (index,) = row.index
    assert abs(moved[index]) == max(map(abs, moved)) > 0.02
    assert row.displacement == pytest.approx(moved[index])
    assert (row.trained, row.realised) == pytest.approx((trained[index], realised[index]))
    assert ("LX212", "hidden") in {(finding.code, finding.node) for finding in report.findings}


def test_no_bias_no_row():
    _, _, report = biased(None)
    assert report.layer("hidden").bias is None
    _, _, report = biased(np.full(9, 0.5))
    assert abs(report.layer("hidden").bias.displacement) < 0.02
    assert "LX212" not in {finding.code for finding in report.findings}


def test_inputs_lost_by_rounding_are_reported():
    f, x = float_network(2)
    x = x * 0.37
    x[0, 0, 0] = 1e6
    report = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x), x)
    assert report.input_zeroed == (x != 0).sum() - 1
    assert report.input_sqnr_db == pytest.approx(
        10 * math.log10((x**2).sum() / (((x != 0) & (x < 1e6)) * x**2).sum()), abs=1.0
    )
    assert "LX505" in {finding.code for finding in report.findings}


def test_exact_inputs_have_no_noise(case):
    report = case[-1]
    assert (report.input_zeroed, report.input_sqnr_db) == (0, None)


def test_a_network_that_is_never_reset_is_compared_one_sample_at_a_time():
    f, x = float_network(2)
    f = dataclasses.replace(f, state_reset="never")
    q = lx.quantize(f, "fpga-q", calibration=x)
    with pytest.raises(ParameterError, match=r"LX006.*6 samples.*never reset"):
        lx.compare(f, q, x)
    assert lx.compare(f, q, x[:, :1]).samples == 1


def test_ragged_inputs_are_refused():
    f, x = float_network(0)
    q = lx.quantize(f, "fpga-q", calibration=x)
    with pytest.raises(ParameterError, match=r"LX301.*ragged"):
        lx.compare(f, q, [[[1, 2]], [[1]]])
