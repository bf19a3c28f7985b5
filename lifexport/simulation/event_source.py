"""Text of the event-driven run of a part of a network: some time steps of some samples, one after the other.

The text depends on rules and connections alone: sizes and numbers are arguments, so that networks with the same rules
share what was compiled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bounds import INT32, membrane_bound, settles
from ..errors import RangeError
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, LIFState
from ..neurons.named import named_words
from ..nodes import IntWeights
from .code_ops import CodeOps, Inputs, Number
from .event_connections import KINDS, number, one_by_one, row, width
from .event_part import Keep, Part


def require_known(network: IntNetwork) -> None:
    """Refuse (LX302) connections of other kinds, and populations of which nothing bounds the number of spikes."""
    for name, node in network.connections.items():
        if type(node) not in KINDS:
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


def _stored(network: IntNetwork, part: Part, prefix: str, name: str) -> None:
    part.widths[name] = width(network, name)
    part.kept.append(f"{prefix}_out")
    result = number(network, part, name, part.widths[name])
    part.lines += [f"for i in range({prefix}_size):", f"    {prefix}_out[t, b, i] = {result.text}"]
    part.numbers[f"{prefix}_size"] = math.prod(network.nodes[name].out_shape)


def _port(network: IntNetwork, part: Part, ops: CodeOps, name: str, edges: Sequence[Edge]) -> Any:
    """What arrives at one port of a population; a connection's sum is formed here, unless it was formed before."""
    node, found = network.nodes[name], []
    for edge in edges:
        summed = network.nodes[edge.source].role == "connection" and not edge.delay
        if summed and node.per_event and isinstance(network.nodes[edge.source], IntWeights):
            found.append(one_by_one(network, part, edge.source, ops.bits, settles(network, name)))
            continue
        increment = number(network, part, edge.source, ops.bits) if summed else None
        increment = increment or Number(f"int{ops.bits}({row(network, part, edge)}[i])")
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


def _population(network: IntNetwork, part: Part, prefix: str, name: str, keep: Keep) -> None:
    node: Any = network.nodes[name]
    bits, p, given = _bits(network, name), f"{prefix}_", node.initial_state()
    size = int(np.prod(node.shape))
    ops = CodeOps(bits=bits, prefix=p, size=size, counting=keep.count)
    ports = tuple(_port(network, part, ops, name, edges) for edges in network.arriving(name))
    currents = tuple(Number(f"{p}current{k}[b, i]") for k in range(len(given.current)))
    waiting = None if given.waiting is None else Number(f"{p}waiting[b, i]")
    stepping = named_words(node) if keep.count else node
    state, spikes, v = stepping.step(ops, LIFState(Number(f"{p}v[b, i]"), currents, waiting), Arriving(ports))
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
    ops.count_overflows()
    part.lines += ops.lines(f"{p}size")
    part.before += [f"{array} = np.empty({p}size, np.int{bits})" for array in ops.arrays]
    part.numbers[f"{p}size"] = size
    kind = np.dtype(f"int{bits}").type
    part.numbers |= {key: kind(value) for key, value in ops.parameters.items()}
    part.states += [f"{p}v", *(f"{p}current{k}" for k in range(len(currents)))]
    part.states += [f"{p}waiting"] if waiting is not None else []
    part.kept += [f"{p}out"] + ([f"{p}kept_v"] if keep.v else [])
    part.kept += [f"{p}kept_current"] if keep.current and currents else []
    part.counted |= {counter: (name, word) for word, counter in ops.counters.items()}
    part.widths[name] = bits
