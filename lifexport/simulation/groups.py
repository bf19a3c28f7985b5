"""In which order parts of a network can be run over many time steps each."""

from __future__ import annotations

from ..graph import loops
from ..network import IntNetwork


def groups(network: IntNetwork) -> list[tuple[str, ...]]:
    """Loops, and nodes outside of loops, each after everything that feeds it from outside."""
    waiting = [tuple(name for name in network.nodes if name in loop) for loop in loops(network.nodes, network.edges)]
    looping = {name for group in waiting for name in group}
    waiting += [(name,) for name in network.nodes if name not in looping]
    ready, found = {network.input_name}, []
    while waiting:  # the graph of loops has no loops: some group is always ready
        group = next(g for g in waiting if {e.source for n in g for e in network.incoming(n)} <= ready.union(g))
        waiting.remove(group)
        ready.update(group)
        if network.nodes[group[0]].role not in ("input", "output"):
            found.append(group)
    return found
