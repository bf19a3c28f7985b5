"""What a difference between a recording and the simulator comes down to, where one rule explains every number.

Each rule is a hypothesis that is proved on all numbers or dropped; none is a guess by likeness.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np

SHOWN = 32
"""Entries of a permutation that are told."""
Key = tuple[str, str]


class Seen(NamedTuple):
    """One recorded array and what was expected, integers of one shape ``(time, batch, *shape)``."""

    key: Key
    got: np.ndarray
    expected: np.ndarray
    others: Mapping[Key, np.ndarray]
    """The same steps of everything else that the simulator knows."""


def explain(seen: Seen) -> str:
    """The first rule that turns what was expected into every number that was recorded, in words; empty if none does.

    Examples
    --------
    >>> expected = np.arange(12).reshape(6, 1, 2)
    >>> explain(Seen(("a", "v"), expected + 1, expected, {}))
    'constant offset of +1'
    >>> explain(Seen(("a", "v"), expected[..., ::-1], expected, {}))
    'neurons permuted as [1, 0]: recorded neuron i is simulated neuron p[i]'
    """
    return next((said for rule in RULES if (said := rule(seen)) is not None), "")


def _silent(seen: Seen) -> str | None:
    return "silent: nothing but zeros was recorded" if not seen.got.any() else None


def _stuck(seen: Seen) -> str | None:
    first = seen.got.flat[0]
    return f"stuck: every number recorded is {first}" if (seen.got == first).all() else None


def _offset(seen: Seen) -> str | None:
    offsets = seen.got - seen.expected
    return f"constant offset of {offsets.flat[0]:+d}" if (offsets == offsets.flat[0]).all() else None


def _sign(seen: Seen) -> str | None:
    sums = seen.got + seen.expected
    if not (sums == (total := int(sums.flat[0]))).all():
        return None
    if seen.key[1] == "spikes" and total == 1:
        return "inverted: 1 where there is no spike"
    return "sign: every number is the negative" + (f", and a constant offset of {total:+d}" if total else "")


def _scale(seen: Seen) -> str | None:
    place = int(np.abs(seen.expected).argmax())
    one, other = int(seen.got.flat[place]), int(seen.expected.flat[place])
    if not one or not other:
        return None
    share = Fraction(one, other)
    if abs(share.numerator) > 1 << 16 or share.denominator > 1 << 16:
        return None
    same = (seen.got * share.denominator == seen.expected * share.numerator).all()
    return f"scale: every number is {share} of the simulated one" if same else None


def _word(seen: Seen) -> str | None:
    """A narrower word, or one read without its sign."""
    for bits in range(2, 33):
        size, half = 1 << bits, 1 << (bits - 1)
        if (seen.got == seen.expected % size).all():
            return f"read without sign: every number is the simulated one modulo 2**{bits}"
        if (seen.got == (seen.expected + half) % size - half).all():
            return f"wrapped to {bits} bits"
        if (seen.got == seen.expected.clip(-half, half - 1)).all():
            return f"clipped to {bits} bits"
    return None


def _other_moment(seen: Seen) -> str | None:
    moments = {"v": "before", "v_post": "after"}
    for what, when in moments.items():
        known = seen.others.get((seen.key[0], what))
        if seen.key[1] in moments and what != seen.key[1] and known is not None and np.array_equal(seen.got, known):
            return f"membranes {when} their reset, which {seen.key[0]}.{what} stands for"
    return None


def _other_population(seen: Seen) -> str | None:
    for (node, what), values in seen.others.items():
        if node != seen.key[0] and what == seen.key[1] and np.array_equal(seen.got, values):
            return f"another population: these are the numbers of {node!r}"
    return None


def _offsets(seen: Seen) -> str | None:
    offsets = seen.got - seen.expected
    if len(offsets) * offsets.shape[1] < 2 or not (offsets == offsets[:1, :1]).all():
        return None
    return f"constant offset of each neuron: {_list(offsets[0, 0].ravel().tolist())}"


def _neurons(seen: Seen) -> str | None:
    order = _order(*(values.reshape(-1, int(np.prod(values.shape[2:]))).T for values in (seen.got, seen.expected)))
    return f"neurons permuted as {_list(order)}: recorded neuron i is simulated neuron p[i]" if order else None


def _samples(seen: Seen) -> str | None:
    order = _order(*(values.swapaxes(0, 1) for values in (seen.got, seen.expected)))
    return f"samples permuted as {_list(order)}: recorded sample i is simulated sample p[i]" if order else None


def _steps(seen: Seen) -> str | None:
    order = _order(seen.got, seen.expected)
    if order is None:
        return None
    if np.array_equal(seen.got, seen.expected[::-1]):
        return "steps in another order: the last comes first"
    return f"steps in another order, {_list(order)}: recorded step i is simulated step p[i]"


RULES: tuple[Callable[[Seen], str | None], ...] = (
    *(_silent, _stuck, _offset, _sign, _scale, _other_moment, _other_population),
    *(_word, _neurons, _samples, _offsets, _steps),
)
"""Hypotheses, the plainest first."""


def _order(got: np.ndarray, expected: np.ndarray) -> list[int] | None:
    """Which row of ``expected`` each row of ``got`` is, none of them twice; None unless all of them are."""
    if len(got) < 2:
        return None
    places: dict[bytes, deque[int]] = defaultdict(deque)
    for i, row in enumerate(_bytes(expected)):
        places[row].append(i)
    order = []
    for i, row in enumerate(_bytes(got)):
        free = places.get(row)
        if not free:
            return None
        if i in free:  # what may have stayed in its place did
            free.remove(i)
            order.append(i)
        else:
            order.append(free.popleft())
    return order


def _bytes(rows: np.ndarray) -> Iterator[bytes]:
    return (np.ascontiguousarray(row).tobytes() for row in rows)


def _list(entries: list[int]) -> str:
    return str(entries) if len(entries) <= SHOWN else f"{str(entries[:SHOWN])[:-1]}, ...]"
