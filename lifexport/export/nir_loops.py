"""Loops of a graph that knows no delays: which edge is late, and how late spikes leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from .. import graph
from ..findings import error
from ..graph import Edge


def closed(edges: Iterable[Edge], starts: Iterable[str], neurons: Collection[str], *, first_bias: bool) -> list[Edge]:
    """The edges with one late edge in every loop that has none.

    The loop is closed by the first back edge of a depth-first walk from ``starts``, names in order. With
    ``first_bias`` the late edge is the one that leaves the last population on the way to it, so that the feedback
    connection sees the spikes of the step before (none in the first step, where its bias still flows); without, the
    one that enters the next population, where in the first step nothing arrives.

    Raises
    ------
    UnsupportedError
        LX108 for a loop without neurons.
    """
    given, late = sorted(edges), set()
    now = {(edge.source, edge.target) for edge in given if edge.delay == 0}
    while cycle := _first_cycle(starts, sorted(now - late)):
        inside = [i for i, name in enumerate(cycle) if name in neurons]
        if not inside:
            fix = "a loop must pass through a population"
            raise error("LX108", found=f"the loop {' -> '.join(cycle)} has no neurons", fix=fix)
        around = [*cycle[inside[-1] :], *cycle[: inside[-1]], cycle[inside[-1]]]
        place = 1 if first_bias else next(i for i, name in enumerate(around[1:], 1) if name in neurons)
        late.add((around[place - 1], around[place]))
    return [dataclasses.replace(e, delay=1) if (e.source, e.target) in late and e.delay == 0 else e for e in given]


def lagging(edges: Iterable[Edge], names: Iterable[str], neurons: Collection[str]) -> list[Edge]:
    """Edges of a tool whose spikes leave one step late: those that lead out of a population's loops are late by one."""
    edges = list(edges)
    loops = graph.loops(names, edges)

    def leaves(edge: Edge) -> bool:
        return edge.source in neurons and not any(edge.source in loop and edge.target in loop for loop in loops)

    return [dataclasses.replace(edge, delay=edge.delay + 1) if leaves(edge) else edge for edge in edges]


def _first_cycle(starts: Iterable[str], pairs: list[tuple[str, str]]) -> list[str] | None:
    after: dict[str, list[str]] = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
    done: set[str] = set()
    for start in [*sorted(starts), *sorted({name for pair in pairs for name in pair})]:
        trail, branches = [start], [iter(after.get(start, ()))]
        while trail and start not in done:
            name = next(branches[-1], None)
            if name is None:
                done.add(trail.pop())
                branches.pop()
            elif name in trail:
                return trail[trail.index(name) :]
            elif name not in done:
                trail.append(name)
                branches.append(iter(after.get(name, ())))
    return None
