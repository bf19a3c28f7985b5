from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifexport.errors import RangeError
from lifexport.fixedpoint import QFormat, dyadic, encode, encode_clipped, nearest, to_real


@pytest.mark.parametrize(
    ("fmt", "lo", "hi"),
    [
        (QFormat(bits=8), -128, 127),
        (QFormat(bits=8, symmetric=True), -127, 127),
        (QFormat(bits=8, signed=False), 0, 255),
        (QFormat(bits=1, signed=False), 0, 1),
        (QFormat(bits=2), -2, 1),
    ],
)
def test_range(fmt, lo, hi):
    assert (fmt.lo, fmt.hi) == (lo, hi)
    unit = float(fmt.unit)
    assert encode(np.array([lo * unit, hi * unit]), fmt).tolist() == [lo, hi]
    for outside in (lo - 1, hi + 1, 1e300, -1e300, np.inf, np.nan):
        with pytest.raises(RangeError, match=r"LX204.*w\[1\]"):
            encode(np.array([0, outside]), fmt, field="w")


def test_ties_go_to_the_even_code():
    assert nearest(np.array([5.5, 2.5, -2.5, -0.5, 0.5, 1.5, -1.5]), Fraction(1)).tolist() == [6, 2, -2, 0, 0, 2, -2]


def test_the_last_half_step_still_fits():
    fmt = QFormat(bits=4)
    assert encode(np.array([7.4, -8.5]), fmt).tolist() == [7, -8]
    with pytest.raises(RangeError):
        encode(np.array([7.5]), fmt)


def test_clipping_is_counted():
    codes, clipped = encode_clipped(np.array([-9.0, -8.4, 7.4, 7.6, 100.0]), QFormat(bits=4))
    assert (codes.tolist(), clipped) == ([-8, -8, 7, 7, 7], 3)


@given(
    st.floats(-100, 100), st.sampled_from([Fraction(1), Fraction(1, 16), Fraction(3, 7), Fraction(1 << 23, 1 << 30)])
)
def test_a_code_is_within_half_a_step(value, unit):
    code = encode(np.array([value]), QFormat(bits=32, unit=unit))[0]
    assert abs(Fraction(value) - int(code) * unit) <= unit / 2 * (1 + Fraction(1, 10**9))


@given(st.integers(-(2**15), 2**15 - 1), st.floats(1e-12, 1e3))
def test_encode_undoes_decode(code, scale):
    unit = dyadic(scale)
    assert encode(to_real(np.array([code]), unit), QFormat(bits=16, unit=unit)).tolist() == [code]


@given(st.floats(1e-30, 1e30))
def test_dyadic_units_are_near_and_short(value):
    unit = dyadic(value)
    assert abs(unit / Fraction(value) - 1) <= Fraction(1, 2**24)
    assert (float(unit) == unit and float(np.float32(float(unit))) == unit) or value < 1e-30
    odd = unit.numerator
    assert odd.bit_length() <= 24 or odd & (odd - 1) == 0 or unit.denominator == 1
