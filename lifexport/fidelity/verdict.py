"""A verdict against stated thresholds: what was asked, what was measured, whether it holds."""

from __future__ import annotations

import dataclasses
import numbers
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..findings import Finding, error, unknown_name
from ..regular import read_bytes
from .evidence import PREDICTED, doubts

if TYPE_CHECKING:
    from .report import FidelityReport, LayerFidelity

TABLE = "fidelity"
"""Table of a TOML file that holds thresholds."""
LARGEST = 1 << 20
"""Bytes of the largest TOML file that is read."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a chip's network must reach; what is None is not asked.

    Parameters
    ----------
    accuracy : float, optional
        Least accuracy of the integer network, a share from 0 to 1. Needs labels.
    accuracy_drop : float, optional
        Most accuracy lost against the float network, in points: hundredths of that share, 0 to 100. Needs labels.
    prediction_agreement : float, optional
        Least share of samples with the same prediction.
    spike_coincidence : float, optional
        Least coincidence of spikes, ``2 * common / (float + integer)``, in every layer; one in which nobody fires is
        no evidence.
    membrane_sqnr_local_db : float, optional
        Least SQNR of the membranes of every layer alone, decibel.
    overflow_rate : float, optional
        Most overflows of any word (membrane, current, sum, ...) of every layer, as a share of neurons and steps.
    silent_layers : int, optional
        Most layers that fire in the float network and never in the integer one.
    tau_change, threshold_change : float, optional
        Largest relative change of a time constant, or a threshold, by rounding.
    certain : bool
        Hold accuracy, its drop and the agreement of predictions against the far end of their 95 % intervals, not
        against what was measured on these samples.

    Raises
    ------
    ParameterError
        LX006 for a threshold out of its range, or no number.

    Notes
    -----
    Without ``certain`` figures are point estimates on the samples given; the report states their intervals. Samples
    that are too few to meet a threshold with certainty, were none of them to change, are no evidence (LX509) either
    way. Shares are printed in per cent, so that they and points have one unit.

    Examples
    --------
    >>> Thresholds(prediction_agreement=0.98).asked
    ('prediction_agreement',)
    """

    accuracy: float | None = None
    accuracy_drop: float | None = None
    prediction_agreement: float | None = None
    spike_coincidence: float | None = None
    membrane_sqnr_local_db: float | None = None
    overflow_rate: float | None = None
    silent_layers: int | None = None
    tau_change: float | None = None
    threshold_change: float | None = None
    certain: bool = False

    def __post_init__(self):
        for name in self.asked:
            value, (lo, hi) = getattr(self, name), RANGES[name]
            whole = name == "silent_layers"
            kind = numbers.Integral if whole else numbers.Real
            if isinstance(value, bool) or not isinstance(value, kind) or not lo <= float(value) <= hi:
                fix = f"give {'a whole number' if whole else 'a number'} from {lo:g} to {hi:g}"
                raise error("LX006", field=name, found=f"{value!r}", fix=fix)
        if not isinstance(self.certain, bool):
            raise error("LX006", field="certain", found=f"{self.certain!r}", fix="give true or false")

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the thresholds that are stated."""
        return tuple(name for name in RANGES if getattr(self, name) is not None)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Thresholds:
        """Thresholds of the table ``[fidelity]`` of a TOML file.

        Raises
        ------
        FileError
            LX003 for a file that is missing or no TOML.
        ParameterError
            LX006 for a missing table, an unknown name, or a value out of range.
        """
        text = read_bytes(path, most=LARGEST, fix="name an existing TOML file")
        try:
            table = tomllib.loads(text.decode("utf-8")).get(TABLE)
        except (ValueError, RecursionError) as reason:
            raise error("LX003", found=f"{path}: not TOML ({reason})", fix="mend the file") from None
        if not isinstance(table, dict):
            raise error("LX006", field=TABLE, found=f"{path}: no table [{TABLE}]", fix=f"add [{TABLE}] with thresholds")
        for name in table:
            if name not in (known := (*RANGES, "certain")):
                raise unknown_name("threshold", name, known, code="LX006", field=f"{TABLE}.{name}")
        return cls(**table)


RANGES: dict[str, tuple[float, float]] = {
    "accuracy": (0, 1),
    "accuracy_drop": (0, 100),
    "prediction_agreement": (0, 1),
    "spike_coincidence": (0, 1),
    "membrane_sqnr_local_db": (-1000, 1000),
    "overflow_rate": (0, 1),
    "silent_layers": (0, 1 << 30),
    "tau_change": (0, 1e6),
    "threshold_change": (0, 1e6),
}


UNITS = dict.fromkeys(RANGES, "share") | {
    "accuracy_drop": "points",
    "membrane_sqnr_local_db": "dB",
    "silent_layers": "layers",
}
"""What numbers of a threshold count: shares are of 1, points are hundredths of a share."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One threshold: what was asked and what was measured, in the worst layer where it is asked of every one."""

    name: str
    asked: float
    measured: float | None
    """None where there is no difference at all, or the layer's time constant is lost."""
    node: str | None
    holds: bool
    bound: float | None = None
    """End of the interval that was held against the threshold in the place of what was measured, if it was."""
    evidence: bool = True
    """Whether the run can show it: False where networks, or samples, are such that it could hardly fail."""


def judge(
    report: FidelityReport, thresholds: Thresholds | None
) -> tuple[tuple[Judged, ...] | None, tuple[Finding, ...]]:
    """Hold a report against thresholds.

    Returns
    -------
    tuple
        The verdict, None where nothing is asked; and findings: what keeps the report from being evidence (LX508 to
        LX511), asked or not, and what does not hold (LX506).

    Raises
    ------
    ParameterError
        LX006 if accuracy is asked for and there were no labels.
    """
    found = tuple(doubts(report, thresholds))
    if thresholds is None:
        return None, tuple(doubt.finding for doubt in found)
    doubtful = {name for doubt in found for name in doubt.about}
    rows = (_judge(name, float(getattr(thresholds, name)), report, thresholds.certain) for name in thresholds.asked)
    verdict = tuple(dataclasses.replace(row, evidence=row.name not in doubtful) for row in rows)
    return verdict, (*(doubt.finding for doubt in found), *verdict_findings(verdict))


def _judge(name: str, asked: float, report: FidelityReport, certain: bool) -> Judged:
    if name in PREDICTED:
        return _predicted(name, asked, report, certain)
    if name == "silent_layers":
        silent = [row.node for row in report.layers if row.spikes_float and not row.spikes_integer]
        node = silent[0] if silent else None
        return Judged(name=name, asked=asked, measured=len(silent), node=node, holds=len(silent) <= asked)
    return _worst(name, asked, report.layers)


def _predicted(name: str, asked: float, report: FidelityReport, certain: bool) -> Judged:
    """A share of samples, or a change of one; with certainty at the end of its interval that is nearer to failing."""
    share, change = report.accuracy_integer, report.accuracy_change
    if name == "prediction_agreement":
        share = report.predictions
    if share is None or (name == "accuracy_drop" and change is None):
        raise error("LX006", field=name, found="asked without labels", fix="give labels, or leave it out")
    if name == "accuracy_drop" and change is not None:
        points, most = 100 * (change.lost - change.gained) / change.total, -100 * change.interval[0]
        holds = (most if certain else points) <= asked
        return Judged(name=name, asked=asked, measured=points, node=None, holds=holds, bound=most if certain else None)
    rate, least = share.rate, share.interval[0]
    holds = (least if certain else rate) >= asked
    return Judged(name=name, asked=asked, measured=rate, node=None, holds=holds, bound=least if certain else None)


def _worst(name: str, asked: float, layers: Sequence[LayerFidelity]) -> Judged:
    """The layer that is furthest from a threshold asked of every one."""
    least = name in ("spike_coincidence", "membrane_sqnr_local_db")
    rows = [(value, row.node) for row in layers if (value := _of_layer(name, row)) is not None]
    if not rows:
        return Judged(name=name, asked=asked, measured=None, node=None, holds=True)
    value, node = min(rows) if least else max(rows)
    lost = value == float("inf")
    holds = value >= asked if least else value <= asked
    return Judged(name=name, asked=asked, measured=None if lost else value, node=node, holds=holds)


def _of_layer(name: str, row: LayerFidelity) -> float | None:
    """Measured value of a layer; None where there is nothing to judge."""
    match name:
        case "spike_coincidence":
            return row.coincidence
        case "membrane_sqnr_local_db":
            return row.membrane_sqnr_local_db
        case "overflow_rate":
            return row.overflow_rate
        case "tau_change":
            return float("inf") if row.decay.tau_change is None else abs(row.decay.tau_change)
        case "threshold_change":
            return None if row.threshold is None else abs(row.threshold.change)
    raise AssertionError(name)


def verdict_findings(verdict: Sequence[Judged]) -> Iterator[Finding]:
    """LX506 for every threshold that does not hold."""
    for row in verdict:
        if not row.holds:
            measured = "lost" if row.measured is None else written(row.name, row.measured)
            if row.bound is not None:
                measured += f", with certainty no better than {written(row.name, row.bound)}"
            fix = "see causes in the report: parameters want wider words or fine-tuning, rules another target"
            if row.bound is not None:
                fix += "; give more samples where the interval is wide"
            found = f"{measured}, asked {written(row.name, row.asked)}"
            yield Finding(code="LX506", node=row.node, field=row.name, found=found, fix=fix)


def written(name: str, value: float) -> str:
    """A number of a threshold for people: shares in per cent, so that they and points have one unit.

    Examples
    --------
    >>> written("accuracy", 0.975), written("accuracy_drop", 2.5), written("silent_layers", 1)
    ('97.5 %', '2.5 points', '1')
    """
    unit = UNITS[name]
    if unit == "share":
        return f"{100 * value:.6g} %"
    return f"{value:.6g}" + ("" if unit == "layers" else f" {unit}")
