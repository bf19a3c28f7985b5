"""Reading NIR: from a file to a float network, by lifexport's record or by NIR's own text."""

from __future__ import annotations

import functools
import math
import numbers
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nir  # noqa: TID251
import numpy as np

from ..findings import Finding, at_node, error, unknown_name
from ..graph import Edge
from ..network import FloatNetwork
from ..neurons import FloatLIF
from ..nodes import FloatDense, Input, Output
from . import provenance
from .nir_survey import FIELDS, all_of, collect, read_graph, shape_of, unreadable

SOURCES = ("ode",)
REMEDY = "export the network again, or remove the metadata key 'lifexport' to take the arrays at NIR's word"


def from_nir(path: str | os.PathLike[str], *, dt: float | None = None, source: str | None = None) -> FloatNetwork:
    """Float network of a NIR file, ours or anyone's.

    A file with lifexport's record gives back the network that was written, bit for bit. Any other is taken at
    NIR's word (``source="ode"``): the exact solution of the ODE over a step, ``v > v_threshold``, hard reset
    to ``v_reset``, a start at ``v_leak``, spike counts as readout, and feedback that arrives one step late on
    the edge leaving the last population before the loop closes.

    Parameters
    ----------
    path : str or path
        A ``.nir`` file of one flat graph. It is not trusted: links, foreign types and arrays larger than the
        file can hold are refused before anything is allocated.
    dt : float, seconds, optional
        Time step; needed where the file has no record, and must agree where it has one.
    source : ``"ode"``, optional
        Whose discretisation the network was trained under; only for files without record.

    Returns
    -------
    FloatNetwork

    Raises
    ------
    FileError
        LX003 for a missing, damaged or foreign file, LX004 for a record of a newer version.
    ParameterError, ShapeError
        LX101, LX102, LX104, LX105, LX107 for arrays that make no network; LX103 for a missing or
        contradicting ``dt``; LX006 for a ``source`` where the record says it.
    UnsupportedError
        LX401 for a node that cannot be read yet, LX108 for a loop without neurons.
    MismatchError
        LX403 if record and arrays disagree.

    Examples
    --------
    >>> from_nir("no-such.nir")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: no-such.nir: No such file or directory; fix: ...
    """
    reading = load(path, dt, source)
    if reading.network is None:
        raise all_of(reading.findings)
    return reading.network


class Reading(NamedTuple):
    """A file as far as it could be understood."""

    network: FloatNetwork | None
    findings: tuple[Finding, ...]
    recorded: bool


def load(path: str | os.PathLike[str], dt: float | None, source: str | None) -> Reading:
    """Read a file as far as it can be understood, with everything found on the way; raises nothing of its own."""
    findings: list[Finding] = []
    network, fields = None, None
    with collect(findings):
        graph = read_graph(Path(path))
        if provenance.KEY in graph.metadata:
            fields = provenance.parse(graph.metadata[provenance.KEY])
        with collect(findings):
            _check_source(source, fields)
        with collect(findings):
            _check_dt(dt, fields)
        # 1 s stands in for a missing dt, so that everything else is still found.
        step = provenance.exact_dt(fields) if fields else 1.0 if findings or dt is None else float(dt)
        nodes, edges = _named(graph, fields) if fields else (dict(graph.nodes), _close_loops(graph))
        built = {}
        for name, node in sorted(nodes.items()):
            with collect(findings), at_node(name):
                built[name] = _float_node(node, step, fields and fields["nodes"][name])
        if len(built) == len(nodes):
            rules = {key: fields[key] for key in ("readout", "state_reset")} if fields else {}
            network = FloatNetwork(nodes=built, edges=edges, dt=step, **rules)
            if fields:
                _check_record(network, fields)
    return Reading(None if findings else network, tuple(findings), fields is not None)


def _check_source(source: str | None, fields: Mapping[str, Any] | None) -> None:
    if source is not None and source not in SOURCES:
        raise unknown_name("source", source, SOURCES)
    if source is not None and fields is not None:
        raise error(
            "LX006",
            field="source",
            found=f"{source!r}; the file's record says how it was trained",
            fix="leave it out",
        )


def _check_dt(dt: float | None, fields: Mapping[str, Any] | None) -> None:
    if dt is None:
        if fields is None:
            raise error("LX103", field="dt", found="none; the file does not say", fix="pass dt= in seconds")
        return
    if isinstance(dt, bool) or not isinstance(dt, numbers.Real) or not 0 < float(dt) < math.inf:
        raise error("LX103", field="dt", found=f"{dt!r}", fix="give a positive number of seconds")
    if fields is not None and float(dt) != provenance.exact_dt(fields):
        found = f"{dt!r} s; the file's record says {provenance.exact_dt(fields)!r} s"
        raise error("LX103", field="dt", found=found, fix="leave dt out")


def _named(graph: nir.NIRGraph, fields: Mapping[str, Any]) -> tuple[dict[str, nir.NIRNode], tuple[Edge, ...]]:
    """Nodes by their own names, and edges with their delays; refuses a graph that is not the recorded one."""
    if fields["kind"] != "FloatNetwork":
        fix = "read the FloatNetwork it was quantized from"
        raise error("LX401", found=f"the record of an {fields['kind']}", fix=fix)
    own = {written: fields["renamed"].get(written, written) for written in graph.nodes}
    nodes = {own[written]: node for written, node in graph.nodes.items()}
    pairs = [(own.get(a, a), own.get(b, b)) for a, b in graph.edges]
    delays = {(a, b): delay for a, b, delay in fields["edges"]}
    kinds = {"Affine": "Dense", "Linear": "Dense"}
    here = {(name, kinds.get(type(node).__name__, type(node).__name__)) for name, node in nodes.items()}
    there = {(name, node["kind"]) for name, node in fields["nodes"].items()}
    found = []
    for where, some, others in (("file", here, there), ("record", there, here)):
        found += [(name, f"{kind} node only in the {where}") for name, kind in sorted(some - others)]
    for where, some, others in (("file", {*pairs}, {*delays}), ("record", {*delays}, {*pairs})):
        found += [(None, f"edge {a} -> {b} only in the {where}") for a, b in sorted(some - others)]
    if len(nodes) < len(graph.nodes):
        found.append((None, "two nodes of one name"))
    if found:
        raise all_of(Finding(code="LX403", node=node, found=text, fix=REMEDY) for node, text in found)
    return nodes, tuple(Edge(a, b, delays[a, b]) for a, b in pairs)


def _check_record(network: FloatNetwork, fields: Mapping[str, Any]) -> None:
    found = "not what the record describes"
    places = provenance.changed(fields, network)
    if places:
        raise all_of(Finding(code="LX403", node=node, field=field, found=found, fix=REMEDY) for node, field in places)


@functools.singledispatch
def _float_node(node: object, step: float, facts: Mapping[str, Any] | None) -> Any:
    """Node of a float network; ``facts`` is its part of the record, None for NIR's own rules."""
    raise error("LX401", found=f"node kind {type(node).__name__}", fix=f"kinds that can be read: {', '.join(FIELDS)}")


@_float_node.register
def _(node: nir.Input, step: float, facts: Mapping[str, Any] | None) -> Input:
    return Input(shape=shape_of(node.input_type["input"]))


@_float_node.register
def _(node: nir.Output, step: float, facts: Mapping[str, Any] | None) -> Output:
    return Output(shape=shape_of(node.output_type["output"]))


@_float_node.register
def _(node: nir.Linear, step: float, facts: Mapping[str, Any] | None) -> FloatDense:
    return FloatDense(weight=node.weight)


@_float_node.register
def _(node: nir.Affine, step: float, facts: Mapping[str, Any] | None) -> FloatDense:
    return FloatDense(weight=node.weight, bias=node.bias)


@_float_node.register
def _(node: nir.LIF, step: float, facts: Mapping[str, Any] | None) -> FloatLIF:
    rules = {"reset": "value", "compare": ">", "discretisation": "exponential_euler"}
    initial = node.v_leak
    if facts is not None:
        for rule in rules:
            rules[rule] = facts["fields"].get(rule)
            if not isinstance(rules[rule], str):
                raise unreadable("missing in the provenance record", field=rule)
        if "v_initial" in facts["values"]:
            initial = provenance.decode(facts["values"]["v_initial"])
    return FloatLIF(
        shape=np.shape(node.tau),
        dt=step,
        tau=node.tau,
        r=node.r,
        v_threshold=node.v_threshold,
        v_reset=np.asarray(node.v_reset),
        v_rest=node.v_leak,
        v_initial=initial,
        **rules,  # type: ignore[arg-type]
    )


def _close_loops(graph: nir.NIRGraph) -> tuple[Edge, ...]:
    """Edges of a graph that knows no delays: every loop gets one late edge.

    The loop is closed by the first back edge of a depth-first walk from the input, names in order; the
    late edge is the one that leaves the last population on the way to it, so the feedback connection sees the
    spikes of the step before (none in the first step, where its bias still flows).
    """
    pairs, late = sorted(set(graph.edges)), set()
    while cycle := _first_cycle(graph, [pair for pair in pairs if pair not in late]):
        neurons = [i for i, name in enumerate(cycle) if isinstance(graph.nodes.get(name), nir.LIF)]
        if not neurons:
            fix = "a loop must pass through a population"
            raise error("LX108", found=f"the loop {' -> '.join(cycle)} has no neurons", fix=fix)
        late.add((cycle[neurons[-1]], cycle[(neurons[-1] + 1) % len(cycle)]))
    return tuple(Edge(a, b, int((a, b) in late)) for a, b in graph.edges)


def _first_cycle(graph: nir.NIRGraph, pairs: list[tuple[str, str]]) -> list[str] | None:
    after: dict[str, list[str]] = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
    done: set[str] = set()
    for start in [*sorted(graph.inputs), *sorted(graph.nodes)]:
        trail, branches = [start], [iter(after.get(start, ()))]
        while trail and start not in done:
            name = next(branches[-1], None)
            if name is None:
                done.add(trail.pop())
                branches.pop()
            elif name in trail:
                return trail[trail.index(name) :]
            elif name not in done:
                trail.append(name)
                branches.append(iter(after.get(name, ())))
    return None
