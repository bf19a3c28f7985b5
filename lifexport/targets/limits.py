"""What a target has room for, and everything of a network that does not fit into it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..findings import Finding
from ..network import IntNetwork, Network
from .target import Target


def violations(network: Network, target: Target) -> list[Finding]:
    """Every resource of a target that a network exceeds, all at once (LX203).

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
        Of a trained network the numbers are those before rounding: distinct thresholds may fall together.
    target : Target
        Its ``limits``; what it does not limit is not counted.

    Notes
    -----
    A synapse is a weight that is not zero. Neurons of a convolution or pool share weights: its fan-in is that of one
    window, and it adds nothing to a fan-out.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import IntLIF, Rules, Word
    >>> from lifexport.nodes import InputCode, IntDense, IntInput, Output
    >>> from lifexport.targets import load_target
    >>> rules, one = Rules(membrane=Word.signed(12)), Fraction(1)
    >>> lif = IntLIF(shape=(300,), rules=rules, decay=9, threshold=5, reset_code=5, unit=one)
    >>> nodes = {"in": IntInput(shape=(2,), code=InputCode(kind="spikes")), "lif": lif, "out": Output(shape=(300,))}
    >>> nodes["fc"] = IntDense(weight=np.ones((300, 2), int), unit=one)
    >>> net = IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> [(finding.code, finding.field, finding.found) for finding in violations(net, load_target("tinyodin"))]
    [('LX203', 'neurons', "300; target 'tinyodin' has 256")]
    """
    limits = target.document["limits"]
    found = []
    for node, field, count, fix in _counted(network):
        most = limits
        for part in field.split("."):
            most = (most or {}).get(part)
        if most is not None and count > most:
            text = f"{count}; target {target.name!r} has {most}"
            found.append(Finding(code="LX203", node=node, field=field, found=text, fix=fix))
    return found


def _counted(network: Network) -> Iterator[tuple[str | None, str, int, str]]:
    """Node, limit, how much of it is used, and what to do if that is too much."""
    smaller, layer = "use a smaller network or another target", "use a narrower layer or another target"
    yield None, "neurons", sum(math.prod(node.shape) for node in network.populations.values()), smaller
    yield network.input_name, "inputs", math.prod(network.nodes[network.input_name].shape), smaller
    yield network.readout_name, "outputs", math.prod(network.nodes[network.readout_name].shape), smaller
    for name, node in network.populations.items():
        weighted = [edge.source for edge in network.incoming(name) if hasattr(network.nodes[edge.source], "weight")]
        synapses = sum(_synapses(network.nodes[source].weight, node.shape) for source in weighted)
        yield weighted[0] if len(weighted) == 1 else name, "fan_in", int(np.max(synapses)), layer
    for name, node in network.nodes.items():
        onward = [network.nodes[edge.target] for edge in network.outgoing(name)]
        dense = [c.weight for c in onward if c.kind == "Dense"]
        if node.role in ("input", "population") and dense:
            yield name, "fan_out", int(np.max(sum((w != 0).sum(axis=0) for w in dense))), layer
    for name, node in network.populations.items():
        split = "split the population: all of its neurons are on one core"
        yield name, "core.neurons", math.prod(node.shape), split
        yield name, "core.decays", _distinct(node.decay), split
        if node.spiking:
            threshold = node.threshold if isinstance(network, IntNetwork) else node.v_threshold - node.v_rest
            yield name, "core.thresholds", _distinct(threshold), split


def _synapses(weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Synapses of every neuron of a population of a shape; a convolution has as many in every place of a channel."""
    rows = (weight.reshape(len(weight), -1) != 0).sum(axis=1)
    return rows.reshape(shape) if weight.ndim == 2 else rows.reshape(-1, *[1] * (len(shape) - 1))


def _distinct(values: np.ndarray) -> int:
    return len(np.unique(values))
