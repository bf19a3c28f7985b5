"""Lags and delays on targets that deliver late."""

from __future__ import annotations

import copy

import pytest

from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.quantization.delays import deliver
from lifexport.targets import Target, load_target

LIF = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
FC = FloatDense(weight=[[1.0]])


def network(*edges: str) -> FloatNetwork:
    """Lower-case names are connections, upper-case ones neurons; ``a B 2`` is an edge two steps late."""
    split = [edge.split() for edge in edges]
    names = {name for source, target, *_ in split for name in (source, target)}
    kinds = {"in": Input(shape=(1,)), "out": Output(shape=(1,))}
    nodes = {name: kinds.get(name, LIF if name.isupper() else FC) for name in names}
    return FloatNetwork(nodes=nodes, edges=[Edge(s, t, int(d[0]) if d else 0) for s, t, *d in split], dt=1e-3)


def target(*, feedforward=1, into=0, max_delay=9, late=False) -> Target:
    document = copy.deepcopy(load_target("fpga-q").document)
    document["delivery"] = {"feedforward": feedforward, "recurrent": 1, "input": into, "max_delay": max_delay}
    document["spike"]["judged"] = "next_step_start" if late else "step_end"
    return Target(document)


CHAIN = ("in a", "a X", "X b", "b Y", "Y out")
CASES = [
    (CHAIN, {}, {"X b": 1}, {"X": 0, "Y": 1}),
    (CHAIN, {"into": 1}, {"in a": 1, "X b": 1}, {"X": 1, "Y": 2}),
    (CHAIN, {"feedforward": 0}, {}, {"X": 0, "Y": 0}),
    (CHAIN, {"feedforward": 0, "late": True}, {}, {"X": 0, "Y": 1}),
    (CHAIN, {"late": True}, {"X b": 1}, {"X": 0, "Y": 2}),
    ((*CHAIN, "in s", "s Y"), {}, {"X b": 1, "in s": 1}, {"X": 0, "Y": 1}),
    ((*CHAIN, "in s", "s Y"), {"late": True}, {"X b": 1, "in s": 2}, {"X": 0, "Y": 2}),
    # A trained delay is as good as the chip's own.
    (("in a", "a X", "X b 1", "b Y", "Y out"), {}, {"X b": 1}, {"X": 0, "Y": 0}),
    (("in a", "a X", "X b 3", "b Y", "Y out"), {}, {"X b": 3}, {"X": 0, "Y": 0}),
    (("in a", "a X", "X b", "b Y 2", "Y out"), {}, {"b Y": 2}, {"X": 0, "Y": 0}),
    # A loop of one population comes back after one step anywhere.
    ((*CHAIN, "X r 1", "r X"), {"into": 1}, {"in a": 1, "X b": 1, "X r": 1}, {"X": 1, "Y": 2}),
    # Three branches of different length, one of them late in training.
    (
        (*CHAIN[:4], "Y c", "c Z", "X s", "s Z", "in t 1", "t Z", "Z out"),
        {},
        {"X b": 1, "Y c": 1, "X s": 2, "in t": 3},
        {"X": 0, "Y": 1, "Z": 2},
    ),
]


@pytest.mark.parametrize(("edges", "chip", "delays", "lags"), CASES)
def test_branches_meet(edges, chip, delays, lags):
    found = deliver(network(*edges), target(**chip))
    assert {f"{e.source} {e.target}": e.delay for e in found.edges if e.delay} == delays
    assert dict(found.lags) == lags and not found.findings


@pytest.mark.parametrize(
    ("edges", "chip", "said"),
    [
        ((*CHAIN, "in s", "s Y"), {"max_delay": 0}, r"in -> Y: 1 steps later"),
        ((*CHAIN, "Y r 1", "r X"), {}, r"the loop through X, Y takes 2 steps"),
        ((*CHAIN, "X r 1", "r X"), {"feedforward": 0, "late": True}, r"the loop through X takes 2 steps"),
        ((*CHAIN, "Y r 1", "r X"), {"late": True}, r"the loop through X, Y takes 4 steps"),
        (("in a 3", "a X", "X out"), {"max_delay": 2}, r"in -> X: 3 steps later"),
    ],
)
def test_what_cannot_be_delivered(edges, chip, said):
    import re

    findings = deliver(network(*edges), target(**chip)).findings
    assert [f.code for f in findings] == ["LX203"] and re.search(said, str(findings[0]))
