"""Connections as ONNX nodes, exact: a product is carried in what a bound (``onnx_widths.py``) proves to hold it.

=====================  ==============================================================================
dense                  ``MatMulInteger`` on 8-bit inputs, ``MatMul`` in float32 or in int32
convolution            ``Conv`` in float32; for sums beyond ``2**24`` one for every digit of the weights
sum pooling            ``Conv`` in float32 with ones, channel by channel
flattening             ``Flatten``
=====================  ==============================================================================

In float32, of a trained network, they are ``MatMul`` and ``Conv`` with a bias; the gain of the neurons they feed is
multiplied into their weights, once for all steps, where they feed no others.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto  # noqa: TID251

from ..bounds import FLOAT32_WHOLE, INT32, exact_kernels
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from ..neurons import Word
from ..nodes import Connection, FloatDense, IntDense, IntWeights
from ..spatial import Flatten, FloatAvgPool, FloatConv, IntConv, SumPool
from ..windows import Windows
from .onnx_neurons import input_gain
from .onnx_ops import InOrder, OnnxOps
from .onnx_widths import digit_bits, widths_of

NARROW = (TensorProto.UINT8, TensorProto.INT8)


class Value(NamedTuple):
    """A tensor of the graph."""

    name: str
    dtype: int
    """ONNX type: uint8, int8 or int32."""


class Recorder(NamedTuple):
    """Where a connection is recorded."""

    largest: int
    """Largest magnitude of an input."""
    partial: int
    """Largest magnitude of a partial sum of the product."""
    ops: OnnxOps
    """Nodes of a step."""
    outer: OnnxOps
    """Nodes that run once, before all steps."""
    gain: str | None = None
    """Initializer that multiplies weights and bias, of a trained network's."""


def recorder(network: FloatNetwork | IntNetwork, name: str, ops: OnnxOps, outer: OnnxOps) -> Recorder:
    """Where a connection of a network is recorded."""
    if isinstance(network, IntNetwork):
        widths = widths_of(network)
        return Recorder(widths.inputs[name], widths.sums[name], ops, outer)
    fed, gain = network.outgoing(name)[0].target, folded_gain(network, name)
    of_fed = OnnxOps(fed, outer.nodes, outer.initializers, outer.dtype)
    return Recorder(0, 0, ops, outer, None if gain is None else of_fed.const(*gain))


def folded_gain(network: FloatNetwork | IntNetwork, name: str) -> tuple[np.ndarray, str] | None:
    """Gain, and its name, of the neurons that a connection with weights feeds, where it can be in the weights."""
    node, edges = network.nodes[name], network.outgoing(name)
    if not isinstance(node, FloatDense | FloatConv) or len(edges) != 1 or edges[0].delay:
        return None
    fed = network.nodes[edges[0].target]
    if fed.role != "population":
        return None
    gain, called = input_gain(fed)
    uniform = bool((gain == gain.ravel()[:1]).all())
    if (gain == 1).all() or not gain.any() or not (uniform or isinstance(node, FloatDense)):
        return None
    return gain, called


@singledispatch
def connect(node: Connection, at: Recorder, x: Value) -> Value:
    """Record what a connection makes of ``x``, shape ``(batch, *in_shape)``: ``(batch, *out_shape)``."""
    raise NotImplementedError(type(node).__name__)


@connect.register
def _(node: IntDense, at: Recorder, x: Value) -> Value:
    ops, weight = at.ops, node.weight.T
    kernels = exact_kernels(node, at.largest, at.partial)
    if "int8_pair" in kernels and x.dtype in NARROW:
        y = ops.emit("MatMulInteger", x.name, ops.tensor(weight.astype(np.int8), "weight"), label="product")
    elif "float32" in kernels:
        real = _real_weight(at, weight)
        product = ops.emit("MatMul", ops.cast(x.name, TensorProto.FLOAT, "input_real"), real, label="product_real")
        y = ops.emit("Cast", product, to=TensorProto.INT32, label="product")
    else:
        wide = ops.cast(x.name, TensorProto.INT32, "input_wide")
        y = ops.emit("MatMul", wide, ops.tensor(weight.astype(np.int32), "weight"), label="product")
    return _shifted(node, ops, y)


@connect.register
def _(node: IntConv, at: Recorder, x: Value) -> Value:
    if at.partial <= FLOAT32_WHOLE:
        product = _convolved(at, x, _real_weight(at, node.weight), node.windows, node.groups)
        return _shifted(node, at.ops, product.name)
    return _shifted(node, at.ops, _by_digits(node, at, x))


def _by_digits(node: IntConv, at: Recorder, x: Value) -> str:
    """Sums beyond what float32 holds: a convolution for every digit of the weights, put together in int32."""
    bits = digit_bits(node, at.largest)
    assert bits is not None, "widths_of admits no other"
    half, rest, total, place = 1 << (bits - 1), node.weight, "", 0
    while rest.any():
        digit = (rest + half) % (2 * half) - half
        stored = at.ops.tensor(digit.astype(np.int32), f"weight_digit{place}")
        real = at.outer.emit("Cast", stored, to=TensorProto.FLOAT, label="digit_real")
        y = at.ops.shift_left(_convolved(at, x, real, node.windows, node.groups).name, place * bits)
        total = at.ops.add(total, y) if total else y
        rest, place = (rest - digit) >> bits, place + 1
    return total


@connect.register
def _(node: SumPool, at: Recorder, x: Value) -> Value:
    channels = node.shape[0]
    ones = at.ops.tensor(np.ones((channels, 1, *node.windows.kernel), np.float32), "ones")
    return _convolved(at, x, ones, node.windows, channels)


@connect.register
def _(node: Flatten, at: Recorder, x: Value) -> Value:
    return Value(at.ops.emit("Flatten", x.name, axis=1, label="flat"), x.dtype)


@connect.register
def _(node: FloatDense, at: Recorder, x: Value) -> Value:
    weight, bias = _scaled(at, node.weight.T, node.bias)
    y = at.ops.emit("MatMul", x.name, weight, label="product")
    return Value(y if bias is None else at.ops.emit("Add", y, bias, label="biased"), TensorProto.FLOAT)


@connect.register
def _(node: FloatConv, at: Recorder, x: Value) -> Value:
    weight, bias = _scaled(at, node.weight, node.bias)
    return _convolved(at, x, weight, node.windows, node.groups, bias)


@connect.register
def _(node: FloatAvgPool, at: Recorder, x: Value) -> Value:
    channels = node.shape[0]
    share = at.ops.tensor(np.full((channels, 1, *node.windows.kernel), 1 / node.area, np.float32), "share")
    return _convolved(at, x, share, node.windows, channels)


def _scaled(at: Recorder, weight: np.ndarray, bias: np.ndarray | None) -> tuple[str, str | None]:
    """Weights and bias in float32, times the gain of what they feed."""
    names = [at.ops.tensor(weight.astype(np.float32), "weight")]
    names += [] if bias is None else [at.ops.tensor(bias.astype(np.float32), "bias")]
    if at.gain is not None:
        names = [at.outer.emit("Mul", name, at.gain, label=f"{name.rpartition('.')[2]}_scaled") for name in names]
    return names[0], names[1] if len(names) > 1 else None


def _real_weight(at: Recorder, weight: np.ndarray) -> str:
    """Weights stored as integers, and cast to float32 once."""
    small = int(np.abs(weight).max()) <= 127
    stored = at.ops.tensor(weight.astype(np.int8 if small else np.int32), "weight")
    return at.outer.emit("Cast", stored, to=TensorProto.FLOAT, label="weight_real")


def _convolved(at: Recorder, x: Value, weight: str, windows: Windows, groups: int, bias: str | None = None) -> Value:
    pads: Any = windows.padding
    attributes = {
        "kernel_shape": [*windows.kernel],
        "strides": [*windows.stride],  # type: ignore[misc]
        "dilations": [*windows.dilation],  # type: ignore[misc]
        "pads": [*(before for before, _ in pads), *(after for _, after in pads)],
        "group": groups,
    }
    real = x.name if x.dtype == TensorProto.FLOAT else at.ops.cast(x.name, TensorProto.FLOAT, "input_real")
    given = [real, weight] if bias is None else [real, weight, bias]
    product = at.ops.emit("Conv", *given, label="product_real", **attributes)
    if at.ops.dtype == TensorProto.FLOAT:
        return Value(product, TensorProto.FLOAT)
    return Value(at.ops.emit("Cast", product, to=TensorProto.INT32, label="product"), TensorProto.INT32)


def _require_shift(node: IntWeights) -> None:
    """Refuse (LX302) a shift whose power of two int32 does not hold."""
    if 1 << node.shift > INT32:
        raise error("LX302", field="shift", found=f"{node.shift}", fix="use a shift below 31")


def _shifted(node: IntWeights, ops: OnnxOps, y: str) -> Value:
    _require_shift(node)
    y = ops.shift_right(y, np.asarray(node.drop), "drop") if node.drop else y
    return Value(ops.shift_left(y, node.shift), TensorProto.INT32)


def in_order(node: IntWeights, at: Recorder, x: Value, word: Word) -> InOrder:
    """Inputs of a connection one by one, for neurons whose word overflows between them."""
    _require_shift(node)
    ops, size = at.ops, int(np.prod(node.in_shape))
    if isinstance(node, IntDense):
        small = int(np.abs(node.weight).max()) <= 127
        stored = ops.tensor(node.weight.T.astype(np.int8 if small else np.int32), "weight")
    else:
        alone = node.product(np.eye(size, dtype=np.int64).reshape(size, *node.in_shape))
        stored = ops.tensor(alone.astype(np.int32), "weight_of_input")
    weight = at.outer.shift_left(at.outer.cast(stored, TensorProto.INT32, "weight_wide"), node.shift)
    wide = ops.cast(x.name, TensorProto.INT32, "input_wide")
    flat = wide if len(node.in_shape) == 1 else ops.emit("Flatten", wide, axis=1, label="input_flat")
    turned = ops.emit("Transpose", flat, perm=[1, 0], label="inputs")
    axes = ops.tensor(np.arange(2, 2 + len(node.out_shape)), "axes")
    return InOrder(ops.emit("Unsqueeze", turned, axes, label="inputs_apart"), weight, node.out_shape, word)
