"""Whether a run can show what is asked of it: an agreement of networks that do nothing is no evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..findings import Finding
from .statistics import PairedChange, Proportion

if TYPE_CHECKING:
    from .report import FidelityReport
    from .verdict import Thresholds

PREDICTED = ("accuracy", "accuracy_drop", "prediction_agreement")
"""Thresholds that are held against predicted classes."""
SPIKES = ("spike_coincidence", "silent_layers")
"""Thresholds that are held against the spikes of every layer."""
RUN = (*PREDICTED, *SPIKES, "membrane_sqnr_local_db", "overflow_rate")
"""Thresholds that are held against a run; the others need none."""
NO_DIFFERENCE = 1.0
"""Points of accuracy that samples must be able to show where no difference at all is admitted."""


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Why a run shows nothing about some thresholds."""

    finding: Finding
    about: tuple[str, ...]
    """Names of the thresholds."""


def doubts(report: FidelityReport, thresholds: Thresholds | None) -> Iterator[Doubt]:
    """Everything that keeps a report from being evidence (LX508 to LX511).

    Parameters
    ----------
    report : FidelityReport
    thresholds : Thresholds or None
        What is asked of it; None if nothing is. Whether samples are too few depends on it.
    """
    asked = () if thresholds is None else thresholds.asked
    yield from _silence(report)
    yield from _one_class(report, asked)
    for name in PREDICTED:
        if name in asked:
            yield from _too_few(report, name, float(getattr(thresholds, name)))
    yield from _seen_before(report)
    if (other := another_parent(report.parent, report.float_digest)) is not None:
        yield Doubt(finding=other, about=(*RUN, "tau_change", "threshold_change"))


def another_parent(parent: str | None, trained: str) -> Finding | None:
    """Integers that say they were quantized from another network than the trained one at hand (LX511)."""
    if parent in (None, trained):
        return None
    found = f"the integers were quantized from {parent}, not from {trained}"
    fix = "give the network they were quantized from, or quantize this one"
    return Finding(code="LX511", field="trained", found=found, fix=fix)


def _silence(report: FidelityReport) -> Iterator[Doubt]:
    """Layers in which neither network fires; both together are silent if all of them are."""
    spiking = [row for row in report.layers if row.threshold is not None]
    silent = [row for row in spiking if not row.spikes_float and not row.spikes_integer]
    fix = "give inputs that drive it, or train it until it fires"
    for row in silent:
        found = f"neither network fires once in {report.samples} samples"
        about = RUN if len(silent) == len(spiking) else SPIKES
        yield Doubt(finding=Finding(code="LX508", node=row.node, found=found, fix=fix), about=about)


def _one_class(report: FidelityReport, asked: tuple[str, ...]) -> Iterator[Doubt]:
    """Both networks, or one of them, say the same whatever they see."""
    if report.samples == 1 and not set(PREDICTED) & set(asked):
        return  # somebody looks at a single sample, and asks nothing of its class
    classes = {"float": report.classes_float, "integer": report.classes_integer}
    constant = [name for name, number in classes.items() if number == 1]
    if constant:
        who = "both networks predict" if len(constant) == 2 else f"the {constant[0]} network predicts"
        found = f"{who} one class for {'all ' if report.samples > 1 else ''}{_samples(report.samples)}"
        fix = "give samples of several classes, and a network that tells them apart"
        yield Doubt(finding=Finding(code="LX508", field="prediction", found=found, fix=fix), about=PREDICTED)


def _too_few(report: FidelityReport, name: str, asked: float) -> Iterator[Doubt]:
    needed = samples_needed(name, asked)
    if report.distinct < needed:
        given = _samples(report.samples)
        given += f", {report.distinct} different" if report.distinct < report.samples else ""
        found = f"{given}: {needed} would do for {asked:g}, if none of them changed"
        finding = Finding(code="LX509", field=name, found=found, fix=f"give {needed} samples or more, or ask for less")
        yield Doubt(finding=finding, about=(name,))


def samples_needed(name: str, asked: float) -> int:
    """Samples from which on an interval can lie on the right side of a threshold: it does if no sample differs.

    Where no difference at all is asked for, which no number of samples shows, as many as show one of a point.

    Examples
    --------
    >>> [samples_needed("accuracy_drop", points) for points in (100, 3, 1, 0)]
    [1, 91, 276, 276]
    >>> [samples_needed("prediction_agreement", share) for share in (0, 0.9, 0.98, 1)]
    [1, 35, 189, 381]
    """
    if name == "accuracy_drop":
        points = asked or NO_DIFFERENCE
        return _least(lambda n: -100 * PairedChange(gained=0, lost=0, total=n).interval[0] <= points)
    share = 1 - NO_DIFFERENCE / 100 if asked == 1 else asked
    return _least(lambda n: Proportion(count=n, total=n).interval[0] >= share)


def _least(enough: Callable[[int], bool]) -> int:
    """Smallest number from 1 on that is enough, if every larger one is."""
    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _seen_before(report: FidelityReport) -> Iterator[Doubt]:
    shared = report.calibrated
    if shared is None or not shared.found:
        return
    least = "" if shared.told == shared.total else "at least "
    found = f"{least}{shared.found} of {_samples(shared.total)} were calibrated on"
    fix = "calibrate on training data, and compare on samples that were not used for it"
    yield Doubt(finding=Finding(code="LX510", found=found, fix=fix), about=RUN)


def _samples(number: int) -> str:
    return f"{number} sample{'s' if number != 1 else ''}"
