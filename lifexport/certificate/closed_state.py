"""The states of a population that no step leaves: smallest bounds that are found, and the check that they hold.

A set of states is *closed* if every step from inside, with any input, ends inside. One that holds all that the first
step leads to then holds every later state of every run. Any closed set is a proof, however it was found; so it is
searched for in a way that need not be right, and then checked:

1. *Search.* A few more steps. Where they have not come to rest, one part of the state after the other, each neuron's
   lower and upper bound are bisected between where the steps have come and all that a state can hold. This ends after
   as many rounds as a word has bits, whatever the leak; with no leak at all it ends at the word's limit.
2. *Check.* One step of the whole state, with every overflow rule as it is. Bounds that it leaves are given up for all
   that a state can hold, and it is checked again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..findings import error
from .interval_ops import Interval

FIRST_STEPS = 4

Bounds = list[Interval]
"""The parts of a state."""
Step = Callable[[Bounds], Bounds]


def closed_state(search: Step, check: Step, start: Bounds, top: Bounds) -> Bounds:
    """Bounds that hold ``start`` and that ``check``, a step, does not leave.

    Parameters
    ----------
    search, check : function from the parts of a state to those after a step
        Where wrapping words saturate, and as the population does it.
    start, top : list of Interval
        State after the first step, and all that a state can hold.

    Raises
    ------
    RangeError
        LX302 if a step leaves even ``top``: a word that is brought back by one size at most can run away.
    """
    state, top = _searched(search, start, top), [hull(a, b) for a, b in zip(start, top, strict=True)]
    while True:
        left = _left(check(state), state)
        if not any(out.any() for out in left):
            return state
        given_up = [
            Interval(np.where(out, b.lo, a.lo), np.where(out, b.hi, a.hi))
            for a, b, out in zip(state, top, left, strict=True)
        ]
        if not any(out.any() for out in _left(given_up, state)):
            found, fix = "a state that no bound holds", "use smaller weights, or a word that wraps or saturates"
            raise error("LX302", found=found, fix=fix)
        state = given_up


def _left(after: Bounds, state: Bounds) -> list[np.ndarray]:
    """Neurons whose bounds a step leaves, part by part."""
    return [(b.lo < a.lo) | (b.hi > a.hi) for a, b in zip(state, after, strict=True)]


def hull(a: Interval, b: Interval) -> Interval:
    """Bounds of either."""
    return Interval(np.minimum(a.lo, b.lo), np.maximum(a.hi, b.hi))


def _searched(step: Step, start: Bounds, top: Bounds) -> Bounds:
    reached = start
    for _ in range(FIRST_STEPS):
        after = step(reached)
        if not any(out.any() for out in _left(after, reached)):
            return reached
        reached = [hull(a, b) for a, b in zip(reached, after, strict=True)]
    state = [hull(a, b) for a, b in zip(reached, top, strict=True)]
    for part in reversed(range(len(state))):  # the membrane is first, and needs what feeds it
        state[part] = _smallest(
            lambda bounds, part=part: step([*state[:part], bounds, *state[part + 1 :]])[part],
            reached[part],
            state[part],
        )
    return state


def _smallest(step: Callable[[Interval], Interval], least: Interval, most: Interval) -> Interval:
    """Smallest bounds between ``least`` and ``most`` that are found not to be left, neuron by neuron.

    Both ends at once; then the lower one again if that of the end that is left says so: it may depend on the upper.
    """

    def left(bounds: Interval) -> tuple[np.ndarray, np.ndarray]:
        after = step(bounds)
        return after.lo < bounds.lo, after.hi > bounds.hi

    lo, hi = _bisected(lambda ends: left(Interval(-ends[0], ends[1])), (-least.lo, least.hi), (-most.lo, most.hi))
    if any(out.any() for out in left(Interval(-lo, hi))):
        (hi,) = _bisected(lambda ends: left(Interval(most.lo, ends[0]))[1:], (least.hi,), (most.hi,))
        (lo,) = _bisected(lambda ends: left(Interval(-ends[0], hi))[:1], (-least.lo,), (-most.lo,))
    return Interval(-lo, hi)


Ends = tuple[np.ndarray, ...]


def _bisected(left: Callable[[Ends], Ends], least: Ends, most: Ends) -> Ends:
    """Smallest ends of ``least..most`` that are not left, each on its own; ``most`` are taken not to be."""
    bad = [*least]
    good = [np.where(out, end, rest) for out, end, rest in zip(left(least), most, least, strict=True)]
    while any((g - b > 1).any() for g, b in zip(good, bad, strict=True)):
        middle = tuple((b + g + 1) // 2 for b, g in zip(bad, good, strict=True))
        for i, out in enumerate(left(middle)):
            bad[i] = np.where(out & (middle[i] < good[i]), middle[i], bad[i])
            good[i] = np.where(out, good[i], middle[i])
    return tuple(good)
