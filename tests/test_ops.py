"""The operations: the definition against Python's integers, JAX against the definition. Edges first."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import jax
import numpy as np
import pytest

from lifexport.errors import RangeError
from lifexport.ops import ROUNDINGS, CountingOps, NumpyOps
from lifexport.simulation.jax_ops import JaxOps

ROUND = {
    "floor": math.floor,
    "toward_zero": math.trunc,
    "half_up": lambda x: math.floor(x + Fraction(1, 2)),
    "half_even": round,
}


def edges(bits: int) -> np.ndarray:
    hi = (1 << (bits - 1)) - 1
    points = {0, 1, 2, 3, 5, hi, hi - 1, hi // 2, hi // 3, 1 << (bits // 2)}
    return np.array(sorted({sign * p + d for p in points for sign in (1, -1) for d in (-1, 0, 1) if abs(p + d) <= hi}))


def factors(k: int) -> np.ndarray:
    one = 1 << k
    return np.unique(np.clip([0, 1, 2, 3, one // 2 - 1, one // 2, one // 2 + 1, one - 1, one], 0, one))


@pytest.mark.parametrize("how", ROUNDINGS)
def test_rounding_is_that_of_exact_fractions(how):
    for k, x in itertools.product((1, 2, 4, 12), edges(12).tolist()):
        for m in factors(k).tolist():
            got = int(NumpyOps().multiply_shift(np.array(x), m, k, how, abs(x)))
            assert got == ROUND[how](Fraction(x * m, 1 << k)), (x, m, k)


def test_the_table_of_the_docstring():
    quotients = [Fraction(v) for v in ("5.5", "2.5", "2.25", "-0.25", "-2.5", "-2.75")]
    x = np.array([int(q * 4) for q in quotients])
    table = {
        "floor": [5, 2, 2, -1, -3, -3],
        "toward_zero": [5, 2, 2, 0, -2, -2],
        "half_up": [6, 3, 2, 0, -2, -3],
        "half_even": [6, 2, 2, 0, -2, -3],
    }
    for how in ROUNDINGS:
        assert NumpyOps().multiply_shift(x, 1, 2, how, 22).tolist() == table[how]


@pytest.mark.parametrize("bits", [2, 8, 24])
def test_overflow_rules(bits):
    lo, hi = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    for x in [lo - 2, lo - 1, lo, lo + 1, -1, 0, 1, hi - 1, hi, hi + 1, hi + 2, 5 * hi, 5 * lo]:
        assert int(NumpyOps().saturate(np.array(x), lo, hi)) == min(max(x, lo), hi)
        wrapped = int(NumpyOps().wrap(np.array(x), lo, hi))
        assert lo <= wrapped <= hi and (wrapped - x) % (1 << bits) == 0
        once = int(NumpyOps().wrap_once(np.array(x), lo, hi))
        assert once == (x if lo <= x <= hi else x - (1 << bits) if x > hi else x + (1 << bits))


def test_overflows_are_counted():
    ops = CountingOps()
    ops.word = "membrane"
    ops.saturate(np.array([-9, -8, 7, 8, 100]), -8, 7)
    ops.saturate(np.array([-9, -8, 8, 8, 7]), -8, 7)  # the same neurons in the same step: one more has left
    ops.word = "sum"
    ops.wrap(np.array([7, 8]), -8, 7)
    ops.word = None
    ops.wrap_once(np.array([-8, 7, 8, -9]), -8, 7)
    ops.end_step()
    ops.word = "sum"
    ops.wrap(np.array([9, 8]), -8, 7)
    ops.end_step()
    assert ops.changed == {"membrane": 4, "sum": 3, "leak": 2} and ops.overflowed == 9
    assert ops.rules == {"membrane": "saturate", "sum": "wrap", "leak": "wrap_once"}
    assert ops.first == {"membrane": (0, 0), "sum": (0, 1), "leak": (0, 2)}


def test_counting_by_taking_away():
    for x, y, most in itertools.product(range(-7, 23), range(-3, 8), (1, 3, 31, None)):
        if most is None and y < 1:
            continue
        left, taken = x, 0
        while left >= y and taken != most:
            left, taken = left - y, taken + 1
        assert int(NumpyOps().count(np.array(x), y, most)) == taken, (x, y, most)


@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize(("bits", "k"), [(8, 4), (16, 12), (24, 16), (24, 5), (9, 16)])
def test_jax_multiplies_like_the_definition(how, bits, k):
    rng = np.random.default_rng(bits * k)
    bound = 2 << (bits - 1)  # a membrane after its reset may need one bit more
    x = np.concatenate([edges(bits), [bound, -bound], rng.integers(-bound, bound + 1, 3000)])
    m = np.concatenate([factors(k), rng.integers(0, (1 << k) + 1, 12)])
    x, m = (a.reshape(-1) for a in np.meshgrid(x, m))
    expected = NumpyOps().multiply_shift(x, m, k, how, bound)
    jaxes = jax.jit(lambda x, m: JaxOps().multiply_shift(x, m, k, how, bound))(x.astype(np.int32), m.astype(np.int32))
    np.testing.assert_array_equal(np.asarray(jaxes), expected)


@pytest.mark.parametrize("rule", ["saturate", "wrap", "wrap_once"])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_jax_overflows_like_the_definition(rule, bits):
    hi = 1 << (bits - 1)
    x = np.array([-(2**31) + 1, -hi - 1, -hi, -hi + 1, -1, 0, 1, hi - 1, hi, hi + 1, 3 * hi, 2**31 - 1])
    jaxes, definition = JaxOps(counting=True), CountingOps()
    for lo, top in ((-hi, hi - 1), (-hi + 1, hi)):  # two's complement, and the range that leaves out its lowest
        got = getattr(jaxes, rule)(x.astype(np.int32), lo, top)
        np.testing.assert_array_equal(np.asarray(got), getattr(definition, rule)(x, lo, top))
    definition.end_step()
    assert int(jaxes.left["leak"].sum()) == definition.overflowed > 0


def test_small_operations_agree():
    x, y = np.array([-3, 0, 3, 2**28]), np.array([3, 0, -3, 5])
    x32, y32 = x.astype(np.int32), y.astype(np.int32)
    for name in ("add", "sub", "mul", "minimum", "maximum", "ge"):
        np.testing.assert_array_equal(getattr(JaxOps(), name)(x32, y32), getattr(NumpyOps(), name)(x, y))
    np.testing.assert_array_equal(JaxOps().gate(x32 > 0, y32), NumpyOps().gate(x > 0, y))
    np.testing.assert_array_equal(JaxOps().shift_left(y32, 3), NumpyOps().shift_left(y, 3))
    for k in (0, 1, 5, 31):
        shifts = np.array([k] * 4)
        np.testing.assert_array_equal(JaxOps().shift_right(x32, shifts, "k"), NumpyOps().shift_right(x, shifts, "k"))
    for most, threshold in itertools.product((2, 31, None), (-2, 0, 1, 3)):
        if most is not None or threshold > 0:
            got = JaxOps().count(x32, np.int32(threshold), most)
            np.testing.assert_array_equal(got, NumpyOps().count(x, threshold, most))
    for reader, values in ((JaxOps(), x32), (NumpyOps(), x)):
        np.testing.assert_array_equal(reader.stack(reader.columns(values)), x)


def test_what_int32_cannot_hold_is_refused():
    with pytest.raises(RangeError, match=r"LX302.*decay"):
        JaxOps().multiply_shift(np.int32(1), np.int32(1), 17, "floor", 10)
    with pytest.raises(RangeError, match=r"LX302.*decay"):
        JaxOps().multiply_shift(np.int32(1), np.int32(1), 4, "floor", 2**31 - 5)
    with pytest.raises(RangeError, match=r"LX302.*threshold"):
        JaxOps().const(np.array([2**31]), "threshold")
