"""Static bounds on the integers of a network: which widths are enough, whatever the input.

Every reader with narrow integers asks here before it runs: the fast simulator for its kernels, the ONNX exporter for
its formulas. The bounds hold for every input that ``IntNetwork.check_codes`` admits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .findings import error
from .graph import Edge
from .network import IntNetwork
from .nodes import IntDense

INT32 = (1 << 31) - 1
INT64 = 1 << 62
FLOAT32_WHOLE = 1 << 24


def largest_input(network: IntNetwork, name: str) -> int:
    """Largest magnitude a connection can receive."""
    return _magnitude(network.nodes[network.incoming(name)[0].source])


def product_bound(network: IntNetwork, name: str) -> int:
    """Largest magnitude of any partial sum of a connection's product, in any order of summation, before its shift.

    The sum of a row's magnitudes times the largest input; every partial sum stays below it.
    """
    node: IntDense = network.nodes[name]
    return int(np.abs(node.weight).sum(axis=1).max()) * largest_input(network, name)


def membrane_bound(network: IntNetwork, name: str) -> int:
    """Largest magnitude of a population's membrane before its overflow rule acts, partial sums included."""
    node, arriving = network.nodes[name], 0
    for edge in network.incoming(name):
        source = network.nodes[edge.source]
        if source.role == "connection":
            arriving += product_bound(network, edge.source) << source.shift
        else:
            arriving += _magnitude(source)
    return node.step_bound(arriving)


def edge_range(network: IntNetwork, edge: Edge) -> tuple[int, int]:
    """Lowest and highest value an edge can carry."""
    source = network.nodes[edge.source]
    if source.role == "input":
        return source.code.format.lo, source.code.format.hi
    if source.role == "connection":
        bound = product_bound(network, edge.source) << source.shift
        return -bound, bound
    return 0, _magnitude(source)


@lru_cache(maxsize=16)
def require_int64(network: IntNetwork) -> None:
    """Refuse (LX302) a network whose sums or products the reference itself, int64, could not hold."""
    for name, node in network.populations.items():
        bound = max(membrane_bound(network, name), node.reset_bound() << node.rules.leak.bits)
        if bound > INT64:
            raise error("LX302", node=name, found=f"numbers of up to {bound}", fix="use smaller weights or shifts")


def _magnitude(source) -> int:
    """Largest magnitude a node can emit: an input code, or as many spikes as a step can have."""
    if source.role == "input":
        return max(-source.code.format.lo, source.code.format.hi)
    return source.membrane_range()[1] if source.max_spikes is None else source.max_spikes
