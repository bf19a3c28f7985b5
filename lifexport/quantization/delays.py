"""How late spikes arrive on a target, and the delays that keep branches together.

On many chips a spike is delivered, or only seen, one step later. A population then runs some steps behind the trained
one, its *lag*; where branches of different length meet, the shorter ones are delayed further, so that what arrived
together in training arrives together on the chip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..findings import Finding
from ..graph import Edge, loops
from ..network import FloatNetwork
from ..nodes import FloatDense
from ..spatial import FloatConv
from ..targets import Target


@dataclass(frozen=True)
class Delivery:
    """Edges of the integer network, and by how many steps each population runs behind the trained one."""

    edges: tuple[Edge, ...]
    lags: Mapping[str, int]
    findings: tuple[Finding, ...]
    """What the target cannot deliver (LX203)."""


def deliver(network: FloatNetwork, target: Target) -> Delivery:
    """Delays of every edge on a target.

    Examples
    --------
    >>> import numpy as np
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> from lifexport.targets import load_target
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> fc = FloatDense(weight=[[1.0]])
    >>> nodes = {"in": Input(shape=(1,)), "a": fc, "x": lif, "b": fc, "y": lif, "skip": fc, "out": Output(shape=(1,))}
    >>> pairs = ["in a", "a x", "x b", "b y", "in skip", "skip y", "y out"]
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge(*pair.split()) for pair in pairs], dt=1e-3)
    >>> found = deliver(net, load_target("loihi-lava"))
    >>> [str(edge) for edge in found.edges if edge.delay], dict(found.lags)
    (['in -> a (1 later)', 'in -> skip (2 later)', 'x -> b (1 later)'], {'x': 1, 'y': 2})
    """
    return _Deliveries(network, target.document).all()


class _Deliveries:
    """Lags by the longest way from the input, found from the end."""

    def __init__(self, network: FloatNetwork, rules: dict[str, Any]):
        self.network, self.rules = network, rules
        self.looping = loops(network.nodes, network.edges)
        self.seen = int(rules["spike"]["judged"] == "next_step_start")
        self.lags: dict[str, int] = {}

    def all(self) -> Delivery:
        findings, late = list(self._loops()), {edge: edge.delay for edge in self.network.edges}
        for name in self.network.populations:
            for edge in self.network.incoming(name):
                if not self._comes_back(edge):
                    source, trained = self._source(edge), self._trained(edge)
                    delay = trained + self.lag(name) - self._emitted(source)
                    extra = delay - self._natural(source)
                    if extra > self.rules["delivery"].get("max_delay", 0):
                        findings.append(self._too_late(edge, extra))
                    late[self._adjustable(edge)] += delay - trained
        last = self.network.output_edge
        if last.delay > self.rules["delivery"].get("max_delay", 0):
            findings.append(self._too_late(last, last.delay))
        leaves = self.network.output_edge
        if leaves.delay > self.rules["delivery"].get("max_delay", 0):
            findings.append(self._too_late(leaves, leaves.delay))
        edges = tuple(Edge(edge.source, edge.target, delay) for edge, delay in late.items())
        return Delivery(edges, {name: self.lag(name) for name in self.network.populations}, tuple(findings))

    def lag(self, name: str) -> int:
        """Steps by which a population runs behind the trained one."""
        if name not in self.lags:
            arriving = [0]
            for edge in self.network.incoming(name):
                if not self._comes_back(edge):
                    source = self._source(edge)
                    arriving.append(self._emitted(source) + max(0, self._natural(source) - self._trained(edge)))
            self.lags[name] = max(arriving)
        return self.lags[name]

    def _emitted(self, source: str) -> int:
        """Steps by which what a node emits is behind."""
        return 0 if source == self.network.input_name else self.lag(source) + self.seen

    def _natural(self, source: str) -> int:
        """Steps a delivery takes by itself."""
        delivery = self.rules["delivery"]
        return delivery.get("input", 0) if source == self.network.input_name else delivery["feedforward"]

    def _source(self, edge: Edge) -> str:
        way = self.network.way(edge)
        return self.network.incoming(way[-1])[0].source if way else edge.source

    def _trained(self, edge: Edge) -> int:
        """Steps from the source to the end of the way in the trained network."""
        return edge.delay + sum(self.network.incoming(name)[0].delay for name in self.network.way(edge))

    def _comes_back(self, edge: Edge) -> bool:
        own = [group for group in self.looping if edge.target in group]
        return bool(own) and self._source(edge) in own[0] and self._trained(edge) > 0

    def _adjustable(self, edge: Edge) -> Edge:
        """The edge of a way that no other way shares: the one before the weights, so that events can be late."""
        weights = [
            name for name in self.network.way(edge) if isinstance(self.network.nodes[name], FloatDense | FloatConv)
        ]
        return self.network.incoming(weights[0])[0] if weights else edge

    def _too_late(self, edge: Edge, extra: int) -> Finding:
        most = self.rules["delivery"].get("max_delay", 0)
        found = f"{self._source(edge)} -> {edge.target}: {extra} steps later than a spike arrives by itself"
        fix = f"the target delays by {most} at most: train without the delay, or put a layer into the shorter branch"
        return Finding(code="LX203", found=found, fix=fix)

    def _loops(self) -> Iterator[Finding]:
        """Feedback that would come back later than one step after the spike."""
        for group in self.looping:
            members = [name for name in self.network.populations if name in group]
            steps = 1 + len(members) * self.seen + (len(members) - 1) * self.rules["delivery"]["feedforward"]
            if steps != 1:
                found = f"the loop through {', '.join(members)} takes {steps} steps on the target"
                yield Finding(code="LX203", found=found, fix="use a target whose spikes come back after one step")
