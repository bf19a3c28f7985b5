"""Numbers in a file of their own, ``<name>.onnx.data`` beside the model: protobuf holds no more than 2 GiB.

Only that one file is ever opened, whatever a model names; nothing is allocated for numbers that it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, TensorProto  # noqa: TID251

from ..findings import error
from ..regular import open_regular
from .onnx_functions import nested

LARGEST_FILE = (1 << 31) - 1
"""Bytes of a model file: protobuf holds no more."""
LARGEST = (1 << 31) - (1 << 20)
"""Bytes of numbers in a model file; more go to a file of their own."""
SMALLEST = 1024
"""Bytes of a tensor that is not worth a place of its own."""
ALIGNED = 64


class Chunk(NamedTuple):
    """Numbers of a tensor, and where they stand in the data file."""

    tensor: str
    offset: int
    data: bytes


def data_path(path: Path) -> Path:
    """The data file that belongs to a model file."""
    return path.with_name(f"{path.name}.data")


def take(tensors: Sequence[TensorProto], name: str) -> list[Chunk]:
    """Take the numbers out of tensors, which then say where they are in the data file of that name."""
    chunks, offset = [], 0
    for tensor in tensors:
        data = tensor.raw_data
        if len(data) < SMALLEST:
            continue
        offset += -offset % ALIGNED
        chunks.append(Chunk(tensor.name, offset, data))
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", name), ("offset", offset), ("length", len(data))):
            tensor.external_data.add(key=key, value=str(value))
        offset += len(data)
    return chunks


def write(path: Path, model: ModelProto, chunks: Sequence[Chunk]) -> None:
    """Write a model and, if it has one, its data file."""
    if chunks:
        with data_path(path).open("wb") as file:
            for chunk in chunks:
                file.write(bytes(chunk.offset - file.tell()))
                file.write(chunk.data)
    path.write_bytes(model.SerializeToString(deterministic=True))


def is_split(model: ModelProto) -> bool:
    """Whether numbers of a model are in another file."""
    return any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(model))


def open_data(path: Path, model: ModelProto) -> np.ndarray | None:
    """Bytes of a model's data file, which are read where they are needed; None if it has none.

    Raises
    ------
    FileError
        LX003 if the model names another file, or the file is missing or empty.
    """
    if not is_split(model):
        return None
    wanted = data_path(path)
    for tensor in _tensors(model):
        named = {entry.key: entry.value for entry in tensor.external_data}.get("location")
        if tensor.data_location == TensorProto.EXTERNAL and named != wanted.name:
            found = f"{path.name}: numbers in {named!r}"
            raise error("LX003", field=tensor.name, found=found, fix=f"only {wanted.name}, beside it, is opened")
    try:
        with open_regular(wanted, fix="keep both files of the export together") as file:
            return np.memmap(file, np.uint8, mode="r")
    except (OSError, ValueError) as reason:
        found = f"{wanted}: {getattr(reason, 'strerror', None) or reason}"
        raise error("LX003", found=found, fix="keep both files of the export together") from None


def numbers(tensor: TensorProto, data: np.ndarray | None) -> bytes | None:
    """Raw numbers of a tensor, as many as are where it says; None if it says no place."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return tensor.raw_data
    place = {entry.key: entry.value for entry in tensor.external_data}
    texts = [place.get("offset", ""), place.get("length", "")]
    if data is None or not all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
        return None
    offset, length = map(int, texts)
    return data[offset : offset + length].tobytes()


def differing(chunks: Sequence[Chunk], data: np.ndarray) -> Iterator[str]:
    """Tensors whose numbers in a data file are others; an empty name for what stands between them or behind."""
    end = 0
    for chunk in chunks:
        if data[end : chunk.offset].any():
            yield ""
        end = chunk.offset + len(chunk.data)
        if data[chunk.offset : end].tobytes() != chunk.data:
            yield chunk.tensor
    if len(data) != end:
        yield ""


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a model, those inside of loops and functions too."""
    yield from model.graph.initializer
    for node in nested([*model.graph.node, *(node for function in model.functions for node in function.node)]):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors, *attribute.g.initializer)
