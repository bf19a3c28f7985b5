"""Pictures of parameters and of sweeps: weights before and after, accuracy against memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..fidelity.parameters import WeightPair
from .drawing import FLOAT, INK, INTEGER, canvas, drawn, style, unit_of

BINS = 61
"""Odd, so that the middle one holds zero."""


def weights(pair: WeightPair, name: str) -> str:
    """Distribution of the weights of a connection as trained, above that of what codes stand for, in the same bins."""
    from matplotlib.ticker import MaxNLocator

    factor, unit = unit_of(np.concatenate([pair.trained.ravel(), pair.realised.ravel()]))
    reach = factor * float(max(np.abs(pair.trained).max(), np.abs(pair.realised).max())) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    figure, axes = canvas(230, rows=2)
    sides = ((pair.trained, FLOAT, "trained"), (pair.realised, INTEGER, "integer"))
    for ax, (values, colour, label) in zip(axes, sides, strict=True):
        counts, _ = np.histogram((factor * values).clip(-reach, reach), edges)
        ax.stairs(counts, edges, fill=True, color=colour)
        ax.text(0.02, 0.94, label, transform=ax.transAxes, color=colour, va="top")
        ax.set(xlim=(-reach, reach), ylim=(0, 1.08 * max(counts.max(), 1)))
        ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes[0].tick_params(axis="x", length=0)
    axes[1].set_xlabel(f"what one input adds, {unit}")
    return drawn(figure, name)


def pareto(rows: Sequence[dict[str, Any]]) -> str:
    """Accuracy against memory, of every row of a sweep that has both: an SVG that also stands alone."""
    kinds = (
        ("safe", [r for r in rows if not r["unsafe"]], FLOAT, "o"),
        ("may overflow", [r for r in rows if r["unsafe"]], INK, "x"),
    )
    with style():
        figure, ax = canvas(270, top=30)
        best = sorted((r for r in rows if r["pareto"]), key=lambda r: r["memory_bits"])
        if best:
            kilobits = [row["memory_bits"] / 1000 for row in best]
            figures = [100 * row["accuracy"] for row in best]
            ax.step(kilobits, figures, where="post", color=INTEGER, linewidth=1.2, label="best")
        for label, part, colour, marker in kinds:
            if part:
                kilobits = [row["memory_bits"] / 1000 for row in part]
                figures = [100 * row["accuracy"] for row in part]
                ax.plot(kilobits, figures, linestyle="", marker=marker, color=colour, markersize=5.5, label=label)
        ax.set(xlabel="memory, kbit", ylabel="accuracy, %")
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
        if rows:
            ax.legend(ncols=3, handlelength=1.6, columnspacing=1.4, **place)
        return drawn(figure, "pareto", alone=True)
