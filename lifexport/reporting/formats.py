"""How numbers are written on the page: in one place, so that one number looks the same wherever it stands."""

from __future__ import annotations

from typing import Any


def percent(rate: float | None, digits: int = 2) -> str:
    """Share as percent; a dash where there is none.

    >>> percent(0.97333), percent(None), percent(1)
    ('97.33 %', '–', '100.00 %')
    """
    return "–" if rate is None else f"{100 * rate:.{digits}f} %"


def change(rate: float | None, digits: int = 2) -> str:
    """Signed share as percent.

    >>> change(-0.0006), change(None)
    ('-0.06 %', 'lost')
    """
    return "lost" if rate is None else f"{100 * rate:+.{digits}f} %"


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


def volts(value: float | None) -> str:
    """Potential in a unit that keeps it readable.

    >>> volts(0.000913), volts(1.0), volts(0.0)
    ('0.913 mV', '1 V', '0 V')
    """
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.4g} V"
    return f"{1e3 * value:.4g} mV" if abs(value) >= 1e-4 else f"{1e6 * value:.4g} µV"


def place(index: list[int] | tuple[int, ...]) -> str:
    """Position of a neuron."""
    return ", ".join(map(str, index))


FILTERS = {f.__name__: f for f in (percent, change, points, of, interval, decibel, count, number, milliseconds)}
FILTERS |= {f.__name__: f for f in (volts, place)}
"""For the template, by name."""
