"""Which samples a network was calibrated on, told by a short digest of each.

So others can see whether they are among those that they evaluate on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import arrays
from .findings import error

DIGITS = 12
"""Hexadecimal digits of a sample's digest."""
KEPT = 1024
"""Digests that are kept: of more samples, those that are smallest."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples of calibration data, by their digests.

    Parameters
    ----------
    count : int
        How many different ones there were.
    digests : str
        Digests of the samples in ascending order, 12 hexadecimal digits each, one after the other: all of them, or
        the 1024 smallest. A digest of a sample outside of those is known not to be there only if it is smaller than
        the last one that is kept.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 3, 2)  # (time, batch, features)
    >>> seen = Samples.of(x[:, :2])
    >>> seen.count, len(seen.digests), seen.shared(x)
    (2, 24, Shared(found=2, told=3, total=3))
    """

    count: int
    digests: str

    def __post_init__(self):
        kept = re.findall(f"[0-9a-f]{{{DIGITS}}}", self.digests)
        whole = "".join(kept) == self.digests and kept == sorted(set(kept))
        if type(self.count) is not int or not whole or len(kept) != min(self.count, KEPT):
            found = f"{self.count!r} samples, {len(self.digests)} digits of digests"
            raise error("LX006", field="calibration", found=found, fix="make it with Samples.of(x)")

    @classmethod
    def of(cls, *inputs: np.ndarray) -> Samples:
        """Samples of arrays ``(time, batch, *features)``, each once."""
        found = sorted({digest for x in inputs for digest in digests(x)})
        return cls(count=len(found), digests="".join(found[:KEPT]))

    @classmethod
    def restored(cls, stated: Mapping[str, Any] | None) -> Samples | None:
        """What ``to_json`` gave."""
        return None if stated is None else cls(count=stated["count"], digests=stated["digests"])

    def to_json(self) -> dict[str, Any]:
        """Both fields."""
        return {"count": self.count, "digests": self.digests}

    def shared(self, x: np.ndarray) -> Shared:
        """How many samples of an array ``(time, batch, *features)`` are among these."""
        kept = {self.digests[i : i + DIGITS] for i in range(0, len(self.digests), DIGITS)}
        last = max(kept, default="") if self.count > len(kept) else "g"  # beyond every digit: all are told
        given = digests(x)
        return Shared(
            found=sum(digest in kept for digest in given),
            told=sum(digest <= last for digest in given),
            total=len(given),
        )


@dataclass(frozen=True)
class Shared:
    """Of ``total`` samples ``told`` could be looked up, and ``found`` are there."""

    found: int
    told: int
    total: int


def digests(x: np.ndarray) -> list[str]:
    """Digest of every sample of an array ``(time, batch, *features)``: of its shape, and its numbers as float64."""
    x = arrays.numbers(x, node=None, field="calibration", code="LX205")
    if x.ndim < 2:
        fix = "give (time, batch, *features)"
        raise error("LX205", field="calibration", found=f"shape {x.shape}", fix=fix)
    shape = f"{x.shape[0]}{x.shape[2:]}".encode()
    rows = (np.ascontiguousarray(x[:, i], np.float64) + 0.0 for i in range(x.shape[1]))  # + 0.0: -0.0 is 0.0
    return [hashlib.sha256(shape + row.tobytes()).hexdigest()[:DIGITS] for row in rows]
