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
from .neurons import Word
from .nodes import Connection, IntWeights
from .spatial import SumPool

INT32 = (1 << 31) - 1
INT64 = 1 << 62
FLOAT32_WHOLE = 1 << 24


INT8_PAIR = 32767  # two products of one 16-bit lane in x86 kernels without VNNI


def exact_kernels(node: Connection, largest: int, partial: int) -> tuple[str, ...]:
    """Number formats that carry a connection's product exactly, the fastest first.

    =============  =================================================================
    ``int8_pair``  weights fit in int8, and any two products in 16 bits
    ``int8``       weights and inputs fit in int8 (-127..127), sums in int32
    ``float32``    every partial sum, in any order, stays within ``2**24``
    ``int32``      every partial sum, in any order, fits in int32
    =============  =================================================================

    Parameters
    ----------
    node : Connection
        One without weights only adds: ``int32``.
    largest : int
        Largest magnitude of an input.
    partial : int
        Largest magnitude of a partial sum.
    """
    narrow = partial <= INT32
    if not isinstance(node, IntWeights):
        return ("int32",) if narrow else ()
    weight = int(np.abs(node.weight).max())
    exact = {
        "int8_pair": weight <= 127 and 2 * largest * weight <= INT8_PAIR and narrow,
        "int8": weight <= 127 and largest <= 127 and narrow,
        "float32": partial <= FLOAT32_WHOLE,
        "int32": narrow and weight <= INT32 and largest <= INT32,
    }
    return tuple(name for name, good in exact.items() if good)


def largest_input(network: IntNetwork, name: str) -> int:
    """Largest magnitude a connection can receive."""
    return largest(network, network.incoming(name)[0].source)


def product_bound(network: IntNetwork, name: str) -> int:
    """Largest magnitude of any partial sum of a weighted connection's product, in any order, before its shift.

    The sum of a row's magnitudes times the largest input; every partial sum stays below it.
    """
    node: IntWeights = network.nodes[name]
    return node.row_bound * largest_input(network, name)


def largest(network: IntNetwork, name: str) -> int:
    """Largest magnitude a node can emit: a code, a sum, or as many spikes as a step can have."""
    node = network.nodes[name]
    if node.role == "input":
        return max(-node.code.format.lo, node.code.format.hi)
    if node.role == "population":
        return node.membrane_range()[1] if node.max_spikes is None else node.max_spikes
    if isinstance(node, IntWeights):
        return product_bound(network, name) << node.shift
    return largest_input(network, name) * (node.area if isinstance(node, SumPool) else 1)


def membrane_bound(network: IntNetwork, name: str) -> int:
    """Largest magnitude of a population's membrane before its overflow rule acts, partial sums included."""
    arriving = sum(largest(network, edge.source) for edge in network.incoming(name))
    return network.nodes[name].step_bound(arriving)


def settles(network: IntNetwork, name: str) -> bool:
    """Whether every number of a population is in its range once its overflow rule has acted.

    Saturated and wrapped numbers always are. One that moves by the size of its range at the most is, if no sum leaves
    the range by more than that. Of a current that forgets from step to step only what arrives counts.
    """
    node = network.nodes[name]
    rules, one = node.rules, max(_largest_event(network, edge) for edge in network.incoming(name))
    reach = node.step_bound(one) if node.per_event else membrane_bound(network, name)
    words = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment, rules.current and rules.current.word)
    once = [word for word in words if word and word.overflow == "wrap_once"]

    def holds(word: Word) -> bool:
        own = _current_bound(network, name) if rules.current and word is rules.current.word else reach
        return min(own, reach) <= word.hi - word.lo + 1 + min(word.hi, -word.lo)

    return all(map(holds, once))


@lru_cache(maxsize=64)
def _current_bound(network: IntNetwork, name: str) -> int:
    """Largest magnitude of a synaptic current before its overflow rule acts, from any state in range."""
    node = network.nodes[name]
    rule = node.rules.current
    kept = rule.word.largest
    if rule.leak.kind == "multiply":
        share = int(node.current_decay.max(initial=0))
        kept = min(kept, (kept * share >> rule.leak.bits) + (share > 0))
    if node.per_event or rule.when == "after_input":  # there it is added to before it leaks, or one by one
        return node.step_bound(sum(largest(network, edge.source) for edge in network.incoming(name)))
    most = 0
    for port in network.arriving(name):
        lo, hi = map(sum, zip(*(_brought(network, edge) for edge in port), strict=True))
        most = max(most, int(np.max(np.maximum(-lo, hi))))
    return kept + most


def _brought(network: IntNetwork, edge: Edge) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value that an edge brings, element by element; anything it can carry, of a late one."""
    node = network.nodes[edge.source]
    if edge.delay or node.role != "connection":
        lo, hi = edge_range(network, edge)
        return np.full(node.out_shape, lo, np.int64), np.full(node.out_shape, hi, np.int64)
    reach = node.reach(*_brought(network, network.incoming(edge.source)[0]))
    return reach.lo, reach.hi


def _largest_event(network: IntNetwork, edge: Edge) -> int:
    """Largest magnitude of one input."""
    node = network.nodes[edge.source]
    if isinstance(node, IntWeights):
        return int(np.abs(node.weight).max()) * largest_input(network, edge.source) << node.shift
    return max(map(abs, edge_range(network, edge)))


def edge_range(network: IntNetwork, edge: Edge) -> tuple[int, int]:
    """Lowest and highest value an edge can carry."""
    source, most = network.nodes[edge.source], largest(network, edge.source)
    if source.role == "input":
        return source.code.format.lo, source.code.format.hi
    return (0 if source.role == "population" else -most), most


@lru_cache(maxsize=16)
def require_int64(network: IntNetwork) -> None:
    """Refuse (LX302) a network whose sums or products the reference itself, int64, could not hold."""
    for name, node in network.populations.items():
        bound = max(membrane_bound(network, name), node.reset_bound() << node.rules.leak.bits)
        if (current := node.rules.current) is not None:
            bound = max(bound, current.word.largest << current.leak.bits)
        if bound > INT64:
            raise error("LX302", node=name, found=f"numbers of up to {bound}", fix="use smaller weights or shifts")
