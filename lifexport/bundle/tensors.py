"""Where in a tensor a number was changed: two sums beside its digest locate it, and the digest proves the place.

With ``h_j`` the tensor's bytes as unsigned 32-bit words, taken modulo the prime ``p = 2**31 - 1``,

    ``sum = sum_j h_j mod p``, ``moment = sum_j (j + 1) h_j mod p``.

If a single word ``j`` changes by ``d``, the sums change by ``d`` and ``(j + 1) d``, so that ``j + 1`` is their quotient
modulo ``p`` (the single-error location of a Reed-Solomon code, [1]_). Undoing the change there must give the recorded
sha256 again: a place that is named is proved, and so is the number that stood there.

.. [1] I. S. Reed, G. Solomon, "Polynomial codes over certain finite fields", J. SIAM 8 (1960).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..files import sha256

PRIME = (1 << 31) - 1


class Changed(NamedTuple):
    """A number that was changed: index, what stands there and what stood there."""

    index: tuple[int, ...]
    now: Any
    before: Any


def describe(array: np.ndarray) -> dict[str, Any]:
    """Digest and sums of a tensor, as the manifest holds them.

    Examples
    --------
    >>> entry = describe(np.arange(4, dtype=np.int32))
    >>> entry["sum"], entry["moment"]
    (6, 20)
    """
    data = np.ascontiguousarray(array).tobytes()
    total, moment = _sums(data)
    return {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "sha256": sha256(data),
        "sum": total,
        "moment": moment,
    }


def is_described(array: np.ndarray, entry: dict[str, Any]) -> bool:
    """Whether a tensor is the one an entry describes."""
    if (array.dtype.str, list(array.shape)) != (entry["dtype"], entry["shape"]):
        return False
    return sha256(np.ascontiguousarray(array).tobytes()) == entry["sha256"]


def locate(array: np.ndarray, entry: dict[str, Any]) -> Changed | None:
    """The one number in which a tensor is not what an entry describes; None if more than a word differs.

    Examples
    --------
    >>> array = np.arange(6).reshape(2, 3)
    >>> entry = describe(array)
    >>> array[1, 2] = 7
    >>> found = locate(array, entry)
    >>> found.index, int(found.now), int(found.before)
    ((1, 2), 7, 5)
    """
    if (array.dtype.str, list(array.shape)) != (entry["dtype"], entry["shape"]) or not array.size:
        return None
    data = np.ascontiguousarray(array).tobytes()
    total, moment = _sums(data)
    change, weighted = (total - entry["sum"]) % PRIME, (moment - entry["moment"]) % PRIME
    words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").copy()
    if change == 0:
        return None
    place = weighted * pow(change, -1, PRIME) % PRIME - 1
    if not 0 <= place < len(words):
        return None
    for was in range((int(words[place]) - change) % PRIME, 1 << 32, PRIME):  # numbers equal modulo the prime
        mended = words.copy()
        mended[place] = was
        restored = mended.tobytes()[: len(data)]
        if sha256(restored) == entry["sha256"]:
            before = np.frombuffer(restored, array.dtype).reshape(array.shape)
            now = np.frombuffer(data, array.dtype).reshape(array.shape)
            raw = [np.frombuffer(part, f"V{array.dtype.itemsize}") for part in (data, restored)]
            flat = int(np.flatnonzero(raw[0] != raw[1])[0])
            index = tuple(int(i) for i in np.unravel_index(flat, array.shape))
            return Changed(index, now[index], before[index])
    return None


def _sums(data: bytes) -> tuple[int, int]:
    words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint64) % PRIME
    places = np.arange(1, len(words) + 1, dtype=np.uint64) % PRIME
    return int(words.sum() % PRIME), int((words * places % PRIME).sum() % PRIME)
