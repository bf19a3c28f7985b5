"""Static bounds on the integers of a network: which widths are enough, whatever the input.

Every reader with narrow integers asks here before it runs: the fast simulator for its kernels, the ONNX exporter for
its formulas. The bounds hold for every input that ``IntNetwork.check_codes`` admits.
"""

from __future__ import annotations

import numpy as np

from .findings import error
from .graph import Edge
from .network import IntNetwork
from .nodes import IntDense

INT32 = (1 << 31) - 1
INT64 = 1 << 62
FLOAT32_WHOLE = 1 << 24


INT8_PAIR = 32767  # two products of one 16-bit lane in x86 kernels without VNNI


def exact_kernels(node: IntDense, largest: int, partial: int) -> tuple[str, ...]:
    """Number formats that carry a connection's product exactly, the fastest first.

    =============  =================================================================
    ``int8_pair``  weights fit in int8, and any two products in 16 bits
    ``int8``       weights and inputs fit in int8 (-127..127), sums in int32
    ``float32``    every partial sum, in any order, stays within ``2**24``
    ``int32``      every partial sum, in any order, fits in int32
    =============  =================================================================

    Parameters
    ----------
    node : IntDense
    largest : int
        Largest magnitude of an input.
    partial : int
        Largest magnitude of a partial sum.
    """
    weight, narrow = int(np.abs(node.weight).max()), partial <= INT32
    exact = {
        "int8_pair": weight <= 127 and 2 * largest * weight <= INT8_PAIR and narrow,
        "int8": weight <= 127 and largest <= 127 and narrow,
        "float32": partial <= FLOAT32_WHOLE,
        "int32": narrow and weight <= INT32 and largest <= INT32,
    }
    return tuple(name for name, good in exact.items() if good)


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
