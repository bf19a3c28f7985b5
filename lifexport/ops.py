"""The named integer operations a neuron step is written in, and NumPy as their definition.

A neuron's step (``neurons/``) is written once over these operations; NumPy runs it, JAX compiles it, ONNX records it.
Their meaning, on unbounded integers ``x``, ``y`` and truth values ``c``:

==================================  ===========================================================
``const(array, name)``              the integers of a parameter; ``name`` labels them in an export
``add(x, y)``, ``sub(x, y)``        ``x + y``, ``x - y``
``mul(x, y)``                       ``x * y``
``minimum(x, y)``                   the lesser of the two
``maximum(x, y)``                   the greater of the two
``gate(c, x)``                      ``x`` where ``c``, else 0
``ge(x, y)``                        ``x >= y``
``multiply_shift(x, m, k, how)``    ``x * m / 2**k`` rounded as ``how`` says; ``0 <= m <= 2**k``
``shift_left(x, k)``                ``x * 2**k``
``shift_right(x, k, name)``         ``floor(x / 2**k)``; ``k`` an array of integers from 0 to 31
``count(x, y, most)``               how often ``y`` fits into ``x``, at most ``most`` times (None: no limit);
                                    0 where ``x < y``, else ``most`` where ``y <= 0``
``saturate(x, lo, hi)``             nearest of ``lo .. hi``
``wrap(x, lo, hi)``                 the number of that range equal to ``x`` modulo its size
``wrap_once(x, lo, hi)``            ``x``, one size of the range more if below it, less if above
``columns(x)``, ``stack(list)``     the neurons of ``x`` one by one, and together again
==================================  ===========================================================

Rounding of ``multiply_shift``, for exact quotients:

================  =====  =====  =====  =====  =====  =====
quotient          5.5    2.5    2.25   -0.25  -2.5   -2.75
================  =====  =====  =====  =====  =====  =====
``floor``         5      2      2      -1     -3     -3
``toward_zero``   5      2      2      0      -2     -2
``half_up``       6      3      2      0      -2     -3
``half_even``     6      2      2      0      -2     -3
================  =====  =====  =====  =====  =====  =====

``multiply_shift`` is one operation, not a product and a shift, so that a reader with 32-bit integers may form it in
parts: the product of a 24-bit state and a 16-bit decay needs 40 bits. ``bound`` promises ``abs(x) <= bound``.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeVar, get_args

import numpy as np

Rounding = Literal["floor", "toward_zero", "half_up", "half_even"]
Overflow = Literal["saturate", "wrap", "wrap_once"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
OVERFLOWS: tuple[Overflow, ...] = get_args(Overflow)

UNNAMED = "leak"
"""Name of an overflow rule that acts on no word of a neuron's rules: on the leak's share of a change."""

T = TypeVar("T")


class Ops(Protocol[T]):
    """What every reader of a neuron step answers; the table above is the meaning."""

    def const(self, array: np.ndarray | int, name: str) -> T: ...
    def add(self, x: T, y: T) -> T: ...
    def sub(self, x: T, y: T) -> T: ...
    def mul(self, x: T, y: T) -> T: ...
    def minimum(self, x: T, y: T) -> T: ...
    def maximum(self, x: T, y: T) -> T: ...
    def gate(self, c: T, x: T) -> T: ...
    def ge(self, x: T, y: T) -> T: ...
    def multiply_shift(self, x: T, m: T, k: int, how: Rounding, bound: int) -> T: ...
    def shift_left(self, x: T, k: int) -> T: ...
    def shift_right(self, x: T, k: np.ndarray, name: str) -> T: ...
    def count(self, x: T, y: T, most: int | None) -> T: ...
    def saturate(self, x: T, lo: int, hi: int) -> T: ...
    def wrap(self, x: T, lo: int, hi: int) -> T: ...
    def wrap_once(self, x: T, lo: int, hi: int) -> T: ...
    def columns(self, x: T) -> list[T]: ...
    def stack(self, columns: list[T]) -> T: ...


class NumpyOps:
    """The definition: numpy int64, one obvious line each.

    Examples
    --------
    >>> ops, x = NumpyOps(), np.array([11, 5, -5, -11])
    >>> [ops.multiply_shift(x, 1, 1, how, 11).tolist() for how in ROUNDINGS]
    [[5, 2, -3, -6], [5, 2, -2, -5], [6, 3, -2, -5], [6, 2, -2, -6]]
    >>> ops.saturate(np.array([-9, 7, 8]), -8, 7).tolist(), ops.wrap(np.array([-9, 7, 8]), -8, 7).tolist()
    ([-8, 7, 7], [7, 7, -8])
    >>> ops.count(np.array([-1, 4, 5, 11, 99]), 5, 3).tolist()
    [0, 0, 1, 2, 3]
    """

    def const(self, array: np.ndarray | int, name: str) -> np.ndarray:
        return np.asarray(array, np.int64)

    def add(self, x, y):
        return x + y

    def sub(self, x, y):
        return x - y

    def mul(self, x, y):
        return x * y

    def minimum(self, x, y):
        return np.minimum(x, y)

    def maximum(self, x, y):
        return np.maximum(x, y)

    def gate(self, c, x):
        return np.where(c, x, 0)

    def ge(self, x, y):
        return x >= y

    def multiply_shift(self, x, m, k: int, how: Rounding, bound: int):
        product, one, half = x * m, 1 << k, (1 << k) // 2
        match how:
            case "floor":
                return product // one
            case "toward_zero":
                return np.sign(product) * (np.abs(product) // one)
            case "half_up":
                return (product + half) // one
            case "half_even":
                below, rest = np.divmod(product, one)
                up = (2 * rest > one) | ((2 * rest == one) & (below % 2 == 1))
                return below + up

    def shift_left(self, x, k: int):
        return x * (1 << k)

    def shift_right(self, x, k: np.ndarray, name: str):
        return x // (1 << np.asarray(k, np.int64))

    def count(self, x, y, most: int | None):
        often = np.where(y > 0, x // np.maximum(y, 1), np.iinfo(np.int64).max if most is None else most)
        return np.where(x >= y, often if most is None else np.minimum(often, most), 0)

    def saturate(self, x, lo: int, hi: int):
        return np.clip(x, lo, hi)

    def wrap(self, x, lo: int, hi: int):
        return (x - lo) % (hi - lo + 1) + lo

    def wrap_once(self, x, lo: int, hi: int):
        size = hi - lo + 1
        return np.where(x > hi, x - size, np.where(x < lo, x + size, x))

    def columns(self, x):
        return [x[..., j] for j in range(x.shape[-1])]

    def stack(self, columns):
        return np.stack(columns, axis=-1)


class CountingOps(NumpyOps):
    """``NumpyOps`` that also counts, word by word, the neurons and steps in which an overflow rule changed a number.

    A neuron counts once a step for each word, however often the step fits a number into that word.

    Attributes
    ----------
    word : str or None
        Name of the word whose rule acts, set by the word itself (``neurons/named.py``); None stands for ``UNNAMED``.
    left : dict from name to bool array
        Neurons in which a number left the word in this step.
    rules : dict from name to str
        The overflow rule of each word.
    changed : dict from name to int
        Neurons and steps, over all steps that were ended.
    first : dict from name to tuple of int
        The first step, and the first neuron in it.

    Examples
    --------
    >>> ops = CountingOps()
    >>> ops.word = "sum"
    >>> ops.wrap(np.array([7, 8]), -8, 7).tolist()
    [7, -8]
    >>> ops.end_step()
    >>> ops.rules, ops.changed, ops.first
    ({'sum': 'wrap'}, {'sum': 1}, {'sum': (0, 1)})
    """

    def __init__(self):
        self.word: str | None = None
        self.left: dict[str, np.ndarray] = {}
        self.rules: dict[str, Overflow] = {}
        self.changed: dict[str, int] = {}
        self.first: dict[str, tuple[int, ...]] = {}
        self._step = 0

    @property
    def overflowed(self) -> int:
        """Neurons and steps, of all words together."""
        return sum(self.changed.values())

    def end_step(self) -> None:
        """Count what left its word in this step."""
        for word, left in self.left.items():
            count = int(np.count_nonzero(left))
            self.changed[word] = self.changed.get(word, 0) + count
            if count and word not in self.first:
                self.first[word] = (self._step, *(int(i) for i in np.argwhere(left)[0]))
        self.left, self._step = {}, self._step + 1

    def saturate(self, x, lo: int, hi: int):
        return self._counted("saturate", x, super().saturate(x, lo, hi))

    def wrap(self, x, lo: int, hi: int):
        return self._counted("wrap", x, super().wrap(x, lo, hi))

    def wrap_once(self, x, lo: int, hi: int):
        return self._counted("wrap_once", x, super().wrap_once(x, lo, hi))

    def _counted(self, rule: Overflow, before: Any, after: Any):
        word = self.word or UNNAMED
        self.left[word] = self.left.get(word, np.array(False)) | (before != after)
        self.rules[word] = rule
        return after
