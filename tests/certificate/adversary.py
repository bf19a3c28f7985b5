"""An adversary of certificates: inputs chosen to drive every neuron as far as they can.

Every neuron has an input of its own (in one network the neurons of a layer would share one), taken from what the
connections before it can be given: all that raise it, all that lower it, none, or some; held, in turn, at random, or
whichever takes the membrane, before or after its reset, furthest in this step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lifexport.bounds import edge_range
from lifexport.certificate.analysis import Reached, reached
from lifexport.certificate.interval_ops import Interval
from lifexport.network import IntNetwork
from lifexport.neurons import Arriving, IntLIF
from lifexport.ops import NumpyOps

GREEDY = 4
PERIODS = (1, 2, 3, 5, 8)
RANDOM = 6
SOME = 13
"""Inputs drawn at random for every neuron, beside the three that take all or none."""


class Driven(NamedTuple):
    """Lowest and highest value of every neuron, over all rows and steps."""

    before: tuple[np.ndarray, np.ndarray]
    v: tuple[np.ndarray, np.ndarray]
    v_post: tuple[np.ndarray, np.ndarray]
    current: tuple[np.ndarray, np.ndarray]
    spikes: tuple[np.ndarray, np.ndarray]


class Watching(NumpyOps):
    """Remembers the lowest and highest number that came to an overflow rule of the given range, neuron by neuron."""

    def __init__(self, lo: int, hi: int):
        self.range = lo, hi
        self.came: list[np.ndarray] = []

    def saturate(self, x, lo, hi):
        return super().saturate(self._seen(x, lo, hi), lo, hi)

    def wrap(self, x, lo, hi):
        return super().wrap(self._seen(x, lo, hi), lo, hi)

    def wrap_once(self, x, lo, hi):
        return super().wrap_once(self._seen(x, lo, hi), lo, hi)

    def _seen(self, x, lo, hi):
        if (lo, hi) == self.range:
            self.came.append(x)
        return x


def drive(network: IntNetwork, name: str, steps: int, seed: int = 0) -> Driven:
    """Drive the neurons of a population, each by inputs of its own."""
    node: IntLIF = network.nodes[name]
    rng = np.random.default_rng(seed)
    inputs = _Inputs(network, name, rng)
    rows = 2 + 2 * len(PERIODS) + RANDOM + GREEDY
    initial = node.initial_state()
    state = _map(lambda a: np.broadcast_to(a, (rows, *node.shape)), initial)
    found: dict[str, list] = {field: [] for field in Driven._fields}
    for time in range(steps):
        ways = np.concatenate([_held(time, node.shape), rng.integers(0, 3 + SOME, (RANDOM + GREEDY, *node.shape))])
        now = _map(lambda a: a[-GREEDY:], state)
        tried = [inputs.arriving(np.full((GREEDY, *node.shape), way)) for way in range(3 + SOME)]
        ways[-GREEDY:] = _best(node, [node.step(NumpyOps(), now, one) for one in tried])
        ops = Watching(*node.membrane_range())
        state, spikes, v = node.step(ops, state, inputs.arriving(ways))
        found["before"] += ops.came
        found["v"].append(v)
        found["v_post"].append(node.after_reset(NumpyOps(), v))
        found["spikes"].append(spikes.astype(np.int64))
        found["current"] += [np.stack(state.current, axis=1)] if state.current else []
        if time % 64 == 63:
            found = {field: _extremes(values) for field, values in found.items()}
    ends = {field: _extremes(values) for field, values in found.items()}
    return Driven(**{field: (v[0].min(0), v[1].max(0)) if v else (np.array(0),) * 2 for field, v in ends.items()})


def _extremes(values: list[np.ndarray]) -> list[np.ndarray]:
    """Lowest and highest so far, in place of all."""
    return [np.minimum.reduce(values), np.maximum.reduce(values)] if values else []


NONE, RAISE, LOWER = range(3)


def _held(time: int, shape) -> np.ndarray:
    ways = [RAISE, LOWER]
    for period in PERIODS:
        raises = time // period % 2
        ways += [RAISE if raises else LOWER, RAISE if raises else NONE]
    return np.array(ways).reshape(-1, *[1] * len(shape)) * np.ones(shape, int)


def _best(node: IntLIF, results) -> np.ndarray:
    """Which of the results is highest, lowest, highest after reset, lowest after reset."""
    v = np.stack([result.v for result in results])
    post = node.after_reset(NumpyOps(), v)
    return np.stack([v[:, 0].argmax(0), v[:, 1].argmin(0), post[:, 2].argmax(0), post[:, 3].argmin(0)])


def _map(f, state):
    if state is None:
        return None
    if isinstance(state, tuple):
        parts = [_map(f, part) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return f(state)


class _Inputs:
    """What arrives at every neuron by the way its inputs are chosen: an array ``(ways, n)`` for every event."""

    def __init__(self, network: IntNetwork, name: str, rng: np.random.Generator):
        self.node = network.nodes[name]
        self.ports = [
            [event for edge in port for event in self._events(network, edge, rng)] for port in network.arriving(name)
        ]

    def _events(self, network: IntNetwork, edge, rng) -> list[np.ndarray]:
        source = network.nodes[edge.source]
        if source.role != "connection":
            weight, shift, drop, ends = np.eye(self.node.shape[0], dtype=int), 0, 0, edge_range(network, edge)
        else:
            weight, shift, drop = source.weight, source.shift, source.drop
            ends = edge_range(network, network.incoming(edge.source)[0])
        lo, hi = ends
        extreme = [np.zeros(weight.shape, int), np.where(weight > 0, hi, lo), np.where(weight > 0, lo, hi)]
        share = rng.random((SOME, *weight.shape[:1], 1))
        drawn = np.where(rng.random((SOME, *weight.shape)) < share, extreme[1], rng.integers(lo, hi + 1, weight.shape))
        given = np.where(rng.random((SOME, *weight.shape)) < rng.random((SOME, *weight.shape[:1], 1)), drawn, 0)
        increments = np.concatenate([extreme, given]) * weight
        if not self.node.per_event:
            return [increments.sum(axis=2) >> drop << shift]
        return [increments[:, :, j] << shift for j in range(weight.shape[1])]

    def arriving(self, ways: np.ndarray) -> Arriving:
        return Arriving(tuple([np.take_along_axis(event, ways, 0) for event in port] for port in self.ports))


def free(network: IntNetwork, name: str) -> Reached:
    """What a population is certified to reach if whatever its edges can carry arrives."""
    node = network.nodes[name]

    def event(edge) -> Interval:
        source = network.nodes[edge.source]
        if source.role != "connection":
            lo, hi = (np.full(node.shape, end) for end in edge_range(network, edge))
        else:
            ends = edge_range(network, network.incoming(edge.source)[0])
            lo, hi, _ = source.reach(*(np.full(source.in_shape, end) for end in ends))
        if not node.per_event:
            return Interval(lo, hi)
        given = [np.full(source.in_shape, end) for end in ends] if source.role == "connection" else None
        return Interval(lo, hi, event=Interval(lo, hi) if given is None else Interval(*source.event_reach(*given)))

    ports = tuple([event(edge) for edge in port] for port in network.arriving(name))
    return reached(node, Arriving(ports), node.initial_state())
