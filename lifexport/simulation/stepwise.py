"""The slow and obvious simulator: one time step after the other, node by node, for both networks.

With ``NumpyOps`` on int64 this *is* the definition of the integer network (backend ``reference``); with float64 it is
the definition of the trained one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..graph import Edge
from ..network import FloatNetwork, IntNetwork, Network
from ..neurons import Arriving, FloatPopulation, IntPopulation, StepResult
from ..neurons.named import named_words
from ..nodes import IntWeights
from ..ops import CountingOps, NumpyOps
from .overflows import Words, tally
from .real_ops import RealOps
from .trace import State, Trace

ROWS = ("spikes", "v", "v_post", "current")
"""What a run keeps of every population, step by step."""


def initial_state(network: Network, batch: int) -> State:
    """State before the first step: captured initial potentials, nothing under way."""
    populations = {}
    for name, node in network.populations.items():
        if isinstance(node, FloatPopulation):
            populations[name] = node.initial_state(batch)
        else:
            populations[name] = _broadcast(node.initial_state(), (batch, *node.shape))
    dtype = np.float64 if isinstance(network, FloatNetwork) else np.int64
    delayed = {
        edge: np.zeros((edge.delay, batch, *network.nodes[edge.source].out_shape), dtype)
        for edge in network.edges
        if edge.delay
    }
    return State(populations=populations, delayed=delayed)


def _broadcast(state: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(state, np.ndarray):
        return np.broadcast_to(state, shape)
    if state is None or state == ():
        return state
    parts = [_broadcast(part, shape) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def run(network: Network, x: np.ndarray, record: tuple[str, ...], state: State | None, *, real: bool = False) -> Trace:
    """Simulate step by step.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
    x : float64 array (real inputs) or int64 array (codes), shape ``(time, batch, *features)``
    record : tuple of str
        See ``Trace``.
    state : State, optional
        Where to start; the initial state by default.
    real : bool
        Run an integer network by its own rules in real numbers, without rounding and overflow (``RealOps``).

    Returns
    -------
    Trace
    """
    batch = x.shape[1]
    step = (_RealStep if real else _IntStep)(network) if isinstance(network, IntNetwork) else _FloatStep(network)
    dtype = step.dtype
    state = state if state is not None else initial_state(network, batch)
    populations = dict(state.populations)
    delayed = {edge: queue.astype(dtype) for edge, queue in state.delayed.items()}
    rows: dict[str, dict[str, list]] = {what: {name: [] for name in populations} for what in ROWS}
    output = []
    for now in x:
        values: dict[str, Any] = {}
        for name, node in network.nodes.items():
            given = {e: delayed[e][0] if e.delay else values[e.source] for e in network.incoming(name)}
            if node.role == "input":
                values[name] = now.astype(dtype)
            elif node.role == "connection":
                values[name] = step.connection(name, *given.values())
            elif node.role == "output":
                (leaves,) = given.values()
                output.append(leaves.astype(spike_type(network.nodes[network.readout_name])))
            else:
                result = step.population(name, populations[name], given)
                populations[name], values[name] = result.state, result.spikes.astype(dtype)
                rows["spikes"][name].append(result.spikes.astype(spike_type(node)))
                rows["v"][name].append(result.v)
                if "v_post" in record:
                    rows["v_post"][name].append(step.after_reset(name, result.v))
                if "current" in record and isinstance(node, IntPopulation) and result.state.current:
                    rows["current"][name].append(np.stack(result.state.current, axis=1))
        for edge, queue in delayed.items():
            delayed[edge] = np.concatenate([queue[1:], values[edge.source][None]])
    stacked = {what: {name: np.stack(v) for name, v in rows[what].items() if v} for what in rows}
    last = network.readout_name
    return Trace(
        readout=network.readout,
        output=np.stack(output),
        output_v=None if network.output_edge.delay else stacked["v"][last],
        spikes=stacked["spikes"] if "spikes" in record else {},
        v=stacked["v"] if "v" in record else {},
        v_post=stacked["v_post"],
        current=stacked["current"],
        overflows=step.overflows(len(x) * batch),
        final_state=State(populations=populations, delayed=delayed),
    )


def spike_type(node: Any) -> type:
    """Smallest type that holds every count of spikes; fast and reference use the same."""
    most = node.max_spikes if isinstance(node, IntPopulation) else 1
    return np.uint8 if most is not None and most <= 255 else np.int32


class _FloatStep:
    """One time step of the nodes of a float network."""

    dtype: ClassVar[type] = np.float64

    def __init__(self, network: Network):
        self.nodes = network.nodes

    def overflows(self, steps: int) -> dict[str, Words]:
        """Nothing overflows in real numbers."""
        return {}

    def connection(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.nodes[name].apply(x)

    def population(self, name: str, state: Any, given: dict[Edge, np.ndarray]) -> StepResult:
        return self.nodes[name].step(state, np.sum([*given.values()], axis=0))

    def after_reset(self, name: str, v: np.ndarray) -> np.ndarray:
        return self.nodes[name].after_reset(v)


class _IntStep:
    """One time step of the nodes of an integer network.

    Where a population takes its inputs one by one, it gets the increments of every single input of weights before it.
    What comes without weights is one increment.
    """

    dtype: ClassVar[type] = np.int64

    def __init__(self, network: IntNetwork):
        self.network, self.nodes = network, network.nodes
        self.counted = {name: named_words(node) for name, node in network.populations.items()}
        self.ports = {name: network.arriving(name) for name in network.populations}
        self.ops: dict[str, Any] = {name: CountingOps() for name in network.populations}
        self.inputs: dict[str, np.ndarray] = {}

    def overflows(self, steps: int) -> dict[str, Words]:
        """What was counted, over a number of steps times samples."""
        counts = {name: ops.changed for name, ops in self.ops.items()}
        return tally(self.network, counts, steps, {name: ops.first for name, ops in self.ops.items()})

    def connection(self, name: str, x: np.ndarray) -> np.ndarray:
        self.inputs[name] = x
        return self.nodes[name].apply(x)

    def population(self, name: str, state: Any, given: dict[Edge, np.ndarray]) -> StepResult:
        node, ports = self.nodes[name], self.ports[name]
        events = tuple([one for e in port for one in self._increments(node, e, given[e])] for port in ports)
        result = self.counted[name].step(self.ops[name], state, Arriving(events))
        self.ops[name].end_step()
        return result

    def _increments(self, node: IntPopulation, edge: Edge, x: np.ndarray) -> list[np.ndarray]:
        source = self.nodes[edge.source]
        one_by_one = node.per_event and isinstance(source, IntWeights)
        return source.events(self.inputs[edge.source]) if one_by_one else [x]

    def after_reset(self, name: str, v: np.ndarray) -> np.ndarray:
        return self.nodes[name].after_reset(NumpyOps(), v)


class _RealStep(_IntStep):
    """The same by the rules alone; sums of reals have no order, so that a connection is one increment."""

    dtype: ClassVar[type] = np.float64

    def __init__(self, network: IntNetwork):
        super().__init__(network)
        self.counted = network.populations
        self.ops = dict.fromkeys(network.populations, RealOps())

    def overflows(self, steps: int) -> dict[str, Words]:
        return {}

    def connection(self, name: str, x: np.ndarray) -> np.ndarray:
        return apply_real(self.nodes[name], x)

    def _increments(self, node: IntPopulation, edge: Edge, x: np.ndarray) -> list[np.ndarray]:
        return [x]

    def after_reset(self, name: str, v: np.ndarray) -> np.ndarray:
        return self.nodes[name].after_reset(RealOps(), v)


def apply_real(node: Any, x: np.ndarray) -> np.ndarray:
    """What a connection of an integer network delivers if no low bits are dropped, float64."""
    return node.product(x) * 2.0 ** (node.shift - node.drop) if isinstance(node, IntWeights) else node.apply(x)
