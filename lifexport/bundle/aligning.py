"""By how many steps a recording is late: a lag is believed where it explains what lag 0 does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from ..findings import error
from .explaining import Key, Seen, explain

FARTHEST = 16
"""Steps, early or late, within which a recording is looked for."""
BETTER = 4
"""A lag that is not exact is believed if lag 0 has this many times its differences over the same steps."""
AT_LEAST = 12
"""Differences that lag 0 must have then: fewer may be chance, for many lags are tried."""


class Row(NamedTuple):
    """One recorded array, int64, shape ``(time, batch, *shape)``."""

    node: str
    what: str
    got: np.ndarray


class Aligned(NamedTuple):
    """Recorded arrays, the lag of each population, and every lag that fits all of them as well."""

    rows: list[Row]
    lag_of: dict[str, int]
    fitting: tuple[int, ...]


def windows(got: np.ndarray, expected: np.ndarray, late: int) -> tuple[np.ndarray, np.ndarray]:
    """The steps that both have."""
    start = max(0, -late)
    stop = max(start, min(len(expected), len(got) - late))
    return got[start + late : stop + late], expected[start:stop]


def align(rows: list[Row], known: Mapping[Key, np.ndarray], steps: int, stated: Mapping[str, int]) -> Aligned:
    """Find the lag of every population; where one lag fits several of them, they have it in common.

    Parameters
    ----------
    rows : list of Row
    known : mapping from population and what to array
        Everything the simulator gives.
    steps : int
        Steps of the input.
    stated : mapping from population to int
        Lags that the caller knows.
    """
    fits: dict[str, list[int]] = {}
    unsure: set[str] = set()
    for node in dict.fromkeys(row.node for row in rows):
        own = [row for row in rows if row.node == node]
        candidates = range(-FARTHEST, FARTHEST + 1) if node not in stated else (stated[node],)
        fits[node], sure = _fitting(own, known, sorted(candidates, key=lambda late: (abs(late), -late)), steps)
        unsure |= set() if sure or node in stated else {node}
    told = [found for node, found in fits.items() if node not in unsure] or [*fits.values()]
    common = [late for late in told[0] if all(late in found for found in told)]
    lag_of = {node: common[0] if common else found[0] for node, found in fits.items()}
    return Aligned(rows, lag_of, tuple(common) or (lag_of[rows[0].node],))


def _fitting(
    rows: list[Row], known: Mapping[Key, np.ndarray], candidates: list[int], steps: int
) -> tuple[list[int], bool]:
    """Lags that fit the arrays of a population equally well, the smallest first; and whether anything tells them."""
    pairs = {late: [(row, *windows(row.got, known[row.node, row.what], late)) for row in rows] for late in candidates}
    pairs = {late: seen for late, seen in pairs.items() if _enough(seen, steps)}
    if not pairs:
        longest = max(len(row.got) for row in rows)
        found = f"{longest} steps, {candidates[0]} late" if len(candidates) == 1 else f"{longest} steps"
        raise error("LX003", field="lag", found=found, fix="record at least half of the steps of the input")
    exact = [late for late, seen in pairs.items() if all(np.array_equal(got, wanted) for _, got, wanted in seen)]
    if 0 in exact or any(_telling(pairs[late]) for late in exact):
        return (exact if 0 in exact else [late for late in exact if _telling(pairs[late])]), True
    for late, seen in pairs.items():
        if (late == 0 or _telling(seen)) and all(_explained(row, known, late) for row in rows):
            return [late], True
    return _least(pairs)


def _enough(seen: Iterable[tuple[Row, np.ndarray, np.ndarray]], steps: int) -> bool:
    """Whether at least half of the input's steps are there."""
    return all(len(got) and 2 * len(got) >= min(steps, len(row.got)) for row, got, _ in seen)


def _telling(seen: Iterable[tuple[Row, np.ndarray, np.ndarray]]) -> bool:
    """Whether something changes in the course of what was recorded: stillness fits anywhere."""
    return any((got != got[:1]).any() for _, got, _ in seen)


def _explained(row: Row, known: Mapping[Key, np.ndarray], late: int) -> bool:
    got, expected = windows(row.got, known[row.node, row.what], late)
    if np.array_equal(got, expected):
        return True
    others = {key: windows(row.got, values, late)[1] for key, values in known.items()}
    return bool(explain(Seen((row.node, row.what), got, expected, others)))


def _least(pairs: Mapping[int, list[tuple[Row, np.ndarray, np.ndarray]]]) -> tuple[list[int], bool]:
    """Lag 0, which nothing tells, unless another one has clearly fewer differences over the steps that both have."""
    first = 0 if 0 in pairs else next(iter(pairs))
    share: dict[int, float] = {}
    for late, seen in pairs.items():
        here = there = 0
        for (_, got, wanted), (_, other, expected) in zip(seen, pairs[first], strict=True):
            skipped = max(0, -late) - max(0, -first)  # the simulated step that each window begins with
            a, b = got != wanted, other != expected
            a, b = (a, b[skipped:]) if skipped >= 0 else (a[-skipped:], b)
            count = min(len(a), len(b))
            here, there = here + int(a[:count].sum()), there + int(b[:count].sum())
        if there >= AT_LEAST and BETTER * here <= there:
            share[late] = here / there
    return [min(share, key=lambda late: (share[late], abs(late)), default=first)], bool(share)
