"""Spike rasters: trained, integer, and what differs; graded inputs as shades."""

from __future__ import annotations

from typing import Any

import numpy as np

from .drawing import BOTH, BOTTOM, FLOAT, INTEGER, LEFT, RIGHT, TOP, WIDTH, canvas, drawn

MOST_TICKS = 4000
"""Spikes that are drawn one by one; more become a bitmap, which is smaller."""
MOST_COLUMNS = 600
"""Columns of a bitmap: longer runs put several steps in one."""
NOTHING, SAME, MORE_FLOAT, MORE_INTEGER = range(4)
_COLOURS = {SAME: BOTH, MORE_FLOAT: FLOAT, MORE_INTEGER: INTEGER}


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What differs between spikes of equal shape: nobody fired, both as often, the first or the second more.

    Examples
    --------
    >>> difference(np.array([0, 1, 1, 0, 2]), np.array([0, 1, 0, 1, 1])).tolist()
    [0, 1, 2, 3, 2]
    """
    return np.where(a > b, MORE_FLOAT, np.where(a < b, MORE_INTEGER, np.where(a > 0, SAME, NOTHING)))


def raster(kinds: np.ndarray, rows: np.ndarray, name: str, *, what: str = "neuron") -> str:
    """Raster of ``(time, neurons)`` kinds of ``difference``; ``rows`` are the indices of the neurons."""
    figure, ax = _axes(kinds, rows, what)
    if np.count_nonzero(kinds) > MOST_TICKS:
        _bitmap(ax, kinds)
    else:
        width = float(np.clip(0.6 * (WIDTH - LEFT - RIGHT) / len(kinds), 0.6, 4))
        for kind, colour in _COLOURS.items():
            _ticks(ax, np.argwhere(kinds == kind), colour, width)
    return drawn(figure, name)


def shades(values: np.ndarray, rows: np.ndarray, bounds: tuple[float, float], colour: str, name: str) -> str:
    """Graded values ``(time, inputs)``: white at the lower bound, ``colour`` at the upper."""
    figure, ax = _axes(values, rows, "channel")
    lo, hi = bounds
    share = (_columns(values) - lo) / (hi - lo) if hi > lo else np.zeros_like(_columns(values))
    _image(ax, 1 + share.T[..., None] * (_rgb(colour) - 1), len(values))
    return drawn(figure, name)


def _axes(values: np.ndarray, rows: np.ndarray, what: str) -> tuple[Any, Any]:
    from matplotlib.ticker import MaxNLocator

    steps, n = values.shape
    figure, ax = canvas(TOP + BOTTOM + int(np.clip(2 * n, 60, 260)))
    ax.set(xlim=(-0.5, steps - 0.5), ylim=(n - 0.5, -0.5), xlabel="time step")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ends = sorted({0, n // 2, n - 1}) if n > 4 else range(n)
    ax.set_yticks(list(ends), [str(rows[i]) for i in ends])
    ax.set_ylabel(what)
    return figure, ax


def _ticks(ax: Any, found: np.ndarray, colour: str, width: float) -> None:
    """One path of vertical strokes, a stroke for each spike."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not len(found):
        return
    ends = np.repeat(found.astype(np.float64), 2, axis=0)
    ends[0::2, 1] -= 0.42
    ends[1::2, 1] += 0.42
    codes = np.tile([Path.MOVETO, Path.LINETO], len(found))
    ax.add_patch(PathPatch(Path(ends, codes), edgecolor=colour, facecolor="none", linewidth=width, capstyle="butt"))


def _bitmap(ax: Any, kinds: np.ndarray) -> None:
    """A pixel for each neuron and step, or for some steps: the largest kind, so that no difference is hidden."""
    colours = np.ones((4, 3))
    for kind, colour in _COLOURS.items():
        colours[kind] = _rgb(colour)
    _image(ax, colours[_columns(kinds).T], len(kinds))


def _columns(values: np.ndarray) -> np.ndarray:
    """At most ``MOST_COLUMNS`` rows, the largest of the steps each stands for."""
    starts = np.unique(np.linspace(0, len(values), min(len(values), MOST_COLUMNS), endpoint=False).astype(np.int64))
    return np.maximum.reduceat(values, starts, axis=0)


def _image(ax: Any, rgb: np.ndarray, steps: int) -> None:
    pixels = np.rint(255 * np.clip(rgb, 0, 1)).astype(np.uint8)
    ax.imshow(pixels, aspect="auto", interpolation="none", extent=(-0.5, steps - 0.5, len(pixels) - 0.5, -0.5))


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
