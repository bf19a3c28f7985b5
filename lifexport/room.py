"""How much a network of a file takes to build and run, held against the file before anything walks through it.

A file of some hundred bytes can state a shape, a padding or a delay of any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .findings import error
from .network import FloatNetwork, IntNetwork

MOST_NODES = 1 << 10
"""Nodes of a network in a file."""
MOST_EDGES = 1 << 12
ROOM = 1 << 24
"""Numbers that the states of any network may come to, however small its file is."""
LONGEST = 1 << 16
"""Steps that an edge may be late."""
SEEN = 1 << 26
"""Numbers that one kernel may see in a step, over all its positions."""
_FIX = "export the file again, or get an undamaged copy; a network of that size is built in Python"


def require_few(nodes: int, edges: int) -> None:
    """Refuse (LX003) a graph that is larger than any network."""
    for count, most, what in ((nodes, MOST_NODES, "nodes"), (edges, MOST_EDGES, "edges")):
        if count > most:
            raise error("LX003", found=f"{count} {what}, at most {most} are read", fix=_FIX)


def require_room(network: FloatNetwork | IntNetwork, held: int) -> None:
    """Refuse (LX003) a network whose state is out of all proportion to the file that describes it.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
    held : int
        Bytes of the file.
    """
    for edge in network.edges:
        if edge.delay > LONGEST:
            raise error("LX003", node=edge.target, found=f"{edge}, at most {LONGEST} steps are read", fix=_FIX)
    require_numbers(_state(network), held)
    for name, node in network.connections.items():
        if (windows := getattr(node, "windows", None)) is not None:
            seen = node.in_shape[0] * math.prod(windows.positions) * math.prod(windows.kernel)
            if seen > SEEN:
                found = f"a kernel that sees {seen} numbers in a step, at most {SEEN} are read"
                raise error("LX003", node=name, found=found, fix=_FIX)


def require_numbers(counts: Iterable[tuple[str, int]], held: int) -> None:
    """Refuse (LX003) a file whose parts, each a name and how many numbers it states, come to more than it may hold."""
    total, most = 0, max(ROOM, 2 * held)
    for name, count in counts:
        total += count
        if total > most:
            raise error("LX003", found=f"{total} numbers up to {name!r}, more than the file can hold", fix=_FIX)


def _state(network: Any) -> Iterable[tuple[str, int]]:
    """What flows through every node, and what is under way on every edge."""
    for name, node in network.nodes.items():
        yield name, math.prod(node.in_shape) + math.prod(node.out_shape)
    for edge in network.edges:
        yield str(edge), edge.delay * math.prod(network.nodes[edge.source].out_shape)
