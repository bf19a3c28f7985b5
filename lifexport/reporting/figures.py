"""The pictures, as SVG text: the same bytes for the same numbers, in every process."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .sample import LayerRun, SampleRun

INK, FAINT, GRID = "#1d2733", "#6b7785", "#e3e7ec"
FLOAT, INTEGER, THRESHOLD = "#0072b2", "#d55e00", "#1d2733"
"""Okabe and Ito's colours, which colour-blind people tell apart."""
WIDTH = 5.4
"""Inches; a page shows it at 340 to 560 pixels, where its text has 9 to 14."""
STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "lifexport",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def rasters(run: SampleRun, dt: float) -> list[tuple[str, str, str]]:
    """One picture for every layer: float, integer, and where they differ.

    Returns
    -------
    list of (layer, svg, caption)
    """
    return [(layer.node, _raster(layer, dt), _raster_caption(layer, run.sample)) for layer in run.layers]


def _raster(layer: LayerRun, dt: float) -> str:
    shown = layer.shown
    a, b = (rows[:, shown].T for rows in (layer.spikes_float, layer.spikes_integer))
    rows = max(1.0, min(2.2, len(shown) / 60))
    fig, axes = _figure(3, height=0.75 + 3 * rows, sharex=True)
    difference = np.full((*a.shape, 3), 255, np.uint8)
    difference[a > b], difference[a < b] = _rgb(FLOAT), _rgb(INTEGER)
    panels = (("float", _mask(a, FLOAT)), ("integer", _mask(b, INTEGER)), ("differs", difference))
    for ax, (title, image) in zip(axes, panels, strict=True):
        ax.imshow(image, aspect="auto", interpolation="none", extent=(0, a.shape[1], len(shown), 0))
        ax.set_title(title, loc="left", fontsize=10, pad=3)
        ax.grid(False)
        ax.set_ylabel("neuron")
        ax.set_yticks([0, len(shown)], [str(shown[0]), str(shown[-1])])
    axes[-1].set_xlabel(f"time step ({1e3 * dt:g} ms)")
    return _svg(fig)


def _raster_caption(layer: LayerRun, sample: int) -> str:
    neurons = layer.spikes_float.shape[1]
    of = f", {len(layer.shown)} of {neurons} neurons, spread evenly" if len(layer.shown) < neurons else ""
    differing = int((layer.spikes_float != layer.spikes_integer).sum())
    return (
        f"Spikes of sample {sample}{of}. In the last panel blue spikes are the float network's alone, orange ones the "
        f"integer network's: {differing} of {layer.spikes_float.size} values differ in this sample."
    )


def membranes(run: SampleRun, dt: float) -> list[tuple[str, str, str]]:
    """One neuron of every layer: its membrane in both networks, and its threshold."""
    return [(layer.node, _membrane(layer, dt), _membrane_caption(layer, run.sample)) for layer in run.layers]


def _membrane(layer: LayerRun, dt: float) -> str:
    fig, (ax,) = _figure(1, height=2.5)
    steps, j = np.arange(len(layer.v_float)), layer.watched
    scale, unit = _unit(np.concatenate([layer.v_float[:, j], layer.v_integer[:, j]]))
    ax.plot(steps, scale * layer.v_float[:, j], color=FLOAT, lw=1.6, label="float")
    ax.plot(steps, scale * layer.v_integer[:, j], color=INTEGER, lw=1.6, ls=(0, (4, 1.5)), label="integer")
    if layer.threshold is not None:
        ax.axhline(scale * layer.threshold[j], color=THRESHOLD, lw=1, ls=":", label="threshold")
    marks = ((layer.spikes_float, layer.v_float, FLOAT, "o"), (layer.spikes_integer, layer.v_integer, INTEGER, "x"))
    for spikes, v, colour, marker in marks:
        fired = np.flatnonzero(spikes[:, j])
        ax.plot(fired, scale * v[fired, j], ls="", marker=marker, ms=4.5, mfc="none", color=colour)
    ax.set_xlabel(f"time step ({1e3 * dt:g} ms)")
    ax.set_ylabel(f"membrane, {unit}")
    _legend(ax, 3)
    return _svg(fig)


def _membrane_caption(layer: LayerRun, sample: int) -> str:
    where = ", ".join(map(str, layer.index))
    return f"Membrane of neuron {where} in sample {sample}, before its reset; marks are spikes."


def divergence(run: SampleRun, node: str, step: int, dt: float) -> str:
    """The steps around the first spike that differs, of the neuron that fired it."""
    layer = next(layer for layer in run.layers if layer.node == node)
    lo, hi = max(0, step - 6), min(len(layer.v_float), step + 7)
    fig, (ax,) = _figure(1, height=2.5)
    steps, j = np.arange(lo, hi), layer.watched
    a, b = layer.v_float[lo:hi, j], layer.v_integer[lo:hi, j]
    scale, unit = _unit(np.concatenate([a, b]))
    ax.axvspan(step - 0.5, step + 0.5, color=GRID, lw=0)
    ax.plot(steps, scale * a, color=FLOAT, marker="o", ms=4, lw=1.4, label="float")
    ax.plot(steps, scale * b, color=INTEGER, marker="x", ms=5, lw=1.4, ls=(0, (4, 1.5)), label="integer")
    if layer.threshold is not None and layer.threshold_integer is not None:
        ax.axhline(scale * layer.threshold[j], color=FLOAT, lw=1, ls=":")
        ax.axhline(scale * layer.threshold_integer[j], color=INTEGER, lw=1, ls=":", label="thresholds")
    ax.set_xlabel(f"time step ({1e3 * dt:g} ms)")
    ax.set_ylabel(f"membrane, {unit}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    _legend(ax, 3)
    return _svg(fig)


def weights(before: np.ndarray, after: np.ndarray) -> str:
    """Distribution of the weights of a connection, as trained and as codes stand for; volt."""
    fig, (ax,) = _figure(1, height=2.3)
    scale, unit = _unit(np.concatenate([before.ravel(), after.ravel()]))
    reach = scale * float(max(np.abs(before).max(), np.abs(after).max(), 1e-300))
    bins = np.linspace(-reach, reach, 62)
    ax.hist(scale * before.ravel(), bins, color=FLOAT, alpha=0.35, label="as trained")
    ax.hist(scale * after.ravel(), bins, histtype="step", color=INTEGER, lw=1.3, label="as integers")
    ax.set_xlabel(f"what one input adds, {unit}")
    ax.set_ylabel("weights")
    _legend(ax, 2)
    return _svg(fig)


def pareto(rows: Sequence[dict[str, Any]]) -> str:
    """Accuracy against memory, of every row of a sweep that has both."""
    fig, (ax,) = _figure(1, height=3.0)
    kinds = (
        ("safe", [r for r in rows if not r["unsafe"]], FLOAT, "o"),
        ("may overflow", [r for r in rows if r["unsafe"]], FAINT, "x"),
    )
    for label, part, colour, marker in kinds:
        if part:
            kilobits = [row["memory_bits"] / 1000 for row in part]
            ax.plot(kilobits, [100 * r["accuracy"] for r in part], ls="", marker=marker, color=colour, label=label)
    best = sorted((r for r in rows if r["pareto"]), key=lambda r: r["memory_bits"])
    if best:
        kilobits = [row["memory_bits"] / 1000 for row in best]
        ax.step(kilobits, [100 * r["accuracy"] for r in best], where="post", color=INTEGER, lw=1.4, label="best")
    ax.set_xlabel("memory, kbit")
    ax.set_ylabel("accuracy, %")
    _legend(ax, 3)
    return _svg(fig)


def _figure(rows: int, *, height: float, sharex: bool = False):
    import matplotlib  # slow to load
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = fig.subplots(rows, 1, sharex=sharex, squeeze=False)[:, 0]
    return fig, axes


def _legend(ax: Any, columns: int) -> None:
    """Above the picture, where it hides nothing."""
    place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "borderaxespad": 0.2}
    ax.legend(ncols=columns, frameon=False, fontsize=9, handlelength=1.6, columnspacing=1.4, **place)


def _svg(fig: Any) -> str:
    import matplotlib

    text = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context(STYLE):
        fig.savefig(text, format="svg", metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    for size in ("width", "height"):  # the page decides; the view box keeps the proportions
        svg = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", svg, count=1)
    return svg


def _mask(spikes: np.ndarray, colour: str) -> np.ndarray:
    image = np.full((*spikes.shape, 3), 255, np.uint8)
    image[spikes > 0] = _rgb(colour)
    return image


def _rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))  # type: ignore[return-value]


def _unit(values: np.ndarray) -> tuple[float, str]:
    """Factor and unit in which potentials have few digits."""
    largest = float(np.abs(values).max(initial=0.0))
    return (1.0, "V") if largest >= 0.1 or largest == 0 else (1e3, "mV") if largest >= 1e-4 else (1e6, "µV")
