"""Which pictures the page shows, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..fidelity import FidelityReport
from ..fidelity.parameters import weight_pairs
from ..network import FloatNetwork, IntNetwork
from . import figures, membranes, rasters
from .drawing import AXIS, FLOAT, INTEGER
from .formats import count, decibel, number, place
from .sample import LayerRun, SampleRun, spread


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An SVG, drawn from numbers alone: no name of the network is inside."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Pictures of one layer side by side; below each other where there is no room."""

    title: str
    note: str
    pictures: tuple[Picture, ...]


def divergence(run: SampleRun, node: str, step: int) -> tuple[Picture, ...]:
    """The steps around the first spike that differs, and that step magnified."""
    layer = run.layer(node)
    around = membranes.overlay(layer, membranes.near(len(layer.v_float), step), "divergence", marked=step)
    magnified = membranes.parting(layer, step, "divergence-step")
    shaded = "Before each reset; the two part at the shaded step. Ticks above are spikes."
    dotted = "Each membrane against its own network's threshold, dotted."
    return (
        Picture(title="The steps around it", svg=around, caption=shaded),
        Picture(title="The step itself", svg=magnified, caption=dotted),
    )


def overlays(run: SampleRun, report: FidelityReport) -> tuple[Picture, ...]:
    """One neuron of every layer: its membrane in both networks, and its threshold."""
    first, found = report.first_divergence, []
    for i, layer in enumerate(run.layers):
        steps = membranes.window(len(layer.v_float), first.step if first and first.node == layer.node else None)
        caption = f"Neuron {place(layer.index)}" if layer.index else "Its neuron"
        caption += ", the first to differ" if first and first.node == layer.node else ""
        if len(steps) < len(layer.v_float):
            caption += f", steps {count(steps[0])} to {count(steps[-1])} of {count(len(layer.v_float))}"
        svg = membranes.overlay(layer, steps, f"membrane-{i}")
        found.append(Picture(title=layer.node, svg=svg, caption=f"{caption}."))
    return tuple(found)


def spikes(q: IntNetwork, run: SampleRun) -> Iterator[Panel]:
    """The input, and every layer that spikes: trained, integer, and where they differ."""
    yield _input(q, run)
    for i, layer in enumerate(run.layers):
        if layer.threshold is not None:
            yield _layer(layer, i)


def _layer(layer: LayerRun, i: int) -> Panel:
    rows = layer.shown
    a, b = (spikes[:, rows].astype(np.int64) for spikes in (layer.spikes_float, layer.spikes_integer))
    kinds, nothing = rasters.difference(a, b), np.zeros_like(a)
    same, more, less = (int((kinds == kind).sum()) for kind in (rasters.SAME, rasters.MORE_FLOAT, rasters.MORE_INTEGER))
    drawings = (
        ("trained", rasters.difference(a, nothing), f"{count(int(np.count_nonzero(a)))} marks"),
        ("integer", rasters.difference(nothing, b), f"{count(int(np.count_nonzero(b)))} marks"),
        ("difference", kinds, f"{count(same)} in both, {count(more)} trained, {count(less)} integer"),
    )
    pictures = tuple(
        Picture(title=title, svg=rasters.raster(drawing, rows, f"raster-{i}-{title}"), caption=caption)
        for title, drawing, caption in drawings
    )
    return Panel(title=layer.node, note=_shown(rows, layer.spikes_float.shape[1], "neuron"), pictures=pictures)


def _shown(rows: np.ndarray, total: int, what: str) -> str:
    if len(rows) == total:
        return f"{count(total)} {what}{'s' * (total != 1)}"
    return f"{count(len(rows))} of {count(total)} {what}s, spread evenly"


def _input(q: IntNetwork, run: SampleRun) -> Panel:
    rows = spread(run.inputs.shape[1])
    a, b = run.inputs[:, rows], run.coded[:, rows]
    note = _shown(rows, run.inputs.shape[1], "input channel")
    if q.input_code.kind == "spikes":
        svg = rasters.raster(np.where(a > 0, rasters.SAME, rasters.NOTHING), rows, "raster-input", what="channel")
        pictures = [Picture(title="spikes", svg=svg, caption=f"{count(int(np.count_nonzero(a)))} marks, for both.")]
        return Panel(title=q.input_name, note=note, pictures=tuple(pictures))
    low, high, apart = min(float(a.min()), float(b.min()), 0.0), max(float(a.max()), float(b.max())), np.abs(a - b)
    scale = f"White is {number(low)}, full colour {number(high)}."
    drawings = [("trained", a, (low, high), FLOAT, scale), ("integer", b, (low, high), INTEGER, scale)]
    if apart.any():
        most = float(apart.max())
        drawings.append(("difference", apart, (0.0, most), AXIS, f"White is 0, full colour {number(most)}."))
    pictures = [
        Picture(title=title, svg=rasters.shades(v, rows, ends, colour, f"raster-input-{title}"), caption=caption)
        for title, v, ends, colour, caption in drawings
    ]
    note += "" if apart.any() else ", every value exact in its code"
    return Panel(title=q.input_name, note=note, pictures=tuple(pictures))


def weights(f: FloatNetwork, q: IntNetwork, report: FidelityReport) -> tuple[Picture, ...]:
    """Every connection's weights before and after, in volt: input gain of the neurons included."""
    found = []
    for i, (pair, row) in enumerate(zip(weight_pairs(f, q), report.weights, strict=True)):
        caption = (
            f"{count(row.weights)} weights of {row.bits} bits, largest code ±{row.largest_code}; SQNR "
            f"{decibel(row.sqnr_db)}; {count(row.zeroed)} became zero, {count(row.saturated)} lie beyond the last code."
        )
        found.append(Picture(title=pair.node, svg=figures.weights(pair, f"weights-{i}"), caption=caption))
    return tuple(found)
