"""Connections as linear maps of real numbers, for gradients; the integers themselves are formed by ``products.py``."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import jax

from ..nodes import Connection, IntDense
from ..spatial import Flatten, IntConv, SumPool


def linear(node: Connection, weight: Any, x: jax.Array) -> jax.Array:
    """What a connection makes of ``x``, float32 of shape ``(..., *in_shape)``, low bits that it drops included."""
    lead = x.shape[: x.ndim - len(node.in_shape)]
    return _apply(node, weight, x.reshape(-1, *node.in_shape)).reshape(*lead, *node.out_shape)


@singledispatch
def _apply(node: Connection, weight: Any, x: jax.Array) -> jax.Array:
    raise NotImplementedError(type(node).__name__)


@_apply.register
def _(node: IntDense, weight: Any, x: jax.Array) -> jax.Array:
    return x @ (weight.T * _scale(node))


@_apply.register
def _(node: IntConv, weight: Any, x: jax.Array) -> jax.Array:
    windows, axes = node.windows, "XY"[: len(node.size)]
    return jax.lax.conv_general_dilated(
        x,
        weight * _scale(node),
        window_strides=windows.stride,  # type: ignore[arg-type]
        padding=windows.padding,  # type: ignore[arg-type]
        rhs_dilation=windows.dilation,  # type: ignore[arg-type]
        dimension_numbers=(f"NC{axes}", f"OI{axes}", f"NC{axes}"),
        feature_group_count=node.groups,
    )


@_apply.register
def _(node: SumPool, weight: Any, x: jax.Array) -> jax.Array:
    windows = node.windows
    extent, stride = ((1, 1, *sizes) for sizes in (windows.kernel, windows.stride))  # type: ignore[misc]
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, extent, stride, ((0, 0), (0, 0), *windows.padding))  # type: ignore[misc]


@_apply.register
def _(node: Flatten, weight: Any, x: jax.Array) -> jax.Array:
    return x.reshape(len(x), -1)


def _scale(node: IntDense | IntConv) -> float:
    return 2.0 ** (node.shift - node.drop)
