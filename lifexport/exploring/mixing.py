"""A width for every layer: a greedy search that meets a budget of memory, or of accuracy."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..findings import error
from ..network import FloatNetwork
from ..quantspec import QuantSpec
from ..targets import Target
from .trial import Task, attempt, make_task


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """A width for every layer, and the way to it.

    Parameters
    ----------
    widths : dict from population to int
        Weight bits.
    spec : QuantSpec
        For ``quantize``.
    row : dict
        Figures of the result, as those of a sweep.
    path : tuple of dict
        Every configuration that was kept, from the widest on: ``widths`` and figures.
    met : bool
        Whether the budget is met.
    tried : int
        Configurations that were measured.
    """

    widths: dict[str, int]
    spec: QuantSpec
    row: dict[str, Any]
    path: tuple[dict[str, Any], ...]
    met: bool
    tried: int


def mixed_precision(
    f: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    x: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    budget_bits: int | None = None,
    max_drop: float | None = None,
    candidates: Sequence[int] = (2, 3, 4, 6, 8),
    spec: QuantSpec | None = None,
) -> Mixed:
    """Search weight widths of single layers.

    Begins with the largest candidate everywhere. In every round each layer is tried at its next smaller width, and the
    one that loses the least accuracy for every bit of memory it saves is kept, until the memory fits ``budget_bits``;
    or, with ``max_drop``, as long as no more is lost.

    Parameters
    ----------
    f, target, x, labels, calibration
        As for ``sweep``.
    budget_bits : int, optional
        Memory of the whole network at the most.
    max_drop : float, optional
        Points of accuracy (of agreement, without labels) that may be lost against the trained network. One of the two
        must be given.
    candidates : sequence of int
        Weight widths, as the target has them.
    spec : QuantSpec, optional
        The other choices.

    Returns
    -------
    Mixed

    Raises
    ------
    ParameterError
        LX006 unless exactly one budget is given, or for no candidates.
    RangeError
        LX202 for a width that the target has not.

    Notes
    -----
    The search is greedy: it measures at most ``layers**2 * candidates`` of the ``candidates**layers`` configurations,
    and may miss the best one. What it returns was measured, on the given samples.
    """
    if (budget_bits is None) == (max_drop is None):
        raise error("LX006", field="budget_bits", found="not exactly one budget", fix="give budget_bits or max_drop")
    if not candidates or not all(type(width) is int for width in candidates):
        raise error("LX006", field="candidates", found=f"{candidates!r}", fix="give whole numbers, (2, 4, 8)")
    widths_known = sorted(set(candidates), reverse=True)
    base = spec or QuantSpec()
    task = make_task(f, target, x, labels, calibration)
    measure = _Measure(task, base)
    widths = dict.fromkeys(f.populations, widths_known[0])
    row = measure(widths)
    path = [{"widths": dict(widths), **row}]
    floor = _good(measure.trained) - (0 if max_drop is None else max_drop / 100 * row["samples"])
    while budget_bits is None or row["memory_bits"] > budget_bits:
        steps = []
        for name, width in widths.items():
            smaller = [other for other in widths_known if other < width]
            if not smaller:
                continue
            narrower = widths | {name: smaller[0]}
            tried = measure(narrower)
            if max_drop is not None and _good(tried) < floor:
                continue
            lost, saved = _good(row) - _good(tried), row["memory_bits"] - tried["memory_bits"]
            steps.append((lost / saved, -saved, name, narrower, tried))
        if not steps:
            break
        *_, widths, row = min(steps, key=lambda step: step[:3])
        path.append({"widths": dict(widths), **row})
    met = row["memory_bits"] <= budget_bits if budget_bits is not None else _good(row) >= floor
    return Mixed(
        widths=widths,
        spec=measure.spec(widths),
        row=row,
        path=tuple(path),
        met=met,
        tried=len(measure.known),
    )


def _good(row: Mapping[str, Any]) -> int:
    """Samples that are right, or, without labels, as trained."""
    return row["same"] if row["right"] is None else row["right"]


class _Measure:
    """Figures of configurations, each measured once."""

    def __init__(self, task: Task, base: QuantSpec):
        self.task, self.base, self.known = task, base, {}
        right = None if task.labels is None else int((task.predicted == task.labels).sum())
        self.trained = {"right": right, "same": len(task.predicted)}

    def spec(self, widths: Mapping[str, int]) -> QuantSpec:
        own = {name: {"weight_bits": width} for name, width in widths.items()}
        return dataclasses.replace(self.base, layers={**self.base.layers, **own})

    def __call__(self, widths: Mapping[str, int]) -> dict[str, Any]:
        key = tuple(sorted(widths.items()))
        if key not in self.known:
            spec = self.spec(widths)
            choices = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
            row = attempt(self.task, choices)
            if "refused" in row:
                refused = row["refused"]
                fix = "use candidates and choices that the target has"
                raise error(refused["code"], field="candidates", found=refused["found"], fix=fix)
            self.known[key] = {name: value for name, value in row.items() if name != "choices"}
        return self.known[key]
