"""Text of the event-driven run of a part of a network: some time steps of some samples, one after the other.

The text depends on rules and connections alone: sizes and numbers are arguments, so that networks with the same rules
share what was compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..bounds import INT32, largest_input, membrane_bound, product_bound, settles
from ..errors import RangeError
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, IntPopulation, LIFState
from ..nodes import IntDense
from .code_ops import CodeOps, Inputs, Number

COLUMNS = 32
"""Rows of weights are as long as a multiple of this, so that vector instructions fit into them."""


class Keep(NamedTuple):
    """What is kept of every step besides spikes."""

    v: bool
    current: bool
    count: bool


@dataclass
class Part:
    """Text of a part of the network, and what its arguments are; names begin with the prefix of their node or edge.

    Parameters
    ----------
    lines : list of str
        One time step of one sample.
    before : list of str
        Arrays to work in.
    numbers : dict from argument to array or number
        What the network gives.
    edges : dict from prefix to Edge
        What is read: ``_given`` holds what its source gave in every step of this run, ``_queue`` what is under way.
    nodes : dict from prefix to name
        Populations, and connections whose result is read later: ``_out`` takes what they give.
    widths : dict from node to int
        Width of the numbers of a node.
    states, kept : list of str
        Arguments that hold what a population remembers, and that take what it gives.
    counted : list of str
        Populations whose overflows are counted.
    """

    lines: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> list[str]:
        """Names of all arguments, in order."""
        edges = [f"{prefix}_{what}" for prefix in self.edges for what in ("given", "queue", "late")]
        return ["steps", "first", "last", *self.numbers, *edges, *self.states, *self.kept]

    @property
    def text(self) -> str:
        """The function ``run``; it returns how many numbers overflowed in every population."""
        counters = [f"{prefix}_overflowed" for prefix, name in self.nodes.items() if name in self.counted]
        return "\n".join(
            [
                f"def run({', '.join(self.arguments)}):",
                *(f"    {line}" for line in self.before),
                *(f"    {name} = 0" for name in counters),
                "    for b in range(first, last):",
                "        for t in range(steps):",
                *(f"            {line}" for line in self.lines),
                f"    return ({''.join(name + ', ' for name in counters)})",
                "",
            ]
        )


def require_known(network: IntNetwork) -> None:
    """Refuse (LX302) connections of other kinds, and populations of which nothing bounds the number of spikes."""
    for name, node in network.connections.items():
        if type(node) is not IntDense:
            found, fix = f"a connection of kind {node.kind}", 'use backend="fast" or "reference"'
            raise error("LX302", node=name, found=found, fix=fix)
    for name, node in network.populations.items():
        if node.max_spikes is None and not settles(network, name):
            found, fix = "as many spikes as a membrane that leaves its range", 'use backend="reference"'
            raise error("LX302", node=name, found=found, fix=fix)


def stored(network: IntNetwork) -> set[str]:
    """Connections that must be computed where they stand, because what they give arrives later."""
    return {e.source for e in network.edges if e.delay and network.nodes[e.source].role == "connection"}


def write(network: IntNetwork, members: Sequence[str], keep: Keep) -> Part:
    """Text for some nodes, in order of evaluation: populations, and connections whose result arrives later."""
    part = Part()
    for name in members:
        prefix = f"n{len(part.nodes)}"
        part.nodes[prefix] = name
        if network.nodes[name].role == "connection":
            _stored(network, part, prefix, name)
        else:
            with at_node(name):
                _population(network, part, prefix, name, keep)
    return part


def width(network: IntNetwork, name: str) -> int:
    """Bits that hold every number of a connection's result."""
    return 32 if product_bound(network, name) << network.nodes[name].shift <= INT32 else 64


def _stored(network: IntNetwork, part: Part, prefix: str, name: str) -> None:
    part.widths[name] = width(network, name)
    part.kept.append(f"{prefix}_out")
    result = _sum(network, part, name, part.widths[name])
    part.lines += [f"for i in range({prefix}_size):", f"    {prefix}_out[t, b, i] = {result.text}"]
    part.numbers[f"{prefix}_size"] = network.nodes[name].out_shape[0]


def _row(part: Part, edge: Edge) -> str:
    """Name of what an edge brings in this step."""
    row = f"e{len(part.edges)}"
    part.edges[row] = edge
    part.lines.append(f"{row} = {row}_given[t - {row}_late, b] if t >= {row}_late else {row}_queue[t, b]")
    return row


def _sum(network: IntNetwork, part: Part, name: str, bits: int) -> Number:
    """A connection's product with its input, summed before the population takes it."""
    node, row, most = network.nodes[name], _row(part, network.incoming(name)[0]), largest_input(network, name)
    p, weight = f"{row}_", _columns(node)
    largest = max(1, int(np.abs(node.weight).max()) * most)
    partial = next(t for t in (np.int16, np.int32, np.int64) if np.iinfo(t).max // largest >= 16 or t is np.int64)
    part.numbers |= {f"{p}weight": weight, f"{p}most": int(np.iinfo(partial).max) // largest}
    part.before += [
        *(f"{p}{what} = np.empty({p}weight.shape[0] + 9, np.int32)" for what in ("words", "index")),
        f"{p}partial = np.empty({p}weight.shape[1], np.{np.dtype(partial).name})",
        f"{p}total = np.empty({p}weight.shape[1], np.int{bits})",
    ]
    source = network.nodes[network.incoming(name)[0].source]
    only_ones = source.max_spikes == 1 if isinstance(source, IntPopulation) else source.code.kind == "spikes"
    part.lines += [
        f"{p}count = active({row}, {p}words, {p}index)",
        f"{'add_spikes' if only_ones else 'add_codes'}"
        f"({p}weight, {row}, {p}index, {p}count, {p}partial, {p}total, {p}most)",
    ]
    text = f"{p}total[i]"
    for amount_of, sign in (("drop", ">>"), ("shift", "<<")):
        if amount := getattr(node, amount_of):
            part.numbers[f"{p}{amount_of}"] = min(amount, bits - 1)
            text = f"int{bits}({text} {sign} ({p}{amount_of} & {bits - 1}))"
    return Number(text)


def _inputs(network: IntNetwork, part: Part, name: str, bits: int, skip: bool) -> tuple[Number, tuple[str, ...]]:
    """A connection's inputs one by one: what each brings, and the loop over them."""
    node, row = network.nodes[name], _row(part, network.incoming(name)[0])
    p = f"{row}_"
    part.numbers |= {f"{p}weight": _columns(node), f"{p}skip": skip, f"{p}shift": min(node.shift, bits - 1)}
    part.numbers[f"{p}size"] = node.in_shape[0]
    part.before += [f"{p}{what} = np.empty({p}size + 9, np.int32)" for what in ("words", "index")]
    part.lines.append(f"{p}count = in_order({row}, {p}words, {p}index, {p}size, {p}skip)")
    around = (
        f"for {p}j in {p}index[:{p}count]:",
        f"{p}weights, {p}code = {p}weight[{p}j], int{bits}({row}[{p}j])",
    )
    return Number(f"int{bits}(({p}code * {p}weights[i]) << ({p}shift & {bits - 1}))"), around


def _port(network: IntNetwork, part: Part, ops: CodeOps, name: str, edges: Sequence[Edge]) -> Any:
    """What arrives at one port of a population; a connection's sum is formed here, unless it was formed before."""
    node, found = network.nodes[name], []
    for edge in edges:
        summed = network.nodes[edge.source].role == "connection" and not edge.delay
        if summed and node.per_event:
            found.append(_inputs(network, part, edge.source, ops.bits, settles(network, name)))
            continue
        increment = _sum(network, part, edge.source, ops.bits) if summed else None
        increment = increment or Number(f"int{ops.bits}({_row(part, edge)}[i])")
        found.append((increment, ()) if node.per_event else increment)
    return Inputs(ops, found) if node.per_event else found


def _bits(network: IntNetwork, name: str) -> int:
    """Width of the numbers of a population: the narrower one, if it holds them and the constants of the step."""
    node: Any = network.nodes[name]
    state = node.initial_state()
    like = LIFState(Number("v"), (Number("current"),) * len(state.current), Number("waiting"))
    try:
        node.step(CodeOps(bits=32, size=node.shape[-1]), like, Arriving(((Number("0"),),) * node.synapses))
    except RangeError:
        return 64
    return 32 if settles(network, name) and membrane_bound(network, name) <= INT32 else 64


def _columns(node: IntDense) -> np.ndarray:
    """Weights of a connection, one contiguous row for every input, as narrow as they are."""
    lo, hi = int(node.weight.min()), int(node.weight.max())
    narrow = next(t for t in (np.int8, np.int16, np.int32, np.int64) if np.iinfo(t).min <= lo and hi <= np.iinfo(t).max)
    n_out, n_in = node.weight.shape
    columns = np.zeros((n_in, -(-n_out // COLUMNS) * COLUMNS), narrow)
    columns[:, :n_out] = node.weight.T
    return columns


def _population(network: IntNetwork, part: Part, prefix: str, name: str, keep: Keep) -> None:
    node: Any = network.nodes[name]
    bits, p, given = _bits(network, name), f"{prefix}_", node.initial_state()
    size = int(np.prod(node.shape))
    ops = CodeOps(bits=bits, prefix=p, size=size, counting=keep.count)
    ports = tuple(_port(network, part, ops, name, edges) for edges in network.arriving(name))
    currents = tuple(Number(f"{p}current{k}[b, i]") for k in range(len(given.current)))
    waiting = None if given.waiting is None else Number(f"{p}waiting[b, i]")
    state, spikes, v = node.step(ops, LIFState(Number(f"{p}v[b, i]"), currents, waiting), Arriving(ports))
    ops.store(f"{p}out[t, b, i]", spikes)
    if keep.v:
        ops.store(f"{p}kept_v[t, b, i]", v)
    for k, current in enumerate(state.current):
        if keep.current:
            ops.store(f"{p}kept_current[t, b, {k}, i]", current)
        ops.store(currents[k].text, current)
    if waiting is not None:
        ops.store(waiting.text, state.waiting)
    ops.store(f"{p}v[b, i]", state.v)
    part.lines += ops.lines(f"{p}size")
    part.before += [f"{array} = np.empty({p}size, np.int{bits})" for array in ops.arrays]
    number = np.dtype(f"int{bits}").type
    part.numbers[f"{p}size"] = size
    part.numbers |= {key: number(value) for key, value in ops.parameters.items()}
    part.states += [f"{p}v", *(f"{p}current{k}" for k in range(len(currents)))]
    part.states += [f"{p}waiting"] if waiting is not None else []
    part.kept += [f"{p}out"] + ([f"{p}kept_v"] if keep.v else [])
    part.kept += [f"{p}kept_current"] if keep.current and currents else []
    part.counted += [name] if keep.count else []
    part.widths[name] = bits
