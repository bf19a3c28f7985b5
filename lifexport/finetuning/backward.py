"""Gradients of a run in integers, by hand.

Backwards window by window of time steps, so that the real numbers of one window suffice; within it layer by layer from
the output back, within a layer step by step.

Kept from the forward pass are integers alone: spikes, what every step of a population began with, and what arrived. The
step of a population is read once more, by ``surrogate_ops.py``, as a linear map, and transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, LIFState
from ..nodes import IntWeights
from ..simulation.chunks import chunk_steps
from ..simulation.groups import groups
from ..simulation.jax_ops import JaxOps
from ..simulation.layerwise import Began, needs_arriving
from ..simulation.products import connect
from .linear import linear
from .surrogate_ops import Pair, SurrogateOps

ROWS = 1024
"""Time steps times samples that are turned into real numbers at a time; measured, ``benchmarks/training.py``."""


class Settings(NamedTuple):
    """How gradients pass a threshold."""

    slope: Callable
    detach_reset: bool = False


class Kept(NamedTuple):
    """What the backward pass needs of the forward pass."""

    codes: Any
    """Input, int array of shape ``(time, batch, *features)``."""
    spikes: Mapping[str, Any]
    """Of every population, int array of shape ``(time, batch, *shape)``."""
    began: Mapping[str, Began]


class Gradients(NamedTuple):
    """Of the loss, by name: weights per code, constants per code."""

    weights: dict[str, Any]
    numbers: dict[str, dict[str, Any]]


def needed(network: IntNetwork, began: Mapping[str, Began]) -> dict[str, Began]:
    """What the backward pass cannot find again of what every step began with.

    Membranes after their reset follow from those before it. A current that wraps is passed through as it is, so that
    its code matters to nothing.
    """
    kept = {}
    for name, seen in began.items():
        node: Any = network.nodes[name]
        state, last, current = seen.state, seen.last, node.rules.current
        if current is not None and current.word.overflow != "saturate" and not needs_arriving(node):
            nothing = (None,) * len(state.current)
            state, last = state._replace(current=nothing), last._replace(current=nothing)
        if seen.v is not None:
            state, last = state._replace(v=None), last._replace(v=None)
        kept[name] = seen._replace(state=state, last=last)
    return kept


def backward(
    network: IntNetwork,
    weights: Mapping[str, Any],
    numbers: Mapping[str, Mapping[str, Any]],
    kept: Kept,
    spikes: Any,
    v: Any,
    settings: Settings,
) -> Gradients:
    """Gradients of a loss with respect to weight codes and constants.

    Parameters
    ----------
    network : IntNetwork
    weights : mapping from connection to float32 array
        Codes.
    numbers : mapping from population to mapping from name to int32 array
        Constants of the step that are trained.
    kept : Kept
    spikes, v : float32 array, shape ``(time, batch, *classes)``
        Gradient of the loss with respect to spikes and membranes (codes, before reset) of the last population.
    settings : Settings

    Returns
    -------
    Gradients
    """
    time, batch = spikes.shape[:2]
    run = _Backward(network, weights, numbers, kept, spikes, v, settings)
    steps = chunk_steps(time, batch, ROWS)
    rest = time % steps
    carry = run.begin(batch)
    if rest:
        carry = run.window(carry, time - rest, rest)
    starts = jnp.arange(time // steps) * steps
    carry, _ = jax.lax.scan(lambda carry, first: (run.window(carry, first, steps), None), carry, starts, reverse=True)
    return carry.found


class _Carry(NamedTuple):
    """What one window hands to the one before it."""

    loops: dict[str, Any]
    """Gradients of the states of a loop, and of what is under way within it, by the loop's first node."""
    heads: dict[str, Any]
    """Of what late edges brought in the first steps of the window: it was emitted in the window before."""
    found: Gradients
    """Sums over the windows so far."""


@dataclass(frozen=True)
class _Backward:
    network: IntNetwork
    weights: Mapping[str, Any]
    numbers: Mapping[str, Mapping[str, Any]]
    kept: Kept
    spikes: Any
    v: Any
    settings: Settings

    @cached_property
    def loops(self) -> dict[str, _Loop]:
        """Loops, and lone populations, by their first node."""
        return {group[0]: _Loop(self, group) for group in groups(self.network) if not self._plain(group)}

    def _plain(self, group: Sequence[str]) -> bool:
        return len(group) == 1 and self.network.nodes[group[0]].role == "connection"

    def begin(self, batch: int) -> _Carry:
        """What the last window starts from: nothing."""
        network = self.network
        inner = {edge for loop in self.loops.values() for edge in loop.inner}
        late = [e for e in network.edges if e.delay and e not in inner and e.source != network.input_name]
        weighted = [name for name, node in network.connections.items() if isinstance(node, IntWeights)]
        return _Carry(
            {name: loop.zeros(batch)[:2] for name, loop in self.loops.items()},
            {str(e): jnp.zeros((e.delay, batch, *network.nodes[e.source].out_shape), jnp.float32) for e in late},
            Gradients(
                {name: jnp.zeros(network.nodes[name].weight.shape, jnp.float32) for name in weighted},
                {name: loop.no_constants(name) for loop in self.loops.values() for name in loop.members},
            ),
        )

    def window(self, carry: _Carry, first: Any, steps: int) -> _Carry:
        """Pass gradients through some time steps, from the output back."""
        window = _Window(self, carry, first, steps)
        window.add(self.network.readout_name, window.rows(self.spikes))
        for group in reversed(groups(self.network)):
            if self._plain(group):
                window.connection(group[0])
            else:
                window.loop(self.loops[group[0]])
        return window.after


class _Window:
    """Time steps ``first`` to ``first + steps``, of which the later ones are done."""

    def __init__(self, owner: _Backward, carry: _Carry, first: Any, steps: int):
        self.owner, self.network = owner, owner.network
        self.first, self.steps = first, steps
        self.waiting: dict[str, Any] = {}  # gradients of what nodes emit, summed over those who hear them
        self.before = carry
        self.after = _Carry(dict(carry.loops), dict(carry.heads), Gradients(*map(dict, carry.found)))

    def rows(self, values: Any, late: int = 0) -> Any:
        """The window of a sequence that arrives some steps late; nothing at first."""
        if not late:
            return jax.lax.dynamic_slice_in_dim(values, self.first, self.steps)
        sent = self.first - late + jnp.arange(self.steps)
        there = (sent >= 0).reshape(-1, *(1,) * (values.ndim - 1))
        return jnp.where(there, jnp.take(values, jnp.maximum(sent, 0), axis=0), 0)

    def add(self, name: str, gradient: Any) -> None:
        """Add to the gradient of what a node emits in this window."""
        self.waiting[name] = self.waiting[name] + gradient if name in self.waiting else gradient

    def hand_back(self, edge: Edge, gradient: Any) -> None:
        """Give the gradient of what an edge brought to its source; the input of the network needs none."""
        if edge.source == self.network.input_name:
            return
        if edge.delay:
            joined = jnp.concatenate([gradient, self.before.heads[str(edge)]])
            self.after.heads[str(edge)], gradient = joined[: edge.delay], joined[edge.delay :]
        self.add(edge.source, gradient)

    def arriving(self, edge: Edge, late: int = 0) -> Any:
        """What an edge brings in the window, integers."""
        name, late = edge.source, late + edge.delay
        if name == self.network.input_name:
            return self.rows(self.owner.kept.codes, late)
        if name in self.owner.kept.spikes:
            return self.rows(self.owner.kept.spikes[name], late)
        (before,) = self.network.incoming(name)
        return connect(self.network.nodes[name], None, self.arriving(before, late))

    def connection(self, name: str) -> None:
        """Pass a gradient through a connection outside of loops, and keep that of its weights."""
        (edge,) = self.network.incoming(name)
        gradient = self.waiting.pop(name)
        node, weight = self.network.nodes[name], self.owner.weights.get(name)
        if isinstance(node, IntWeights):
            self.weight(name, gradient)
        if edge.source != self.network.input_name:
            like = jax.ShapeDtypeStruct((*gradient.shape[:2], *node.in_shape), jnp.float32)
            self.hand_back(edge, *jax.linear_transpose(lambda x: linear(node, weight, x), like)(gradient))

    def weight(self, name: str, gradient: Any) -> None:
        """Keep the gradient of a connection's weights, from that of what it gives."""
        node, total = self.network.nodes[name], self.after.found.weights
        x = self.arriving(self.network.incoming(name)[0]).astype(jnp.float32)
        like = jax.ShapeDtypeStruct(node.weight.shape, jnp.float32)
        total[name] = total[name] + jax.linear_transpose(lambda w: linear(node, w, x), like)(gradient)[0]

    def loop(self, loop: _Loop) -> None:
        """Pass gradients through the nodes of a loop, or a lone population, from the last step to the first."""
        network, name = self.network, loop.group[0]
        batch = self.owner.spikes.shape[1]
        shapes = {n: (self.steps, batch, *network.nodes[n].shape) for n in loop.members}
        spikes = {n: self.waiting.pop(n) if n in self.waiting else jnp.zeros(shapes[n]) for n in loop.members}
        last = {network.readout_name: self.rows(self.owner.v)} if network.readout_name in loop.members else {}
        began = {n: self.began(n, self.owner.kept.began[n]) for n in loop.members}
        carry, (arrived, tapped, constants) = loop.transposed(self.before.loops[name], began, (spikes, last))
        self.after.loops[name] = carry
        for n, values in constants.items():
            self.after.found.numbers[n] = jax.tree.map(
                lambda total, rows: total + rows.sum(axis=0), self.before.found.numbers[n], values
            )
        for n in loop.members:
            for port, gradient in zip(loop.ports[n], arrived[n], strict=True):
                for edge in port:
                    if edge not in loop.inner:
                        self.hand_back(edge, gradient)
        for n, gradient in tapped.items():
            self.weight(n, gradient)

    def began(self, name: str, began: Began) -> Began:
        """What is known of the window's steps: ``last`` and ``v`` are now what each of them ended with."""
        state = jax.tree.map(self.rows, began.state)
        last = jax.tree.map(self._next, began.state, state, began.last)
        late, arriving = jax.tree.map(self.rows, (began.v, began.arriving))
        if began.state.v is not None:
            return Began(state, last, last.v if late is None else late, arriving)
        node: Any = self.network.nodes[name]
        ops = JaxOps(numbers=self.owner.numbers.get(name))
        ended, before = (node.after_reset(ops, v.astype(jnp.int32)) for v in (late, self.rows(began.v, 1)))
        first = (self.first + jnp.arange(self.steps) == 0).reshape(-1, *(1,) * (before.ndim - 1))
        begun = jnp.where(first, jnp.asarray(node.v_initial, jnp.int32), before)
        return Began(state._replace(v=begun), last._replace(v=ended), late, arriving)

    def _next(self, values: Any, window: Any, end: Any) -> Any:
        after = self.first + self.steps
        here = jax.lax.dynamic_index_in_dim(values, jnp.minimum(after, len(values) - 1), keepdims=False)
        return jnp.concatenate([window[1:], jnp.where(after < len(values), here, end)[None]])


class _Loop:
    """The nodes of a loop in one step as a linear map, and its transpose over some steps."""

    def __init__(self, owner: _Backward, group: Sequence[str]):
        self.owner, self.group, network = owner, group, owner.network
        self.network = network
        self.members = [name for name in group if name in network.populations]
        self.weighted = [name for name in group if isinstance(network.nodes[name], IntWeights)]
        self.inner = [e for e in network.edges if e.source in group and e.target in group]
        self.late = [edge for edge in self.inner if edge.delay]
        self.ports = {name: network.arriving(name) for name in self.members}

    def transposed(self, carry, began: Mapping[str, Began], gradients):
        """Gradients of state and queues before some steps; of what arrived in each, of taps, of constants."""
        batch = self.owner.spikes.shape[1]

        def step(carry, now):
            codes, gradients = now
            _, back = jax.vjp(lambda reals: self._map(codes, reals), self.zeros(batch))
            states, queues, *rest = back((*carry, *gradients))[0]
            return (states, queues), rest

        return jax.lax.scan(step, carry, (began, gradients), reverse=True)

    def zeros(self, batch: int):
        """Stand-ins of one step: states, what is under way, what arrives from outside, taps, constants."""
        network, owner = self.network, self.owner

        def zeros(name: str):
            return jnp.zeros((batch, *network.nodes[name].out_shape), jnp.float32)

        states = {
            name: LIFState(zeros(name), tuple(zeros(name) for _ in owner.kept.began[name].state.current))
            for name in self.members
        }
        queues = {str(edge): (zeros(edge.source),) * edge.delay for edge in self.late}
        arrived = {name: tuple(zeros(name) for _ in self.ports[name]) for name in self.members}
        tapped = {name: zeros(name) for name in self.weighted}
        return states, queues, arrived, tapped, {name: self.no_constants(name) for name in self.members}

    def no_constants(self, name: str) -> dict[str, Any]:
        """Zero for every constant of a population that is trained."""
        given = self.owner.numbers.get(name, {})
        return {field: jnp.zeros(value.shape, jnp.float32) for field, value in given.items()}

    def _map(self, began: Mapping[str, Began], reals):
        """One step: stand-ins of states and of what is under way after it, of spikes, of the last membranes."""
        network, owner = self.network, self.owner
        states, queues, arrived, tapped, constants = reals
        now: dict[str, Any] = {}
        after, v = {}, {}
        for name in self.group:
            parts = {
                edge: queues[str(edge)][0] if edge.delay else now[edge.source]
                for edge in network.incoming(name)
                if edge in self.inner
            }
            if name in self.members:
                given = [
                    real + sum(parts[edge] for edge in port if edge in parts)
                    for real, port in zip(arrived[name], self.ports[name], strict=True)
                ]
                after[name], now[name], v[name] = self._step(name, began[name], states[name], given, constants[name])
            else:
                now[name] = linear(network.nodes[name], owner.weights.get(name), sum(parts.values()))  # type: ignore[arg-type]
                if name in tapped:
                    now[name] = now[name] + tapped[name]
        queues = {str(edge): (*queues[str(edge)][1:], now[edge.source]) for edge in self.late}
        spikes = {name: now[name] for name in self.members}
        return after, queues, spikes, {name: v[name] for name in v if name == network.readout_name}

    def _step(self, name: str, began: Began, state: LIFState, arriving: Sequence[Any], constants: Mapping[str, Any]):
        node: Any = self.network.nodes[name]
        settings, numbers = self.owner.settings, self.owner.numbers.get(name, {})
        codes = JaxOps(numbers=numbers)
        threshold = numbers.get("threshold", jnp.asarray(node.threshold, jnp.int32))
        reset = numbers.get("reset_code", jnp.asarray(node.reset_code, jnp.int32))
        distance = reset if node.rules.reset == "subtract" else threshold - reset
        ops = SurrogateOps(
            codes,
            constants,
            settings.slope,
            jnp.maximum(distance, 1).astype(jnp.float32),
            detach_reset=settings.detach_reset,
            known=[_wide(code) for code in (*began.last.current, began.v)],
        )
        totals = began.arriving or (None,) * len(arriving)
        pairs = [Pair(_wide(code), real) for code, real in zip(totals, arriving, strict=True)]
        was = began.state
        currents = tuple(Pair(_wide(code), real) for code, real in zip(was.current, state.current, strict=True))
        waiting = None if was.waiting is None else Pair(_wide(was.waiting))
        before = LIFState(Pair(_wide(was.v), state.v), currents, waiting)
        result = node.step(ops, before, Arriving(tuple([pair] for pair in pairs)))
        batch = jnp.zeros_like(state.v)

        def full(pair: Pair):
            return batch + pair.real

        return (
            LIFState(full(result.state.v), tuple(full(current) for current in result.state.current)),
            full(result.spikes),
            full(result.v),
        )


def _wide(code: Any) -> Any:
    """A code as the step computes it, if it was kept."""
    return None if code is None else code.astype(jnp.int32)
