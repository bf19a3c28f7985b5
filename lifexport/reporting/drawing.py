"""The one style of all figures, and figures as SVG that is the same in every process."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

FLOAT, INTEGER = "#0072b2", "#c44e00"
"""Trained network and integer network, in every figure: blue and a dark orange, told apart by every eye (Okabe and
Ito's pair, the orange darkened so that it also reads as text)."""
BOTH, AXIS, INK, FAINT = "#a5adb6", "#8c959f", "#1f2328", "#d0d7de"
WIDTH, DPI = 350, 72
"""Pixels of a figure: it fills a phone, and three stand side by side on a desk; text keeps its size on both."""
LEFT, RIGHT, TOP, BOTTOM = 56, 10, 8, 34
"""Pixels between the edges of a figure and its axes."""

_STYLE: Any = {
    "axes.edgecolor": AXIS,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": DPI,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "path.simplify": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": AXIS,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 10.5,
    "ytick.color": AXIS,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 10.5,
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Matplotlib as this page wants it, whatever the user's own settings are; they are back afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def canvas(height: int, *, rows: int = 1, top: int = TOP) -> tuple[Any, Any]:
    """Figure and axes (a list of them for several ``rows``, one above the other, sharing x)."""
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(WIDTH / DPI, height / DPI))
    box = {
        "left": LEFT / WIDTH,
        "right": 1 - RIGHT / WIDTH,
        "top": 1 - top / height,
        "bottom": BOTTOM / height,
        "hspace": 0.12,
    }
    axes = figure.subplots(rows, 1, sharex=True, gridspec_kw=box, squeeze=False)[:, 0]
    for ax in axes:  # labels stand in one place, however wide the numbers are
        middle = 0.5 if rows > 1 else (1 + (BOTTOM - top) / height) / 2
        ax.yaxis.set_label_coords(14 / WIDTH, middle, figure.transFigure)
    return figure, axes[0] if rows == 1 else list(axes)


def drawn(figure: Any, name: str, *, alone: bool = False) -> str:
    """The figure as an SVG element.

    Parameters
    ----------
    figure : matplotlib Figure
        Made inside ``style()``.
    name : str
        Unique on the page: seeds the names of clip paths and markers, which a page shares among its figures.
    alone : bool
        Whether it may also be a file of its own, which must name SVG's name space.

    Returns
    -------
    str
        No date, no version, no address, no style of its own that would reach the rest of the page; names that nothing
        refers to are left out, coordinates have two decimals.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1"{space}>', text, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", text)
    text = re.sub(r' d="([^"]*)"', lambda m: f' d="{_short(m[1])}"', text)
    text = re.sub(r"<defs>\s*</defs>", "", text)
    return re.sub(r"\n\s*", "\n", text).strip()


def _short(path: str) -> str:
    path = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), path)
    return re.sub(r"\s+", " ", path).strip()


def unit_of(values: np.ndarray) -> tuple[float, str]:
    """Factor and unit in which potentials have few digits; the limits are those of ``formats.volts``.

    Examples
    --------
    >>> unit_of(np.array([0.0, 0.00213])), unit_of(np.array([0.5]))
    ((1000.0, 'mV'), (1.0, 'V'))
    """
    largest = float(np.abs(values).max(initial=0.0))
    return (1.0, "V") if largest >= 0.1 or largest == 0 else (1e3, "mV") if largest >= 1e-4 else (1e6, "µV")
