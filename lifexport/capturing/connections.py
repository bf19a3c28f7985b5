"""Connections of a trained network as numbers, and the units in which currents flow along them."""

from __future__ import annotations

import dataclasses
from typing import Any

import brainunit as u
import numpy as np

from ..findings import error
from ..nodes import FloatDense
from ..spatial import Flatten, FloatAvgPool, FloatConv, SumPool
from ..train.parameters import require_unit, unit_name
from .flow import Flow
from .kinds import POOLS, is_one_of
from .reading import home, is_layer, number


def takes_plain(layer: Any) -> bool:
    """Whether a layer takes plain numbers alone; brainstate's pass on the unit of what arrives."""
    return home(layer) == "lifexport" and is_one_of(layer, ("Linear", "Conv1d", "Conv2d", "Identity"))


def output_unit(name: str, layer: Any, arriving: u.Unit | None) -> u.Unit | None:
    """Unit of what a connection gives; brainstate's have none of their own, but their weights may."""
    if is_one_of(layer, (*POOLS, "Flatten")):
        return arriving
    unit: Any = u.UNITLESS if arriving is None else arriving
    if is_layer(layer, "Identity"):
        return unit * require_unit(layer.unit, node=name)
    value = layer.weight.value
    unit = unit * u.get_unit(value["weight"])
    if _mask(layer) is not None:
        unit = unit * u.get_unit(_mask(layer))
    if "bias" in value and u.get_dim(value["bias"]) != unit.dim:
        found = f"{unit_name(value['bias'])}, but the weighted inputs have {unit_name(unit)}"
        raise error("LX109", node=name, field="bias", found=found, fix="give both the same unit")
    return unit * require_unit(_own_unit(layer), node=name)


def _own_unit(layer: Any) -> u.Unit:
    return layer.unit if home(layer) == "lifexport" else u.UNITLESS


def _mask(layer: Any) -> Any:
    return getattr(layer, "w_mask", None)


def _weights(layer: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Weight and bias in ampere per unit of input, in the layer's own order of axes."""
    unit = float(_own_unit(layer).magnitude)
    value = layer.weight.value
    weight = number(value["weight"]) * unit
    if _mask(layer) is not None:
        weight = weight * number(_mask(layer))
    bias = value.get("bias")
    return weight, None if bias is None else number(bias).ravel() * unit


def connection(layer: Any, flow: Flow) -> Any:
    """Node of a connection for what arrives."""
    if is_layer(layer, "Linear"):
        return _dense(layer, flow)
    if is_layer(layer, "Identity"):
        return _identity(layer, flow)
    if is_one_of(layer, ("Conv1d", "Conv2d")):
        return _convolution(layer, flow)
    if is_layer(layer, "Flatten"):
        return _flatten(layer, flow)
    return _pool(layer, flow)


def _dense(layer: Any, flow: Flow) -> FloatDense:
    if len(layer.in_size) != 1 or len(layer.out_size) != 1:
        fix = "use a Linear between one-dimensional layers"
        raise error("LX110", field="in_size", found=f"{layer.in_size}", fix=fix)
    weight, bias = _weights(layer)
    return in_place(FloatDense(weight=weight.T, bias=bias), flow)


def in_place(dense: FloatDense, flow: Flow) -> FloatDense:
    """Weights whose columns are in the module's order, with each where its input is when captured."""
    columns = np.empty_like(dense.weight)
    columns[:, flow.places] = dense.weight
    return dataclasses.replace(dense, weight=columns)


def _identity(layer: Any, flow: Flow) -> FloatDense | FloatConv:
    weight = float(number(layer.scale)) * float(layer.unit.magnitude)
    if len(flow.shape) == 1:
        return FloatDense(weight=np.eye(flow.shape[0]) * weight)
    channels, *space = flow.shape
    if len(space) > 2:
        raise error("LX110", field="in_size", found=f"{flow.shape}", fix="use one or two axes of space")
    return FloatConv(weight=np.full((channels, 1, *(1,) * len(space)), weight), size=tuple(space), groups=channels)


def _convolution(layer: Any, flow: Flow) -> FloatConv:
    weight, bias = _weights(layer)
    if home(layer) == "lifexport":
        moves = {"dilation": layer.dilation, "padding": layer.padding}
    else:
        if set(layer.lhs_dilation) != {1}:
            found, fix = f"{layer.lhs_dilation}", "use lhs_dilation=1: zeros between inputs cannot be expressed"
            raise error("LX110", field="lhs_dilation", found=found, fix=fix)
        weight = np.moveaxis(weight, (-1, -2), (0, 1))
        reach = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.rhs_dilation, strict=True)]
        moves = {"dilation": layer.rhs_dilation, "padding": _pads(layer, flow.shape[1:], reach)}
    return FloatConv(weight=weight, bias=bias, size=flow.shape[1:], stride=layer.stride, groups=layer.groups, **moves)


def _pads(layer: Any, size: tuple[int, ...], reach: list[int]) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each axis; brainstate's ``"SAME"`` keeps ``ceil(n / stride)``, the odd zero after."""
    if layer.padding == "VALID":
        return ((0, 0),) * len(size)
    if layer.padding != "SAME":
        return tuple((int(before), int(after)) for before, after in layer.padding)
    needed = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(size, layer.stride, reach, strict=True)]
    return tuple((more // 2, more - more // 2) for more in needed)


def _flatten(layer: Any, flow: Flow) -> Flatten:
    if home(layer) != "lifexport":
        axes = flow.places.ndim
        # Without a size of its own the layer counts from the batch's axis; what it gives is checked by the next.
        starts = (0, -axes) if layer.in_size is not None else (0, 1, -axes)
        if layer.start_axis not in starts or layer.end_axis not in (-1, axes - 1 + (layer.in_size is None)):
            found = f"axes {layer.start_axis} to {layer.end_axis} of {flow.places.shape}"
            fix = "flatten all axes of a sample: Flatten(start_axis=1), or lifexport.Flatten"
            raise error("LX110", field="start_axis", found=found, fix=fix)
    return Flatten(shape=flow.shape)


def _pool(layer: Any, flow: Flow) -> SumPool | FloatAvgPool:
    if home(layer) == "lifexport":
        kind, padding = SumPool if is_layer(layer, "SumPool") else FloatAvgPool, layer.padding
    else:
        axes = len(layer.kernel_size)
        if layer.channel_axis not in (-1, -axes - 1):
            fix = f"count the channels' axis from the end: -1, or {-axes - 1}"
            raise error("LX110", field="channel_axis", found=f"{layer.channel_axis}", fix=fix)
        kind, padding = FloatAvgPool, _pads(layer, flow.shape[1:], list(layer.kernel_size))
        if any(map(any, padding)):
            found = f"{layer.padding!r}, a mean over what is inside alone, of another number of inputs at the edge"
            raise error("LX110", field="padding", found=found, fix='use padding="VALID", or lifexport.AvgPool')
    return kind(shape=flow.shape, kernel=layer.kernel_size, stride=layer.stride, padding=padding)
