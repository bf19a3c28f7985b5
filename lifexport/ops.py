"""The named integer operations a neuron step is written in, and NumPy as their definition.

A neuron's step (``neurons/``) is written once over these operations; NumPy runs it, JAX compiles it, ONNX records it.
Their meaning, on unbounded integers ``x``, ``y`` and truth values ``c``:

==================================  ===========================================================
``const(array, name)``              the integers of a parameter; ``name`` labels them in an export
``add(x, y)``, ``sub(x, y)``        ``x + y``, ``x - y``
``gate(c, x)``                      ``x`` where ``c``, else 0
``ge(x, y)``                        ``x >= y``
``multiply_shift(x, m, k, how)``    ``x * m / 2**k`` rounded as ``how`` says; ``0 <= m <= 2**k``
``shift_left(x, k)``                ``x * 2**k``
``saturate(x, bits)``               nearest of ``-2**(bits-1) .. 2**(bits-1) - 1``
``wrap(x, bits)``                   the number of that range equal to ``x`` modulo ``2**bits``
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
Overflow = Literal["saturate", "wrap"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
OVERFLOWS: tuple[Overflow, ...] = get_args(Overflow)

T = TypeVar("T")


class Ops(Protocol[T]):
    """What every reader of a neuron step answers; the table above is the meaning."""

    def const(self, array: np.ndarray, name: str) -> T: ...
    def add(self, x: T, y: T) -> T: ...
    def sub(self, x: T, y: T) -> T: ...
    def gate(self, c: T, x: T) -> T: ...
    def ge(self, x: T, y: T) -> T: ...
    def multiply_shift(self, x: T, m: T, k: int, how: Rounding, bound: int) -> T: ...
    def shift_left(self, x: T, k: int) -> T: ...
    def saturate(self, x: T, bits: int) -> T: ...
    def wrap(self, x: T, bits: int) -> T: ...


class NumpyOps:
    """The definition: numpy int64, one obvious line each.

    Examples
    --------
    >>> ops, x = NumpyOps(), np.array([11, 5, -5, -11])
    >>> [ops.multiply_shift(x, 1, 1, how, 11).tolist() for how in ROUNDINGS]
    [[5, 2, -3, -6], [5, 2, -2, -5], [6, 3, -2, -5], [6, 2, -2, -6]]
    >>> ops.saturate(np.array([-9, 7, 8]), 4).tolist(), ops.wrap(np.array([-9, 7, 8]), 4).tolist()
    ([-8, 7, 7], [7, 7, -8])
    """

    def const(self, array: np.ndarray, name: str) -> np.ndarray:
        return np.asarray(array, np.int64)

    def add(self, x, y):
        return x + y

    def sub(self, x, y):
        return x - y

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

    def saturate(self, x, bits: int):
        return np.clip(x, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def wrap(self, x, bits: int):
        half = 1 << (bits - 1)
        return (x + half) % (1 << bits) - half


class CountingOps(NumpyOps):
    """``NumpyOps`` that also counts the values an overflow rule changed, in ``overflowed``."""

    def __init__(self):
        self.overflowed = 0

    def saturate(self, x, bits: int):
        return self._count(x, super().saturate(x, bits))

    def wrap(self, x, bits: int):
        return self._count(x, super().wrap(x, bits))

    def _count(self, before: Any, after: Any):
        self.overflowed += int((before != after).sum())
        return after
