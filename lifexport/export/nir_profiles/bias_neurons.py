"""Constant inputs behind late spikes, carried by neurons that are late too.

Where spikes leave a population one step late, a bias behind it acts a step before the first of them can arrive. A
neuron that fires in every step, added to the population, is as late as its spikes: the bias is the weight of that
neuron. It is fed by the bias of the first connection, and by its like in the population before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ... import graph
from ...graph import Edge
from ...nodes import FloatDense
from ..nir_nesting import free
from .profile import Written

DRIVE = 2.0
"""What a neuron whose threshold is 1, and that keeps nothing, is fed in every step."""

Nodes = dict[str, Any]


class Carried(NamedTuple):
    """Nodes, edges and populations with neurons for constant inputs, and the populations that have one, the last."""

    nodes: Nodes
    edges: list[Edge]
    populations: dict[str, Written]
    widened: tuple[str, ...]


def with_bias_neurons(
    nodes: Nodes, edges: list[Edge], populations: dict[str, Written], neuron: Mapping[str, float]
) -> Carried:
    """A chain whose biases act when the spikes beside them arrive.

    Parameters
    ----------
    nodes, edges
        A chain of populations, which may feed themselves; gains and biases are folded.
    populations : dict from name to Written
    neuron : mapping from field to number
        Parameters of a neuron that fires in every step in which it is fed ``DRIVE``.
    """
    sections = _sections(nodes, edges, populations)
    dense = all(isinstance(node, FloatDense) for node in nodes.values() if node.role == "connection")
    late = [i for i, (_, way) in enumerate(sections) if i and any(_biased(nodes[name]) for name in way)]
    if not late or not dense:  # other connections are refused with their names
        return Carried(nodes, edges, populations, ())
    nodes, edges, populations = dict(nodes), list(edges), dict(populations)
    reach = max(late)
    for i, (name, way) in enumerate(sections[: reach + 1]):
        if not way:
            edges, way = _own_weights(nodes, edges, name)
        for connection in way:
            fed, last = i > 0, connection == way[-1]
            nodes[connection] = _extended(nodes[connection], fed=fed, passes=fed and not last, feeds=last and i < reach)
    widened = tuple(name for name, _ in sections[:reach])
    for name in widened:
        nodes |= {back: _with_silence(nodes[back], name, back, edges) for back in _feedback(nodes, edges, name)}
        fields = {key: np.append(value, neuron[key]) for key, value in populations[name].fields.items()}
        populations[name] = dataclasses.replace(populations[name], fields=fields)
    return Carried(nodes, edges, populations, widened)


def _sections(nodes: Nodes, edges: list[Edge], populations: Mapping[str, Written]) -> list[tuple[str, list[str]]]:
    """Populations from the input on, each with the connections that lead to it."""
    loops = [set(loop) for loop in graph.loops(nodes, edges)]
    onwards = {e.source: e.target for e in edges if not any({e.source, e.target} <= loop for loop in loops)}
    sections: list[tuple[str, list[str]]] = []
    way: list[str] = []
    name = next(name for name, node in nodes.items() if node.role == "input")
    while (name := onwards.get(name, "")) and nodes[name].role != "output":
        if name in populations:
            sections.append((name, way))
            way = []
        else:
            way.append(name)
    return sections


def _biased(node: Any) -> bool:
    return getattr(node, "bias", None) is not None and bool(node.bias.any())


def _own_weights(nodes: Nodes, edges: list[Edge], name: str) -> tuple[list[Edge], list[str]]:
    """A connection that changes nothing, before a population that has none."""
    (own,) = free([f"{name}_in"], nodes)
    before = next(edge for edge in edges if edge.target == name and nodes[edge.source].role != "connection")
    nodes[own] = FloatDense(weight=np.eye(*nodes[before.source].out_shape))
    kept = [edge for edge in edges if edge != before]
    return [*kept, dataclasses.replace(before, target=own), Edge(own, name)], [own]


def _extended(node: FloatDense, *, fed: bool, passes: bool, feeds: bool) -> FloatDense:
    """A connection whose bias is a weight if such a neuron feeds it (``fed``), and that feeds or passes on another."""
    weight, bias = node.weight, np.zeros(len(node.weight)) if node.bias is None else node.bias
    if fed:
        weight, bias = np.column_stack([weight, bias]), np.zeros(len(weight))
    if passes or feeds:
        row = np.zeros(weight.shape[1])
        row[-1] = (1.0 if passes else DRIVE) if fed else 0.0
        weight, bias = np.vstack([weight, row]), np.append(bias, 0.0 if fed else DRIVE)
    return dataclasses.replace(node, weight=weight, bias=bias if bias.any() else None)


def _feedback(nodes: Nodes, edges: list[Edge], name: str) -> list[str]:
    loops = [set(loop) for loop in graph.loops(nodes, edges)]
    return [other for loop in loops if name in loop for other in sorted(loop) if nodes[other].role == "connection"]


def _with_silence(node: FloatDense, name: str, back: str, edges: list[Edge]) -> FloatDense:
    """Feedback of a population with one neuron more, which neither sends nor receives any."""
    pairs = [(edge.source, edge.target) for edge in edges]
    columns, rows = int((name, back) in pairs), int((back, name) in pairs)
    weight = np.pad(node.weight, ((0, rows), (0, columns)))
    return dataclasses.replace(node, weight=weight, bias=None if node.bias is None else np.pad(node.bias, (0, rows)))
