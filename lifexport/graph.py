"""The directed graph under both networks: who feeds whom, in which order, how much later.

An edge of delay 0 carries what its source produced in the same time step, one of delay 1 what it produced in the step
before. Without the delayed edges the graph has no cycle; its topological order is the order of evaluation.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .findings import error

Shape = tuple[int, ...]


@dataclass(frozen=True, order=True)
class Edge:
    """From ``source`` to ``target``, ``delay`` time steps later."""

    source: str
    target: str
    delay: int = 0

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}" + (f" ({self.delay} later)" if self.delay else "")


class Node(Protocol):
    """What the graph asks of a node."""

    @property
    def role(self) -> str:
        """One of ``input``, ``connection``, ``population``, ``output``."""
        ...

    @property
    def in_shape(self) -> Shape:
        """Shape of what arrives, without time and batch."""
        ...

    @property
    def out_shape(self) -> Shape:
        """Shape of what leaves, without time and batch."""
        ...


def schedule(names: Iterable[str], edges: Iterable[Edge]) -> tuple[str, ...]:
    """Order of evaluation within a time step: sources before targets, names decide ties.

    Raises
    ------
    UnsupportedError
        LX108 if edges without delay form a cycle.

    Examples
    --------
    >>> schedule(["out", "in", "a"], [Edge("in", "a"), Edge("a", "out"), Edge("a", "a", delay=1)])
    ('in', 'a', 'out')
    """
    now = [edge for edge in edges if edge.delay == 0]
    waiting = {name: sum(edge.target == name for edge in now) for name in names}
    ready = [name for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for edge in now:
            if edge.source == name:
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    heapq.heappush(ready, edge.target)
    if len(order) < len(waiting):
        stuck = sorted(name for name, count in waiting.items() if count > 0)
        raise error(
            "LX108",
            found=f"a cycle without delay among {', '.join(stuck)}",
            fix="give the feedback edge delay=1",
        )
    return tuple(order)


def reachable(start: Iterable[str], edges: Iterable[Edge], *, backwards: bool = False) -> set[str]:
    """Names that can be reached from ``start`` along the edges (or against them), ``start`` included."""
    return _reached(start, _ways(edges, backwards=backwards))


def _ways(edges: Iterable[Edge], *, backwards: bool = False) -> dict[str, list[tuple[str, int]]]:
    """Where one gets from every node, and how much later."""
    ways: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for edge in edges:
        here, there = (edge.target, edge.source) if backwards else (edge.source, edge.target)
        ways[here].append((there, edge.delay))
    return ways


def _reached(start: Iterable[str], ways: Mapping[str, list[tuple[str, int]]]) -> set[str]:
    seen, todo = set(start), list(start)
    while todo:
        for there, _ in ways.get(todo.pop(), ()):
            if there not in seen:
                seen.add(there)
                todo.append(there)
    return seen


def loops(names: Iterable[str], edges: Iterable[Edge]) -> list[tuple[str, ...]]:
    """Groups of nodes that feed each other (strongly connected, more than one node or a self-loop), sorted."""
    edges, names = list(edges), list(names)
    ways = _ways(edges)
    forward = {name: _reached([name], ways) for name in names}
    found, grouped = set(), set()
    for name in names:
        if name in grouped:
            continue
        group = tuple(sorted(other for other in forward[name] if name in forward[other]))
        grouped |= {*group}
        if len(group) > 1 or any(edge.source == edge.target == name for edge in edges):
            found.add(group)
    return sorted(found)


def validate(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> None:
    """Check names, roles, shapes, connectedness and loops.

    Raises
    ------
    ShapeError
        LX107 for a dangling, duplicate or disconnected part, LX102 for shapes that do not meet.
    UnsupportedError
        LX108 for a loop without a population, or whose feedback is not exactly one step late.
    """
    _check_names(nodes, edges)
    _check_roles(nodes, edges)
    for edge in edges:
        gives, takes = nodes[edge.source].out_shape, nodes[edge.target].in_shape
        if gives != takes:
            raise error(
                "LX102",
                node=edge.target,
                field="in_shape",
                found=f"{edge.source!r} gives shape {gives}, {edge.target!r} takes {takes}",
                fix="make the sizes of neighbouring layers equal",
            )
    schedule(nodes, edges)
    _check_loops(nodes, edges)


def _malformed(found: str, fix: str, node: str | None = None) -> Exception:
    return error("LX107", found=found, fix=fix, node=node)


def _check_names(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> None:
    for name in nodes:
        if not isinstance(name, str) or not name or "/" in name or any(ord(letter) < 32 for letter in name):
            raise _malformed(f"node name {name!r}", "use a non-empty name without '/' and control characters", name)
    for i, edge in enumerate(edges):
        if not isinstance(edge, Edge):
            raise _malformed(f"edges[{i}] is {edge!r}", 'give Edge("source", "target")')
        for end in (edge.source, edge.target):
            if end not in nodes:
                raise _malformed(f"edge {edge} ends at {end!r}, which is not a node", "add the node or drop the edge")
        if type(edge.delay) is not int or edge.delay < 0:
            raise _malformed(f"edge {edge} has delay {edge.delay!r}", "a delay is 0, 1, 2, ... time steps")
    for pair, times in Counter((edge.source, edge.target) for edge in edges).items():
        if times > 1:
            raise _malformed(f"two edges {pair[0]} -> {pair[1]}", "join them into one connection")


def _check_roles(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> None:
    for role in ("input", "output"):
        count = sum(node.role == role for node in nodes.values())
        if count != 1:
            raise _malformed(f"{count} {role} nodes", f"a network has exactly one {role}")
    if not any(node.role == "population" for node in nodes.values()):
        raise _malformed("no neuron population", "add a population of spiking neurons")
    for name, node in nodes.items():
        arriving = sum(edge.target == name for edge in edges)
        leaving = sum(edge.source == name for edge in edges)
        if node.role == "input" and arriving:
            raise _malformed("an edge ends at the input", "turn the edge around", name)
        if node.role == "output" and leaving:
            raise _malformed("an edge starts at the output", "take the population before it", name)
        if node.role in ("connection", "output") and arriving != 1:
            raise _malformed(
                f"{arriving} edges arrive",
                "one edge feeds a connection or the output; inputs add up at a population",
                name,
            )
    alive = reachable([n for n in nodes if nodes[n].role == "input"], edges)
    alive &= reachable([n for n in nodes if nodes[n].role == "output"], edges, backwards=True)
    for name in nodes:
        if name not in alive:
            raise _malformed("not on a path from input to output", "connect it or take it out", name)


def _check_loops(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> None:
    for group in loops(nodes, edges):
        if not any(nodes[name].role == "population" for name in group):
            raise error(
                "LX108",
                found=f"the loop {' -> '.join(group)} has no neurons",
                fix="a loop must pass through a population",
            )
        members = {*group}
        inside = [edge for edge in edges if edge.source in members and edge.target in members]
        ways = _ways(inside)
        for edge in inside:
            back = _shortest_delay(edge.target, edge.source, ways)
            if edge.delay + back != 1:
                raise error(
                    "LX108",
                    found=f"the loop through {edge} takes {edge.delay + back} steps",
                    fix="feedback arrives exactly one step later: one edge of the loop has delay 1, the others 0",
                )


def _shortest_delay(start: str, goal: str, ways: Mapping[str, list[tuple[str, int]]]) -> int:
    best, todo = {start: 0}, [(0, start)]
    while todo:
        cost, name = heapq.heappop(todo)
        if name == goal:
            return cost
        for there, delay in ways.get(name, ()):
            if cost + delay < best.get(there, 1 << 30):
                best[there] = cost + delay
                heapq.heappush(todo, (best[there], there))
    raise AssertionError("nodes of a strongly connected group reach each other")
