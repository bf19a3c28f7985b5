"""Membranes of one neuron, trained and integer, with its threshold; and the step where they part, magnified."""

from __future__ import annotations

from typing import Any

import numpy as np

from .drawing import FAINT, FLOAT, INK, INTEGER, canvas, drawn, unit_of
from .formats import told_apart
from .sample import LayerRun

MOST_STEPS = 120
"""Steps of a membrane that are drawn; of more a picture shows nothing."""
NEAR = 8
"""Steps shown before and after the first divergence."""
DOTTED = (0, (1.5, 2))


def window(steps: int, centre: int | None = None) -> range:
    """At most ``MOST_STEPS`` steps, from the first on or around ``centre``.

    Examples
    --------
    >>> window(25), window(1000, 500), window(1000, 2)
    (range(0, 25), range(440, 560), range(0, 120))
    """
    start = 0 if centre is None else max(0, min(centre - MOST_STEPS // 2, steps - MOST_STEPS))
    return range(start, min(start + MOST_STEPS, steps))


def near(steps: int, centre: int) -> range:
    """The steps around one."""
    return range(max(0, centre - NEAR), min(steps, centre + NEAR + 1))


def overlay(layer: LayerRun, steps: range, name: str, *, marked: int | None = None) -> str:
    """Both membranes of the watched neuron, trained threshold dotted, spikes as ticks above; one step may be shaded."""
    from matplotlib.ticker import MaxNLocator

    at, j = slice(steps.start, steps.stop), layer.watched
    level = None if layer.threshold is None else float(layer.threshold[j])
    values = [layer.v_float[at, j], layer.v_integer[at, j], [] if level is None else [level]]
    factor, unit = unit_of(np.concatenate(values))
    figure, ax = canvas(210)
    if marked is not None:
        ax.axvspan(marked - 0.4, marked + 0.4, color=FAINT, alpha=0.6, linewidth=0)
    if level is not None:
        ax.axhline(level * factor, color=INK, linewidth=1.1, linestyle=DOTTED)
    few: dict[str, Any] = {"marker": "o", "markersize": 3.2} if len(steps) <= 60 else {}
    for v, colour, line in ((layer.v_float, FLOAT, "-"), (layer.v_integer, INTEGER, (0, (4, 1.5)))):
        ax.plot(list(steps), v[at, j] * factor, color=colour, linestyle=line, **few)
    if level is not None:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.2 * (high - low))
        marks: dict[str, Any] = {"marker": "|", "markersize": 7, "markeredgewidth": 1.8, "linestyle": "none"}
        for fired, colour, height in ((layer.spikes_float, FLOAT, 0.96), (layer.spikes_integer, INTEGER, 0.895)):
            times = [step for step in steps if fired[step, j]]
            ax.plot(times, [height] * len(times), color=colour, transform=ax.get_xaxis_transform(), **marks)
    ax.set(xlim=(steps.start - 0.5, steps.stop - 0.5), xlabel="time step", ylabel=f"membrane, {unit}")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    return drawn(figure, name)


def parting(layer: LayerRun, step: int, name: str) -> str:
    """One step of the watched neuron, as close as it takes to see each membrane and its own threshold apart."""
    assert layer.threshold is not None and layer.threshold_integer is not None
    j = layer.watched
    sides = (
        ("trained", float(layer.v_float[step, j]), float(layer.threshold[j]), FLOAT, "o"),
        ("integer", float(layer.v_integer[step, j]), float(layer.threshold_integer[j]), INTEGER, "s"),
    )
    values = np.array([number for _, v, level, *_ in sides for number in (v, level)])
    factor, unit = unit_of(values)
    texts = told_apart([v for _, v, *_ in sides] + [float(layer.threshold[j])])
    figure, ax = canvas(210)
    for x, ((_, v, level, colour, marker), text) in enumerate(zip(sides, texts, strict=False)):
        ax.plot([x - 0.42, x + 0.42], [level * factor] * 2, color=INK, linewidth=1.1, linestyle=DOTTED)
        ax.plot([x, x], [level * factor, v * factor], color=colour, linewidth=1.2)
        ax.plot([x], [v * factor], color=colour, marker=marker, markersize=7, linestyle="none")
        above = v >= level
        put: dict[str, Any] = {"ha": "center", "va": "bottom" if above else "top", "textcoords": "offset points"}
        ax.annotate(text, (x, v * factor), xytext=(0, 7 if above else -7), color=colour, **put)
    margin = 0.35 * (float(np.ptp(values)) or abs(float(values[0])) or 1.0) * factor
    ax.set(xlim=(-0.6, 1.6), ylim=(values.min() * factor - margin, values.max() * factor + margin))
    ax.set_xticks([0, 1], [side for side, *_ in sides])
    ax.set_ylabel(f"membrane, {unit}")
    ax.ticklabel_format(axis="y", useOffset=False)
    ax.locator_params(axis="y", nbins=4)
    return drawn(figure, name)
