"""Figures of a bundle measured again: all of them where their inputs are at hand, else on the golden ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..certificate import certify
from ..costing import cost
from ..errors import RangeError, UnsupportedError
from ..fidelity import FidelityReport, compare
from ..fidelity.comparing import input_digest
from ..fidelity.restoring import thresholds_of
from ..findings import Finding, raise_errors
from ..network import FloatNetwork, IntNetwork
from ..reporting.page import html_report
from ..targets import Target
from . import manifest
from .consistency import contradiction
from .opening import Bundle
from .saving import CERTIFICATE, COST, FIDELITY, REPORT
from .stating import differences

LABELLED = ("accuracy", "changes", "verdict", "outcome", "labels_digest")
"""What cannot be measured without labels."""


class Measured(NamedTuple):
    """What was measured again, and what was not: a sentence for each."""

    said: tuple[str, ...]
    stated: tuple[str, ...]


class Given(NamedTuple):
    """Inputs to measure on, as far as they are those of the figures."""

    x: np.ndarray | None
    """All of them; None if they are not at hand."""
    labels: np.ndarray | None
    others: bool
    """Inputs were given, and they are others."""


def given_inputs(bundle: Bundle, inputs: np.ndarray | None, labels: np.ndarray | None) -> Given:
    """Inputs that the figures of a bundle were measured on: those given, else the golden ones if they are all."""
    document = bundle.fidelity
    assert document is not None
    digest, others = document["input"]["digest"], False
    if inputs is not None:
        x = inputs.astype(np.float64)
        if input_digest(x) == digest:
            return Given(x, labels, False)
        others = True
    golden = bundle.golden.x
    whole = golden is not None and input_digest(golden.astype(np.float64)) == digest
    return Given(golden.astype(np.float64) if whole and golden is not None else None, None, others)


def measure(bundle: Bundle, q: IntNetwork, f: FloatNetwork, target: Target | None, given: Given) -> Measured:
    """Run both networks again, and hold every stated figure against what they do.

    Raises
    ------
    MismatchError
        LX608 for every figure that is another one.
    """
    document = bundle.fidelity
    assert document is not None
    samples = document["input"]["samples"]
    if given.x is None:
        return _on_golden(bundle, q, f, samples, others=given.others)
    labels = None if given.labels is None else np.asarray(given.labels)
    labelled = document["accuracy"] is not None
    digest = document["input"].get("labels_digest")
    strange = labels is not None and digest is not None and input_digest(labels.astype(np.int64)) != digest
    labels = None if strange else labels
    lacking = labelled and labels is None
    asked = None if lacking else thresholds_of(document)
    report = compare(f, q, given.x, labels=labels if labelled else None, thresholds=asked)
    without = ("tool", "findings", "not_verified", "index", *(LABELLED if lacking else ()))
    found = [
        contradiction(FIDELITY, f"{place.stated} stated, {place.computed} measured", field=place.path)
        for place in differences(document, report.to_json(), without=without)
    ]
    said, stated = [f"fidelity of {samples} samples: every figure measured again"], []
    if lacking:
        said = [f"fidelity of {samples} samples: every figure but accuracy measured again"]
        why = "the labels given are others" if strange else "give --labels"
        stated = [f"accuracy of {samples} samples: stated, not measured again ({why})"]
    if (costs := bundle.document(COST)) is not None:
        now = cost(q, given.x, target=target).to_json()
        found += [
            contradiction(COST, f"{place.stated} stated, {place.computed} measured", field=place.path)
            for place in differences(costs, now, without=("tool",))
        ]
        said.append("cost: every count again")
    raise_errors(found)
    drawn = None if lacking else _redrawn(bundle, q, f, given._replace(labels=labels if labelled else None), report)
    said += [f"{REPORT}: drawn again, byte for byte"] if drawn else []
    stated += [f"{REPORT}: stated, not drawn again"] if drawn is None and REPORT in bundle.files else []
    return Measured(tuple(said), tuple(stated))


def _redrawn(bundle: Bundle, q: IntNetwork, f: FloatNetwork, given: Given, report: FidelityReport) -> bool | None:
    """Whether the page is the one that is drawn now; None where it cannot be told (other versions, no page)."""
    if REPORT not in bundle.files:
        return None
    versions = {"python": manifest.python_version(), **{n: manifest.installed(n) for n in manifest.PACKAGES}}
    if bundle.manifest["versions"] != versions or bundle.manifest["tool"]["version"] != __version__:
        return None
    try:
        proof = certify(q) if CERTIFICATE in bundle.files else None
    except (UnsupportedError, RangeError):
        proof = None
    costs = bundle.document(COST)
    assert given.x is not None
    page = html_report(f, q, given.x, report, labels=given.labels, certificate=proof, cost=costs)
    if page.encode() != (bundle.path / REPORT).read_bytes():
        raise_errors([contradiction(REPORT, "not the page that is drawn of this report")])
    return True


def _on_golden(bundle: Bundle, q: IntNetwork, f: FloatNetwork, samples: int, *, others: bool) -> Measured:
    """Figures of all samples cannot be less, nor much more, than those of the golden ones, which are their first."""
    x, document, costs = bundle.golden.x, bundle.fidelity, bundle.document(COST)
    assert document is not None
    why = "not measured again" + (": the inputs given are others" if others else "")
    names = [f"fidelity of {samples} samples", *(["cost"] if costs else [])]
    stated = [f"{name}: stated, {why}" for name in names]
    stated += [f"{REPORT}: stated, not drawn again"] if REPORT in bundle.files else []
    if x is None or x.shape[1] > samples or len(x) != document["input"]["steps"]:
        found = "golden inputs that are not the first samples of those compared"
        raise_errors([contradiction(FIDELITY, found, field="input")] if x is not None else [])
        return Measured((), tuple(stated))
    part = compare(f, q, x.astype(np.float64)).to_json()
    raise_errors(_beyond(document, part, samples - x.shape[1], q))
    if costs is not None:
        raise_errors(_cost_beyond(costs, cost(q, x.astype(np.float64)).to_json()))
    return Measured((f"on {x.shape[1]} golden samples nothing contradicts the figures of {samples}",), tuple(stated))


def _beyond(whole: Mapping[str, Any], part: Mapping[str, Any], more: int, q: IntNetwork) -> Iterator[Finding]:
    """Counts of all samples that are less than those of a part, or more than the others could add."""
    pairs: list[tuple[str, Any, Any, int | None]] = [
        (f"input.{key}", whole["input"].get(key), part["input"][key], None) for key in ("clipped", "zeroed")
    ]
    agree = whole["predictions"]["agree"]["count"], part["predictions"]["agree"]["count"]
    pairs.append(("predictions.agree", *agree, more))
    for key in ("ties_float", "ties_integer"):
        pairs.append((f"predictions.{key}", whole["predictions"][key], part["predictions"][key], more))
    layers = {row["node"]: row for row in part["layers"]}
    for row in whole["layers"]:
        here = layers[row["node"]]
        room = row["spikes"]["values"] - here["spikes"]["values"]
        most = q.nodes[row["node"]].max_spikes or 255
        for key, many in (("float", 1), ("integer", most), ("coincident", 1), ("differing", 1)):
            pairs.append((f"{row['node']}.spikes.{key}", row["spikes"][key], here["spikes"][key], many * room))
        stated = {word["word"]: word for word in row.get("words", ())}
        for word in here["words"] if stated else ():
            known, name = stated[word["word"]], f"{row['node']}.{word['word']}.overflows"
            pairs.append((name, known["overflows"], word["overflows"], known["judged"] - word["judged"]))
        for key in ("neurons_silent_float", "neurons_silent_integer", "neurons_always_firing"):
            pairs.append((f"{row['node']}.{key}", here[key], row[key], None))
    for field, stated, measured, room in pairs:
        if stated is not None and not (measured <= stated and (room is None or stated <= measured + room)):
            yield contradiction(FIDELITY, f"{stated} stated, {measured} on the golden samples", field=field)
    yield from _first_beyond(whole["first_divergence"], part, q)


def _first_beyond(stated: Mapping[str, Any] | None, part: Mapping[str, Any], q: IntNetwork) -> Iterator[Finding]:
    """A first difference that comes later than one among the golden samples, or is not there."""
    seen = part["first_divergence"]
    if seen is None and (stated is None or stated["sample"] >= part["input"]["samples"]):
        return
    order = [*q.populations]

    def when(row: Mapping[str, Any]) -> tuple[int, int, int]:
        return row["step"], order.index(row["node"]), row["sample"]

    inside = stated is not None and stated["sample"] < part["input"]["samples"]
    if stated is None or seen is None or when(stated) > when(seen) or (inside and [*differences(stated, seen)]):
        yield contradiction(FIDELITY, "not the first one of the golden samples", field="first_divergence")


def _cost_beyond(whole: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[Finding]:
    for key, counts in (("work", ("events", "operations")), ("activity", ("spikes",))):
        for row, here in zip(whole[key], part[key], strict=True):
            for count in counts:
                if row[count] < here[count]:
                    found = f"{row[count]} stated, {here[count]} on the golden samples"
                    yield contradiction(COST, found, field=f"{row['node']}.{count}")
