"""Counts of a report that no run can give: more than there were, or other ones than the rest of the report implies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..network import FloatNetwork, IntNetwork
from ..simulation.overflows import tally
from .causes import CAUSES
from .report import Cause, Divergence, FidelityReport, LayerFidelity

Place = tuple[str | None, str, str]
"""Layer, field, and what is wrong there."""


def impossible(report: FidelityReport, q: IntNetwork, f: FloatNetwork | None, *, older: bool) -> Iterator[Place]:
    """Every count that contradicts another one, or the sizes of the networks.

    Parameters
    ----------
    report : FidelityReport
        As ``from_json`` reads it; layers and connections are those of ``q``.
    q : IntNetwork
    f : FloatNetwork or None
        The trained network, if it is at hand.
    older : bool
        Whether the report is of version 0.1.0, and lacks counts of classes and inputs.
    """
    yield from _input(report, q, older)
    yield from _predictions(report, q, older)
    yield from _accuracy(report)
    for row in report.layers:
        yield from ((row.node, field, found) for field, found in _layer(report, row, q, older))
    yield from _first(report, q, f)
    yield from _causes(report)


def _input(report: FidelityReport, q: IntNetwork, older: bool) -> Iterator[Place]:
    values = report.steps * report.samples * int(np.prod(q.nodes[q.input_name].shape))
    largest = values if older else report.input_nonzero
    if report.input_clipped > values or report.input_zeroed > largest or largest > values:
        yield None, "input", f"more than {values} inputs clipped, lost or not zero"
    if report.input_kind == "spikes" and (report.input_clipped or report.input_zeroed or report.input_sqnr_db):
        yield None, "input", "a loss of inputs that are spikes"
    if report.distinct > report.samples:
        yield None, "input.distinct", f"{report.distinct} of {report.samples} samples"
    shared, seen = report.calibrated, q.calibration
    if older:
        return
    if (shared is None) != (seen is None):
        yield None, "input.calibrated", "not what the integer network states of its calibration"
    elif shared and seen and not (shared.found <= shared.told <= shared.total == report.samples):
        yield None, "input.calibrated", f"{shared.found} of {shared.told} of {shared.total} samples"


def _predictions(report: FidelityReport, q: IntNetwork, older: bool) -> Iterator[Place]:
    samples, classes = report.samples, int(np.prod(q.nodes[q.output_name].shape))
    agree = report.predictions.count
    if report.predictions.total != samples or agree > samples or max(report.ties_float, report.ties_integer) > samples:
        yield None, "predictions", f"counts out of other than {samples} samples"
    if max(report.classes_float, report.classes_integer) > min(classes, report.distinct):
        yield None, "predictions", f"more classes than {min(classes, report.distinct)}"
    changed = sum(row.count for row in report.changes)
    if changed != samples - agree:
        yield None, "changes", f"{changed} samples changed, and {agree} of {samples} did not"
    kinds = [(row.label, row.predicted_float, row.predicted_integer) for row in report.changes]
    named = {value for kind in kinds for value in kind if value is not None}
    if any(a == b for _, a, b in kinds) or len(set(kinds)) < len(kinds) or max(named, default=0) >= classes:
        yield None, "changes", "a change that is none, stands there twice, or is of no class"
    if not older and not agree < samples and report.classes_float != report.classes_integer:
        yield None, "predictions", "other classes, though every sample has the same"


def _accuracy(report: FidelityReport) -> Iterator[Place]:
    before, after, change = report.accuracy_float, report.accuracy_integer, report.accuracy_change
    labelled = {row.label is not None for row in report.changes}
    if before is None or after is None or change is None:
        if True in labelled or report.labels_digest is not None:
            yield None, "accuracy", "none, though there were labels"
        return
    if {before.total, after.total} != {report.samples} or max(before.count, after.count) > report.samples:
        yield None, "accuracy", f"counts out of other than {report.samples} samples"
    if after.count - before.count != change.gained - change.lost:
        yield None, "accuracy.change", f"{change.gained} gained, {change.lost} lost: not the difference of the counts"
    gained = sum(row.count for row in report.changes if row.label == row.predicted_integer)
    lost = sum(row.count for row in report.changes if row.label == row.predicted_float)
    if (gained, lost) != (change.gained, change.lost) or False in labelled:
        yield None, "accuracy.change", f"the changes of predictions are {gained} gained, {lost} lost"
    if not 0 <= before.count - change.lost <= report.predictions.count:
        yield None, "accuracy", "more samples right in both networks than have the same prediction"


def _layer(report: FidelityReport, row: LayerFidelity, q: IntNetwork, older: bool) -> Iterator[tuple[str, str]]:
    node = q.nodes[row.node]
    moments = report.steps * report.samples
    most, a, b = (node.max_spikes or 255) if node.spiking else 0, row.spikes_float, row.spikes_integer
    if a > row.values * bool(most) or b > row.values * most or row.spikes_coincident > min(a, b):
        yield "spikes", "more spikes than there can be"
    apart = a + b - 2 * row.spikes_coincident
    if row.spikes_differing > min(apart, row.values) or (most == 1 and row.spikes_differing != apart):
        yield "spikes.differing", f"{row.spikes_differing} values differ, by {apart} spikes"
    if bool(row.spikes_differing) != bool(apart):
        yield "spikes.differing", f"{row.spikes_differing} values differ, by {apart} spikes"
    total = row.count_error * row.neurons * report.samples
    if not (abs(a - b) - 1e-3 <= total * (1 + 1e-6) and total * (1 - 1e-6) <= apart + 1e-3):
        yield "spikes.count_error", f"{row.count_error} a neuron and sample, by {apart} spikes that differ"
    if (row.van_rossum is not None) != node.spiking or bool(row.van_rossum) != bool(row.spikes_differing):
        yield "spikes.van_rossum", "a distance of trains that are equal, or none of others"
    for name, silent, spikes, many in (("float", row.silent_float, a, 1), ("integer", row.silent_integer, b, most)):
        firing = row.neurons - silent
        if not firing <= spikes <= firing * moments * many:
            yield f"neurons_silent_{name}", f"{silent} of {row.neurons} neurons, {spikes} spikes of the others"
    if row.always_firing > row.neurons - row.silent_integer or row.always_firing * moments > b:
        yield "neurons_always_firing", f"{row.always_firing} of {row.neurons} neurons, {b} spikes"
    yield from _words(report, row, q, older)


def _words(report: FidelityReport, row: LayerFidelity, q: IntNetwork, older: bool) -> Iterator[tuple[str, str]]:
    """Words that the chip has not, or more overflows than steps: those that were run are a few more than compared."""
    if older:
        return
    known = {word: found.rule for word, found in tally(q, {}, 1)[row.node].items()}
    if {word.word: word.rule for word in row.words} != known or len(row.words) != len(known):
        yield "words", f"{[word.word for word in row.words]}, not the words and rules of the network"
    rows = row.neurons * report.samples
    for word in row.words:
        if word.judged % rows or word.judged < rows * report.steps or word.count > word.judged:
            yield f"words.{word.word}", f"{word.count} overflows of {word.judged} numbers judged"
        if (word.first is None) == (word.wraps and bool(word.count)):
            yield f"words.{word.word}.first", "a place of what never wrapped, or none of what did"


def _first(report: FidelityReport, q: IntNetwork, f: FloatNetwork | None) -> Iterator[Place]:
    first, differing = report.first_divergence, {row.node for row in report.layers if row.spikes_differing}
    if (first is None) != (not differing) or (first is not None and first.node not in differing):
        yield None, "first_divergence", "not where spikes differ"
        return
    if first is None:
        return
    shape = q.nodes[first.node].shape
    inside = len(first.index) == len(shape) and all(i < size for i, size in zip(first.index, shape, strict=True))
    if not (first.step < report.steps and first.sample < report.samples and inside):
        yield first.node, "first_divergence", "beyond the steps, samples or neurons there were"
    elif f is not None and not _is_threshold(first, f):
        yield first.node, "first_divergence.threshold", f"{first.threshold} V is not the trained one"


def _is_threshold(first: Divergence, f: FloatNetwork) -> bool:
    trained = float(f.nodes[first.node].v_threshold[first.index])
    return abs(first.threshold - trained) <= 1e-6 * abs(trained)


def _causes(report: FidelityReport) -> Iterator[Place]:
    if (report.causes_missing is None) != bool(report.causes):
        yield None, "causes", "a chain that was not run, or none that was"
    if report.causes and tuple(row.cause for row in report.causes) != CAUSES:
        yield None, "causes", "not the steps of the chain"
    values = [(row.node, row.values) for row in report.layers]
    for row in report.causes:
        if _wrong_step(report, row, values):
            yield None, f"causes.{row.cause}", "other samples, layers or values than the report's, or more than those"
    if report.causes and report.causes[-1].accuracy != report.accuracy_integer:
        yield None, "causes", "another accuracy at the end of the chain than that of the integers"


def _wrong_step(report: FidelityReport, row: Cause, values: list[tuple[str, int]]) -> bool:
    shares = [share for share in (row.predictions, row.accuracy) if share is not None]
    return (
        any(share.total != report.samples or share.count > share.total for share in shares)
        or (row.accuracy is None) != (report.accuracy_float is None)
        or [(layer.node, layer.values) for layer in row.layers] != values
        or any(layer.spikes_differing > layer.values for layer in row.layers)
    )
