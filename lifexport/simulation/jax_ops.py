"""The named operations in JAX, on int32, exact wherever ``bounds.py`` says they fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..bounds import INT32
from ..findings import error
from ..ops import UNNAMED, Rounding
from .in_order import InOrder


class JaxOps:
    """Reads a neuron step as JAX operations on int32.

    Parameters
    ----------
    counting : bool
        Also say, word by word in ``left``, in which neurons an overflow rule changed a number, as ``CountingOps`` does.
    numbers : mapping from name to int32 array
        Constants, by the name that the step gives them, to use instead of the population's own.
    """

    def __init__(self, *, counting: bool = False, numbers: Mapping[str, Any] | None = None):
        self.counting = counting
        self.numbers = numbers or {}
        self.word: str | None = None
        self.left: dict[str, Any] = {}

    def const(self, array: np.ndarray | int, name: str):
        if name in self.numbers:
            return self.numbers[name]
        array = np.asarray(array)
        if np.abs(array).max(initial=0) > INT32:
            found, fix = f"{np.abs(array).max()}", 'use backend="reference"'
            raise error("LX302", field=name, found=found, fix=fix)
        # One number for all neurons stays one number: the compiler then keeps it in a register.
        return jnp.asarray(array.flat[0] if (array == array.flat[0]).all() else array, jnp.int32)

    def add(self, x, y):
        return y.onto(self, x) if isinstance(y, InOrder) else x + y

    def sub(self, x, y):
        return x - y

    def mul(self, x, y):
        return x * y

    def minimum(self, x, y):
        return jnp.minimum(x, y)

    def maximum(self, x, y):
        return jnp.maximum(x, y)

    def gate(self, c, x):
        return jnp.where(c, x, 0)

    def ge(self, x, y):
        return x >= y

    def multiply_shift(self, x, m, k: int, how: Rounding, bound: int):
        # x = high * 2**k + low with 0 <= low < 2**k, so x * m / 2**k = high * m + low * m / 2**k exactly. The first
        # part stays below bound + 2**k, the second product below 2**(2k): 32 bits without sign for k <= 16.
        if bound + (1 << k) > INT32 or k > 16:
            found, fix = f"a membrane of up to {bound} times a decay of {k} bits", 'use backend="reference"'
            raise error("LX302", field="decay", found=found, fix=fix)
        one = 1 << k
        if bound * one <= INT32:
            product = x * m
            below, rest = product >> k, product & (one - 1)
        else:
            product = (x & (one - 1)).astype(jnp.uint32) * m.astype(jnp.uint32)
            below = (x >> k) * m + (product >> k).astype(jnp.int32)
            rest = (product & (one - 1)).astype(jnp.int32)
        return below + self._rounds_up(below, rest, one, how, negative=x < 0)

    def _rounds_up(self, below, rest, one: int, how: Rounding, negative):
        """1 where the rounded quotient is above the floor, given the remainder (``m >= 0``)."""
        match how:
            case "floor":
                return 0
            case "toward_zero":
                up = negative & (rest != 0)
            case "half_up":
                up = 2 * rest >= one
            case "half_even":
                up = (2 * rest > one) | ((2 * rest == one) & (below & 1 == 1))
        return up.astype(jnp.int32)

    def shift_left(self, x, k: int):
        return x << k

    def shift_right(self, x, k: np.ndarray, name: str):
        return x >> self.const(k, name)

    def count(self, x, y, most: int | None):
        often = jnp.where(y > 0, x // jnp.maximum(y, 1), INT32 if most is None else most)
        return jnp.where(x >= y, often if most is None else jnp.minimum(often, most), 0)

    def saturate(self, x, lo: int, hi: int):
        return self._counted(x, jnp.clip(x, lo, hi))

    def wrap(self, x, lo: int, hi: int):
        if hi - lo > INT32:
            return x  # a range of 32 bits holds every sum that is proved to fit in int32
        # A range of 2**n values: int32 wraps as two's complement, and the low bits are those of the difference.
        return self._counted(x, ((x - lo) & (hi - lo)) + lo)

    def wrap_once(self, x, lo: int, hi: int):
        if hi - lo > INT32:
            return x
        size = hi - lo + 1
        return self._counted(x, jnp.where(x > hi, x - size, jnp.where(x < lo, x + size, x)))

    def columns(self, x):
        return [x[..., j] for j in range(x.shape[-1])]

    def stack(self, columns):
        return jnp.stack(columns, axis=-1)

    def _counted(self, before, after):
        if self.counting:
            name = self.word or UNNAMED
            self.left[name] = self.left.get(name, False) | (before != after)
        return after
