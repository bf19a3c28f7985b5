"""Some time steps of a network in JAX, layer by layer: what the fast simulator and training under quantization share.

A connection outside loops is one product over all time steps; a population is a scan over time. The nodes of a loop
are scanned together. Nothing here checks that numbers fit; whoever calls has proved it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..bounds import INT32, largest
from ..findings import at_node
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, IntPopulation
from ..neurons.named import named_words
from .groups import groups
from .in_order import InOrder
from .jax_ops import JaxOps
from .products import connect

INT16 = np.iinfo(np.int16)


class Keep(NamedTuple):
    """What is kept of every step besides output spikes."""

    spikes: bool
    v: bool
    current: bool
    count: bool
    began: bool = False
    """Also what every step began with: ``Began`` of every population."""


class Began(NamedTuple):
    """What every step of a population began with, in the smallest types that hold it, and what is not found from that.

    Parameters
    ----------
    state : LIFState
        Over all steps.
    last : LIFState
        State after the last step.
    v : array or None
        Membranes before their reset, where the state holds them after it.
    arriving : tuple of array
        What the inputs of every port came to; none, where states tell enough of that.
    """

    state: Any
    last: Any
    v: Any
    arriving: tuple


class Ran(NamedTuple):
    """What a run gives, by node; over all steps, but for the counts and the state."""

    spikes: dict[str, Any]
    v: dict[str, Any]
    currents: dict[str, Any]
    overflows: dict[str, Any]
    began: dict[str, Began]
    state: tuple[dict[str, Any], dict[str, Any]]
    """Of populations, and what is under way."""
    late: Any = None
    """Output spikes as they leave, where the edge into the output is late; else they are those of the population."""


def run_layers(
    network: IntNetwork,
    keep: Keep,
    weights: Mapping[str, Any],
    codes: Any,
    state: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    numbers: Mapping[str, Mapping[str, Any]] | None = None,
    in_order: Collection[str] = (),
) -> Ran:
    """Run some time steps.

    Parameters
    ----------
    network : IntNetwork
    keep : Keep
    weights : mapping from connection to array
        Codes, in the type that their product is carried in.
    codes : int array, shape ``(time, batch, *features)``
    state : mapping from population to LIFState, mapping from ``str(edge)`` to int array
        State before the first step, and what is under way.
    numbers : mapping from population to mapping from name to int32 array
        Constants of a population's step to use instead of its own.
    in_order : populations
        Those whose inputs are added one by one, with overflows in between; inputs of all others are summed.
    """
    run = _Run(network, keep, weights, numbers or {}, in_order)
    return run(codes, *state)


class _Run:
    """Some time steps of one network."""

    def __init__(self, network: IntNetwork, keep: Keep, weights, numbers, in_order: Collection[str]):
        self.network, self.keep, self.weights, self.numbers = network, keep, weights, numbers
        self.in_order = in_order

    def __call__(self, codes, populations, delayed) -> Ran:
        network = self.network
        populations, delayed = dict(populations), dict(delayed)
        values: dict[str, Any] = {network.input_name: codes}
        ran = Ran({}, {}, {}, {}, {}, (populations, delayed))
        for group in groups(network, self.in_order):
            outside = {
                edge: delay(values[edge.source], delayed, edge)
                for member in group
                for edge in network.incoming(member)
                if edge.source not in group
            }
            if network.nodes[group[0]].role == "connection" and len(group) == 1:
                values[group[0]] = self._connect(group[0], *outside.values())
            else:
                values |= self._scan(group, outside, ran)
        last = network.output_edge
        late = delay(values[last.source], delayed, last) if last.delay else None
        wanted = network.populations if self.keep.spikes else (last.source,)
        return ran._replace(spikes={name: values[name] for name in wanted}, late=late)

    def _connect(self, name: str, x: Any) -> Any:
        """What a connection hands on, in the smallest type that holds it."""
        values = connect(self.network.nodes[name], self.weights.get(name), x)
        return values.astype(jnp.int8) if largest(self.network, name) <= 127 else values

    def _scan(self, group: Sequence[str], outside: Mapping[Edge, Any], ran: Ran) -> dict[str, Any]:
        """Scan the nodes of a loop (or a lone population) over time: spikes; ``ran`` takes the rest."""
        network, (populations, delayed) = self.network, ran.state
        inner = [edge for edge in network.edges if edge.source in group and edge.target in group and edge.delay]
        members = [name for name in group if network.nodes[name].role == "population"]

        def step(carry, arriving):
            states, queues = carry
            now: dict[str, Any] = {}
            kept, totals = Ran({}, {}, {}, {}, {}, ({}, {})), {}
            for name in group:
                parts = {
                    edge: arriving[edge]
                    if edge in arriving
                    else queues[str(edge)][0]
                    if edge.delay
                    else now[edge.source]
                    for edge in network.incoming(name)
                }
                if name in members:
                    state, arrived = self._step(name, states[name], parts, kept)
                    states = {**states, name: state}
                    needed = self.keep.began and len(group) > 1 and needs_arriving(network.nodes[name])
                    totals |= {name: arrived} if needed else {}
                    now[name] = kept.spikes[name]
                elif self._one_by_one(name):
                    now[name] = parts
                else:
                    now[name] = self._connect(name, *parts.values())
            queues = {
                str(edge): jnp.concatenate([queues[str(edge)][1:], now[edge.source][None].astype(jnp.int32)])
                for edge in inner
            }
            return (states, queues), (kept[:5], totals)

        carry = ({name: populations[name] for name in members}, {str(edge): delayed[str(edge)] for edge in inner})
        rows: Any
        (states, queues), rows = jax.lax.scan(step, carry, outside)
        populations |= states
        delayed |= queues
        (spikes, v, currents, overflows, began), totals = rows
        ran.v.update(v)
        ran.currents.update(currents)
        ran.overflows.update(jax.tree.map(lambda count: count.sum(dtype=jnp.int32), overflows))
        for name, (state, _, late, _) in began.items():
            last = jax.tree.map(_within, states[name], *network.nodes[name].state_range())
            arrived = totals.get(name, ())
            if len(group) == 1 and needs_arriving(network.nodes[name]) and not arrived:
                arrived = tuple(self._total(port, outside) for port in network.arriving(name))
            ran.began[name] = Began(state, last, late, arrived)
        return spikes

    def _one_by_one(self, name: str) -> bool:
        return any(edge.target in self.in_order for edge in self.network.outgoing(name))

    def _step(self, name: str, state: Any, parts: Mapping[Edge, Any], kept: Ran) -> tuple[Any, tuple]:
        """One step of a population: its state, and what arrived; ``kept`` takes the rest."""
        node, keep = self.network.nodes[name], self.keep
        ops = JaxOps(counting=keep.count, numbers=self.numbers.get(name))
        with at_node(name):
            events = tuple(self._events(name, port, parts) for port in self.network.arriving(name))
            after, spikes, v = (named_words(node) if keep.count else node).step(ops, state, Arriving(events))
        kept.spikes[name] = spikes.astype(jnp.int8 if (node.max_spikes or INT32) <= 127 else jnp.int32)
        if keep.v:
            kept.v[name] = v
        if keep.current and after.current:
            kept.currents[name] = jnp.stack(after.current, axis=1)
        if keep.count:
            kept.overflows[name] = {word: left.sum(dtype=jnp.int32) for word, left in ops.left.items()}
        if keep.began:
            late = _within(v, *map(np.asarray, node.membrane_range())) if node.rules.reset_when == "step_end" else None
            narrow = jax.tree.map(_within, state, *node.state_range())
            kept.began[name] = Began(narrow, None, late, ())
        return after, tuple(sum(getattr(event, "taken", event) for event in port) for port in events)

    def _total(self, port: Sequence[Edge], outside: Mapping[Edge, Any]) -> Any:
        """What the inputs of a port came to, over all steps."""
        most = np.asarray(sum(largest(self.network, edge.source) for edge in port))
        return _within(sum(outside[edge].astype(jnp.int32) for edge in port), -most, most)

    def _events(self, name: str, port: Sequence[Edge], parts: Mapping[Edge, Any]) -> list[Any]:
        """What arrives at one port of a population."""
        if name not in self.in_order:
            return [parts[edge].astype(jnp.int32) for edge in port]
        rules = self.network.nodes[name].rules
        word = rules.membrane if rules.current is None else rules.current.word
        found = []
        for edge in port:
            (x,) = parts[edge].values()
            found.append(InOrder(self.network.nodes[edge.source], self.weights[edge.source], x, word))
        return found


def delay(sequence, delayed: dict[str, Any], edge: Edge):
    """What arrives over an edge from outside the loop, for all steps; updates what stays under way."""
    if not edge.delay:
        return sequence
    joined = jnp.concatenate([delayed[str(edge)].astype(sequence.dtype), sequence])
    delayed[str(edge)] = joined[len(sequence) :].astype(jnp.int32)
    return joined[: len(sequence)]


def needs_arriving(node: IntPopulation) -> bool:
    """Whether a step forms numbers that only its inputs tell, neither a current nor the membrane."""
    rules = node.rules  # type: ignore[attr-defined]
    single = rules.accumulate == "sum" and rules.sum_word is None and rules.increment is None
    late = rules.current is not None and rules.current.when == "after_input"
    return not single or late or rules.leak.kind == "toward_input"


def _within(values: Any, lo: np.ndarray, hi: np.ndarray) -> Any:
    """Numbers of a known range in 16 bits, where that holds them."""
    return values.astype(jnp.int16) if lo.min() >= INT16.min and hi.max() <= INT16.max else values
