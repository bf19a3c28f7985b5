"""Text of the connections of an event-driven run: what every kind makes of the row it is given.

Rows are flat, so that a row is its own flattening. Pools hand on rows of sums. Weights are added up for the population
that they feed, and written to a row of their own only where a pool comes after them.
"""

from __future__ import annotations

import math

import numpy as np

from ..bounds import INT32, largest, largest_input, product_bound
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import IntPopulation
from ..nodes import IntDense, IntWeights
from ..spatial import Flatten, IntConv, SumPool
from .code_ops import Number
from .event_part import EACH, Part, narrowest
from .event_windows import reached, rows, runs

KINDS = (IntDense, IntConv, SumPool, Flatten)
"""Connections that have a text."""
COLUMNS = 32
"""Rows of weights are as long as a multiple of this, so that vector instructions fit into them."""


def width(network: IntNetwork, name: str) -> int:
    """Bits that hold every number of a connection's result."""
    return 32 if largest(network, name) <= INT32 else 64


def row(network: IntNetwork, part: Part, edge: Edge) -> str:
    """Name of what an edge brings in this step; connections that give it in this very step are computed."""
    if network.nodes[edge.source].role == "connection" and not edge.delay:
        return _result(network, part, edge.source)
    name = f"e{len(part.edges)}"
    part.edges[name] = edge
    part.lines.append(f"{name} = {name}_given[t - {name}_late, b] if t >= {name}_late else {name}_queue[t, b]")
    return name


def number(network: IntNetwork, part: Part, name: str, bits: int) -> Number:
    """A connection's result, for a loop that takes it by ``i``."""
    if isinstance(network.nodes[name], IntWeights):
        return _sum(network, part, name, _given(network, part, name), bits)
    return Number(f"int{bits}({_result(network, part, name)}[i])")


def one_by_one(network: IntNetwork, part: Part, name: str, bits: int, skip: bool) -> tuple[Number, tuple[str, ...]]:
    """The inputs of weights one by one: what each brings, and the loop over them."""
    node, given = network.nodes[name], _given(network, part, name)
    p = f"{given}_"
    part.numbers |= {f"{p}skip": skip, f"{p}shift": min(node.shift, bits - 1)}
    part.lines.append(f"{p}count = in_order({given}, {p}words, {p}index, {p}size, {p}skip)")
    if isinstance(node, IntConv):
        alone = _windows(network, part, name, given, bits, index=f"{p}index[{p}f:]", count="1")
        text = f"int{bits}({p}total[i] << ({p}shift & {bits - 1}))"
        return Number(text), (f"for {p}f in range({p}count):", *alone)
    part.numbers[f"{p}weight"] = _columns(node)
    around = (
        f"for {p}j in {p}index[:{p}count]:",
        f"{p}weights, {p}code = {p}weight[{p}j], int{bits}({given}[{p}j])",
    )
    return Number(f"int{bits}(({p}code * {p}weights[i]) << ({p}shift & {bits - 1}))"), around


def _given(network: IntNetwork, part: Part, name: str) -> str:
    """Row that a connection is given, and room for where it is not zero."""
    given = row(network, part, network.incoming(name)[0])
    part.numbers[f"{given}_size"] = math.prod(network.nodes[name].in_shape)
    part.before += [f"{given}_{what} = np.empty({given}_size + 9, np.int32)" for what in ("words", "index")]
    return given


def _result(network: IntNetwork, part: Part, name: str) -> str:
    """Row of what a connection gives in this step."""
    node = network.nodes[name]
    if isinstance(node, Flatten):
        return row(network, part, network.incoming(name)[0])
    given, most = _given(network, part, name), largest(network, name)
    p, size = f"{given}_", math.prod(node.out_shape)
    part.numbers |= {f"{p}gives": size, f"{p}room": -(-size // EACH) * EACH}
    part.before.append(f"{p}row = np.zeros({p}room, np.{np.dtype(narrowest(-most, most)).name})")
    if isinstance(node, SumPool):
        first, place, _ = reached(node.windows)
        part.numbers |= {f"{p}first": first, f"{p}place": place, f"{p}positions": math.prod(node.windows.positions)}
        part.lines += [
            f"{p}count = active({given}, {p}words, {p}index)",
            f"add_pooled({p}first, {p}place, {given}, {p}index, {p}count, {p}row, {p}positions)",
        ]
    else:
        total = _sum(network, part, name, given, width(network, name))
        part.lines += [f"for i in range({p}gives):", f"    {p}row[i] = {total.text}"]
    return f"{p}row"


def _sum(network: IntNetwork, part: Part, name: str, given: str, bits: int) -> Number:
    """Product of a connection with the row it is given, summed before anything takes it."""
    node, p = network.nodes[name], f"{given}_"
    part.lines.append(f"{p}count = active({given}, {p}words, {p}index)")
    if isinstance(node, IntConv):
        part.lines += _windows(network, part, name, given, bits)
    else:
        part.lines.append(_dense(network, part, name, given, bits))
    text = f"{p}total[i]"
    for amount_of, sign in (("drop", ">>"), ("shift", "<<")):
        if amount := getattr(node, amount_of):
            part.numbers[f"{p}{amount_of}"] = min(amount, bits - 1)
            text = f"int{bits}({text} {sign} ({p}{amount_of} & {bits - 1}))"
    return Number(text)


def _dense(network: IntNetwork, part: Part, name: str, given: str, bits: int) -> str:
    node, p = network.nodes[name], f"{given}_"
    largest = max(1, int(np.abs(node.weight).max()) * largest_input(network, name))
    partial = next(t for t in (np.int16, np.int32, np.int64) if np.iinfo(t).max // largest >= 16 or t is np.int64)
    part.numbers |= {f"{p}weight": _columns(node), f"{p}most": int(np.iinfo(partial).max) // largest}
    part.before += [
        f"{p}partial = np.empty({p}weight.shape[1], np.{np.dtype(partial).name})",
        f"{p}total = np.empty({p}weight.shape[1], np.int{bits})",
    ]
    kernel = "add_spikes" if _only_ones(network, name) else "add_codes"
    return f"{kernel}({p}weight, {given}, {p}index, {p}count, {p}partial, {p}total, {p}most)"


def _only_ones(network: IntNetwork, name: str) -> bool:
    """Whether what a connection is given is zeros and ones."""
    source = network.nodes[network.incoming(name)[0].source]
    if isinstance(source, Flatten):
        return _only_ones(network, network.incoming(name)[0].source)
    if source.role == "connection":
        return False
    return source.max_spikes == 1 if isinstance(source, IntPopulation) else source.code.kind == "spikes"


def _columns(node: IntDense) -> np.ndarray:
    """Weights of a connection, one contiguous row for every input, as narrow as they are."""
    n_out, n_in = node.weight.shape
    columns = np.zeros((n_in, -(-n_out // COLUMNS) * COLUMNS), narrowest(*_extent(node)))
    columns[:, :n_out] = node.weight.T
    return columns


def _extent(node: IntWeights) -> tuple[int, int]:
    return int(node.weight.min()), int(node.weight.max())


def _windows(
    network: IntNetwork, part: Part, name: str, given: str, bits: int, index: str = "", count: str = ""
) -> tuple[str, ...]:
    """Lines that add up what inputs of a convolution reach: those of ``index``, or all that are not zero."""
    node, p, bound = network.nodes[name], f"{given}_", product_bound(network, name)
    first, found = runs(node)
    part.numbers |= {
        f"{p}weight": rows(node).astype(narrowest(*_extent(node))),
        f"{p}first": first,
        f"{p}runs": found,
        f"{p}groups": node.groups,
        f"{p}positions": math.prod(node.windows.positions),
        f"{p}sums_size": math.prod(node.out_shape),
    }
    sums = next(t for t in (np.int16, np.int32, np.int64) if bound <= np.iinfo(t).max)
    part.before += [
        f"{p}sums = np.empty({p}sums_size, np.{np.dtype(sums).name})",
        f"{p}total = np.empty({p}sums_size, np.int{bits})",
    ]
    index, count = index or f"{p}index", count or f"{p}count"
    return (
        f"add_windows({p}weight, {p}first, {p}runs, {given}, {index}, {count}, {p}sums, {p}groups)",
        f"channels_first({p}sums, {p}total, {p}groups, {p}positions)",
    )
