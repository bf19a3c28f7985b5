"""The page says what the report says, loads nothing, and is the same in every process."""

from __future__ import annotations

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
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatLI, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.reporting import html_report
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


def test_the_same_bytes_from_another_process(case, tmp_path):
    f, q, x, report = case
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT)!r}]\n"
        "import lifexport as lx\nfrom float_nets import float_network\nfrom lifexport.reporting import save_html\n"
        "f, x = float_network(1)\nq = lx.quantize(f, 'fpga-q', calibration=x, weight_bits=4)\n"
        "labels = lx.simulate(f, x).prediction.labels\n"
        "asked = lx.Thresholds(accuracy_drop=10, spike_coincidence=1)\n"
        "save_html('page.html', f, q, x, lx.compare(f, q, x, labels=labels, thresholds=asked))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "11"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "page.html").read_text() == html_report(f, q, x, report)


def rename(network, names):
    import dataclasses

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
    import dataclasses

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
