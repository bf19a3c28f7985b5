"""Real numbers to integer codes and back: the only place where that happens.

A code ``n`` of a format with unit ``q`` stands for the real number ``n * q``. Units are exact ratios
(``fractions.Fraction``), so that a scale is never itself a rounded decimal. Units chosen by lifexport are dyadic with
at most 24 significant bits: exact in float32 and float64, and small enough for any JSON reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .findings import error

Unit = Fraction
SIGNIFICANT_BITS = 24
LARGEST_EXPONENT = 100
"""Units and their products and quotients then stay finite in float64, and units themselves in float32."""


@dataclass(frozen=True, kw_only=True)
class QFormat:
    """Integers of a given width, and the real number one of them stands for.

    Parameters
    ----------
    bits : int
        Width in bits, sign included.
    unit : Fraction
        Value of code 1, in the unit of the quantity.
    signed : bool
        Two's complement if true, else natural numbers.
    symmetric : bool
        Leave out the lowest code, so that every code has its negative.

    Examples
    --------
    >>> fmt = QFormat(bits=8, unit=Fraction(1, 16))
    >>> fmt.lo, fmt.hi
    (-128, 127)
    """

    bits: int
    unit: Fraction = Fraction(1)
    signed: bool = True
    symmetric: bool = False

    @property
    def lo(self) -> int:
        """Lowest code."""
        return (-(1 << (self.bits - 1)) + self.symmetric) if self.signed else 0

    @property
    def hi(self) -> int:
        """Highest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1


def dyadic(value: float, bits: int = SIGNIFICANT_BITS) -> Fraction:
    """Nearest ``m * 2**e`` with an integer ``m`` of at most ``bits`` bits.

    Parameters
    ----------
    value : float
        Positive and finite.
    bits : int
        Width of the significand; the relative error is at most ``2**-bits``.

    Raises
    ------
    RangeError
        LX204 for numbers too small or too large for a scale.

    Examples
    --------
    >>> dyadic(0.1, bits=4)
    Fraction(13, 128)
    """
    mantissa, exponent = math.frexp(value)
    if value <= 0 or abs(exponent) > LARGEST_EXPONENT:
        fix = f"rescale the network: units lie between 2**-{LARGEST_EXPONENT} and 2**{LARGEST_EXPONENT}"
        raise error("LX204", field="unit", found=f"a scale of {value:g}", fix=fix)
    return Fraction(round(mantissa * (1 << bits))) * Fraction(2) ** (exponent - bits)


def to_real(codes: np.ndarray, unit: Fraction) -> np.ndarray:
    """Real numbers, float64, that integer codes stand for: ``codes * unit``.

    Examples
    --------
    >>> to_real(np.array([8, -8]), Fraction(1, 16)).tolist()
    [0.5, -0.5]
    """
    return np.asarray(codes, np.float64) * unit.numerator / unit.denominator


def nearest(values: np.ndarray, unit: Fraction) -> np.ndarray:
    """Nearest multiples of ``unit``, as float64 whole numbers; ties go to the even one, whatever the range.

    The quotient is formed in float64.
    """
    return np.rint(np.asarray(values, np.float64) * unit.denominator / unit.numerator)


def encode(values: np.ndarray, fmt: QFormat, **where: str) -> np.ndarray:
    """Round real numbers to the nearest code of a format; refuse what does not fit.

    Ties go to the even code, as in IEEE 754 and ``numpy.rint``:

    ======  =====  =====  =====  =====  =====
    value   5.5    2.5    -2.5   -0.5   0.5
    code    6      2      -2     0      0
    ======  =====  =====  =====  =====  =====

    Parameters
    ----------
    values : float array, shape ``(...)``
        In the unit of the quantity being encoded.
    fmt : QFormat
        Where the codes must fit.
    **where
        ``node=`` and ``field=`` named in an error.

    Returns
    -------
    int64 array, shape ``(...)``
        Codes ``n`` with ``abs(values - n * unit) <= unit / 2``.

    Raises
    ------
    RangeError
        LX204, if a value rounds outside ``[fmt.lo, fmt.hi]``; it names the first one.

    Examples
    --------
    >>> encode(np.array([0.5, -0.53125, 7.9]), QFormat(bits=8, unit=Fraction(1, 16))).tolist()
    [8, -8, 126]
    >>> encode(np.array([8.0]), QFormat(bits=8, unit=Fraction(1, 16)))
    Traceback (most recent call last):
    lifexport.errors.RangeError: LX204 number does not fit its code: [0]: 8.0 needs code 128; ...
    """
    codes = nearest(values, fmt.unit)
    outside = ~((codes >= fmt.lo) & (codes <= fmt.hi))
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise error(
            "LX204",
            found=f"{float(np.asarray(values)[index])!r} needs code {codes[index]:.0f}; "
            f"{fmt.bits} bits hold {fmt.lo}..{fmt.hi}",
            fix="use more bits or a wider range",
            index=index,
            **where,
        )
    return codes.astype(np.int64)


def encode_clipped(values: np.ndarray, fmt: QFormat) -> tuple[np.ndarray, int]:
    """Round like ``encode``, but clip to the format and count how many values were clipped.

    Examples
    --------
    >>> encode_clipped(np.array([0.5, 9.0]), QFormat(bits=8, unit=Fraction(1, 16)))
    (array([  8, 127]), 1)
    """
    codes = nearest(values, fmt.unit)
    clipped = np.clip(codes, fmt.lo, fmt.hi)
    return clipped.astype(np.int64), int((clipped != codes).sum())


def ratio_to_json(ratio: Fraction) -> dict[str, int]:
    """Exact ratio as ``{"num": ..., "den": ...}``."""
    return {"num": ratio.numerator, "den": ratio.denominator}
