"""Every operation against all values of small intervals."""

from __future__ import annotations

import numpy as np
import pytest

from lifexport.certificate.interval_ops import Interval, IntervalOps
from lifexport.ops import OVERFLOWS, ROUNDINGS, NumpyOps

NUMPY = NumpyOps()
ENDS = np.array([(a, b) for a in range(-21, 22) for b in range(a, min(a + 19, 22))])


def intervals() -> Interval:
    return Interval(*ENDS.T)


def attained(f) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest of ``f`` over every interval."""
    values = [f(np.arange(a, b + 1)) for a, b in ENDS]
    return np.array([v.min() for v in values]), np.array([v.max() for v in values])


def require_exact(found: Interval, f) -> None:
    lo, hi = attained(f)
    np.testing.assert_array_equal(found.lo, lo)
    np.testing.assert_array_equal(found.hi, hi)


@pytest.mark.parametrize("how", OVERFLOWS)
@pytest.mark.parametrize(("lo", "hi"), [(-4, 3), (-3, 4)])
def test_overflow_rules(how, lo, hi):
    require_exact(getattr(IntervalOps(), how)(intervals(), lo, hi), lambda x: getattr(NUMPY, how)(x, lo, hi))


@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize("m", [0, 1, 5, 8])
def test_a_leak_that_multiplies(how, m):
    ops = IntervalOps()
    found = ops.multiply_shift(intervals(), ops.const(m, "m"), 3, how, 21)
    require_exact(found, lambda x: NUMPY.multiply_shift(x, m, 3, how, 21))


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("k", [0, 1, 3])
def test_a_leak_that_shifts(k, at_least_one):
    def leaked(ops, x):
        taken = ops.shift_right(x, np.array(k), "k")
        least = ops.minimum(x, ops.const(1, "one"))
        return ops.sub(x, ops.maximum(taken, least) if at_least_one else taken)

    require_exact(leaked(IntervalOps(), intervals()), lambda x: leaked(NUMPY, x))


def test_a_leak_of_fixed_steps():
    def leaked(ops, x):
        return ops.sub(x, ops.minimum(ops.maximum(x, ops.const(-3, "least")), ops.const(3, "most")))

    require_exact(leaked(IntervalOps(), intervals()), lambda x: leaked(NUMPY, x))


@pytest.mark.parametrize("c", [-4, 0, 3, 5, 9])
@pytest.mark.parametrize("t", [1, 5])
@pytest.mark.parametrize("most", [2, None])
def test_a_reset_by_as_many_spikes(c, t, most):
    def reset(ops, x):
        return ops.sub(x, ops.mul(ops.count(x, ops.const(t, "t"), most), ops.const(c, "c")))

    require_exact(reset(IntervalOps(), intervals()), lambda x: reset(NUMPY, x))


@pytest.mark.parametrize("c", [-4, 0, 5, 9])
@pytest.mark.parametrize("t", [-3, 5])
def test_a_reset_by_one_spike_or_to_a_value(c, t):
    def subtracted(ops, x):
        return ops.sub(x, ops.gate(ops.ge(x, ops.const(t, "t")), ops.const(c, "c")))

    def set_to(ops, x):
        return ops.sub(x, ops.gate(ops.ge(x, ops.const(t, "t")), ops.sub(x, ops.const(c, "c"))))

    require_exact(subtracted(IntervalOps(), intervals()), lambda x: subtracted(NUMPY, x))
    require_exact(set_to(IntervalOps(), intervals()), lambda x: set_to(NUMPY, x))


@pytest.mark.parametrize("how", OVERFLOWS)
@pytest.mark.parametrize("current", [-30, -7, 0, 7, 30])
@pytest.mark.parametrize("k", [0, 1, 3])
def test_a_change_formed_in_a_word_of_its_own(how, current, k):
    """Sound for all; where the change does not overflow, as tight as the leak alone."""

    def added(ops, x):
        lost = ops.shift_right(x, np.array(k), "k")
        change = ops.add(ops.const(current, "current"), ops.sub(ops.const(0, "zero"), lost))
        return ops.add(x, getattr(ops, how)(change, -8, 7))

    found, (lo, hi) = added(IntervalOps(), intervals()), attained(lambda x: added(NUMPY, x))
    assert (found.lo <= lo).all() and (found.hi >= hi).all()
    inside = (np.abs(current - (ENDS >> k)) <= 7).all(axis=1)
    np.testing.assert_array_equal(found.lo[inside], lo[inside])
    np.testing.assert_array_equal(found.hi[inside], hi[inside])


def test_events_bring_back_by_one_size_each_what_one_would_not():
    """Two events of nothing: 30, 14, -2; added as a sum they would end at 14."""
    ops, one = IntervalOps(), np.array([0])
    events = Interval(one - 4, one, event=Interval(one - 2, one))
    found = ops.wrap_once(ops.add(Interval(one + 30, one + 30), events), -8, 7)
    assert found.lo <= -2 and found.hi >= 14 and ops.events_overflow.all()
