"""The named operations in JAX, on int32, exact wherever ``bounds.py`` says they fit."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from ..bounds import INT32
from ..findings import error
from ..ops import Rounding


class JaxOps:
    """Reads a neuron step as JAX operations on int32.

    Parameters
    ----------
    count : bool
        Also sum, in ``overflowed``, how many values an overflow rule changed.
    """

    def __init__(self, *, count: bool = False):
        self.count = count
        self.overflowed = jnp.int32(0)

    def const(self, array: np.ndarray, name: str):
        if np.abs(array).max(initial=0) > INT32:
            found, fix = f"{np.abs(array).max()}", 'use backend="reference"'
            raise error("LX302", field=name, found=found, fix=fix)
        # One number for all neurons stays one number: the compiler then keeps it in a register.
        return jnp.asarray(array.flat[0] if (array == array.flat[0]).all() else array, jnp.int32)

    def add(self, x, y):
        return x + y

    def sub(self, x, y):
        return x - y

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

    def saturate(self, x, bits: int):
        return self._counted(x, jnp.clip(x, -(1 << (bits - 1)), (1 << (bits - 1)) - 1))

    def wrap(self, x, bits: int):
        return self._counted(x, (x << (32 - bits)) >> (32 - bits))

    def _counted(self, before, after):
        if self.count:
            self.overflowed = self.overflowed + (before != after).sum(dtype=jnp.int32)
        return after
