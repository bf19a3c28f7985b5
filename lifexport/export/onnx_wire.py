"""How many fields the bytes of a model have, counted before protobuf makes an object of each.

Two bytes are an empty tensor or attribute, for which protobuf allocates a hundred.
"""

from __future__ import annotations

from typing import Any

from onnx import ModelProto  # noqa: TID251

MOST_FIELDS = 1 << 19
"""Fields of the largest model that is read; ours have some ten for every node and tensor."""


def require_few_fields(data: bytes) -> None:
    r"""Refuse (ValueError) the bytes of a model with too many fields; what is cut off is left to the parser.

    Examples
    --------
    >>> require_few_fields(ModelProto(producer_name="me").SerializeToString())
    >>> require_few_fields(b"\x3a\x80\x80\x40" + b"\x2a\x00" * (1 << 19))
    Traceback (most recent call last):
    ValueError: more than 524288 fields
    """
    todo: list[tuple[int, int, Any]] = [(0, len(data), ModelProto.DESCRIPTOR)]
    fields = 0
    while todo:
        at, end, kind = todo.pop()
        inner = {n: f.message_type for n, f in kind.fields_by_number.items() if f.message_type is not None}
        while at < end:
            fields += 1
            if fields > MOST_FIELDS:
                raise ValueError(f"more than {MOST_FIELDS} fields")
            tag, at = _varint(data, at, end)
            number, wire = tag >> 3, tag & 7
            if wire == 0:
                _, at = _varint(data, at, end)
            elif wire == 2:
                size, at = _varint(data, at, end)
                if number in inner:
                    todo.append((at, min(at + size, end), inner[number]))
                at += size
            else:
                at += {1: 8, 5: 4}.get(wire, end)  # groups are no part of ONNX


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80 or shift > 63:
            break
    return value, at
