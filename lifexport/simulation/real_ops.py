"""The operations of ``ops.py`` on real numbers: the rules of a chip without its arithmetic.

Nothing is rounded and nothing overflows; how often a membrane fires is still a whole number.
"""

from __future__ import annotations

import numpy as np

from ..ops import NumpyOps, Rounding


class RealOps(NumpyOps):
    """A reader whose numbers are float64: products and shifts are exact quotients, words have no ends.

    Examples
    --------
    >>> ops = RealOps()
    >>> ops.multiply_shift(np.array([11.0]), 3, 2, "floor", 11).tolist(), ops.saturate(np.array([99.0]), -8, 7).tolist()
    ([8.25], [99.0])
    """

    def end_step(self) -> None:
        """Nothing was counted."""

    def const(self, array: np.ndarray | int, name: str) -> np.ndarray:
        return np.asarray(array, np.float64)

    def multiply_shift(self, x, m, k: int, how: Rounding, bound: int):
        return x * m / (1 << k)

    def shift_right(self, x, k: np.ndarray, name: str):
        return x / 2.0 ** np.asarray(k)

    def count(self, x, y, most: int | None):
        # A threshold that is not positive gives no quotient: a membrane at or above it fires as often as it may.
        often = np.where(y > 0, np.floor_divide(x, np.where(y > 0, y, 1)), np.inf if most is None else most)
        return np.where(x >= y, often if most is None else np.minimum(often, most), 0)

    def saturate(self, x, lo: int, hi: int):
        return x

    def wrap(self, x, lo: int, hi: int):
        return x

    def wrap_once(self, x, lo: int, hi: int):
        return x
