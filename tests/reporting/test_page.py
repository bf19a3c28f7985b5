"""The page says what the report says, loads nothing, and is the same in every process."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from exact_nets import exact_network, tau
from float_nets import float_network
from random_float import random_float_network

import lifexport as lx
from lifexport import schemas
from lifexport.errors import ParameterError
from lifexport.fidelity.statistics import Noise
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.reporting import figures, html_report, membranes, rasters
from lifexport.reporting.drawing import style
from lifexport.reporting.sample import MOST_NEURONS, run_sample

ROOT = Path(__file__).resolve().parents[2]


class Page(HTMLParser):
    """Sections, links, text, and whether every element that is opened is closed."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, text: str):
        super().__init__()
        self.sections, self.loads, self.words, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "section":
            self.sections.append(given["id"])
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def case():
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=4)
    labels = lx.simulate(f, x).prediction.labels
    return f, q, x, lx.compare(f, q, x, labels=labels, thresholds=lx.Thresholds(accuracy_drop=10, spike_coincidence=1))


ALWAYS = [
    "verdict",
    "identity",
    "findings",
    "layers",
    "causes",
    "divergence",
    "membranes",
    "rasters",
    "weights",
    "decays",
]


def test_sections_are_there_exactly_when_there_is_something_to_say(case):
    f, q, x, report = case
    there = [*ALWAYS]
    if report.changes:
        there.insert(there.index("divergence"), "changes")
    assert Page(html_report(f, q, x, report)).sections == there
    assert Page(html_report(f, q, x, report, certificate=lx.certify(q))).sections == [*there, "certificate"]
    quiet = lx.compare(f, q, x)
    text = Page(html_report(f, q, x, quiet)).text
    assert "No thresholds were stated" in text and "Accuracy" not in text


def test_numbers_are_those_of_the_report(case):
    f, q, x, report = case
    text = Page(html_report(f, q, x, report, certificate=lx.certify(q))).text
    assert "The verdict does not hold" in text
    assert f"{100 * report.accuracy_integer.rate:.2f} %" in text
    assert f"{report.predictions.count} of {report.predictions.total}" in text
    for row in report.layers:
        assert f"{row.membrane_sqnr_local_db:.1f} dB" in text and f"{100 * row.coincidence:.1f} %" in text
    first = report.first_divergence
    assert f"at step {first.step} of sample {first.sample}" in text
    for finding in report.findings:
        assert finding.code in text and finding.fix in text
    for text_ in report.not_verified:
        assert text_ in text
    for cause in report.causes:
        assert cause.cause in text


def test_nothing_is_loaded_and_nothing_runs(case):
    f, q, x, report = case
    text = html_report(f, q, x, report)
    assert all(target.startswith(("#", "data:")) for target in Page(text).loads)
    assert not re.search(r"url\((?!#)|@import|<script|javascript:|\son\w+=", text)
    assert str(ROOT) not in text and "20" + "26-" not in text


def test_the_same_bytes_from_another_process_with_settings_of_its_own(case, tmp_path):
    f, q, x, report = case
    settings = "font.size: 31\nlines.linewidth: 9\nsvg.fonttype: path\nsavefig.bbox: tight\naxes.grid: True\n"
    (tmp_path / "matplotlibrc").write_text(settings)
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT)!r}]\n"
        "import lifexport as lx\nfrom float_nets import float_network\nfrom lifexport.reporting import save_html\n"
        "f, x = float_network(1)\nq = lx.quantize(f, 'fpga-q', calibration=x, weight_bits=4)\n"
        "labels = lx.simulate(f, x).prediction.labels\n"
        "asked = lx.Thresholds(accuracy_drop=10, spike_coincidence=1)\n"
        "save_html('page.html', f, q, x, lx.compare(f, q, x, labels=labels, thresholds=asked))\n"
        "import matplotlib\nassert matplotlib.rcParams['font.size'] == 31"
    )
    env = {**os.environ, "PYTHONHASHSEED": "11"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "page.html").read_text() == html_report(f, q, x, report)


def rename(network, names):
    nodes = {names.get(name, name): node for name, node in network.nodes.items()}
    edges = [Edge(names.get(e.source, e.source), names.get(e.target, e.target), e.delay) for e in network.edges]
    return dataclasses.replace(network, nodes=nodes, edges=edges)


def test_names_are_text_and_nothing_else():
    f, x = float_network(1)
    f = rename(f, {"hidden": "<script>alert('x')", "last": "ニューロン & $x^2$", "fc0": '"><img src=x>'})
    q = lx.quantize(f, "fpga-q", calibration=x)
    text = html_report(f, q, x, lx.compare(f, q, x), title="<b>T</b>")
    page = Page(text)
    assert "<script>alert('x')" in page.text and "ニューロン & $x^2$" in page.text
    assert "<script" not in text.replace("&lt;script", "") and page.loads == [t for t in page.loads if t[0] in "#d"]


def little(**given):
    lif = FloatLIF(**({"shape": (1,), "dt": 1e-3, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0} | given))
    nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[3.0, 4.0]]), "lif": lif, "out": Output(shape=(1,))}
    return FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def readout_network():
    f, x = float_network(1)
    li = FloatLI(shape=(5,), dt=f.dt, tau=10e-3, r=1.0)
    return dataclasses.replace(f, nodes={**f.nodes, "last": li}, readout="membrane_max"), x


def delayed():
    fields = {"tau": tau(0.9), "r": 1.0, "reset": "value", "compare": ">"}
    return exact_network(FloatLIF, **fields)


EDGES = {
    "one neuron": (lambda: (little(), np.ones((12, 1, 2))), "fpga-q"),
    "nobody fires": (lambda: (little(v_threshold=1e6), np.ones((12, 2, 2))), "fpga-q"),
    "space": (lambda: random_float_network(3)[:2], "fpga-q"),
    "no threshold": (readout_network, "fpga-q"),
    "late": (delayed, "loihi-lava"),
    "one step": (lambda: (little(), np.ones((1, 1, 2))), "fpga-q"),
}


@pytest.mark.parametrize("name", EDGES)
def test_networks_at_the_edge(name):
    make, target = EDGES[name]
    f, x = make()
    q = lx.quantize(f, target, calibration=x)
    report = lx.compare(f, q, x)
    page = Page(html_report(f, q, x, report, certificate=lx.certify(q)))
    assert {"verdict", "layers", "membranes", "rasters", "weights"} <= set(page.sections)
    if report.first_divergence is None:
        assert "every spike of every layer is equal" in page.text


def test_runs_that_are_late_are_shown_in_the_time_of_training():
    f, x = delayed()
    q = lx.quantize(f, "loihi-lava", calibration=x)
    assert q.latency >= 1
    run = run_sample(f, q, x, lx.compare(f, q, x))
    for layer in run.layers:
        same = (layer.spikes_float == layer.spikes_integer).mean()
        shifted = (layer.spikes_float[:-1] == layer.spikes_integer[1:]).mean()
        assert same > 0.9 and same > shifted


def test_of_many_neurons_some_are_shown():
    rng = np.random.default_rng(0)
    n = 3 * MOST_NEURONS + 1
    lif = FloatLIF(shape=(n,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes = {
        "in": Input(shape=(4,)),
        "fc": FloatDense(weight=rng.normal(3, 4, (n, 4))),
        "lif": lif,
        "out": Output(shape=(n,)),
    }
    f = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    x = (rng.random((10, 2, 4)) < 0.5).astype(float)
    q = lx.quantize(f, "fpga-q", calibration=x)
    text = html_report(f, q, x, lx.compare(f, q, x))
    assert f"{MOST_NEURONS} of {n} neurons, spread evenly" in Page(text).text and len(text) < 400_000


def one_layer(neurons, weight):
    nodes = {
        "in": Input(shape=(len(weight[0]),)),
        "fc": FloatDense(weight=weight),
        "lif": neurons,
        "out": Output(shape=neurons.shape),
    }
    return FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def test_who_fires_is_told_from_the_spikes():
    # On the threshold a neuron that compares with > does not fire; the integers, rounded up, do.
    f = one_layer(FloatIAF(shape=(1,), dt=1e-3, r=1.0, v_threshold=1.0, v_reset=0.0, compare=">"), [[500.0, 550.0]])
    x = np.zeros((8, 1, 2))
    x[:2, 0, 0] = 1
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=3)
    report = lx.compare(f, q, x)
    assert report.first_divergence.v_float == report.first_divergence.threshold
    text = Page(html_report(f, q, x, report)).text
    assert "the integer network fires (on the threshold the trained neuron does not) and the other does not" in text


def test_a_difference_that_the_sample_alone_does_not_show_is_said(case):
    f, q, x, report = case
    first, run = report.first_divergence, run_sample(f, q, x, report)
    layer = run.layer(first.node)
    equal = int(np.argmax(layer.spikes_float[first.step] == layer.spikes_integer[first.step]))
    other = dataclasses.replace(report, first_divergence=dataclasses.replace(first, index=(equal,)))
    text = Page(html_report(f, q, x, other)).text
    assert "run alone, the sample does not show it" in text and " fires" not in text.split("first spike that")[1][:400]


def test_weights_are_drawn_as_the_report_counts_them(monkeypatch):
    # On Xylo a current decays after its input: less of a weight reaches the membrane than code times unit.
    rng = np.random.default_rng(0)
    neurons = FloatCubaLIF(shape=(3,), dt=1e-3, tau_syn=8e-3, tau=16e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    f = one_layer(neurons, rng.normal(0.5, 1, (3, 4)))
    x = (rng.random((30, 2, 4)) < 0.3).astype(float)
    q = lx.quantize(f, "xylo-v2", calibration=x, approximate=("decay",))
    report, drawn = lx.compare(f, q, x), []
    monkeypatch.setattr(figures, "weights", lambda pair, name: drawn.append(pair) or "")
    html_report(f, q, x, report)
    (pair,) = drawn
    noise = Noise()
    noise.add(pair.trained, pair.realised)
    assert noise.sqnr_db == report.weights[0].sqnr_db > 30


def test_what_does_not_belong_together_is_refused(case):
    f, q, x, report = case
    other = lx.quantize(f, "fpga-q", calibration=x, weight_bits=5)
    for field, given in (
        ("report", {"q": other}),
        ("x", {"x": 1 - x}),
        ("certificate", {"certificate": lx.certify(other)}),
        ("sweep", {"sweep": SWEEP | {"network": "0" * 64}}),
    ):
        parts = {"f": f, "q": q, "x": x, "report": report} | given
        with pytest.raises(ParameterError, match=f"^LX006 [^:]*: {field}: .*other"):
            html_report(**parts)


SWEEP = {
    "schema": "lifexport.sweep/1",
    "tool": {"name": "lifexport", "version": "0"},
    "network": "",
    "target": "fpga-q",
    "samples": 6,
    "float_right": 6,
    "grid": {"weight_bits": [2, 4], "state_bits": [8, 16]},
    "rows": [
        {"choices": {"weight_bits": w, "state_bits": s}, "network": "1" * 64, "samples": 6, "right": n, "same": n}
        | {"memory_bits": 1000 * w + s, "headroom_bits": spare, "unsafe": spare is None or spare < 0}
        | {"accuracy": n / 6, "interval": [0.5, 1.0], "pareto": spare == 1}
        for w, s, n, spare in ((2, 8, 3, None), (2, 16, 4, -2), (4, 8, 6, 1))
    ],
}


def test_a_sweep_is_a_picture_and_a_table(case):
    f, q, x, report = case
    refused = {"code": "LX204", "found": "<3>"}
    rows = [*SWEEP["rows"], {"choices": {"weight_bits": 4, "state_bits": 16}, "refused": refused}]
    sweep = SWEEP | {"network": f.digest(), "rows": rows}
    assert schemas.violations("sweep", sweep, code="LX003") == []
    page = Page(html_report(f, q, x, report, sweep=sweep))
    assert page.sections[-1] == "sweep"
    table = page.text.split("Bit widths")[1]
    assert "2 8 50.00 % 2\u202f008 none possible –" in table.replace("2 008", "2\u202f008")
    assert "4 8 100.00 %" in table and "1 proved none yes" in table and "4 16 LX204 – – – –" in table
    everything_refused = SWEEP | {"network": f.digest(), "rows": rows[-1:]}
    assert "LX204" in Page(html_report(f, q, x, report, sweep=everything_refused)).text


def test_names_within_pictures_are_unique_and_lead_somewhere(case):
    f, q, x, report = case
    text = html_report(f, q, x, report, certificate=lx.certify(q), sweep=SWEEP | {"network": f.digest()})
    names = re.findall(r'\sid="([^"]*)"', text)
    assert len(names) == len(set(names)) > 20
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', text)) <= set(names)


def strokes(svg: str) -> dict[str, int]:
    """Marks of a raster by colour."""
    found = re.findall(r'<path d="([^"]*)"[^>]*style="[^"]*stroke: (#\w+)', svg)
    return {colour: path.count("M") for path, colour in found if path.count("M") > 1}


def test_a_mark_for_every_spike():
    rng = np.random.default_rng(0)
    a, b = ((rng.random((25, 30)) < 0.3).astype(np.uint8) for _ in range(2))
    kinds = rasters.difference(a, b)
    assert [(kinds == kind).sum() for kind in range(4)] == [
        ((a == 0) & (b == 0)).sum(), ((a == 1) & (b == 1)).sum(), (a > b).sum(), (a < b).sum()
    ]  # fmt: skip
    with style():
        marks = strokes(rasters.raster(kinds, np.arange(30), "r"))
    assert marks["#a5adb6"] == (a & b).sum() and marks["#0072b2"] == (a > b).sum() and marks["#c44e00"] == (a < b).sum()


def test_long_runs_become_bitmaps_that_hide_no_difference():
    kinds = np.full((5000, 40), rasters.SAME)
    kinds[4321, 7] = rasters.MORE_INTEGER
    columns = rasters._columns(kinds)
    assert len(columns) == rasters.MOST_COLUMNS and (columns == rasters.MORE_INTEGER).sum() == 1
    with style():
        svg = rasters.raster(kinds, np.arange(40), "long")
    assert "data:image/png;base64" in svg and len(svg) < 60_000
    assert len(membranes.window(5000, 4321)) == membranes.MOST_STEPS and 4321 in membranes.window(5000, 4321)


def test_the_neuron_that_differs_first_is_among_those_shown():
    rng = np.random.default_rng(1)
    n = 3 * MOST_NEURONS + 1
    neurons = FloatLIF(shape=(n,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    f = one_layer(neurons, rng.normal(3, 4, (n, 4)))
    x = (rng.random((10, 2, 4)) < 0.5).astype(float)
    hidden = []
    for bits in (2, 3, 4, 5, 6):
        q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=bits)
        report = lx.compare(f, q, x)
        layer = run_sample(f, q, x, report).layer("lif")
        assert report.first_divergence.index == (layer.watched,) and layer.watched in layer.shown
        assert len(layer.shown) == len(set(layer.shown)) == MOST_NEURONS and (np.diff(layer.shown) > 0).all()
        hidden.append(layer.watched not in np.linspace(0, n - 1, MOST_NEURONS).round())
    assert any(hidden)
