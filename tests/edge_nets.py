"""One small network whose every edge may be late: every legal kind of edge, alone and together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from nets import int_lif

from lifexport.graph import Edge
from lifexport.network import FloatNetwork, IntNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, IntDense, IntInput, Output

PAIRS = ("in fa", "fa a", "a fb", "fb b", "b out")
BRANCHES = {
    "skip": ("in skip", "skip b"),
    "again": ("a again", "again b"),
    "back": ("a back", "back a"),
    "far": ("b far", "far a"),
    "direct": ("a b",),
    "given": ("in a",),
}
"""Further edges by the connection on their way; ``direct`` and ``given`` have none."""
KINDS: dict[str, dict[str, int]] = {
    "no edge late": {},
    "input": {"in fa": 2},
    "into neurons": {"fa a": 3},
    "between layers": {"a fb": 2},
    "before and behind weights": {"a fb": 1, "fb b": 2},
    "output": {"b out": 1},
    "output, three steps": {"b out": 3},
    "output, longer than the run": {"b out": 40},
    "every edge": {"in fa": 1, "fa a": 2, "a fb": 3, "fb b": 1, "b out": 2},
    "loop": {"a back": 1, "back a": 0},
    "loop, late behind weights": {"a back": 0, "back a": 1},
    "loop and output": {"a back": 1, "back a": 0, "b out": 2},
    "loop of two populations": {"b far": 1, "far a": 0},
    "loop of the output's neurons, and output": {"b far": 0, "far a": 1, "b out": 1},
    "branch": {"in skip": 2, "skip b": 0},
    "branch, late behind weights, and output": {"in skip": 0, "skip b": 3, "b out": 2},
    "two ways of one source": {"a fb": 0, "a again": 3, "again b": 0},
    "two ways, both late": {"a fb": 1, "a again": 2, "again b": 1, "b out": 1},
    "neurons to neurons": {"a b": 2, "b out": 1},
    "input to neurons": {"in a": 1},
}
"""Delays by edge; an edge that is not among ``PAIRS`` is there where it is named."""
STEPS = 18


def edges_of(late: dict[str, int]) -> tuple[Edge, ...]:
    return tuple(Edge(*pair.split(), late.get(pair, 0)) for pair in dict.fromkeys((*PAIRS, *late)))


def int_network(late: dict[str, int], **fixed) -> tuple[IntNetwork, np.ndarray]:
    """Three inputs, three and three neurons; codes ``(18, 2, 3)``."""
    rng = np.random.default_rng(len(late))
    rules = {"decay": np.array([11, 13, 14]), "decay_bits": 4, "threshold": 8, "reset_code": 11, "unit": Fraction(1)}

    def weights(low: int) -> IntDense:
        return IntDense(weight=rng.integers(low, 9, (3, 3)), weight_bits=5, unit=Fraction(1))

    edges = edges_of(late)
    used = {end for edge in edges for end in (edge.source, edge.target)}
    nodes = {name: weights(low) for name, low in (("fa", -3), ("fb", 0))} | {
        name: weights(-6) for name in BRANCHES if name in used
    }
    nodes |= {name: int_lif(shape=(3,), bias=np.array([1, 0, -1]), **rules, **fixed) for name in ("a", "b")}
    nodes |= {"in": IntInput(shape=(3,), code=InputCode(kind="spikes")), "out": Output(shape=(3,))}
    codes = rng.integers(0, 2, (STEPS, 2, 3))
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def float_network(late: dict[str, int]) -> tuple[FloatNetwork, np.ndarray]:
    """The same graph with trained neurons, spike inputs ``(18, 2, 3)``."""
    rng = np.random.default_rng(len(late))
    edges = edges_of(late)
    used = {end for edge in edges for end in (edge.source, edge.target)}
    nodes: dict = {
        name: FloatDense(weight=rng.normal(4.0, 5.0, (3, 3))) for name in ("fa", "fb", *BRANCHES) if name in used
    }
    lif = FloatLIF(shape=(3,), dt=1e-3, tau=8e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes |= {"a": lif, "b": lif, "in": Input(shape=(3,)), "out": Output(shape=(3,))}
    return FloatNetwork(nodes=nodes, edges=edges, dt=1e-3), rng.integers(0, 2, (STEPS, 2, 3)).astype(float)
