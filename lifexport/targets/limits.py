"""What a target has room for, and everything of a network that does not fit into it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..findings import Finding
from ..network import IntNetwork, Network
from ..nodes import Connection
from ..spatial import Convolution, Flatten, Pool, convolve
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
    A synapse is a way from one neuron (or input) to another through a weight that is not zero. Convolutions and pools
    are counted as what they stand for, place by place, padding left out.

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
    for name in network.populations:
        ways = [network.way(edge) for edge in network.incoming(name)]
        weighted = [other for way in ways for other in way if hasattr(network.nodes[other], "weight")]
        yield weighted[0] if len(weighted) == len(ways) == 1 else name, "fan_in", _fan_in(network, name), layer
    for name, fan_out in _fan_outs(network).items():
        yield name, "fan_out", fan_out, layer
    for name, node in network.populations.items():
        split = "split the population: all of its neurons are on one core"
        yield name, "core.neurons", math.prod(node.shape), split
        yield name, "core.decays", _distinct(node.decay), split
        if node.spiking:
            threshold = node.threshold if isinstance(network, IntNetwork) else node.v_threshold - node.v_rest
            yield name, "core.thresholds", _distinct(threshold), split


def _fan_in(network: Network, name: str) -> int:
    """Most synapses that end at one neuron of a population."""
    ending = np.zeros(network.nodes[name].shape, np.int64)
    for edge in network.incoming(name):
        way = [network.nodes[other] for other in reversed(network.way(edge))]
        count = np.ones(way[0].in_shape if way else ending.shape, np.int64)
        for node in way:
            count = _forwards(node, count)
        ending = ending + count
    return int(ending.max())


def _fan_outs(network: Network) -> dict[str, int]:
    """Most synapses that start at one neuron of every population, and at one input."""
    starting: dict[str, np.ndarray] = {}
    for name, node in network.populations.items():
        for edge in network.incoming(name):
            way = network.way(edge)
            source = network.incoming(way[-1])[0].source if way else edge.source
            count = np.ones(node.shape, np.int64)
            for other in way:
                count = _backwards(network.nodes[other], count)
            starting[source] = starting.get(source, 0) + count
    return {name: int(count.max()) for name, count in starting.items()}


def _forwards(node: Connection, count: np.ndarray) -> np.ndarray:
    """Synapses on the way to every output of a connection, from those to its inputs."""
    if isinstance(node, Convolution):
        return convolve(count[None], _used(node), node.windows, node.groups)[0]
    if isinstance(node, Pool):
        return node.windows.gather(count).sum(axis=tuple(range(-len(node.windows.size), 0)))
    return count.reshape(node.out_shape) if isinstance(node, Flatten) else _used(node) @ count


def _backwards(node: Connection, count: np.ndarray) -> np.ndarray:
    """The transpose of ``_forwards``: synapses on the way from every input."""
    if isinstance(node, Convolution):
        used = _used(node).reshape(node.groups, -1, int(np.prod(node.weight.shape[1:])))
        outputs = count.reshape(node.groups, used.shape[1], -1)
        seen = np.einsum("gok,gop->gkp", used, outputs).reshape(-1, *node.weight.shape[2:], *node.windows.positions)
        axes = len(node.size)
        return node.windows.scatter(np.moveaxis(seen, range(1, 1 + axes), range(-axes, 0)))
    if isinstance(node, Pool):
        kernel = node.windows.kernel
        spread = count.reshape(*count.shape, *[1] * len(kernel))
        return node.windows.scatter(np.broadcast_to(spread, (*count.shape, *kernel)))
    return count.reshape(node.in_shape) if isinstance(node, Flatten) else _used(node).T @ count


def _used(node: Any) -> np.ndarray:
    """1 for every weight that is a synapse."""
    return (node.weight != 0).astype(np.int64)


def _distinct(values: np.ndarray) -> int:
    return len(np.unique(values))
