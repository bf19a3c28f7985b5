"""Weights of 4 bits, two in a byte: stored as ONNX's INT4 and widened once, before all steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper  # noqa: TID251

WeightType = Literal["int8", "int4"]
"""Narrowest type of stored weights."""


def pack(tensors: Sequence[TensorProto]) -> list[str]:
    """Store every 8-bit weight that fits in 4 bits as INT4; the names of these weights."""
    names = []
    for tensor in tensors:
        if not tensor.name.endswith(".weight") or tensor.data_type != TensorProto.INT8:
            continue
        weight = numpy_helper.to_array(tensor)
        if weight.min() >= -8 and weight.max() <= 7:
            tensor.data_type, tensor.raw_data = TensorProto.INT4, _packed(weight).tobytes()
            names.append(tensor.name)
    return names


def widen(graph: GraphProto, names: Sequence[str]) -> None:
    """Let what reads a packed weight read the result of a ``Cast``."""
    casts = []
    for name in names:
        wide = f"{name.removesuffix('.weight')}/weight_int8"
        _read(graph, name, wide)
        casts.append(helper.make_node("Cast", [name], [wide], name=wide, to=TensorProto.INT8))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def weight_type(model: ModelProto) -> WeightType:
    """Narrowest type of the weights of a file."""
    return "int4" if any(tensor.data_type == TensorProto.INT4 for tensor in model.graph.initializer) else "int8"


def _packed(weight: np.ndarray) -> np.ndarray:
    """Two numbers a byte, the first in the low half."""
    halves = weight.astype(np.int8).ravel().view(np.uint8) & 0xF
    halves = np.append(halves, np.zeros(halves.size % 2, np.uint8))
    return halves[0::2] | halves[1::2] << 4


def unpacked(data: bytes, size: int) -> np.ndarray:
    """Numbers of an INT4 tensor, int8, shape ``(size,)``.

    Examples
    --------
    >>> unpacked(_packed(np.array([-8, 7, -1])).tobytes(), 3).tolist()
    [-8, 7, -1]
    """
    both = np.frombuffer(data, np.uint8)
    halves = np.stack([both & 0xF, both >> 4], axis=-1).ravel()[:size].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)


def _read(graph: GraphProto, old: str, new: str) -> None:
    """Let every node that reads a tensor read another, inside of loops too."""

    def change(nodes) -> None:
        node: NodeProto
        for node in nodes:
            node.input[:] = [new if name == old else name for name in node.input]
            for attribute in node.attribute:
                if attribute.type == AttributeProto.GRAPH:
                    change(attribute.g.node)

    change(graph.node)
