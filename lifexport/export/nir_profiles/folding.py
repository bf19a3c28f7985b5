"""Gains and constant inputs of populations folded into the weights and biases that feed them.

An importer wants ``scale * I + bias`` where ``I`` is what arrived as trained. The scale multiplies rows of weights,
through pools and flattenings; where nothing has rows, weights of its own are put before the population.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import graph
from ...findings import at_node, error
from ...graph import Edge
from ...network import FloatNetwork
from ...nodes import FloatDense
from ...spatial import Flatten, FloatConv
from ..nir_folding import by_channel, own_weights
from ..nir_nesting import free

Nodes = dict[str, Any]
Edges = list[Edge]


def require_simple_loops(network: FloatNetwork) -> None:
    """Refuse the delays that no importer runs.

    Raises
    ------
    UnsupportedError
        LX401 for a loop through several populations, or of more than one step, and for a delay outside of loops: NIR
        does not say what is late, and importers run one population's feedback one step late.
    """
    inside: set[Edge] = set()
    for loop in graph.loops(network.nodes, network.edges):
        members = [name for name in loop if name in network.populations]
        edges = {e for e in network.edges if {e.source, e.target} <= set(loop)}
        if len(members) > 1:
            found, fix = (
                f"a loop through {', '.join(sorted(members))}",
                "let every population feed back to itself alone",
            )
            raise error("LX401", node=members[0], found=found, fix=fix)
        for edge in (e for e in edges if e.target == members[0]):
            late = edge.delay + sum(e.delay for name in network.way(edge) for e in network.incoming(name))
            if late != 1:
                found, fix = f"a loop of {late} steps", "let feedback arrive one step later"
                raise error("LX401", node=members[0], found=found, fix=fix)
        inside |= edges
    for edge in network.edges:
        if edge.delay and edge not in inside:
            found, fix = (
                f"{edge}: {edge.delay} steps late",
                "let it arrive in the same step; NIR's readers know no delays",
            )
            raise error("LX401", node=edge.source, found=found, fix=fix)


def folded(
    network: FloatNetwork,
    scales: Mapping[str, np.ndarray],
    biases: Mapping[str, np.ndarray],
    *,
    first_bias: bool,
) -> tuple[Nodes, Edges]:
    """Nodes and edges with every population's scale and bias folded into what feeds it.

    Parameters
    ----------
    network : FloatNetwork
    scales, biases : mapping from population to float64 array of its shape
    first_bias : bool
        Whether the importer lets the bias of a feedback connection act in the first step.

    Raises
    ------
    UnsupportedError
        LX401 for gains that differ within a channel of a convolution, and a feedback bias that the importer adds too
        early.
    """
    nodes, edges = _one_target_each(dict(network.nodes), list(network.edges))
    for name in network.populations:
        bias = biases[name]
        into = sorted(edge for edge in edges if edge.target == name)
        backs = [edge for edge in into if edge.delay or _way_is_late(nodes, edges, edge)]
        for edge in backs:
            bias = bias + _constant(nodes, edges, edge, scales[name], first_bias=first_bias)
        forth = [edge for edge in into if edge not in backs]
        if not forth and bias.any():
            found, fix = "a constant input and nothing but feedback", "let a connection with weights feed it"
            raise error("LX401", node=name, found=found, fix=fix)
        for edge in into:
            with at_node(name):
                first = forth and edge == forth[0]
                nodes, edges = _fold(nodes, edges, edge, scales[name], bias if first else np.zeros(bias.shape))
    return nodes, edges


def _one_target_each(nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges]:
    """Connections that feed several nodes as one connection for each, from the last ones back."""
    while shared := next((n for n in nodes if _role(nodes[n]) == "connection" and _fans(edges, n) > 1), None):
        _, *others = sorted(edge for edge in edges if edge.source == shared)
        (before,) = [edge for edge in edges if edge.target == shared]
        names = free((f"{shared}_{edge.target}" for edge in others), nodes)
        for edge, name in zip(others, names, strict=True):
            nodes[name] = nodes[shared]
            edges = [e for e in edges if e != edge]
            edges += [dataclasses.replace(edge, source=name), dataclasses.replace(before, target=name)]
    return nodes, edges


def _role(node: Any) -> str:
    return node.role


def _fans(edges: Edges, name: str) -> int:
    return sum(edge.source == name for edge in edges)


def _way(nodes: Nodes, edges: Edges, edge: Edge) -> list[str]:
    """Connections before the end of an edge, the nearest first."""
    names, source = [], edge.source
    while _role(nodes[source]) == "connection":
        names.append(source)
        source = next(e.source for e in edges if e.target == source)
    return names


def _way_is_late(nodes: Nodes, edges: Edges, edge: Edge) -> bool:
    return any(e.delay for name in _way(nodes, edges, edge) for e in edges if e.target == name)


def _constant(nodes: Nodes, edges: Edges, edge: Edge, scale: np.ndarray, *, first_bias: bool) -> np.ndarray:
    """What biases on the way of a feedback edge add in every step; they are taken out of it.

    Those behind the late edge act from the first step on and are the same as any other bias. Those before it do so one
    step later, which is how importers without ``first_bias`` run every feedback bias, and no other can.
    """
    way, total = _way(nodes, edges, edge), np.zeros(scale.shape)
    biased = [name for name in way if getattr(nodes[name], "bias", None) is not None and nodes[name].bias.any()]
    if not biased:
        return total
    into = {name: next(e for e in edges if e.target == name) for name in way}
    behind = not edge.delay and all(any(into[n].delay for n in way[way.index(name) :]) for name in biased)
    if not behind:
        if not first_bias:
            return total
        found = "a bias of feedback that is late itself; the importer adds it in the first step too"
        raise error("LX401", node=biased[0], field="bias", found=found, fix="put the delay before the connection")
    x = np.zeros((1, *nodes[way[-1]].in_shape))
    for name in reversed(way):
        x = nodes[name].apply(x)
    for name in biased:
        nodes[name] = dataclasses.replace(nodes[name], bias=None)
    return scale * x[0]


def _fold(nodes: Nodes, edges: Edges, edge: Edge, scale: np.ndarray, bias: np.ndarray) -> tuple[Nodes, Edges]:
    way = _way(nodes, edges, edge)
    if (scale == 1).all() and not bias.any() and way:
        return nodes, edges
    rows, constant = scale, bias
    for name in way:
        node = nodes[name]
        if isinstance(node, FloatDense | FloatConv):
            by_row = (by_channel(rows), by_channel(constant)) if isinstance(node, FloatConv) else (rows, constant)
            if by_row[0] is None or by_row[1] is None:
                break
            return nodes | {name: _scaled(node, by_row[0], by_row[1])}, edges
        if isinstance(node, Flatten):
            rows, constant = rows.reshape(node.in_shape), constant.reshape(node.in_shape)
            continue
        channels = by_channel(rows)  # a pool: linear, but what it makes of a constant depends on the padding
        if channels is None or constant.any():
            break
        rows = np.broadcast_to(channels.reshape(-1, *(1,) * (len(node.in_shape) - 1)), node.in_shape)
        constant = np.zeros(node.in_shape)
    own = own_weights(scale, bias)
    (name,) = free([f"{edge.target}_in"], nodes)
    return nodes | {name: own}, [
        *(e for e in edges if e != edge),
        dataclasses.replace(edge, target=name),
        Edge(name, edge.target),
    ]


def _scaled(node: FloatDense | FloatConv, rows: np.ndarray, constant: np.ndarray) -> Any:
    weight = node.weight * rows.reshape(-1, *(1,) * (node.weight.ndim - 1))
    bias = constant if node.bias is None else node.bias * rows + constant
    return dataclasses.replace(node, weight=weight, bias=bias if node.bias is not None or constant.any() else None)
