"""In which order parts of a network can be run over many time steps each."""

from __future__ import annotations

from collections.abc import Collection

from ..graph import loops
from ..network import Network


def groups(network: Network, in_order: Collection[str] = ()) -> list[tuple[str, ...]]:
    """Loops, and nodes outside of loops, each after everything that feeds it from outside.

    Connections into the populations ``in_order`` stay with them: such populations need every input, not the sum.
    """
    found = loops(network.nodes, network.edges)
    for name in in_order:
        loop = next((loop for loop in found if name in loop), (name,))
        found = [other for other in found if other is not loop]
        found.append((*loop, *(edge.source for edge in network.incoming(name))))
    waiting = [tuple(name for name in network.nodes if name in loop) for loop in found]
    looping = {name for group in waiting for name in group}
    waiting += [(name,) for name in network.nodes if name not in looping]
    ready, order = {network.input_name}, []
    while waiting:  # the graph of loops has no loops: some group is always ready
        group = next(g for g in waiting if {e.source for n in g for e in network.incoming(n)} <= ready.union(g))
        waiting.remove(group)
        ready.update(group)
        if network.nodes[group[0]].role not in ("input", "output"):
            order.append(group)
    return order
