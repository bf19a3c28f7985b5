"""One population alone, its inputs the spikes of the trained network: what the layer itself does otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import Edge
from ..network import FloatNetwork, IntNetwork, Network
from ..neurons import Arriving
from ..nodes import IntWeights
from ..ops import NumpyOps
from ..simulation import Trace
from ..simulation.real_ops import RealOps
from ..simulation.stepwise import apply_real, initial_state


def alone(
    f: FloatNetwork, network: Network, name: str, inputs: np.ndarray, exact: Trace, *, real: bool = False
) -> np.ndarray:
    """Membranes of one population of ``network``, which has its own state and resets.

    Parameters
    ----------
    f : FloatNetwork
        As trained; its delays hold.
    network : FloatNetwork or IntNetwork
        With the nodes of ``f``.
    name : str
        The population.
    inputs : array, shape ``(time, batch, *features)``
        Real inputs, or codes for an ``IntNetwork``.
    exact : Trace
        Run of ``f`` with ``record=("spikes", ...)``.
    real : bool
        Run an ``IntNetwork`` by its rules in real numbers.

    Returns
    -------
    array, shape ``(time, batch, *shape)``
        Before reset; volt, or codes of an ``IntNetwork``.
    """
    node, feed = network.nodes[name], _Feed(f, network, inputs, exact, real)
    given = {edge: feed.sequence(edge) for edge in network.incoming(name)}
    state, rows = initial_state(network, inputs.shape[1]).populations[name], []
    ops = RealOps() if real else NumpyOps()
    ports = network.arriving(name) if isinstance(network, IntNetwork) else ()
    for i in range(len(inputs)):
        if isinstance(network, IntNetwork):
            events = tuple([one for e in port for one in feed.increments(node, e, given[e][i])] for port in ports)
            state, _, v = node.step(ops, state, Arriving(events))
        else:
            state, _, v = node.step(state, np.sum([rows_[i] for rows_ in given.values()], axis=0))
        rows.append(v)
    return np.stack(rows)


class _Feed:
    """What the start of an edge is given at every step, the trained run's spikes, as late as in training."""

    def __init__(self, f: FloatNetwork, network: Network, inputs: np.ndarray, exact: Trace, real: bool):
        self.f, self.network, self.inputs, self.exact, self.real = f, network, inputs, exact, real
        self.dtype = np.int64 if isinstance(network, IntNetwork) and not real else np.float64
        self.apply: Callable[[Any, np.ndarray], np.ndarray] = apply_real if real else lambda node, x: node.apply(x)

    def sequence(self, edge: Edge) -> np.ndarray:
        """Values that enter the edge, or, if it leaves weights taken one by one, their inputs."""
        trained = next(e for e in self.f.edges if (e.source, e.target) == (edge.source, edge.target))
        source = self.network.nodes[edge.source]
        if source.role == "connection":
            (before,) = self.network.incoming(edge.source)
            rows = self.sequence(before)
            if not self._one_by_one(edge):
                flat = self.apply(source, rows.reshape(-1, *rows.shape[2:]))
                rows = flat.reshape(*rows.shape[:2], *flat.shape[1:])
        else:
            rows = self.inputs if source.role == "input" else self.exact.spikes[edge.source]
            rows = rows.astype(self.dtype)
        late = np.zeros_like(rows[: trained.delay])
        return np.concatenate([late, rows])[: len(rows)] if trained.delay else rows

    def _one_by_one(self, edge: Edge) -> bool:
        source, target = self.network.nodes[edge.source], self.network.nodes[edge.target]
        return getattr(target, "per_event", False) and not self.real and isinstance(source, IntWeights)

    def increments(self, node: Any, edge: Edge, x: np.ndarray) -> list[np.ndarray]:
        """Increments of one step: every input of weights on its own where the population takes them one by one."""
        return self.network.nodes[edge.source].events(x) if self._one_by_one(edge) else [x]
