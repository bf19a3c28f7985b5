"""The analysis of a whole network: what every connection delivers, and the closed state of every population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bounds import require_int64
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, IntLIF
from ..neurons.named import named_words
from ..nodes import IntWeights, Reach
from .closed_state import Bounds, closed_state, hull
from .interval_ops import Interval, IntervalOps

NOTHING = Interval(np.array(0), np.array(0))
PASSES = 3
"""Times a network with loops is gone through; each makes what comes back narrower, if anything."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Reached:
    """What a population can reach from an initial state, whatever arrives."""

    initial: Any
    arriving: Arriving
    state: Any
    """Its state after any step, of intervals: no step leaves them."""
    v: Interval
    """Membrane when it is compared with the threshold."""
    v_post: Interval
    spikes: Interval
    ops: IntervalOps
    """What one step from the closed state recorded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis:
    """What a network can reach."""

    populations: dict[str, Reached]
    connections: dict[str, Reach]
    inputs: dict[str, Interval]
    """What each connection is given."""
    values: dict[str, Interval]
    """What each node emits."""

    def holds(self, state: Any) -> bool:
        """Whether a state (``simulation.State``), with what is under way, is inside."""
        pairs = [
            pair
            for name, reached in self.populations.items()
            for pair in zip(_parts(state.populations[name]), _parts(reached.state), strict=True)
        ]
        late = [(queue, self.values[edge.source]) for edge, queue in state.delayed.items()]
        inside = all(((part >= bounds.lo) & (part <= bounds.hi)).all() for part, bounds in pairs)
        return inside and all(((q == 0) | ((q >= value.lo) & (q <= value.hi))).all() for q, value in late)


def analyse(network: IntNetwork, start: Any = None) -> Analysis:
    """Intervals of everything in a network, for every input that it takes and every number of steps.

    Parameters
    ----------
    network : IntNetwork
    start : State, optional
        Where runs start: the hull of all samples; the network's initial state by default.

    Raises
    ------
    RangeError
        LX302 for numbers beyond int64, and a state that no bound holds; it names the population.
    """
    if not isinstance(network, IntNetwork):
        fix = "quantize it first: what floats can reach depends on their rounding"
        raise error("LX006", field="network", found=f"a {type(network).__name__}", fix=fix)
    require_int64(network)
    back: dict[str, Interval] = {}
    for _ in range(PASSES):
        found = _Pass(network, start, back)
        after = {name: found.values[name] for name in found.assumed}
        if not any(
            (a.lo > b.lo).any() or (a.hi < b.hi).any() for a, b in ((after[n], found.assumed[n]) for n in after)
        ):
            break
        back = after
    return Analysis(
        populations=found.populations, connections=found.connections, inputs=found.inputs, values=found.values
    )


class _Pass:
    """Once through the network, in order of evaluation."""

    def __init__(self, network: IntNetwork, start: Any, back: dict[str, Interval]):
        self.network, self.start, self.back = network, start, back
        code, shape = network.input_code.format, network.nodes[network.input_name].shape
        self.values = {network.input_name: Interval(np.full(shape, code.lo), np.full(shape, code.hi))}
        self.assumed: dict[str, Interval] = {}
        self.populations: dict[str, Reached] = {}
        self.connections: dict[str, Reach] = {}
        self.inputs: dict[str, Interval] = {}
        for name, node in network.nodes.items():
            if node.role == "connection":
                given = self._over(network.incoming(name)[0])
                targets = [network.nodes[edge.target] for edge in network.outgoing(name)]
                if any(target.role == "population" and target.per_event for target in targets):
                    given = hull(given, NOTHING)  # where events come one by one, only some may have come
                self.inputs[name] = given
                reach = self.connections[name] = node.reach(given.lo, given.hi)
                self.values[name] = Interval(reach.lo, reach.hi)
            elif node.role == "population":
                with at_node(name):
                    self.populations[name] = self._population(name, node)
                self.values[name] = self.populations[name].spikes

    def _over(self, edge: Edge) -> Interval:
        """What an edge brings; a late one also what is under way at the start."""
        value = self.values.get(edge.source)
        if value is None:
            value = self.assumed[edge.source] = self.back.get(edge.source) or self._anything(edge.source)
        if not edge.delay:
            return value
        queue = np.zeros((1, *value.lo.shape), np.int64)
        if self.start is not None:
            queue = self.start.delayed[edge].reshape(-1, *value.lo.shape)
        return Interval(np.minimum(value.lo, queue.min(axis=0)), np.maximum(value.hi, queue.max(axis=0)))

    def _anything(self, name: str) -> Interval:
        """What a node that comes back later in the order may emit."""
        node = self.network.nodes[name]
        if node.role == "connection":
            given = self._over(self.network.incoming(name)[0])
            reach = node.reach(given.lo, given.hi)
            return Interval(reach.lo, reach.hi)
        most = node.membrane_range()[1] if node.max_spikes is None else node.max_spikes
        return Interval(np.zeros(node.shape, np.int64), np.full(node.shape, most, np.int64))

    def _population(self, name: str, node: IntLIF) -> Reached:
        ports = tuple(tuple(self._event(edge, node) for edge in port) for port in self.network.arriving(name))
        initial = node.initial_state() if self.start is None else self.start.populations[name]
        return reached(node, Arriving(ports), initial, batched=self.start is not None)

    def _event(self, edge: Edge, node: IntLIF) -> Interval:
        value = self._over(edge)
        if not node.per_event:
            return value
        one = value = hull(value, NOTHING)
        if isinstance(self.network.nodes[edge.source], IntWeights):
            given = self.inputs[edge.source]
            one = Interval(*self.network.nodes[edge.source].event_reach(given.lo, given.hi))
        return Interval(value.lo, value.hi, event=one)


def reached(node: IntLIF, arriving: Arriving, initial: Any, *, batched: bool = False) -> Reached:
    """What a population can reach from an initial state (with a leading axis if ``batched``) and what arrives."""
    low, high = node.state_range()
    top = [Interval(lo, hi) for lo, hi in zip(_parts(low), _parts(high), strict=True)]
    start = [
        Interval(a.min(axis=0), a.max(axis=0)) if batched else Interval(np.asarray(a), np.asarray(a))
        for a in _parts(initial)
    ]
    if batched:
        top = [hull(a, b) for a, b in zip(top, start, strict=True)]
    named = named_words(node)

    def ops(search: bool) -> IntervalOps:
        return IntervalOps(cases=not node.rules.leak_on_fire, search=search)

    def stepped(reader: IntervalOps, parts: Bounds) -> Any:
        result = named.step(reader, _like(initial, iter(parts)), arriving)
        return result._replace(state=_like(result.state, (_full(part, named) for part in _parts(result.state))))

    def after(search: bool):
        return lambda parts: _parts(stepped(ops(search), parts).state)

    recorded = ops(False)
    first = stepped(recorded, start)  # apart: the initial state may lie where no step leads back to
    state = closed_state(after(True), after(False), _parts(first.state), top)
    later = stepped(recorded, state)
    v, spikes = _full(hull(first.v, later.v), node), _full(hull(first.spikes, later.spikes), node)
    return Reached(
        initial=initial,
        arriving=arriving,
        state=_like(initial, iter(state)),
        v=v,
        v_post=_full(node.after_reset(ops(False), v), node),
        spikes=spikes,
        ops=recorded,
    )


def _full(x: Interval, node: IntLIF) -> Interval:
    """Bounds alone, of the population's shape."""
    lo, hi = (np.broadcast_to(np.asarray(end, np.int64), node.shape) for end in (x.lo, x.hi))
    return Interval(lo, hi)


def _parts(state: Any) -> list[Any]:
    """Arrays (or intervals) of a state, in the order of its fields."""
    if state is None:
        return []
    return [part for field in state for part in _parts(field)] if isinstance(state, tuple) else [state]


def _like(state: Any, parts: Any) -> Any:
    """The parts in the form of a state."""
    if state is None:
        return None
    if not isinstance(state, tuple):
        return next(parts)
    fields = [_like(field, parts) for field in state]
    return type(state)(*fields) if hasattr(state, "_fields") else tuple(fields)
