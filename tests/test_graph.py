from __future__ import annotations

from dataclasses import dataclass

import pytest

from lifexport.errors import ShapeError, UnsupportedError
from lifexport.graph import Edge, loops, reachable, schedule, validate


@dataclass
class Box:
    role: str
    in_shape: tuple = (1,)
    out_shape: tuple = (1,)


KINDS = {"i": "input", "c": "connection", "p": "population", "o": "output"}


def graph(text: str, **shapes):
    """``"in-c1 c1-p1 p1~c2"``: kinds by first letter, ``~`` one step later."""
    edges = []
    for pair in text.split():
        source, mark, target = pair.partition("~" if "~" in pair else "-")
        edges.append(Edge(source, target, int(mark == "~")))
    names = sorted({end for edge in edges for end in (edge.source, edge.target)})
    return {name: Box(KINDS[name[0]], *shapes.get(name, ())) for name in names}, tuple(edges)


CHAIN = "in-c1 c1-p1 p1-out"
GOOD = {
    "chain": CHAIN,
    "merge": "in-c1 in-c2 c1-p1 c2-p1 p1-out",
    "skip": "in-c1 c1-p1 p1-c2 c2-p2 p1-c3 c3-p2 p2-out",
    "self": "in-c1 c1-p1 p1~c2 c2-p1 p1-out",
    "late connection": "in-c1 c1-p1 p1-c2 c2~p1 p1-out",
    "loop of two": "in-c1 c1-p1 p1-c2 c2-p2 p2~c3 c3-p1 p2-out",
    "two loops": "in-c1 c1-p1 p1~c2 c2-p1 p1-c3 c3-p2 p2~c4 c4-p2 p2-out",
    "delayed chain": "in-c1 c1-p1 p1~c2 c2-p2 p2-out",
}


@pytest.mark.parametrize("name", GOOD)
def test_good_graphs(name):
    validate(*graph(GOOD[name]))


BAD = {
    "two inputs": (CHAIN + " in2-c2 c2-p1", "LX107", "2 input nodes"),
    "no output": ("in-c1 c1-p1", "LX107", "0 output nodes"),
    "no neurons": ("in-c1 c1-out", "LX107", "no neuron population"),
    "into the input": (CHAIN + " p1~in", "LX107", "ends at the input"),
    "out of the output": (CHAIN + " out~c2 c2-p1", "LX107", "starts at the output"),
    "two into a connection": ("in-c1 p1~c1 c1-p1 p1-out", "LX107", "2 edges arrive"),
    "dead end": (CHAIN + " p1-c2", "LX107", "not on a path"),
    "double edge": ("in-c1 c1-p1 c1~p1 p1-out", "LX107", "two edges"),
    "instant loop": ("in-c1 c1-p1 p1-c2 c2-p1 p1-out", "LX108", "cycle without delay"),
    "slow loop": ("in-c1 c1-p1 p1~c2 c2~p1 p1-out", "LX108", "takes 2 steps"),
    "loop without neurons": ("in-p1 p1-out p1-c1 c1-p1", "LX108", "cycle"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs(name):
    text, code, said = BAD[name]
    with pytest.raises((ShapeError, UnsupportedError), match=f"{code}.*{said}"):
        validate(*graph(text))


def test_dangling_edge_and_bad_names():
    nodes, edges = graph(CHAIN)
    with pytest.raises(ShapeError, match="not a node"):
        validate(nodes, (*edges, Edge("p1", "ghost")))
    with pytest.raises(ShapeError, match="delay -1"):
        validate(nodes, (edges[0], edges[1], Edge("p1", "out", -1)))
    for name in ("", "a/b", "a\nb"):
        with pytest.raises(ShapeError, match="LX107"):
            validate({**nodes, name: Box("connection")}, edges)


def test_shapes_must_meet():
    with pytest.raises(ShapeError, match=r"LX102.*p1.*\(3,\).*\(1,\)"):
        validate(*graph(CHAIN, c1=((1,), (3,))))


def test_schedule_puts_sources_first_whatever_the_order():
    nodes, edges = graph(GOOD["skip"])
    order = schedule(nodes, edges)
    assert all(order.index(e.source) < order.index(e.target) for e in edges)
    assert order == schedule(reversed(list(nodes)), tuple(reversed(edges)))


def test_loops_and_reach():
    nodes, edges = graph(GOOD["two loops"])
    assert loops(nodes, edges) == [("c2", "p1"), ("c4", "p2")]
    assert loops(*graph(CHAIN)) == []
    assert reachable(["p2"], edges) == {"p2", "c4", "out"}
    assert reachable(["c1"], edges, backwards=True) == {"c1", "in"}
