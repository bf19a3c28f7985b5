"""The named operations on intervals: bounds of every value a neuron step forms, neuron by neuron.

Plain interval arithmetic forgets where a value came from: of ``v - (v >> 4)`` it would bound the two terms apart, and
no leak would ever hold a membrane back. Four things are remembered:

===============  ==================================================================================================
``follows``      ``y`` is a function of ``x`` that rises by 0 or 1 when ``x`` rises by 1, with its bounds at those of
                 ``x`` (a shift, a product with a decay, a clamp): ``x - y`` is then another, bounded by its ends
``cases``        what a value is where a test holds and where it does not; operations go through both. The value that
                 was tested is narrower in either case: a neuron that fires is at its threshold or above
``made``         operands of a difference, a product, a test: ``x - (x - b)`` is ``b``; ``v - count(v, t) * c`` is
                 bounded piece by piece
``plus``         bounds of a value plus another one: minus the leak's share of ``v``, plus currents, added to ``v``
===============  ==================================================================================================

All arithmetic is int64; ``bounds.require_int64`` says that it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..ops import UNNAMED, NumpyOps, Rounding

NUMPY = NumpyOps()


class Cases(NamedTuple):
    """A value by the outcome of a test."""

    test: Interval
    when: Interval
    otherwise: Interval


class Made(NamedTuple):
    """How a value was made, where that matters later."""

    by: str
    x: Interval
    y: Interval
    most: int | None = None


@dataclass(eq=False, slots=True)
class Interval:
    """Lowest and highest of a value, arrays that broadcast with the population; see the table above."""

    lo: np.ndarray
    hi: np.ndarray
    made: Made | None = None
    follows: Interval | None = None
    cases: Cases | None = None
    plus: tuple[Interval, np.ndarray, np.ndarray] | None = None
    narrows: Interval | None = None
    """The same value before a test was known to hold."""
    event: Interval | None = None
    """Where this stands for events that are added one by one, and has the bounds of their sum: any single one."""
    added: tuple[Interval, Interval] | None = None
    """Where this is the sum of something and of such events: both."""

    @property
    def same(self) -> Interval:
        """What two bounds of one value have in common."""
        return self if self.narrows is None else self.narrows

    @property
    def constant(self) -> bool:
        """Whether it is one number for every neuron, known."""
        return self.lo is self.hi

    def under(self, test: Interval, holds: bool) -> Interval:
        """The value where a test holds, or where it does not."""
        if self.cases is not None and _alike(self.cases.test, test):
            return self.cases.when if holds else self.cases.otherwise
        made = test.made
        assert made is not None
        if made.x.same is not self.same:
            return self
        if holds:
            return Interval(np.minimum(np.maximum(self.lo, made.y.lo), self.hi), self.hi, narrows=self.same)
        if made.by == "some":
            return self
        return Interval(self.lo, np.maximum(np.minimum(self.hi, made.y.hi - 1), self.lo), narrows=self.same)


def _alike(a: Interval, b: Interval) -> bool:
    """Whether two tests are the same question."""
    assert a.made is not None and b.made is not None
    return a.made.by == b.made.by and a.made.x.same is b.made.x.same and a.made.y is b.made.y


def chosen(test: Interval, when: Interval, otherwise: Interval) -> Interval:
    """A value that is one thing where a test holds, else another; a case that cannot be does not count."""
    lo = np.where(test.lo, when.lo, np.where(test.hi, np.minimum(when.lo, otherwise.lo), otherwise.lo))
    hi = np.where(test.lo, when.hi, np.where(test.hi, np.maximum(when.hi, otherwise.hi), otherwise.hi))
    return Interval(lo, hi, cases=Cases(test, when, otherwise))


class Reached(NamedTuple):
    """What came to an overflow rule, and the range that it keeps."""

    lo: np.ndarray
    hi: np.ndarray
    least: int
    most: int


class IntervalOps:
    """Reads a neuron step as interval arithmetic.

    Parameters
    ----------
    cases : bool
        Remember the cases of a sum or difference beyond it. Only a step that asks the same thing again later needs
        them, and they cost time: whether a neuron fired, where one that did does not leak.
    search : bool
        Look for a closed state only: nothing is recorded, and what would wrap saturates instead, which has smaller
        closed states; whether one is closed is asked without.

    Attributes
    ----------
    sums, products : int
        Largest magnitude of any number formed, and of any product before it is shifted.
    words : dict from name to Reached
        What came to the overflow rule of every word.
    events_overflow : bool array
        Whether an overflow may act between two events of a step.

    Examples
    --------
    >>> ops, v = IntervalOps(), Interval(np.array([-20]), np.array([100]))
    >>> leaked = ops.sub(v, ops.shift_right(v, np.array([2]), "decay"))
    >>> leaked.lo.tolist(), leaked.hi.tolist()
    ([-15], [75])
    >>> t = ops.const(np.array([30]), "threshold")
    >>> reset = ops.sub(v, ops.gate(ops.ge(v, t), t))
    >>> reset.lo.tolist(), reset.hi.tolist()
    ([-20], [70])
    """

    def __init__(self, *, cases: bool = True, search: bool = False):
        self.cases, self.search = cases, search
        self.word: str | None = None
        self.sums = self.products = 0
        self.words: dict[str, Reached] = {}
        self.events_overflow = np.array(False)

    def const(self, array: np.ndarray | int, name: str) -> Interval:
        array = np.asarray(array, np.int64)
        return Interval(array, array)

    def add(self, x: Interval, y: Interval) -> Interval:
        total = self._summed(_add(x, y))
        if y.event is not None:
            total.added = x, y
        return total

    def sub(self, x: Interval, y: Interval) -> Interval:
        return self._summed(_sub(x, y))

    def mul(self, x: Interval, y: Interval) -> Interval:
        corners = x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi
        product = Interval(np.minimum.reduce(corners), np.maximum.reduce(corners), Made("mul", x, y))
        self._multiplied(product)
        return self._summed(product)

    def minimum(self, x: Interval, y: Interval) -> Interval:
        return _monotone("minimum", x, y)

    def maximum(self, x: Interval, y: Interval) -> Interval:
        return _monotone("maximum", x, y)

    def gate(self, c: Interval, x: Interval) -> Interval:
        test = self._some(c) if c.made is not None and c.made.by == "at_most" else c
        return chosen(test, x.under(test, True), self.const(0, "zero"))

    def ge(self, x: Interval, y: Interval) -> Interval:
        made = x.made
        if made is not None and made.by == "ge":  # whether a truth value is at least 1
            return x
        if made is not None and made.by == "count":
            return Interval(x.lo >= 1, x.hi >= 1, Made("ge", made.x, made.y))
        if made is not None and made.by == "at_most":
            return self._some(x)
        return Interval(x.lo >= y.hi, x.hi >= y.lo, Made("ge", x, y))

    def _some(self, own: Interval) -> Interval:
        """Whether a neuron fires some of its spikes; if it does, it is at its threshold."""
        assert own.made is not None and own.made.y.made is not None
        counted = own.made.y.made
        return Interval(own.lo >= 1, own.hi >= 1, Made("some", counted.x, counted.y))

    def multiply_shift(self, x: Interval, m: Interval, k: int, how: Rounding, bound: int) -> Interval:
        self._multiplied(Interval(x.lo * m.hi, x.hi * m.hi))
        return _unary(lambda a: NUMPY.multiply_shift(a, m.lo, k, how, bound), x)

    def shift_left(self, x: Interval, k: int) -> Interval:
        return Interval(x.lo << k, x.hi << k)

    def shift_right(self, x: Interval, k: np.ndarray, name: str) -> Interval:
        return _unary(lambda a: NUMPY.shift_right(a, k, name), x)

    def count(self, x: Interval, y: Interval, most: int | None) -> Interval:
        lo, hi = (NUMPY.count(a, y.lo, most) for a in (x.lo, x.hi))
        return Interval(lo, hi, None if most == 0 else Made("count", x, y, most))  # never once is no test of x

    def saturate(self, x: Interval, lo: int, hi: int) -> Interval:
        return self._fitted(x, lo, hi, _saturate)

    def wrap(self, x: Interval, lo: int, hi: int) -> Interval:
        return self._fitted(x, lo, hi, _wrap)

    def wrap_once(self, x: Interval, lo: int, hi: int) -> Interval:
        return self._fitted(x, lo, hi, _wrap_once)

    def columns(self, x: Interval) -> list[Interval]:
        lo, hi = np.broadcast_arrays(x.lo, x.hi)
        return [Interval(lo[..., j], hi[..., j], Made("column", x, x)) for j in range(lo.shape[-1])]

    def stack(self, columns: list[Interval]) -> Interval:
        lo, hi = (np.stack([getattr(c, end) for c in columns], axis=-1) for end in ("lo", "hi"))
        # Every neuron has what one array gave it, or less.
        origins = {id(origin): origin for origin in map(_origin, columns)}
        (whole,) = origins.values() if len(origins) == 1 else (None,)
        return Interval(lo, hi, None if whole is None else Made("at_most", whole, whole))

    def _fitted(self, x: Interval, lo: int, hi: int, fit: Callable) -> Interval:
        fit = _saturate if self.search else fit
        came, fitted = (x, fit(x, lo, hi)) if x.added is None else self._one_by_one(*x.added, lo, hi, fit)
        if not self.search:
            name = self.word or UNNAMED
            before = self.words.get(name, Reached(came.lo, came.hi, lo, hi))
            self.words[name] = Reached(np.minimum(before.lo, came.lo), np.maximum(before.hi, came.hi), lo, hi)
        return fitted

    def _one_by_one(self, start: Interval, events: Interval, lo: int, hi: int, fit: Callable):
        """What comes to a rule that acts after every event, and what it leaves.

        No event is more than one event beyond the word or the start. What saturates has, after the first event, come
        to the word, whatever lies beyond it; what wraps ends as the sum does, if it ends inside.
        """
        assert events.event is not None
        low, high = start.lo + events.lo, start.hi + events.hi
        overflows = (low < lo) | (high > hi)  # events may all be 0: a start beyond the word counts
        self.events_overflow = self.events_overflow | overflows
        lowest = np.minimum(start.lo, lo) + events.event.lo
        highest = np.maximum(start.hi, hi) + events.event.hi
        if fit is _saturate:
            low, high = np.minimum(low, hi + events.lo), np.maximum(high, lo + events.hi)
            came = Interval(np.maximum(low, lowest), np.minimum(high, highest))
            return came, _saturate(Interval(low, high), lo, hi)
        fitted = fit(Interval(low, high), lo, hi)
        if fit is _wrap_once:  # several events bring back what one would not; a large one may leave the word for good
            least, most = np.minimum(fitted.lo, lo), np.maximum(fitted.hi, hi)
            fitted = Interval(np.where(overflows, least, fitted.lo), np.where(overflows, most, fitted.hi))
            lowest, highest = np.minimum(low, lowest), np.maximum(high, highest)
        came = Interval(
            np.where(overflows, lowest, np.maximum(low, lowest)),
            np.where(overflows, highest, np.minimum(high, highest)),
        )
        return self._summed(came), fitted

    def _summed(self, x: Interval) -> Interval:
        if not self.search:
            self.sums = max(self.sums, _largest(x))
        return x if self.cases or x.cases is None else Interval(x.lo, x.hi, x.made)

    def _multiplied(self, x: Interval) -> None:
        if not self.search:
            self.products = max(self.products, _largest(x))


def _largest(x: Interval) -> int:
    return max(-int(x.lo.min()), int(x.hi.max()))


def _split(f: Callable[..., Interval], *given: Interval) -> Interval | None:
    """``f`` case by case, if a given value has cases; first by a test of one of the values."""
    tests = [x.cases.test for x in given if x.cases is not None]
    if not tests:
        return None
    test = next((t for t in tests if any(t.made.x.same is x.same for x in given)), tests[0])  # type: ignore[union-attr]
    when, otherwise = (f(*(x.under(test, holds) for x in given)) for holds in (True, False))
    return chosen(test, when, otherwise)


def _add(x: Interval, y: Interval) -> Interval:
    if y.made is not None and y.made.by == "sub" and y.made.y.same is x.same:  # x + (b - x)
        return y.made.x
    if (split := _split(_add, x, y)) is not None:
        return split
    lo, hi = x.lo + y.lo, x.hi + y.hi
    for a, b in ((x, y), (y, x)):
        if b.plus is not None:
            base, least, most = b.plus
            if base is a:
                return Interval(np.maximum(lo, least), np.minimum(hi, most))
            return Interval(lo, hi, plus=(base, least + a.lo, most + a.hi))
    return Interval(lo, hi)


def _sub(x: Interval, y: Interval) -> Interval:
    made = y.made
    if x.same is y.same:
        zero = np.zeros_like(x.lo)
        return Interval(zero, zero)
    if made is not None and made.by == "sub" and made.x.same is x.same:  # x - (x - b)
        return made.y
    if made is not None and made.by == "mul" and (taken := _counts_taken(x, made)) is not None:
        return taken
    if (split := _split(_sub, x, y)) is not None:
        split.made = Made("sub", x, y)
        return split
    if y.follows is x:
        return Interval(x.lo - y.lo, x.hi - y.hi, Made("sub", x, y), follows=x)
    plus = None
    if y.follows is not None and x.constant and not x.lo.any():
        plus = (y.follows, y.follows.lo - y.lo, y.follows.hi - y.hi)
    return Interval(x.lo - y.hi, x.hi - y.lo, Made("sub", x, y), plus=plus)


def _counts_taken(v: Interval, product: Made) -> Interval | None:
    """``v - n * c`` for ``n`` spikes of ``v``; None if they are those of something else."""
    counted, some = product.x.made, False
    if counted is not None and counted.by == "at_most":
        counted, some = counted.x.made, True
    if counted is None or counted.by != "count" or counted.x.same is not v.same:
        return None
    t, c = counted.y.lo, product.y.lo
    fewest, most = (NUMPY.count(end, t, counted.most) for end in (v.lo, v.hi))
    # With n spikes v lies in n * t .. (n + 1) * t - 1, its own ends aside: what is left is linear in n between them.
    first, last, one = v.lo - fewest * c, v.hi - most * c, np.minimum(fewest + 1, most)
    starts = [np.where(most > fewest, n * (t - c), first) for n in (one, most)]
    ends = [np.where(most > fewest, (n + 1) * t - 1 - n * c, last) for n in (fewest, np.maximum(most - 1, 0))]
    lo, hi = np.minimum.reduce([first, *starts]), np.maximum.reduce([last, *ends])
    return Interval(np.minimum(lo, v.lo), np.maximum(hi, v.hi)) if some else Interval(lo, hi)


def _unary(f: Callable, x: Interval) -> Interval:
    """A function that rises by 0 or 1 when its argument rises by 1."""
    split = _split(lambda x: _unary(f, x), x)
    return Interval(f(x.lo), f(x.hi), follows=x.follows or x) if split is None else split


def _monotone(name: str, x: Interval, y: Interval) -> Interval:
    """Least or greatest of two: where both follow one value, so does it."""
    if (split := _split(lambda x, y: _monotone(name, x, y), x, y)) is not None:
        return split
    a, b = (None if value.constant else value.follows or value for value in (x, y))
    one = a if b is None or b is a else b if a is None else None
    f = getattr(np, name)
    return Interval(f(x.lo, y.lo), f(x.hi, y.hi), Made(name, x, y), follows=one)


def _origin(column: Interval) -> Interval | None:
    """Array that a column is of, or is at most."""
    made = column.made
    while made is not None and made.by == "minimum":
        made = made.x.made
    return made.x if made is not None and made.by == "column" else None


def _saturate(x: Interval, lo: int, hi: int) -> Interval:
    if (split := _split(lambda x: _saturate(x, lo, hi), x)) is not None:
        return split
    plus = None
    if x.plus is not None:
        base, least, most = x.plus  # a number that is clipped has come nearer to 0: only the other bound moves
        most = np.where(x.lo < lo, np.maximum(most, base.hi + lo), most)
        least = np.where(x.hi > hi, np.minimum(least, base.lo + hi), least)
        plus = base, least, most
    return Interval(np.clip(x.lo, lo, hi), np.clip(x.hi, lo, hi), plus=plus)


def _wrap(x: Interval, lo: int, hi: int) -> Interval:
    if (split := _split(lambda x: _wrap(x, lo, hi), x)) is not None:
        return split
    size = hi - lo + 1
    turns = (x.lo - lo) // size
    whole = turns != (x.hi - lo) // size
    low, high = np.where(whole, lo, x.lo - turns * size), np.where(whole, hi, x.hi - turns * size)
    return Interval(low, high, plus=_moved(x, whole | (turns != 0), low, high))


def _wrap_once(x: Interval, lo: int, hi: int) -> Interval:
    if (split := _split(lambda x: _wrap_once(x, lo, hi), x)) is not None:
        return split
    size, none = hi - lo + 1, 1 << 62
    below, inside, above = x.lo < lo, (x.lo <= hi) & (x.hi >= lo), x.hi > hi
    pieces = (
        (below, x.lo + size, np.minimum(x.hi, lo - 1) + size),
        (inside, np.maximum(x.lo, lo), np.minimum(x.hi, hi)),
        (above, np.maximum(x.lo, hi + 1) - size, x.hi - size),
    )
    low = np.minimum.reduce([np.where(there, end, none) for there, end, _ in pieces])
    high = np.maximum.reduce([np.where(there, end, -none) for there, _, end in pieces])
    return Interval(low, high, plus=_moved(x, below | above, low, high))


def _moved(x: Interval, moves: np.ndarray, lo: np.ndarray, hi: np.ndarray):
    """``plus`` of what a rule leaves in ``lo..hi``, where it may move the value."""
    if x.plus is None:
        return None
    base, least, most = x.plus
    return base, np.where(moves, base.lo + lo, least), np.where(moves, base.hi + hi, most)
