"""How numbers are written on the page: in one place, so that one number looks the same wherever it stands."""

from __future__ import annotations

from typing import Any


def percent(rate: float | None, digits: int = 2) -> str:
    """Share as percent; a dash where there is none.

    What is not all is never written as all, nor some as none: digits are added until it shows.

    >>> percent(0.97333), percent(None), percent(1), percent(0.99999), percent(0.000004)
    ('97.33 %', '–', '100.00 %', '99.999 %', '0.0004 %')
    """
    return "–" if rate is None else f"{_share(rate, digits)} %"


def _share(rate: float, digits: int) -> str:
    texts = (f"{100 * rate:.{more}f}" for more in range(digits, digits + 9))
    text = next(texts)
    while rate not in (0, 1) and float(text) in (0, 100) and (longer := next(texts, None)):
        text = longer
    return text


def change(rate: float | None, digits: int = 2) -> str:
    """Signed share as percent.

    >>> change(-0.0006), change(None), change(-0.0000313), change(0)
    ('-0.06 %', 'lost', '-0.003 %', '+0.00 %')
    """
    return "lost" if rate is None else f"{'-' if rate < 0 else '+'}{_share(abs(rate), digits)} %"


def points(rate: float) -> str:
    """Signed difference of two shares, in points."""
    return f"{100 * rate:+.2f} points"


def of(proportion: dict[str, Any]) -> str:
    """A count, and out of how many."""
    return f"{proportion['count']:,} of {proportion['total']:,}".replace(",", "\u202f")


def interval(edges: list[float], scale: float = 100, unit: str = " %") -> str:
    """Interval at 95 %."""
    return f"{scale * edges[0]:.2f} to {scale * edges[1]:.2f}{unit}"


def decibel(value: float | None, none: str = "exact") -> str:
    """SQNR; what stands for no difference at all is said."""
    return none if value is None else f"{value:.1f} dB"


def count(value: int | None) -> str:
    """Whole number with thin spaces between thousands.

    >>> count(13251)
    '13\u202f251'
    """
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def number(value: float | None, digits: int = 4) -> str:
    """Real number with so many significant digits."""
    return "–" if value is None else f"{value:.{digits}g}"


def milliseconds(seconds: float | None) -> str:
    """Time constant."""
    return "none" if seconds is None else f"{1e3 * seconds:.4g} ms"


def volts(value: float | None, digits: int = 4) -> str:
    """Potential in a unit that keeps it readable, with so many significant digits.

    >>> volts(0.000913), volts(1.0), volts(0.0)
    ('0.913 mV', '1 V', '0 V')
    """
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.{digits}g} V"
    return f"{1e3 * value:.{digits}g} mV" if abs(value) >= 1e-4 else f"{1e6 * value:.{digits}g} µV"


def told_apart(values: list[float]) -> list[str]:
    """Potentials with as many digits, nine at most, as it takes to tell different ones apart.

    >>> told_apart([0.000999998, 0.001, 0.001])
    ['0.999998 mV', '1 mV', '1 mV']
    """
    for digits in range(4, 9):
        texts = [volts(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            return texts
    return [volts(value, 9) for value in values]


JUDGED = {
    "accuracy": ("accuracy", "at least", percent),
    "accuracy_drop": ("accuracy lost", "at most", lambda value: f"{value:.2f} points"),
    "prediction_agreement": ("same prediction", "at least", percent),
    "spike_coincidence": ("spikes in both, every layer", "at least", percent),
    "membrane_sqnr_local_db": ("SQNR alone, every layer", "at least", lambda value: f"{value:.1f} dB"),
    "overflow_rate": ("overflows of a word, every layer", "at most", percent),
    "silent_layers": ("layers that fell silent", "at most", lambda value: f"{value:g}"),
    "tau_change": ("change of a time constant", "at most", percent),
    "threshold_change": ("change of a threshold", "at most", percent),
}
"""Field of ``Thresholds`` -> what it is in words, on which side of it things must be, and how it is written."""


def judged(row: dict[str, Any]) -> dict[str, str]:
    """A row of the verdict in words.

    >>> judged({"name": "accuracy_drop", "asked": 1, "measured": 0.4444444, "node": None, "holds": True})["measured"]
    '0.44 points'
    """
    name, side, write = JUDGED[row["name"]]
    measured = ("–" if row["holds"] else "no longer finite") if row["measured"] is None else write(row["measured"])
    if row.get("bound") is not None:
        measured += f", with certainty {write(row['bound'])}"
    return {"name": name, "asked": f"{side} {write(row['asked'])}", "measured": measured}


def overflows(row: dict[str, Any]) -> str:
    """What left its word in a layer; reports of older versions know membranes alone, and count other words with them.

    >>> sums = {"word": "sum", "rule": "wrap", "overflows": 3, "judged": 12, "first": [4, 0, 1]}
    >>> overflows({"words": [sums], "membrane": {"overflows": 0}})
    'sum wraps 3 times (25.00 %)'
    >>> overflows({"membrane": {"overflows": 0}})
    'none'
    """
    if "words" not in row:
        return f"{row['membrane']['overflows']:,} values" if row["membrane"]["overflows"] else "none"
    found = [
        f"{word['word']} {'clipped' if word['rule'] == 'saturate' else 'wraps'} {word['overflows']:,} times "
        f"({percent(word['overflows'] / word['judged'])})"
        for word in row["words"]
        if word["overflows"]
    ]
    return "; ".join(found) or "none"


def place(index: list[int] | tuple[int, ...]) -> str:
    """Position of a neuron."""
    return ", ".join(map(str, index))


FILTERS = {f.__name__: f for f in (percent, change, points, of, interval, decibel, count, number, milliseconds)}
FILTERS |= {f.__name__: f for f in (volts, place, judged, told_apart, overflows)}
"""For the template, by name."""
