"""Whether what one layer gives is what the next one takes, judged when a container is built."""

from __future__ import annotations

from collections.abc import Sequence

import brainstate

from ..findings import error
from .parameters import size_of


def label(layer, place: str) -> str:
    """A layer for error messages: where it stands and what it is called, ``layers[1] LIF``."""
    return f"{place} {getattr(layer, 'name', None) or type(layer).__name__}"


def size(layer, field: str) -> tuple[int, ...] | None:
    """What a layer states as its ``in_size`` or ``out_size``; ``None`` if it states nothing."""
    stated = getattr(layer, field, None)
    return None if stated is None else size_of(stated)


def keeps_size(layer) -> bool:
    """Whether a layer gives what it takes: functions and elementwise blocks do."""
    kinds = brainstate.nn.Module, brainstate.mixin.ParamDescriber
    return not isinstance(layer, kinds) or isinstance(layer, brainstate.nn.ElementWiseBlock)


def require_chain(layers: Sequence, place: str = "layers") -> None:
    """Refuse (LX102) layers that do not follow from each other; a layer that states no size is taken at its word.

    Examples
    --------
    >>> from lifexport.train import Linear
    >>> require_chain([Linear(4, 3), Linear(2, 2)])
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 ...: layers[1] Linear takes (2,), layers[0] Linear gives (3,); fix: ...
    """
    giver, given = "", None
    for i, layer in enumerate(layers):
        name, takes = label(layer, f"{place}[{i}]"), size(layer, "in_size")
        if given is not None and takes is not None and takes != given:
            fix = "make the sizes equal, or flatten in between"
            raise error("LX102", found=f"{name} takes {takes}, {giver} gives {given}", fix=fix)
        if not keeps_size(layer):
            giver, given = name, size(layer, "out_size")


def require_same(layers: Sequence, field: str, place: str) -> tuple[int, ...] | None:
    """Size that all layers state in ``field``, ``None`` if none does; refuses (LX102) two that differ.

    Examples
    --------
    >>> from lifexport.train import Linear
    >>> require_same([Linear(4, 3), Linear(4, 2)], "out_size", "branches")
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 ...: branches[1] Linear gives (2,), branches[0] Linear gives (3,); fix: ...
    """
    does = "takes" if field == "in_size" else "gives"
    first, common = "", None
    for i, layer in enumerate(layers):
        stated = size(layer, field)
        name = label(layer, f"{place}[{i}]")
        if common is not None and stated is not None and stated != common:
            found = f"{name} {does} {stated}, {first} {does} {common}"
            raise error("LX102", found=found, fix="make the sizes equal: every branch gets the same, and they add up")
        if common is None and stated is not None:
            first, common = name, stated
    return common
