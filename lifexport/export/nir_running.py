"""A NIR graph as a tool runs it: from raw nodes to a float network under the rules of a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..findings import Finding, at_node, collect
from ..network import FloatNetwork
from . import nir_folding, nir_loops, nir_nesting
from .nir_building import built, shapes
from .nir_raw import Raw, RawGraph
from .nir_source import Asked, Source


def as_run(
    graph: RawGraph,
    source: Source,
    asked: Asked,
    findings: list[Finding],
    *,
    budget: int = 1 << 62,
    output: str | None = None,
) -> tuple[FloatNetwork | None, str]:
    """Network of a graph, as a source runs it, and how it was read; what stands against it is added to ``findings``."""
    nodes, pairs = prepared(graph, output)
    arrives = shapes(nodes, pairs, budget)
    parts: dict[str, Any] = {}
    for name, raw in sorted(nodes.items()):
        with collect(findings), at_node(name):
            parts[name] = (
                raw if raw.kind in ("Scale", "Delay") else built(raw, arrives.get(name), source, asked.of(name))
            )
    if len(parts) < len(nodes):
        return None, ""
    unit = asked.dt if source.seconds is None else source.seconds
    edges = [nir_folding.Edge(a, b) for a, b in pairs]
    parts, edges = nir_folding.without_delays(parts, edges, asked.dt, unit)
    edges = nir_loops.closed(edges, _named(parts, "input"), _named(parts, "population"), first_bias=source.first_bias)
    parts, edges = nir_folding.without_sums(parts, edges)
    parts, edges = nir_folding.without_scales(parts, edges, arrives)
    parts, edges, joined = nir_folding.with_one_input(parts, edges)
    if source.lag:
        edges = nir_loops.lagging(edges, parts, _named(parts, "population"))
    answers = {edge.source for edge in edges if edge.target in _named(parts, "output")}
    silent = any(parts[name].role == "population" and not parts[name].spiking for name in answers)
    readout = "membrane_last" if silent else "count"
    network = FloatNetwork(nodes=parts, edges=tuple(edges), dt=asked.dt, readout=readout)
    says = source.says
    if joined:
        says += f"; inputs {', '.join(joined)} joined in this order"
    return network, says + ("; readout membrane_last, for the last neurons never spike" if silent else "")


def prepared(graph: RawGraph, output: str | None = None) -> tuple[dict[str, Raw], list[tuple[str, str]]]:
    """Nodes and edges of a graph that has one input or several, one output, and no graphs inside."""
    nodes, pairs = nir_nesting.flat(graph)
    nodes, pairs = nir_nesting.with_ends(nodes, pairs)
    nir_nesting.refuse_strangers(nodes, pairs)
    kept = nir_nesting.chosen_output(nodes, pairs, output)
    nodes = {name: node for name, node in nodes.items() if name in kept}
    return nodes, [(a, b) for a, b in pairs if a in kept and b in kept]


def _named(parts: Mapping[str, Any], role: str) -> list[str]:
    return [name for name, node in parts.items() if not isinstance(node, Raw) and node.role == role]
