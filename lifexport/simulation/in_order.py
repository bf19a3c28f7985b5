"""Inputs that a population adds one by one, each with its overflow rule, in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..neurons import Word
from ..nodes import IntWeights
from .products import connect


class InOrder:
    """All inputs of one connection in one step, for a population whose word overflows between them.

    Where no overflow can act - the start is in range, and so it is with all increments of one sign added - the sum
    is what one by one gives. Only steps in which that does not hold for every neuron are run input by input.

    Parameters
    ----------
    node : IntWeights
    weight : array
        Its codes, in a type that carries every product.
    x : int array, shape ``(batch, *in_shape)``
    word : Word
        What takes the inputs.

    Attributes
    ----------
    taken : int32 array, shape ``(batch, *out_shape)``
        What the inputs came to, once they have been added.
    """

    def __init__(self, node: IntWeights, weight: Any, x: jax.Array, word: Word):
        self.node, self.weight, self.x, self.word = node, weight, x, word
        self.taken: jax.Array | None = None

    def onto(self, ops: Any, start: jax.Array) -> jax.Array:
        """``start`` after all inputs, as ``word`` says."""
        total = connect(self.node, self.weight, self.x)
        most = connect(self.node, jnp.abs(self.weight), jnp.abs(self.x.astype(jnp.int32)))
        rises, falls = (most + total) >> 1, (most - total) >> 1
        word = self.word
        inside = (start >= word.lo) & (start <= word.hi) & (start - falls >= word.lo) & (start + rises <= word.hi)
        result = jax.lax.cond(inside.all(), lambda: start + total, lambda: self._one_by_one(ops, start))
        self.taken = result - start
        return result

    def _one_by_one(self, ops: Any, start: jax.Array) -> jax.Array:
        size = int(np.prod(self.node.in_shape))
        single = jnp.eye(size, dtype=jnp.int8).reshape(size, *self.node.in_shape)
        rows = connect(self.node, self.weight, single)
        codes = self.x.reshape(len(self.x), size).astype(jnp.int32).T

        def add(total, event):
            code, row = event
            return self.word.fit(ops, total + code.reshape(-1, *(1,) * row.ndim) * row), None

        return jax.lax.scan(add, start, (codes, rows))[0]
