"""What a trained network does on calibration data: second moments of the inputs of its weights, ranges of membranes."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..graph import Edge
from ..network import FloatNetwork
from ..nodes import FloatDense
from ..simulation import simulate
from ..simulation.trace import Trace
from ..spatial import FloatConv

ROWS = 4096
"""Time steps times samples that second moments are taken over, spread evenly."""


class Calibration:
    """A run of the trained network on calibration data.

    Parameters
    ----------
    network : FloatNetwork
    x : float array, shape ``(time, batch, *features)``
    """

    def __init__(self, network: FloatNetwork, x: np.ndarray):
        self.network, self.x = network, np.asarray(x, np.float64)

    @cached_property
    def trace(self) -> Trace:
        """The run; it happens when something is asked of it."""
        return simulate(self.network, self.x, record=("spikes", "v"))

    def largest_membrane(self, name: str) -> float:
        """Largest distance of a membrane from rest, volt."""
        return float(np.abs(self.trace.v[name] - self.network.nodes[name].v_rest).max())

    def moments(self, name: str) -> np.ndarray:
        """``E[x x^T]`` of what the weights of a connection see, shape ``(in, in)``; patches, for a convolution."""
        node = self.network.nodes[name]
        given = self._values(self.network.incoming(name)[0])
        rows = given.reshape(-1, *given.shape[2:])
        rows = rows[:: max(1, len(rows) // ROWS)]
        seen = rows if isinstance(node, FloatDense) else self._patches(node, rows)
        return seen.T @ seen / len(seen)

    def _patches(self, node: FloatConv, rows: np.ndarray) -> np.ndarray:
        axes = len(node.size)
        seen = np.moveaxis(node.windows.gather(rows), 1, 1 + axes)  # (rows, *positions, channels, *kernel)
        inner = seen.reshape(-1, node.groups, int(np.prod(node.weight.shape[1:])))
        flat = inner.reshape(-1, inner.shape[-1])
        return flat[:: max(1, len(flat) // ROWS)]

    def _values(self, edge: Edge) -> np.ndarray:
        source = self.network.nodes[edge.source]
        if source.role == "input":
            return self.x
        if source.role == "population":
            return self.trace.spikes[edge.source].astype(np.float64)
        before = self._values(self.network.incoming(edge.source)[0])
        flat = source.apply(before.reshape(-1, *before.shape[2:]))
        return flat.reshape(*before.shape[:2], *flat.shape[1:])
