"""Gradients of a run in integers, by hand: layer by layer from the output back, time step by time step within a layer.

Kept from the forward pass are integers alone: spikes, what every step of a population began with, and what arrived. The
step of a population is read once more, by ``surrogate_ops.py``, as a linear map, and transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, LIFState
from ..nodes import IntWeights
from ..simulation.groups import groups
from ..simulation.jax_ops import JaxOps
from ..simulation.layerwise import Began
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
    run = _Backward(network, weights, numbers, kept, settings)
    run.add(network.readout_name, spikes)
    for group in reversed(groups(network)):
        if network.nodes[group[0]].role == "connection" and len(group) == 1:
            run.connection(group[0])
        else:
            run.loop(group, v)
    return run.found


@dataclass
class _Backward:
    network: IntNetwork
    weights: Mapping[str, Any]
    numbers: Mapping[str, Mapping[str, Any]]
    kept: Kept
    settings: Settings
    waiting: dict[str, Any] = field(default_factory=dict)
    """Gradients with respect to what nodes emit, summed over those who hear them."""
    found: Gradients = field(default_factory=lambda: Gradients({}, {}))

    def add(self, name: str, gradient: Any) -> None:
        """Add to the gradient of what a node emits; the input of the network needs none."""
        if name != self.network.input_name:
            self.waiting[name] = self.waiting[name] + gradient if name in self.waiting else gradient

    def emitted(self, name: str) -> Any:
        """What a node emits in every step, integers."""
        if name == self.network.input_name:
            return self.kept.codes
        if name in self.kept.spikes:
            return self.kept.spikes[name]
        (edge,) = self.network.incoming(name)
        return connect(self.network.nodes[name], None, self.arriving(edge))

    def arriving(self, edge: Edge) -> Any:
        """What an edge brings in every step, integers."""
        return _later(self.emitted(edge.source), edge.delay)

    def connection(self, name: str) -> None:
        """Pass a gradient through a connection outside of loops, and keep that of its weights."""
        (edge,) = self.network.incoming(name)
        gradient = self.waiting.pop(name)
        node, weight = self.network.nodes[name], self.weights.get(name)
        if isinstance(node, IntWeights):
            self.weight(name, gradient)
        if edge.source != self.network.input_name:
            like = jax.ShapeDtypeStruct((*gradient.shape[:2], *node.in_shape), jnp.float32)
            (back,) = jax.linear_transpose(lambda x: linear(node, weight, x), like)(gradient)
            self.add(edge.source, _earlier(back, edge.delay))

    def weight(self, name: str, gradient: Any) -> None:
        """Keep the gradient of a connection's weights, from that of what it gives."""
        node = self.network.nodes[name]
        x = self.arriving(self.network.incoming(name)[0])
        like = jax.ShapeDtypeStruct(node.weight.shape, jnp.float32)

        def slope(first, steps: int):
            codes, given = (jax.lax.dynamic_slice_in_dim(rows, first, steps) for rows in (x, gradient))
            return jax.linear_transpose(lambda w: linear(node, w, codes.astype(jnp.float32)), like)(given)[0]

        steps = min(len(x), max(1, ROWS // x.shape[1]))  # integers become real numbers a few steps at a time
        starts = jnp.arange(len(x) // steps) * steps
        zero = jnp.zeros(like.shape, jnp.float32)
        total, _ = jax.lax.scan(lambda total, first: (total + slope(first, steps), None), zero, starts)
        rest = len(x) % steps
        self.found.weights[name] = total + slope(len(x) - rest, rest) if rest else total

    def loop(self, group: Sequence[str], v: Any) -> None:
        """Pass gradients through the nodes of a loop, or a lone population, from the last step to the first."""
        _Loop(self, group).run(v)


class _Loop:
    """The nodes of a loop in one step as a linear map, and its transpose over all steps."""

    def __init__(self, owner: _Backward, group: Sequence[str]):
        self.owner, self.group, network = owner, group, owner.network
        self.network = network
        self.members = [name for name in group if name in network.populations]
        self.weighted = [name for name in group if isinstance(network.nodes[name], IntWeights)]
        self.inner = [e for e in network.edges if e.source in group and e.target in group]
        self.late = [edge for edge in self.inner if edge.delay]
        self.ports = {name: network.arriving(name) for name in self.members}

    def run(self, v: Any) -> None:
        """Transpose all steps; hand gradients to whatever feeds the loop, and to weights and constants within."""
        owner, network = self.owner, self.network
        shape = next(iter(owner.kept.spikes.values())).shape[:2]
        silent = {n: jnp.zeros((*shape, *network.nodes[n].shape), jnp.float32) for n in self.members}
        spikes = {name: owner.waiting.pop(name, silent[name]) for name in self.members}
        last = {network.readout_name: v} if network.readout_name in self.members else {}
        began = {name: _steps(owner.kept.began[name]) for name in self.members}

        def step(carry, now):
            codes, gradients = now
            zeros = self._zeros(shape[1])
            _, back = jax.vjp(lambda reals: self._map(codes, reals), zeros)
            states, queues, *rest = back((*carry, *gradients))[0]
            return (states, queues), rest

        zeros = self._zeros(shape[1])
        _, (arrived, tapped, constants) = jax.lax.scan(step, zeros[:2], (began, (spikes, last)), reverse=True)
        for name, values in constants.items():
            owner.found.numbers[name] = {field: value.sum(axis=0) for field, value in values.items()}
        for name in self.members:
            for port, gradient in zip(self.ports[name], arrived[name], strict=True):
                for edge in port:
                    if edge not in self.inner:
                        owner.add(edge.source, _earlier(gradient, edge.delay))
        for name, gradient in tapped.items():
            owner.weight(name, gradient)

    def _zeros(self, batch: int):
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
        constants = {
            name: {field: jnp.zeros(value.shape, jnp.float32) for field, value in owner.numbers.get(name, {}).items()}
            for name in self.members
        }
        return states, queues, arrived, tapped, constants

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
            known=[code.astype(jnp.int32) for code in (*began.last.current, began.v)],
        )
        totals = began.arriving or (None,) * len(arriving)
        pairs = [
            Pair(None if code is None else code.astype(jnp.int32), real)
            for code, real in zip(totals, arriving, strict=True)
        ]
        was = began.state
        currents = tuple(
            Pair(code.astype(jnp.int32), real) for code, real in zip(was.current, state.current, strict=True)
        )
        waiting = None if was.waiting is None else Pair(was.waiting.astype(jnp.int32))
        before = LIFState(Pair(was.v.astype(jnp.int32), state.v), currents, waiting)
        result = node.step(ops, before, Arriving(tuple([pair] for pair in pairs)))
        batch = jnp.zeros_like(state.v)

        def full(pair: Pair):
            return batch + pair.real

        return (
            LIFState(full(result.state.v), tuple(full(current) for current in result.state.current)),
            full(result.spikes),
            full(result.v),
        )


def _steps(began: Began) -> Began:
    """What is known of every step: ``last`` and ``v`` are now what the step itself ended with."""
    last = jax.tree.map(lambda rows, end: jnp.concatenate([rows[1:], end[None]]), began.state, began.last)
    return began._replace(last=last, v=last.v if began.v is None else began.v)


def _later(values: Any, delay: int) -> Any:
    """What arrives of a sequence some steps later; nothing at first."""
    if not delay:
        return values
    return jnp.concatenate([jnp.zeros_like(values[:delay]), values[:-delay]])[: len(values)]


def _earlier(gradient: Any, delay: int) -> Any:
    """The transpose of ``_later``."""
    if not delay:
        return gradient
    return jnp.concatenate([gradient[delay:], jnp.zeros_like(gradient[:delay])])[-len(gradient) :]
