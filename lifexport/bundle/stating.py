"""Where a stated JSON document is not the one that is computed: numbers within rounding, everything else exactly."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

ROUNDING = 1e-6
"""Real numbers are stated in nine digits; on another machine they may differ in the last of them, and in those that
follow from them a little more."""
DECIBEL = 0.002
"""Decibels are stated in thousandths."""


class Difference(NamedTuple):
    """One place: what is stated, and what is computed."""

    path: str
    stated: Any
    computed: Any


def differences(stated: Any, computed: Any, *, without: Collection[str] = (), path: str = "") -> Iterator[Difference]:
    """Every place of ``computed`` that a document states otherwise.

    Parameters
    ----------
    stated, computed : JSON values
        Keys that only one of them has are no difference: older documents lack some.
    without : collection of str
        Keys that are not looked at, wherever they stand.

    Examples
    --------
    >>> [*differences({"a": 1, "b": [0.5, 2]}, {"a": 1, "b": [0.5, 3], "c": 7})]
    [Difference(path='b[1]', stated=2, computed=3)]
    """
    if isinstance(stated, dict) and isinstance(computed, dict):
        for key in computed.keys() & stated.keys() - set(without):
            inner = f"{path}.{key}" if path else key
            yield from differences(stated[key], computed[key], without=without, path=inner)
    elif isinstance(stated, list) and isinstance(computed, list) and len(stated) == len(computed):
        for i, pair in enumerate(zip(stated, computed, strict=True)):
            yield from differences(*pair, without=without, path=f"{path}[{i}]")
    elif not _equal(stated, computed, path):
        yield Difference(path, stated, computed)


def _equal(stated: Any, computed: Any, path: str) -> bool:
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (stated, computed)]
    if all(numbers) and float in map(type, (stated, computed)):
        room = DECIBEL if path.endswith("_db") else 1e-12
        return math.isclose(stated, computed, rel_tol=ROUNDING, abs_tol=room)
    return stated == computed and all(numbers) == any(numbers)
