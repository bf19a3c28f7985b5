"""Ways of spikes between layers, and who says when nobody saw a target deliver on them."""

from __future__ import annotations

import numpy as np
import pytest

import lifexport as lx
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.targets import Target, load_target, never_seen, topologies

LIF = FloatLIF(shape=(2,), dt=1e-3, tau=-1e-3 / np.log(7 / 8), r=8.0, v_threshold=5.0, v_reset=0.0, reset="value")


def network(*edges: str) -> FloatNetwork:
    """Lower-case names are connections, upper-case ones neurons."""
    split = [edge.split() for edge in edges]
    names = {name for source, target, *_ in split for name in (source, target)}
    kinds = {"in": Input(shape=(2,)), "out": Output(shape=(2,))}
    nodes = {name: kinds.get(name, LIF if name.isupper() else FloatDense(weight=5 * np.eye(2))) for name in names}
    return FloatNetwork(nodes=nodes, edges=[Edge(s, t, int(d[0]) if d else 0) for s, t, *d in split], dt=1e-3)


ONE = ("in a", "a X", "X out")
CHAIN = ("in a", "a X", "X b", "b Y", "Y out")
CASES = [
    (ONE, ()),
    (CHAIN, ("feed_forward",)),
    ((*ONE, "X r 1", "r X"), ("recurrent",)),
    ((*CHAIN, "in s", "s Y"), ("feed_forward", "skip")),
    ((*CHAIN, "Y r 1", "r X"), ("recurrent",)),
    ((*CHAIN, "X r 1", "r X", "X t 2", "t Y"), ("feed_forward", "recurrent")),
    ((*CHAIN[:4], "Y c", "c Z", "X s", "s Z", "Z r 1", "r Z", "Z out"), ("feed_forward", "skip", "recurrent")),
]


@pytest.mark.parametrize(("edges", "kinds"), CASES)
def test_kinds_of_ways(edges, kinds):
    assert topologies(network(*edges)) == kinds


@pytest.mark.parametrize(("edges", "kinds"), CASES)
def test_what_was_never_seen_is_told(edges, kinds):
    seen = load_target("loihi-lava")
    assert never_seen(network(*edges), seen) == ()
    for unseen in (None, load_target("fpga-q")):
        found = never_seen(network(*edges), unseen)
        assert len(found) == bool(kinds) and all(f.code == "LX213" and f.severity == "note" for f in found)
        assert all(found[0].found.count(word) for kind, word in WORDS.items() if kind in kinds)


WORDS = {"feed_forward": "from layer to layer", "skip": "past a layer", "recurrent": "back in a loop"}


def test_a_description_without_the_statement_was_never_seen():
    document = load_target("spikerplus").document
    assert load_target("spikerplus").seen_across_layers == ("feed_forward", "recurrent")
    del document["status"]["seen_across_layers"]
    assert Target(document).seen_across_layers == ()
    assert never_seen(network(*CHAIN), Target(document))[0].found == "spikes go from layer to layer"
    branches = never_seen(network(*CHAIN, "in s", "s Y"), load_target("spikerplus"))
    assert branches[0].found == "spikes go past a layer"


def test_reports_say_so():
    x = (np.random.default_rng(0).random((20, 2, 2)) < 0.5).astype(float)
    for target, edges, told in (("spikerplus", CHAIN, False), ("fpga-q", CHAIN, True), ("fpga-q", ONE, False)):
        f = network(*edges)
        q = lx.quantize(f, target, calibration=x, input=lx.nodes.InputCode(kind="spikes"))
        report = lx.compare(f, q, x)
        assert ("LX213" in {finding.code for finding in report.findings}) == told
        assert ("LX213 delivery across layers never seen" in report.card()) == told
    document = load_target("spikerplus").document | {"name": "my-core"}
    f = network(*CHAIN)
    q = lx.quantize(f, Target(document), calibration=x, input=lx.nodes.InputCode(kind="spikes"))
    assert "LX213" in {finding.code for finding in lx.compare(f, q, x).findings}  # nothing of it is at hand there


def test_spikes_of_spikerplus_reach_the_next_layer_a_step_later():
    """The VHDL of two layers: a spike of step 0 is seen in step 1, and moves the next layer in step 2."""
    f = network(*CHAIN)
    x = np.zeros((6, 1, 2))
    x[0, 0, 0] = 1
    spikes = lx.nodes.InputCode(kind="spikes")
    q = lx.quantize(f, "spikerplus", calibration=x, weight_bits=8, state_bits=16, input=spikes)
    v = lx.simulate(q, x, record=("v",)).v
    assert v["X"][:, 0, 0].nonzero()[0].tolist() == [0]
    assert v["Y"][:, 0, 0].nonzero()[0][0] == 2
    assert q.latency == 3 and [str(edge) for edge in q.edges if edge.delay] == ["X -> b (1 later)"]
    report = lx.compare(f, q, (np.random.default_rng(1).random((60, 3, 2)) < 0.4).astype(float))
    assert all(row.spikes_float > 20 and row.spikes_differing == 0 for row in report.layers)
