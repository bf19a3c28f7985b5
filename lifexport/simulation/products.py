"""Connections in JAX: exact products and sums, equal to ``apply`` of every connection kind.

A weighted connection is a product of integers in the type its weights were cast to, which ``fast.py`` chose by a
bound. A convolution gathers what its kernel sees first, so that no library's convolution, whose sums may be formed in
other ways than by adding products, has a say in the result.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..nodes import Connection, IntDense
from ..spatial import Flatten, IntConv, SumPool
from ..windows import Windows


def kernel(proved: Collection[str]) -> Any:
    """Type that a product is carried in: the fastest of those that a bound proves to carry it exactly.

    On processors alone int8: on a GPU (H200, jax 0.11.2) XLA's int8 product gave wrong sums for shapes such as
    ``(6, 3) @ (3, 5)``, and right ones in float32 at the highest precision.
    """
    if "int8" in proved and jax.default_backend() == "cpu":
        return np.int8
    return np.float32 if "float32" in proved else np.int32


def connect(node: Connection, weight: Any, x: jax.Array) -> jax.Array:
    """What a connection makes of ``x``, shape ``(..., *in_shape)``: int32, shape ``(..., *out_shape)``."""
    lead = x.shape[: x.ndim - len(node.in_shape)]
    return _apply(node, weight, x.reshape(-1, *node.in_shape)).reshape(*lead, *node.out_shape)


@singledispatch
def _apply(node: Connection, weight: Any, x: jax.Array) -> jax.Array:
    raise NotImplementedError(type(node).__name__)


@_apply.register
def _(node: IntDense, weight: Any, x: jax.Array) -> jax.Array:
    return _scaled(node, _product(x, weight))


@_apply.register
def _(node: IntConv, weight: Any, x: jax.Array) -> jax.Array:
    groups, outputs = node.groups, len(node.weight)
    seen = gather(node.windows, x)  # (batch, channels, points, *positions)
    seen = jnp.moveaxis(seen.reshape(len(x), groups, -1, *node.windows.positions), (1, 2), (0, -1))
    flat = weight.reshape(groups, outputs // groups, -1)
    y = jnp.concatenate([_product(seen[g], flat[g]) for g in range(groups)], axis=-1)
    return _scaled(node, jnp.moveaxis(y, -1, 1))


@_apply.register
def _(node: SumPool, weight: Any, x: jax.Array) -> jax.Array:
    windows = node.windows
    extent, stride = ((1, 1, *sizes) for sizes in (windows.kernel, windows.stride))  # type: ignore[misc]
    padding = ((0, 0), (0, 0), *windows.padding)  # type: ignore[misc]
    return jax.lax.reduce_window(x.astype(jnp.int32), jnp.int32(0), jax.lax.add, extent, stride, padding)


@_apply.register
def _(node: Flatten, weight: Any, x: jax.Array) -> jax.Array:
    return x.reshape(len(x), -1)


def _product(x: jax.Array, weight: jax.Array) -> jax.Array:
    """``x @ weight.T`` over the last axes, int32, exact in the type of the weights."""
    y = jax.lax.dot_general(
        x.astype(weight.dtype),
        weight,
        (((x.ndim - 1,), (1,)), ((), ())),
        precision=jax.lax.Precision.HIGHEST,
        preferred_element_type=jnp.float32 if weight.dtype == jnp.float32 else jnp.int32,
    )
    return y.astype(jnp.int32)


def _scaled(node: IntDense | IntConv, y: jax.Array) -> jax.Array:
    return y >> node.drop << node.shift


def gather(windows: Windows, x: jax.Array) -> jax.Array:
    """``Windows.gather``, the points of the kernel in one axis after the channels: ``(n, c, points, *positions)``."""
    axes = range(len(windows.size))
    padded = jnp.pad(x, [(0, 0), (0, 0), *windows.padding])  # type: ignore[arg-type]
    points = [()]
    for extent in windows.kernel:
        points = [(*point, k) for point in points for k in range(extent)]
    parts = []
    for point in points:
        start = [point[i] * windows.dilation[i] for i in axes]  # type: ignore[index]
        stop = [start[i] + (windows.positions[i] - 1) * windows.stride[i] + 1 for i in axes]  # type: ignore[index]
        part = (slice(start[i], stop[i], windows.stride[i]) for i in axes)  # type: ignore[index]
        parts.append(padded[:, :, *part])
    return jnp.stack(parts, axis=2)
