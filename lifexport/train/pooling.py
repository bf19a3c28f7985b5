"""Windows over space, channel by channel; channels first, over one or two axes of space."""

from __future__ import annotations

import math
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..findings import at_node
from ..spatial import SumPool as Node
from .module import Module
from .parameters import require_size
from .running import Stateless
from .weights import require_features


class SumPool(Stateless, Module):
    """Sum over a window, channel by channel; of spikes it is a count.

    Parameters
    ----------
    in_size : tuple of int
        ``(channels, length)`` or ``(channels, height, width)``.
    kernel_size : int or tuple of int
        Extent of the window.
    stride : int or tuple of int, optional
        Steps between its positions; by default the window's extent, so that windows tile the space.
    padding : int, tuple of int or tuple of pairs
        Zeros on both sides of each axis, or before and after it.
    name : str, optional
        Name in error messages and exports.

    Raises
    ------
    ShapeError
        LX102: sizes that are no positive integers, a window larger than the padded input; in ``update`` and ``run``
        an input of another shape.

    Notes
    -----
    Units pass: the sum of currents is a current. What the last window does not reach is left out.

    Examples
    --------
    >>> pool = SumPool((1, 5), 2)
    >>> pool(jnp.array([[1.0, 0.0, 1.0, 1.0, 1.0]])).tolist(), pool.out_size
    ([[1.0, 2.0]], (1, 2))
    """

    def __init__(self, in_size, kernel_size, stride=None, padding=0, name: str | None = None):
        super().__init__(name=name)
        label = name or type(self).__name__
        self.in_size = require_size(in_size, node=label, field="in_size")
        with at_node(label):
            node: Any = Node(shape=self.in_size, kernel=kernel_size, stride=stride, padding=padding)
        self.kernel_size, self.stride, self.padding = node.kernel, node.stride, node.padding
        self.out_size = node.out_shape

    def update(self, x):
        """Input ``(..., *in_size)``, in any unit, to ``(..., *out_size)`` in the same."""
        before = len(require_features(x, self.in_size, node=self.name)) + 1
        values = jnp.asarray(u.get_mantissa(x))
        if not jnp.issubdtype(values.dtype, jnp.floating):
            values = values.astype(brainstate.environ.dftype())
        y = jax.lax.reduce_window(
            values,
            np.zeros((), values.dtype),
            jax.lax.add,
            (1,) * before + self.kernel_size,
            (1,) * before + self.stride,
            ((0, 0),) * before + self.padding,
        )
        return u.maybe_decimal(u.Quantity(self._finish(y), unit=u.get_unit(x)))

    def _finish(self, sums):
        return sums


class AvgPool(SumPool):
    """Mean over a window, channel by channel, padding counted as zeros.

    Parameters, errors and notes are those of ``SumPool``.

    Examples
    --------
    >>> AvgPool((1, 4), 2)(jnp.array([[1.0, 0.0, 1.0, 1.0]]) * u.mA)
    Quantity([[0.5 1. ]], "mA")
    """

    def _finish(self, sums):
        return sums / math.prod(self.kernel_size)
