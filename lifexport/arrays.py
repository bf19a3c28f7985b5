"""Arrays inside frozen values: copied in, made read-only, checked once, compared by content."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .findings import error


def frozen(values: Any, dtype: Any) -> np.ndarray:
    """Read-only copy of ``values`` with the given dtype, in C order."""
    array = np.array(values, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


def real(values: Any, shape: tuple[int, ...] | None, *, node: str | None, field: str) -> np.ndarray:
    """Read-only float64 array of finite numbers, broadcast to ``shape`` unless that is None.

    Raises
    ------
    ParameterError
        LX006 for complex numbers, text and what is no array at all; LX101 at the first NaN or infinity.
    ShapeError
        LX102 if the values do not broadcast to ``shape``.
    """
    array = numbers(values, node=node, field=field).astype(np.float64)
    _require_finite(array, node, field)
    return frozen(_broadcast(array, shape, node, field), np.float64)


def numbers(values: Any, *, node: str | None, field: str | None = None, code: str = "LX006") -> np.ndarray:
    """Array of integers, truth values or real numbers; complex numbers, text and ragged lists are refused."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise error(code, found="a ragged list", fix="give an array of real numbers", node=node, field=field) from None
    if array.dtype.kind not in "fiub":
        found, fix = f"dtype {array.dtype}", "give an array of real numbers"
        raise error(code, found=found, fix=fix, node=node, field=field)
    return array


def integer(values: Any, shape: tuple[int, ...] | None, *, node: str | None, field: str) -> np.ndarray:
    """Read-only int64 array, broadcast to ``shape`` unless that is None; floats are refused, whole or not."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise error(
            "LX006", found=f"dtype {array.dtype}", fix="give integers; codes are never floats", node=node, field=field
        )
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise error("LX204", found=f"{array.max()}", fix="give integers that int64 holds", node=node, field=field)
    return frozen(_broadcast(array, shape, node, field), np.int64)


def _require_finite(array: np.ndarray, node: str | None, field: str) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise error(
            "LX101",
            found=f"{array[index]} ({int(bad.sum())} of {array.size} values)",
            fix="find where training diverged; every parameter must be a finite number",
            node=node,
            field=field,
            index=index or None,
        )


def _broadcast(array: np.ndarray, shape: tuple[int, ...] | None, node: str | None, field: str) -> np.ndarray:
    if shape is None:
        return array
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise error(
            "LX102",
            found=f"shape {array.shape}",
            fix=f"give a scalar or an array of shape {shape}",
            node=node,
            field=field,
        ) from None


def later(default: Any) -> Any:
    """Field of a frozen value that older versions did not have: at its default it leaves digests as they were.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Edge:
    ...     delay: int = 0
    ...     gain: int = later(1)
    >>> [[field.name for field in hashed_fields(edge)] for edge in (Edge(), Edge(gain=2))]
    [['delay'], ['delay', 'gain']]
    """
    return dataclasses.field(default=default, metadata={"later": True})


def hashed_fields(value: Any) -> list[dataclasses.Field]:
    """Fields of a frozen value that its digest covers: all but those made by ``later`` that stand at their default."""

    def at_default(field: dataclasses.Field) -> bool:
        own = getattr(value, field.name)
        default: Any = field.default
        same_kind = isinstance(own, np.ndarray) or type(own) is type(default)
        return same_kind and bool(np.array_equal(own, default))

    fields = dataclasses.fields(value)
    return [field for field in fields if not (field.metadata.get("later") and at_default(field))]


def same(a: Any, b: Any) -> bool:
    """Whether two frozen values are the same: types, dtypes, shapes and every number.

    ``==`` on array fields is not what it looks like; this compares dataclasses, mappings, sequences and arrays by
    content. Numbers must be equal bit for bit (so ``0.0`` and ``-0.0`` differ).

    Examples
    --------
    >>> same(np.zeros(2), np.zeros(2)), same(np.zeros(2), np.zeros(2, np.float32))
    (True, False)
    """
    return difference(a, b) is None


def difference(a: Any, b: Any, path: str = "") -> str | None:
    """Path and nature of the first difference between two frozen values; None if they are the same.

    Examples
    --------
    >>> difference({"w": np.array([1, 2])}, {"w": np.array([1, 3])})
    "['w']: 2 != 3 at index (1,)"
    """
    if type(a) is not type(b):
        return f"{path or 'value'}: {type(a).__name__} != {type(b).__name__}"
    if isinstance(a, np.ndarray):
        return _array_difference(a, b, path or "array")
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        pairs = [(f"{path}.{name}", getattr(a, name), getattr(b, name)) for name in names]
    elif isinstance(a, dict):
        if list(a) != list(b):
            return f"{path or 'mapping'}: keys {list(a)} != {list(b)}"
        pairs = [(f"{path}[{key!r}]", a[key], b[key]) for key in a]
    elif isinstance(a, tuple | list):
        if len(a) != len(b):
            return f"{path or 'sequence'}: length {len(a)} != {len(b)}"
        pairs = [(f"{path}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return None if a == b else f"{path or 'value'}: {a!r} != {b!r}"
    return next((found for place, x, y in pairs if (found := difference(x, y, place)) is not None), None)


def _array_difference(a: np.ndarray, b: np.ndarray, path: str) -> str | None:
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{path}: {a.dtype}{list(a.shape)} != {b.dtype}{list(b.shape)}"
    if a.tobytes() == b.tobytes():
        return None
    bits = (np.frombuffer(x.tobytes(), np.uint8).reshape(x.size, x.itemsize) for x in (a, b))
    first = int(np.argwhere((next(bits) != next(bits)).any(axis=1))[0, 0])
    index = tuple(int(i) for i in np.unravel_index(first, a.shape))
    return f"{path}: {a[index]} != {b[index]} at index {index}"
