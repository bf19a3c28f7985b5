"""How a network was read from a file of another tool: what the file could not say, and its reader told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .findings import error


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Whose rules a network was read by.

    Parameters
    ----------
    source : str
        ``source=`` of ``from_nir``.
    dt : float, seconds
        Time step it was read with.
    r : str
        What the source makes of ``r``, for people.
    resets : tuple of (str, str)
        Population and the rule of its reset, by name; each that spikes.

    Examples
    --------
    >>> print(Origin(source="snntorch", dt=1e-4, r="tau / dt", resets=(("a", "value"), ("b", "value"))))
    source snntorch; dt 0.0001 s; r: tau / dt; reset: value (a, b)
    """

    source: str
    dt: float
    r: str
    resets: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        rules: dict[str, list[str]] = {}
        for name, rule in self.resets:
            rules.setdefault(rule, []).append(name)
        told = ", ".join(f"{rule} ({', '.join(names)})" for rule, names in rules.items()) or "nothing spikes"
        return f"source {self.source}; dt {self.dt!r} s; r: {self.r}; reset: {told}"

    def to_json(self) -> dict[str, Any]:
        """The same as JSON; ``dt`` is the exact ratio."""
        ratio = Fraction(self.dt)
        exact = {"num": ratio.numerator, "den": ratio.denominator}
        return {"source": self.source, "dt": exact, "r": self.r, "resets": dict(self.resets)}

    @classmethod
    def from_json(cls, value: Any) -> Origin:
        """Origin of a document nobody vouches for (LX003)."""
        try:
            source, dt, r, resets = (value[key] for key in ("source", "dt", "r", "resets"))
            step, known = float(Fraction(dt["num"], dt["den"])), len(value) == 4
            texts = [source, r, *resets, *resets.values()]
        except (TypeError, KeyError, AttributeError, ValueError, ArithmeticError):
            texts, step, known = [None], 0.0, False
        if not known or not all(isinstance(text, str) for text in texts) or not step > 0:
            found, fix = "not how a file was read", "export it again, or get an undamaged copy"
            raise error("LX003", field="origin", found=found, fix=fix)
        return cls(source=source, dt=step, r=r, resets=tuple(sorted(resets.items())))


def origin_of(document: Mapping[str, Any]) -> Origin | None:
    """Origin that a document states, if it does."""
    return Origin.from_json(document["origin"]) if "origin" in document else None


def stated(origin: Origin | None) -> dict[str, Any]:
    """Field ``origin`` of a document; none where nothing is known, as in documents of older versions."""
    return {} if origin is None else {"origin": origin.to_json()}
