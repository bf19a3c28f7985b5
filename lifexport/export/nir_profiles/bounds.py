"""How far float32 may take an importer's membranes from those that were trained, step by step.

Every operation of an importer's step rounds once, to a relative ``2**-24``. What rounds is no larger than the membrane
before the step, the absolute sum of what arrives, and the threshold that a reset takes off; so the error of a membrane
grows in a step by at most a few times ``2**-24`` of these, and decays with the membrane.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...graph import Edge
from ...network import FloatNetwork
from ...nodes import FloatDense
from ...spatial import FloatConv
from .neuron import neuron

ROUNDING = 2.0**-24
"""Relative error of a float32 operation."""
STEP = 6
"""Roundings of a membrane in a step: its decay (2), the product, the sum, the difference to a threshold, a reset."""
INPUT = 4
"""Roundings of what arrives beside those of each connection: a gain (2), its product, the sum over connections."""
CONNECTION = 2
"""Roundings in a connection: of its weights, and of its sum."""
THRESHOLD = 3
"""Roundings of a threshold, which is a float32 number lower where the importer fires above it."""


def bounds(network: FloatNetwork, arrived: Mapping[str, np.ndarray], v: Mapping[str, np.ndarray]) -> dict:
    """Bound of the error of every membrane, in thresholds, where no spike has differed yet.

    Parameters
    ----------
    network : FloatNetwork
        What was trained.
    arrived : mapping from input and populations to array, shape ``(time, batch, *shape)``
        Inputs, and spikes.
    v : mapping from population to array, same shape
        Membranes before the reset.

    Returns
    -------
    dict from population to float64 array, same shape
    """
    return {name: _bound(network, name, arrived, v[name]) for name in v}


def _bound(network: FloatNetwork, name: str, arrived: Mapping[str, np.ndarray], v: np.ndarray) -> np.ndarray:
    node = network.nodes[name]
    form = neuron(node)
    level = getattr(node, "v_reset", 0.0)
    inputs, rounded = np.abs(form.drift) / form.height, INPUT * np.abs(form.drift) / form.height
    for edge in network.incoming(name):
        current = np.abs(form.gain) * _absolute(network, edge, arrived) / form.height
        inputs, rounded = inputs + current, rounded + (INPUT + CONNECTION * len(network.way(edge))) * current
    before = np.zeros_like(v)
    after = v[:-1] - level
    before[0], before[1:] = form.start / form.height, after / form.height
    fired = np.zeros_like(v)
    fired[1:] = arrived[name][:-1]
    fresh = ROUNDING * (rounded + STEP * np.abs(before) + THRESHOLD * fired)
    error, current = np.zeros(v.shape[1:]), np.zeros(v.shape[1:])
    flowing, found = np.zeros(v.shape[1:]), np.empty_like(v)
    filters = form.current_decay.any()
    for t in range(len(v)):
        if filters:
            flowing = form.current_decay * flowing + (inputs[t] if np.ndim(inputs) > np.ndim(form.drift) else inputs)
            current = form.current_decay * current + STEP * ROUNDING * flowing
        error = form.decay * error + fresh[t] + current
        found[t] = error
    return found + THRESHOLD * ROUNDING * np.abs(v - level) / form.height


def _absolute(network: FloatNetwork, edge: Edge, arrived: Mapping[str, np.ndarray]) -> np.ndarray:
    """Sum of absolute products that arrive over an edge, shape ``(time, batch, *shape)``."""
    node = network.nodes[edge.source]
    if node.role != "connection":
        values = np.abs(arrived[edge.source])
    else:
        (before,) = network.incoming(edge.source)
        given = _absolute(network, before, arrived)
        whole = _positive(node).apply(given.reshape(-1, *given.shape[2:]))
        values = whole.reshape(*given.shape[:2], *whole.shape[1:])
    if not edge.delay:
        return values
    late = np.zeros_like(values)
    late[edge.delay :] = values[: -edge.delay]
    return late


def _positive(node):
    if not isinstance(node, FloatDense | FloatConv):
        return node
    bias = None if node.bias is None else np.abs(node.bias)
    return dataclasses.replace(node, weight=np.abs(node.weight), bias=bias)
