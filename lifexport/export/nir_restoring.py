"""The network that lifexport wrote as NIR: facts from its record, arrays from its graph, held against each other.

A file is what its record describes exactly if the restored network has the recorded digest and writing it gives the
file's nodes again, number by number. Neither record nor graph is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import arrays
from ..findings import Finding, at_node, collect, error
from ..graph import Edge
from ..network import FloatNetwork
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from ..nodes import FloatDense, Input, Output
from ..origin import origin_of
from ..spatial import Flatten, FloatAvgPool, FloatConv, SumPool
from . import nir_conv, provenance
from .nir_nodes import PLACES, WRITTEN_AS, assumed, written
from .nir_raw import Raw, RawGraph, raw_of
from .nir_survey import all_of, unreadable
from .restoring import hints, scalar

REMEDY = "export the network again, or remove the metadata key 'lifexport' to take the arrays at NIR's word"

KINDS: dict[str, Any] = {
    cls.kind: cls
    for cls in (
        Input,
        Output,
        FloatDense,
        FloatConv,
        SumPool,
        FloatAvgPool,
        Flatten,
        FloatLIF,
        FloatIAF,
        FloatLI,
        FloatCubaLIF,
    )
}


def restore(graph: RawGraph, fields: Mapping[str, Any], findings: list[Finding]) -> FloatNetwork | None:
    """Network of a graph with a record; what stands against it is added to ``findings``.

    Raises
    ------
    LifexportError
        LX403 where record and graph disagree, LX003 for a damaged record, or the rule of a network that is broken.
    """
    nodes, edges = named(graph, fields)
    step = provenance.exact_dt(fields)
    built = {}
    for name, raw in sorted(nodes.items()):
        with collect(findings), at_node(name):
            built[name] = _node(raw, step, fields["nodes"][name])
    if len(built) < len(nodes):
        return None
    rules = {key: fields[key] for key in ("readout", "state_reset")}
    network = FloatNetwork(nodes=built, edges=edges, dt=step, origin=origin_of(fields), **rules)
    places = provenance.changed(fields, network) or [
        (name, field) for name, raw in nodes.items() for field in differences(raw, raw_of(written(network.nodes[name])))
    ]
    if places:
        raise disagreement(places)
    return network


def disagreement(places: Iterable[tuple[str | None, str]]) -> Exception:
    """Exception that names every place where record and graph disagree (LX403)."""
    found = "not what the record describes"
    return all_of(Finding(code="LX403", node=node, field=field, found=found, fix=REMEDY) for node, field in places)


def named(graph: RawGraph, fields: Mapping[str, Any]) -> tuple[dict[str, Raw], tuple[Edge, ...]]:
    """Nodes by their own names, and edges with their delays.

    Raises
    ------
    MismatchError
        LX403 for a graph that is not the recorded one.
    """
    own = {there: fields["renamed"].get(there, there) for there in graph.nodes}
    nodes = {own[there]: node for there, node in graph.nodes.items()}
    pairs = [(own.get(a, a), own.get(b, b)) for a, b in graph.edges]
    delays = {(a, b): delay for a, b, delay in fields["edges"]}
    found: list[tuple[str | None, str]] = []
    for name in sorted({*nodes, *fields["nodes"]}):
        node, there = nodes.get(name), fields["nodes"].get(name)
        here = WRITTEN_AS.get(node.kind, ()) if isinstance(node, Raw) else ()
        if node is None or there is None:
            found.append((name, f"node only in the {'record' if node is None else 'file'}"))
        elif there["kind"] not in here:
            kind = node.kind if isinstance(node, Raw) else "nested graph"
            found.append((name, f"a {kind} node for what the record calls a {there['kind']}"))
    for where, some, others in (("file", {*pairs}, {*delays}), ("record", {*delays}, {*pairs})):
        found += [(None, f"edge {a} -> {b} only in the {where}") for a, b in sorted(some - others)]
    if len(nodes) < len(graph.nodes):
        found.append((None, "two nodes of one name"))
    if len(set(pairs)) < len(pairs):
        found.append((None, "an edge twice"))
    if found:
        raise all_of(Finding(code="LX403", node=node, found=text, fix=REMEDY) for node, text in found)
    return nodes, tuple(Edge(a, b, delays[a, b]) for a, b in pairs)  # type: ignore[return-value]


def _node(raw: Raw, step: float, facts: Mapping[str, Any]) -> Any:
    """Node of a float network from its arrays in the graph and its part of the record."""
    cls = KINDS[facts["kind"]]
    given: dict[str, Any] = {}
    wanted = hints(cls)
    for field, hint in wanted.items():
        if field == "dt":
            given[field] = step
        elif field not in facts["arrays"] and hint is not np.ndarray:
            given[field] = scalar(hint, facts["fields"].get(field), field)
    if raw.kind in ("Input", "Output"):
        given["shape"] = raw.whole("shape")
    if facts["kind"] in ("SumPool", "AvgPool") and raw.kind == "Conv1d":
        shape, size = given["shape"], np.shape(raw.fields["weight"])
        if not (isinstance(shape, tuple) and size[:2] == (shape[0],) * 2):
            raise error("LX403", field="weight", found=f"shape {size}, {shape} in the record", fix=REMEDY)
    start = SimpleNamespace()
    for field in [field for field in wanted if field not in given]:
        given[field] = array(raw, facts, field, start, given)
        setattr(start, field, given[field])
    return cls(**given)


def array(raw: Raw, facts: Mapping[str, Any], field: str, start: Any, given: Mapping[str, Any]) -> np.ndarray:
    """Array of a node, from the record if it is kept there, else from the graph, else the one that is assumed."""
    entry = facts["arrays"].get(field)
    if entry is None:
        raise unreadable("missing in the provenance record", field=field)
    shape, place = tuple(entry["shape"]), PLACES.get(facts["kind"], {}).get(field)
    if field in facts["values"]:
        value = provenance.decode(facts["values"][field], field, provenance.dtype(entry))
    elif place is not None:
        stored = value = raw.fields.get(place)
        if stored is not None and facts["kind"] == "Conv" and field == "weight":
            value = nir_conv.original(stored, given["groups"], shape)
        if value is None or np.shape(value) != shape:
            found = "not in the graph" if stored is None else f"shape {np.shape(stored)}, {shape} in the record"
            raise error("LX403", field=field, found=found, fix=REMEDY)
    else:
        like = np.broadcast_to(np.zeros((), provenance.dtype(entry)), given["shape"])
        value = assumed(start, field, like)
        if value is None:
            raise unreadable("missing in the provenance record", field=field)
    return np.asarray(value)


def differences(ours: Raw, theirs: Raw) -> list[str]:
    """Fields in which two nodes of a file differ, in a number, a shape or a type."""
    if ours.kind != theirs.kind:
        return ["kind"]
    names = sorted({*ours.fields, *theirs.fields})
    return [name for name in names if not _same(ours.fields.get(name), theirs.fields.get(name))]


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return one is other or (isinstance(one, str) and one == other)
    return arrays.same(np.asarray(one), np.asarray(other))
