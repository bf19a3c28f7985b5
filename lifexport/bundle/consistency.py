"""Statements of a bundle held against each other and against its networks, without running anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..costing.costing import Activity, Cost, Work, energy_of, fan_outs
from ..costing.memory import memory
from ..errors import LifexportError
from ..export.provenance import plain
from ..fidelity.comparing import INPUT_TOLERANCE, semantics
from ..fidelity.impossible import impossible
from ..fidelity.overflowing import overflow_finding
from ..fidelity.parameters import (
    bias_fidelity,
    decay_fidelity,
    parameter_findings,
    threshold_fidelity,
    weight_fidelity,
)
from ..fidelity.report import FidelityReport, LayerFidelity
from ..fidelity.restoring import from_json, is_older, thresholds_of
from ..fidelity.verdict import judge
from ..findings import Finding
from ..network import FloatNetwork, IntNetwork
from ..nodes import IntWeights
from ..targets import Target
from .saving import COST, FIDELITY
from .stating import differences

FIX = "save the bundle again from the trained network; another version may count otherwise"
INDEX = ("index",)
"""Of several neurons that changed by the same amount another machine may name another one."""
FIGURES = ("LX208", "LX210", "LX211", "LX212", "LX501", "LX502", "LX504", "LX505", "LX506")
"""Findings that follow from the figures of any report."""
NEWER = ("LX503", "LX507", "LX508", "LX509", "LX510", "LX511")
"""Those that follow from the figures of newer ones."""


def contradiction(file: str, found: str, *, field: str | None = None) -> Finding:
    """A statement that cannot be true (LX608)."""
    return Finding(code="LX608", node=file, field=field, found=found, fix=FIX)


def check_fidelity(
    document: Mapping[str, Any], q: IntNetwork, f: FloatNetwork | None, target: Target | None
) -> Iterator[Finding]:
    """What a fidelity report, which conforms to its schema, says and cannot be (LX608).

    Parameters
    ----------
    document : JSON object
    q, f : IntNetwork, FloatNetwork or None
        Networks of the bundle; the trained one is not always there.
    target : Target or None
        Description the bundle holds.
    """
    try:
        yield from [*_fidelity(document, q, f, target)]
    except LifexportError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as reason:  # 1.0 for a count, a threshold of 0, ...
        yield contradiction(FIDELITY, f"figures of which nothing can be computed ({reason})")


def _fidelity(
    document: Mapping[str, Any], q: IntNetwork, f: FloatNetwork | None, target: Target | None
) -> Iterator[Finding]:
    places = {"layers": q.populations, "weights": {n: c for n, c in q.connections.items() if isinstance(c, IntWeights)}}
    for key, nodes in places.items():
        names = [row["node"] for row in document[key]]
        if sorted(names) != sorted(nodes):
            yield contradiction(FIDELITY, f"nodes {names}, not those of the network", field=key)
            return
    first = document["first_divergence"]
    if first is not None and first["node"] not in q.populations:
        yield contradiction(FIDELITY, f"node {first['node']!r}", field="first_divergence")
        return
    stated, older = from_json(document), is_older(document)
    wrong = [*impossible(stated, q, f, older=older)]
    for node, field, found in wrong:
        yield contradiction(FIDELITY, found, field=f"{node}.{field}" if node else field)
    if wrong:
        return
    followed, expected = _followed(stated, document, q, f)
    for place in differences(document, followed.to_json(), without=("tool", "findings", "not_verified", *INDEX)):
        yield contradiction(FIDELITY, f"{place.stated} stated, {place.computed} follows", field=place.path)
    yield from _findings(document, followed, expected, q, older)
    told = tuple(document["target"]["not_verified"])
    if target is not None and told not in (tuple(target.document["status"]["not_verified"]), _unknown(q)):
        yield contradiction(FIDELITY, "not what the target's description says", field="target.not_verified")


def _unknown(q: IntNetwork) -> tuple[str, ...]:
    return (f"target {q.target!r} is not one of the shipped ones",)


def _followed(
    stated: FidelityReport, document: Mapping[str, Any], q: IntNetwork, f: FloatNetwork | None
) -> tuple[FidelityReport, tuple[Finding, ...]]:
    """The report with all that the networks, and its own counts, say anew; and the findings of its verdict."""
    followed = dataclasses.replace(
        stated,
        target=q.target,
        target_digest=q.target_digest,
        approximations=q.approximations,
        integer_digest=q.digest(),
        parent=q.trained,
        dt=q.dt,
        readout=q.readout,
        input_kind=q.input_code.kind,
        input_bits=q.input_code.bits,
        layers=tuple(_row(row, stated, q, f) for row in stated.layers),
    )
    if f is not None:
        followed = dataclasses.replace(
            followed, float_digest=f.digest(), semantics=semantics(f), weights=tuple(weight_fidelity(f, q))
        )
    verdict, found = judge(followed, thresholds_of(document))
    return dataclasses.replace(followed, verdict=verdict), found


def _row(row: LayerFidelity, report: FidelityReport, q: IntNetwork, f: FloatNetwork | None) -> LayerFidelity:
    node = q.nodes[row.node]
    neurons = int(np.prod(node.shape))
    row = dataclasses.replace(
        row,
        neurons=neurons,
        state_bits=node.rules.membrane.bits,
        values=neurons * report.steps * report.samples,
    )
    if f is None:
        return row
    return dataclasses.replace(
        row,
        decay=decay_fidelity(f, q, row.node),
        threshold=threshold_fidelity(f, q, row.node),
        bias=bias_fidelity(f, q, row.node),
    )


def _findings(
    document: Mapping[str, Any],
    report: FidelityReport,
    of_verdict: tuple[Finding, ...],
    q: IntNetwork,
    older: bool,
) -> Iterator[Finding]:
    """Findings that the figures do not give, and figures whose findings are missing."""
    follow = {(f.code, f.node, f.field) for f in (*parameter_findings(report.weights, report.layers), *of_verdict)}
    for row in report.layers:
        if row.silent_integer == row.neurons and q.nodes[row.node].spiking:
            follow.add(("LX501", row.node, None))
        if row.always_firing:
            follow.add(("LX502", row.node, None))
        follow |= {(f.code, f.node, f.field) for f in (overflow_finding(row.node, w) for w in row.words if w.count)}
    if report.input_clipped:
        follow.add(("LX504", q.input_name, None))
    if report.input_zeroed > INPUT_TOLERANCE * report.input_nonzero:
        follow.add(("LX505", q.input_name, None))
    judged = {*FIGURES} - {"LX505"} if older else {*FIGURES, *NEWER}
    told = {(row["code"], row["node"], row["field"]) for row in document["findings"]}
    for code, node, field in sorted({row for row in told ^ follow if row[0] in judged}, key=str):
        where = f" of {'.'.join(part for part in (node, field) if part)}" if node or field else ""
        said = "does not follow from the figures" if (code, node, field) in told else "follows, and is not there"
        yield contradiction(FIDELITY, f"{code}{where} {said}", field="findings")
    for row in report.layers if older else ():  # there all words were counted, and told, as one
        said = any((code, node) == ("LX503", row.node) for code, node, _ in told)
        if said != bool(row.overflows):
            yield contradiction(FIDELITY, f"{row.overflows} overflows, and no such finding", field=row.node)


def check_cost(
    document: Mapping[str, Any], q: IntNetwork, fidelity: Mapping[str, Any] | None, target: Target | None
) -> Iterator[Finding]:
    """What a cost, which conforms to its schema, says and cannot be (LX608).

    Memory follows from the network, sums from their parts; counts of work are held against what there can be.
    """
    weights = {name: node for name, node in q.connections.items() if isinstance(node, IntWeights)}
    for key, nodes in (("work", weights), ("activity", q.populations)):
        names = [row["node"] for row in document[key]]
        if names != list(nodes):
            yield contradiction(COST, f"nodes {names}, not those of the network", field=key)
            return
    cost = _cost(document, q, target)
    for place in differences(document, cost.to_json(), without=("tool",)):
        yield contradiction(COST, f"{place.stated} stated, {place.computed} follows", field=place.path)
    for row in cost.work:
        yield from _work(row, q, cost)
    for row in cost.activity:
        if row.spikes > row.updates * ((q.nodes[row.node].max_spikes or 255) if q.nodes[row.node].spiking else 0):
            yield contradiction(COST, f"{row.spikes} spikes in {row.updates} steps", field=row.node)
    if fidelity is not None:
        yield from _as_measured(cost, q, fidelity)


def _cost(document: Mapping[str, Any], q: IntNetwork, target: Target | None) -> Cost:
    """Stated counts, with everything that the network or a sum says."""
    moments = document["steps"] * document["samples"]
    work = tuple(
        Work(**{**row, "dense": int(fan_outs(q.nodes[row["node"]]).sum()) * moments}) for row in document["work"]
    )
    activity = tuple(
        Activity(
            node=row["node"],
            neurons=(neurons := int(np.prod(q.nodes[row["node"]].shape))),
            spikes=row["spikes"],
            updates=neurons * moments,
        )
        for row in document["activity"]
    )
    return Cost(
        network=q.digest(),
        target=q.target,
        samples=document["samples"],
        steps=document["steps"],
        memory=memory(q),
        work=work,
        activity=activity,
        energy=energy_of(target, work, activity),
    )


def _work(row: Work, q: IntNetwork, cost: Cost) -> Iterator[Finding]:
    node: IntWeights = q.nodes[row.node]
    fan_out = fan_outs(node)
    moments = cost.steps * cost.samples
    low, high = row.events * int(fan_out.min()), row.events * int(fan_out.max())
    if row.events > moments * fan_out.size or not low <= row.operations <= min(high, row.dense):
        yield contradiction(COST, f"{row.operations} operations by {row.events} events", field=row.node)
    source = q.nodes[(before := q.incoming(row.node)[0].source)]
    if source.role == "population" and source.max_spikes == 1:
        (spikes,) = (other.spikes for other in cost.activity if other.node == before)
        if spikes != row.events:
            found = f"{row.events} events of {spikes} spikes of {before!r}"
            yield contradiction(COST, found, field=row.node)


def _as_measured(cost: Cost, q: IntNetwork, fidelity: Mapping[str, Any]) -> Iterator[Finding]:
    given = fidelity["input"]
    if (cost.samples, cost.steps) != (given["samples"], given["steps"]):
        found = f"{cost.samples} samples of {cost.steps} steps, those of {FIDELITY} are others"
        yield contradiction(COST, found, field="samples")
        return
    spikes = {row["node"]: row["spikes"]["integer"] for row in fidelity["layers"]}
    for row in cost.activity:
        late = q.lateness[row.node] or q.nodes[row.node].latency  # those arrive after the last step that is counted
        if not late and row.spikes != spikes.get(row.node, row.spikes):
            found = f"{row.spikes} spikes, {FIDELITY} says {spikes[row.node]}"
            yield contradiction(COST, found, field=row.node)


def check_network(manifest: Mapping[str, Any], q: IntNetwork) -> Iterator[Finding]:
    """What a manifest says of the integer network and is not so (LX608)."""
    facts = {"dt": plain(q.dt), "latency": q.latency, "target": {"name": q.target, "digest": q.target_digest}}
    for place in differences({key: manifest[key] for key in facts}, facts):
        yield contradiction("manifest.json", f"{place.stated}, not {place.computed}", field=place.path)
    names = {entry["path"] for entry in manifest["files"]}
    for row in manifest["left_out"]:
        if row["path"] in names:
            yield contradiction("manifest.json", f"{row['path']} is left out, and there", field="left_out")
