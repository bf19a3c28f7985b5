"""Every word of a step is told under its own rule and name, and a wrap is called a wrap."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lifexport as lx
from lifexport import schemas
from lifexport.errors import LifexportWarning
from lifexport.graph import Edge
from lifexport.neurons import FloatCubaLIF, FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output

SPIKES = InputCode(kind="spikes")


def driven(weight: float = 1.0, kind=FloatCubaLIF, inputs: int = 40, **fields):
    """Inputs that all fire at every step, into slow currents, and a membrane reset to zero."""
    given = {"shape": (4,), "dt": 1e-3, "tau": 20e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0, "reset": "value"}
    given |= {"tau_syn": 200e-3, "w_in": 5.0} if kind is FloatCubaLIF else {}
    nodes = {"in": Input(shape=(inputs,)), "fc": FloatDense(weight=np.full((4, inputs), weight))}
    nodes |= {"lif": kind(**given | fields), "out": Output(shape=(4,))}
    f = lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    return f, np.ones((60, 2, inputs))


def wrapping(membrane_range: float = 4.0):
    """A network whose scale was chosen by the user, and its calibration leaves the words of its chip."""
    f, x = driven()
    with pytest.warns(LifexportWarning, match="LX214"):
        return f, lx.quantize(f, "loihi1-nengo", calibration=x, input=SPIKES, membrane_range=membrane_range), x


def by_hand(q, x):
    """Neurons and steps in which every word of nengo's Loihi changed a number; its rules written out."""
    fc, lif = q.nodes["fc"], q.nodes["lif"]
    counts = dict.fromkeys(("sum", "current", "drive", "membrane"), 0)
    first: dict[str, tuple] = {}

    def keep(word, values, fitted, step):
        changed = np.argwhere(values != fitted)
        counts[word] += len(changed)
        if len(changed) and word not in first:
            first[word] = (step, *changed[0].tolist())
        return fitted

    def wrapped(values, bits):
        return (values + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)

    current, v = np.zeros((2, 4, 2), np.int64)[..., 0], np.zeros((2, 4), np.int64)
    inputs = np.concatenate([x, np.zeros((q.latency, *x.shape[1:]))]).astype(int)
    late = {edge.target: edge.delay for edge in q.edges}["fc"]
    for step in range(len(inputs)):
        codes = inputs[step - late] if step >= late else 0 * inputs[0]
        total = (codes @ fc.weight.T) << fc.shift
        total = keep("sum", total, wrapped(total, 22), step)
        kept = np.sign(current) * (np.abs(current) * int(lif.current_decay[0, 0]) // 4096)
        current = keep("current", kept + total, wrapped(kept + total, 24), step)
        drive = keep("drive", current, wrapped(current, 24), step)
        v = np.sign(v) * (np.abs(v) * int(lif.decay[0]) // 4096) + drive
        v = keep("membrane", v, np.clip(v, lif.rules.membrane.lo, lif.rules.membrane.hi), step)
        v = np.where(v > lif.threshold, 0, v)
    return counts, first, len(inputs) * v.size


def test_every_word_is_counted_under_its_own_rule():
    _, q, x = wrapping()
    counts, first, judged = by_hand(q, x)
    assert counts["sum"] > 100 and counts["current"] > 5 and counts["membrane"] > 5
    codes = np.concatenate([x, np.zeros((q.latency, *x.shape[1:]))]).astype(int)
    for backend in ("reference", "fast"):
        words = lx.simulate(q, codes, record=("overflows",), backend=backend).overflows["lif"]
        assert {name: word.count for name, word in words.items()} == counts, backend
        assert {word.judged for word in words.values()} == {judged}
        rules = {"sum": "wrap", "current": "wrap", "drive": "wrap", "membrane": "saturate"}
        assert {name: word.rule for name, word in words.items()} == rules
    words = lx.simulate(q, codes, backend="reference").overflows["lif"]
    assert {name: word.first for name, word in words.items() if word.first} == first


def test_a_wrap_is_told_as_one_and_never_called_harmless():
    f, q, x = wrapping()
    report = lx.compare(f, q, x, thresholds=lx.Thresholds(overflow_rate=1.0))
    (row,), counts = report.layers, by_hand(q, x)
    assert {word.word: word.count for word in row.words} == counts[0]
    assert all(word.count <= word.judged for word in row.words) and all(judged.holds for judged in report.verdict)
    found = {(f.code, f.field): f for f in report.findings if f.code in ("LX503", "LX507")}
    assert [*found] == [("LX507", "sum"), ("LX507", "current"), ("LX503", "membrane")]
    for word in ("sum", "current"):
        step, sample, *neuron = counts[1][word]
        assert f"first in step {step} of sample {sample}, neuron {neuron}" in found["LX507", word].found
        assert found["LX507", word].severity == "warning" and "harmless" not in str(found["LX507", word])
    worst = max(word.rate for word in row.words)
    (judged,) = report.verdict
    assert judged.measured == worst <= 1 and f"{worst:.2%} sum wraps" in report.card()
    document = report.to_json()
    assert schemas.violations("fidelity", document, code="LX003") == []
    assert document["layers"][0]["membrane"]["overflows"] == counts[0]["membrane"]
    told = {row["word"]: (row["rule"], row["overflows"], row["first"]) for row in document["layers"][0]["words"]}
    assert told["sum"] == ("wrap", counts[0]["sum"], [*counts[1]["sum"]]) and told["membrane"][2] is None
    del document["layers"][0]["words"]  # as older versions wrote it
    assert schemas.violations("fidelity", document, code="LX003") == []


def test_the_first_wrap_has_the_sample_of_the_whole_batch(monkeypatch):
    f, q, x = wrapping()
    x = np.concatenate([0 * x, x], axis=1)
    monkeypatch.setattr("lifexport.fidelity.running.VALUES_AT_ONCE", x.shape[0] * 4)  # one sample at a time
    words = {word.word: word for word in lx.compare(f, q, x).layer("lif").words}
    assert words["sum"].first[1] == 2 and words["sum"].judged == 4 * 4 * (len(x) + q.latency)


def test_inputs_one_by_one_count_a_neuron_once_a_step():
    """However many of its 12 inputs push a Xylo current beyond its word."""
    f, x = driven(inputs=12)
    names = ("decay", "spikes", "synapse", "start", "reset")
    with pytest.warns(LifexportWarning, match=r"LX214.*lif\.current"):
        q = lx.quantize(f, "xylo-v2", calibration=x, input=SPIKES, approximate=names, membrane_range=4.0)
    trace = lx.simulate(q, x, record=("current", "overflows"), backend="reference")
    word = trace.overflows["lif"]["current"]
    assert word.judged == x.shape[0] * x.shape[1] * 4 and 0 < word.count <= word.judged and word.rule == "saturate"
    assert {"membrane", "current", "increment", "leak"} == {*trace.overflows["lif"]}
    report = lx.compare(f, q, x)
    assert {f.field for f in report.findings if f.code == "LX503"} >= {"current"}


def test_quantize_chooses_a_scale_under_which_calibration_fits():
    """The same networks, the scale left to quantize: nothing is clipped but membranes, nothing wraps."""
    for target, weight in (("loihi1-nengo", 1.0), ("loihi1-nengo", -1.0), ("loihi-lava", 2.0)):
        f, x = driven(weight)
        q = lx.quantize(f, target, calibration=x, input=SPIKES)
        codes = np.concatenate([x, np.zeros((q.latency, *x.shape[1:]))]).astype(int)
        words = lx.simulate(q, codes, backend="reference").overflows["lif"]
        assert all(word.count == 0 for name, word in words.items() if name != "membrane"), target
        assert np.abs(q.nodes["fc"].weight).max() >= 127  # weights keep their bits
        tight = wrapping()[1] if target == "loihi1-nengo" and weight > 0 else None
        assert tight is None or int(tight.nodes["lif"].threshold[0]) > int(q.nodes["lif"].threshold[0]) > 64
        assert not [f for f in lx.compare(f, q, x).findings if f.code == "LX507"]


def same_codes(a, b) -> bool:
    """The same network, whatever it was calibrated on."""
    return lx.same(dataclasses.replace(a, calibration=None), dataclasses.replace(b, calibration=None))


def test_what_fits_is_left_as_it_was():
    f, x = driven(0.002)
    chosen = lx.quantize(f, "loihi1-nengo", calibration=x, input=SPIKES)
    assert same_codes(chosen, lx.quantize(f, "loihi1-nengo", input=SPIKES))  # no calibration, nothing to fit


def test_a_membrane_that_wraps_is_given_room():
    f, x = driven(2.0, FloatLIF, reset="subtract")
    q = lx.quantize(f, "fpga-q", calibration=x, overflow="wrap")
    assert lx.simulate(q, x, backend="reference").overflows["lif"]["membrane"].count == 0
    with pytest.warns(LifexportWarning, match=r"LX214.*lif\.membrane: \d+ of 480 neurons and steps .* wrap"):
        lx.quantize(f, "fpga-q", calibration=x, overflow="wrap", membrane_range=2.0)


def test_large_calibrations_are_fitted_in_part_and_then_whole(monkeypatch):
    from lifexport.quantization import fitting

    f, x = driven()
    whole = lx.quantize(f, "loihi1-nengo", calibration=x, input=SPIKES)
    x = np.concatenate([0 * x, x], axis=1)  # the part is silent
    monkeypatch.setattr(fitting, "AT_ONCE", 160 * (len(x) + 2))
    ran = []
    monkeypatch.setattr(fitting, "simulate", lambda q, codes, **given: ran.append(codes.shape[1]) or _run(q, codes))
    assert same_codes(lx.quantize(f, "loihi1-nengo", calibration=x, input=SPIKES), whole)
    assert ran[0] == 1 and set(ran[1:]) == {4}


def _run(q, codes):
    return lx.simulate(q, codes, record=("overflows",), backend="reference")


def test_layers_are_made_coarser_one_after_the_other():
    """What a wrapped layer sends on says nothing of the next: it keeps its scale if it fits once the first does."""
    f, x = driven()
    nodes = dict(f.nodes) | {"fc2": FloatDense(weight=np.full((4, 4), 0.001))}
    nodes["last"] = dataclasses.replace(f.nodes["lif"], w_in=np.ones(4))
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "fc2"), Edge("fc2", "last"), Edge("last", "out")]
    f = dataclasses.replace(f, nodes=nodes, edges=edges)
    fitted, free = (lx.quantize(f, "loihi1-nengo", calibration=c, input=SPIKES) for c in (x, None))
    assert fitted.nodes["lif"].unit > free.nodes["lif"].unit and fitted.nodes["last"].unit == free.nodes["last"].unit


def test_where_no_scale_fits_quantize_warns_and_keeps_what_it_has():
    """A threshold keeps 64 of the steps that Loihi stores, and Xylo's weights their bits."""
    f, x = driven(60.0)
    with pytest.warns(LifexportWarning, match=r"LX214.*lif\.current: \d+ of 488 neurons and steps .* wrap"):
        q = lx.quantize(f, "loihi-lava", calibration=x, input=SPIKES)
    assert int(q.nodes["lif"].threshold[0]) >= 64 * 64
    f, x = driven(inputs=12)
    names = ("decay", "spikes", "synapse", "start", "reset")
    with pytest.warns(LifexportWarning, match=r"LX214.*lif\.current: .* are clipped"):
        q = lx.quantize(f, "xylo-v2", calibration=x, input=SPIKES, approximate=names)
    assert np.abs(q.nodes["fc"].weight).max() == 127
