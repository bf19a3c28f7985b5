"""What feeds a population, with its input gain folded in: weights in volt per unit of what arrives.

On the way from one population to the next an average pool is a sum pool whose divisor goes into the weights; the gain
of the neurons goes there too, output by output.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..findings import error
from ..graph import Edge
from ..network import FloatNetwork
from ..neurons import FloatCubaLIF
from ..neurons.membrane import FloatMembrane
from ..nodes import FloatDense, InputCode
from ..spatial import FloatAvgPool, FloatConv

WEIGHTS = FloatDense | FloatConv
"""Trained nodes that have weights."""


@dataclass(frozen=True)
class Feeding:
    """One connection with weights into a population."""

    name: str
    weight: np.ndarray
    """Volt that a unit of real input (or a spike) adds, outputs along the first axis."""
    bias: np.ndarray
    """Volt per step, in the shape of the population."""
    arriving: Fraction
    """Real input that code 1 of the source stands for."""
    factor: np.ndarray
    """What became of a trained weight of 1, for each output."""
    bias_factor: np.ndarray
    """Volt per step that a trained bias of 1 at every output comes to, in the shape of the population."""

    def per_output(self, values: np.ndarray, *, field: str) -> np.ndarray:
        """One value for each output of the weights (channels, for a convolution) from one for each neuron.

        Raises
        ------
        UnsupportedError
            LX203 if values differ within a channel: a convolution shares its weights over space.
        """
        rows = values.reshape(len(self.weight), -1)
        if (rows != rows[:, :1]).any():
            channel = int(np.argwhere((rows != rows[:, :1]).any(axis=1))[0, 0])
            found = f"values that differ within channel {channel}, which shares the weights of {self.name!r}"
            raise error("LX203", field=field, found=found, fix="use one value for each channel")
        return rows[:, 0]

    def per_neuron(self, values: np.ndarray) -> np.ndarray:
        """One value for each neuron from one for each output of the weights."""
        return np.repeat(values, self.bias.size // len(values)).reshape(self.bias.shape)

    def times(self, factor: np.ndarray) -> Feeding:
        """The same connection with the weights of every output multiplied."""
        return dataclasses.replace(self, weight=self.weight * self.by_output(factor), factor=self.factor * factor)

    def by_output(self, values: np.ndarray) -> np.ndarray:
        """Values for each output in a shape that broadcasts against the weights."""
        return values.reshape(-1, *(1,) * (self.weight.ndim - 1))


def weighted(network: FloatNetwork, edge: Edge) -> str | None:
    """Name of the connection with weights on the way to the end of an edge; None if there is none."""
    return next((name for name in network.way(edge) if isinstance(network.nodes[name], WEIGHTS)), None)


def feeding(network: FloatNetwork, name: str, code: InputCode) -> list[Feeding]:
    """All connections with weights into a population."""
    node: FloatMembrane = network.nodes[name]
    found = []
    for edge in network.incoming(name):
        way = network.way(edge)
        weights = weighted(network, edge)
        assert weights is not None  # ``inexpressible`` has refused the rest
        dense: FloatDense | FloatConv = network.nodes[weights]
        source = network.nodes[network.incoming(way[-1])[0].source]
        after = tuple(network.nodes[other] for other in way[: way.index(weights)])
        divisor = float(np.prod([n.area for n in map(network.nodes.__getitem__, way) if isinstance(n, FloatAvgPool)]))
        arriving = code.unit if source.role == "input" else Fraction(1)
        gain = node.gain * (node.w_in if isinstance(node, FloatCubaLIF) else 1.0)
        biases = (_bias(dense, values, after, node) * gain for values in (dense.bias, np.ones(len(dense.weight))))
        part = Feeding(weights, dense.weight, next(biases), arriving, np.ones(len(dense.weight)), next(biases))
        found.append(part.times(part.per_output(gain, field="r") / divisor))
    return found


def _bias(dense: FloatDense | FloatConv, values: np.ndarray | None, after: Sequence[Any], node: FloatMembrane):
    """Bias as it reaches the population, ampere: through pools and flattenings."""
    if values is None:
        return np.zeros(node.shape)
    bias = np.broadcast_to(values.reshape(-1, *(1,) * (len(dense.out_shape) - 1)), dense.out_shape)[None]
    for other in reversed(after):
        bias = other.apply(bias)
    return bias[0].reshape(node.shape)
