"""The integer step for runtimes whose int32 division and comparison go through float32, as OpenVINO's do.

There a quotient is off by a little beyond ``2**24``, and two numbers that differ by one compare as equal; sums,
differences and products are exact. So every quotient is corrected by what it leaves, which is small, and every
comparison is that of a difference with zero:

==================  =====================================================================
``x // 2**k``       ``q = x / 2**k``, about; ``q + (x - q * 2**k) // 2**k``
``x * m // 2**k``   the same; beyond 30 bits ``x = h * 2**s + l`` in two parts, for
                    ``floor((h * m + floor(l * m / 2**s)) / 2**(k - s))`` is the same floor
``x >= y``          ``min(max(x - y + 1, 0), 1)``
==================  =====================================================================

In a runtime that divides exactly the corrections are none, so that the file is exact there, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto  # noqa: TID251

from ..findings import error
from ..ops import Rounding
from .onnx_ops import BIAS, OnnxOps

SMALL = 1 << 23
"""Numbers up to here divide exactly, with what lifts them above zero."""
AT_ONCE = 15
"""Bits that one division shifts by."""
LARGEST = 1 << 30
"""Magnitude of sums up to which differences stay in int32."""


class _Split(NamedTuple):
    """A product of two numbers without some low bits, and whether those were zero (1) or not (0)."""

    product: str
    low: int
    """How many bits."""
    exact: str


class PortableOps(OnnxOps):
    """Records the operations of ``ops.py`` for such runtimes; int32 alone."""

    def ge(self, x: str, y: str) -> str:
        if (x, y) not in self.compared:
            self.compared[x, y] = self.emit("Cast", self._at_least(x, y), to=TensorProto.BOOL, label="fires")
        return self.compared[x, y]

    def _at_least(self, x: str, y: str) -> str:
        """1 where ``x >= y``, else 0."""
        return self._clip(self._plus(self.emit("Sub", x, y, label="above"), 1), 0, 1)

    def _plus(self, x: str, value: int) -> str:
        return self.emit("Add", x, self.number(value), label="plus") if value else x

    def _clip(self, x: str, lo: int, hi: int) -> str:
        raised = self.emit("Max", x, self.number(lo), label="raised")
        return self.emit("Min", raised, self.number(hi), label="lowered")

    def _times(self, x: str, value: int) -> str:
        return self.emit("Mul", x, self.number(value), label="times") if value != 1 else x

    def _floor(self, x: str, k: np.ndarray, name: str) -> str:
        """``floor(x / 2**k)`` for shifts of up to ``AT_ONCE``."""
        one = self.const(1 << k, f"{name}_power")
        about = self.emit("Div", x, one, label="about")
        rest = self.emit("Sub", x, self.emit("Mul", about, one, label="back"), label="rest")
        lifted = self.emit("Div", self._plus(rest, SMALL), one, label="corrected")
        correction = self.emit("Sub", lifted, self.const(SMALL >> k, f"{name}_lift"), label="correction")
        return self.emit("Add", about, correction, label="shifted")

    def _shift(self, x: str, k: int) -> str:
        """``floor(x / 2**k)``."""
        while k:
            now = min(k, AT_ONCE)
            x, k = self._floor(x, np.asarray(now), f"by{now}"), k - now
        return x

    def shift_right(self, x: str, k: np.ndarray, name: str) -> str:
        k = np.asarray(k, np.int64)
        first = np.minimum(k, AT_ONCE)
        shifted = self._floor(x, first, name)
        return self.shift_right(shifted, k - first, f"{name}_beyond") if (k > first).any() else shifted

    def multiply_shift(self, x: str, m: str, k: int, how: Rounding, bound: int) -> str:
        if how == "toward_zero":
            sign = self._clip(x, -1, 1)
            size = self.multiply_shift(self.emit("Mul", x, sign, label="size"), m, k, "floor", bound)
            return self.emit("Mul", size, sign, label="leak")
        split = self._product(x, m, k, how, bound)
        left = k - split.low
        lifted = self._plus(split.product, 0 if how == "floor" else 1 << (left - 1))
        quotient = self._shift(lifted, left)
        if how != "half_even":
            return quotient
        rest = self.emit("Sub", lifted, self._times(quotient, 1 << left), label="rest")
        tie = self.emit("Mul", self._at_least(self.number(0), rest), split.exact, label="tie")
        odd = self.emit("Sub", quotient, self._times(self._shift(quotient, 1), 2), label="odd")
        return self.emit("Sub", quotient, self.emit("Mul", tie, odd, label="tie_odd"), label="leak")

    def _product(self, x: str, m: str, k: int, how: Rounding, bound: int) -> _Split:
        low = next((s for s in range(k) if ((bound >> s) + 2 << k) < LARGEST and 1 << (s + k) < LARGEST), None)
        if low is None:
            found, fix = f"a membrane of up to {bound} times a decay of {k} bits", "use fewer state_bits or decay_bits"
            raise error("LX302", field="decay", found=found, fix=fix)
        if not low:
            return _Split(self.emit("Mul", x, m, label="leak_product"), 0, self.number(1))
        high = self._shift(x, low)
        rest = self.emit("Sub", x, self._times(high, 1 << low), label="low")
        product = self.emit("Mul", rest, m, label="low_product")
        kept = self._shift(product, low)
        dropped = self.emit("Sub", product, self._times(kept, 1 << low), label="dropped")
        whole = self.emit("Add", self.emit("Mul", high, m, label="high_product"), kept, label="leak_product")
        return _Split(whole, low, self._at_least(self.number(0), dropped))

    def count(self, x: str, y: str, most: int | None) -> str:
        positive, zero = self.maximum(y, self.number(1)), self.number(0)
        drive = self.maximum(x, zero)
        fits = self.emit("Div", drive, positive, label="about")
        for _ in range(2):  # by what the first quotient leaves, then by one
            rest = self.emit("Sub", drive, self.emit("Mul", fits, positive, label="back"), label="rest")
            fits = self.emit("Add", fits, self.emit("Div", rest, positive, label="more"), label="fits")
        rest = self.emit("Sub", drive, self.emit("Mul", fits, positive, label="back"), label="rest")
        fits = self.emit("Add", fits, self._at_least(rest, positive), label="fits")
        fits = self.emit("Sub", fits, self._at_least(self.number(-1), rest), label="fits")
        fits = fits if most is None else self.minimum(fits, self.number(most))
        endless = self.gate(self.ge(zero, y), self.sub(self.number(BIAS if most is None else most), fits))
        return self.gate(self.ge(x, y), self.add(fits, endless))

    def saturate(self, x: str, lo: int, hi: int) -> str:
        if max(-lo, hi) <= SMALL:
            return self._clip(x, lo, hi)
        over = self.emit("Mul", self._at_least(x, self.number(hi)), self.sub(x, self.number(hi)), label="over")
        x = self.emit("Sub", x, over, label="lowered")
        under = self.emit("Mul", self._at_least(self.number(lo), x), self.sub(x, self.number(lo)), label="under")
        return self.emit("Sub", x, under, label="saturate")

    def wrap(self, x: str, lo: int, hi: int) -> str:
        bits = (hi - lo).bit_length()  # what wraps has a power of two of values
        turns = self._shift(self.emit("Sub", x, self.number(lo), label="wrap_lift"), bits)
        return self.emit("Sub", x, self._times(turns, 1 << bits), label="wrap") if bits < 31 else x
