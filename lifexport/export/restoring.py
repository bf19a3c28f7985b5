"""From the JSON values of a provenance record to the scalar fields of the nodes it describes."""

from __future__ import annotations

import contextlib
import dataclasses
import reprlib
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..findings import error
from . import provenance

WIDEST = 62
"""Widths and shifts a record may claim: with them, all arithmetic of the checks stays in int64."""

LIMITS = ("lo", "hi")
"""Fields that hold a membrane or a current, not a width."""

SIZES = ("groups", "stride", "dilation", "padding", "kernel")
"""Fields that count channels or points of space, not bits."""


def hints(cls: Any) -> dict[str, Any]:
    """Type of every field of a dataclass."""
    found = get_type_hints(cls)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def scalar(hint: Any, value: Any, field: str) -> Any:
    """Value of a scalar field from the JSON value that says exactly the same.

    Raises
    ------
    FileError
        LX003 for a value that the field cannot have.

    Examples
    --------
    >>> scalar(int | tuple[int, ...], [1, 2], "stride")
    (1, 2)
    """
    if get_origin(hint) in (Union, UnionType):
        for part in get_args(hint):
            if _fits(part, value):
                return scalar(part, value, field)
    if value is None and hint is type(None):
        return None
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return hint(**{key: scalar(inner, value.get(key), key) for key, inner in hints(hint).items()})  # type: ignore[operator]
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint is int and type(value) is int and field in LIMITS and abs(value) <= 1 << WIDEST:
        return value
    if hint is int and type(value) is int and field in SIZES and 0 <= value <= 1 << WIDEST:
        return value
    if hint is int and type(value) is int and 0 <= value <= WIDEST:
        return value
    if get_origin(hint) is tuple and isinstance(value, list):
        return _tuple(hint, value, field)
    if get_origin(hint) is Literal and isinstance(value, str):
        return value
    if hint is Fraction and type(value) is int:
        return value
    if hint is Fraction and provenance.is_ratio(value):
        return Fraction(value["num"], value["den"])
    if hint is float and provenance.is_ratio(value):
        with contextlib.suppress(OverflowError):
            return float(Fraction(value["num"], value["den"]))
    found = f"{reprlib.repr(value)} in the provenance record"
    raise error("LX003", field=field, found=found, fix="export the file again, or get an undamaged copy")


def _tuple(hint: Any, value: list[Any], field: str) -> tuple[Any, ...]:
    """Sizes, strides and pads; how large they may be is the business of what they describe."""
    parts = get_args(hint)
    inner = [parts[0]] * len(value) if len(parts) == 2 and parts[1] is ... else list(parts)
    if len(inner) == len(value) and all(_fits(part, item) for part, item in zip(inner, value, strict=True)):
        pairs = zip(inner, value, strict=True)
        return tuple(item if part is int else _tuple(part, item, field) for part, item in pairs)
    found = f"{reprlib.repr(value)} in the provenance record"
    raise error("LX003", field=field, found=found, fix="export the file again, or get an undamaged copy")


def _fits(hint: Any, value: Any) -> bool:
    """Whether a JSON value looks like a type of a union."""
    if hint is int:
        return type(value) is int and value >= 0
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return isinstance(value, list) and all(_fits(inner, item) for item in value)
    if get_origin(hint) is Literal or hint is str:
        return isinstance(value, str)
    if hint is type(None):
        return value is None
    return value is not None
