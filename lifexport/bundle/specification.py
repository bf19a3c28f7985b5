"""A quantspec as JSON (``schemas/quantspec.schema.json``): what was asked for, exactly."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import schemas
from ..export.provenance import plain
from ..export.restoring import hints, scalar
from ..files import canonical_json, read_json, require_suffix, write_text
from ..findings import raise_errors
from ..nodes import InputCode
from ..quantspec import QuantSpec
from ..schemas import header

SCHEMA = "lifexport.quantspec/1"
REALS = {"membrane_range", "percentile"}


def to_document(spec: QuantSpec) -> dict[str, Any]:
    """Every choice, null where it is left to the target; reals are ratios of integers.

    Examples
    --------
    >>> document = to_document(QuantSpec(weight_bits=4, membrane_range=2.5))
    >>> document["weight_bits"], document["state_bits"], document["membrane_range"]
    (4, None, {'num': 5, 'den': 2})
    """
    names = [field.name for field in dataclasses.fields(spec) if field.name != "layers"]
    fields = _exact({name: getattr(spec, name) for name in names})
    fields["layers"] = {pattern: _exact(choices) for pattern, choices in spec.layers.items()}
    return {**header(SCHEMA), **fields}


def _exact(choices: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values of choices; what is a real number is a ratio, whole or not."""
    found = {name: plain(value) for name, value in choices.items()}
    for name in REALS & found.keys():
        if type(found[name]) is int:
            found[name] = {"num": found[name], "den": 1}
    return found


def _real(choices: dict[str, Any]) -> dict[str, Any]:
    reals = {name: scalar(float, choices[name], name) for name in REALS & choices.keys() if choices[name] is not None}
    return choices | reals


def from_document(document: Any) -> QuantSpec:
    """The choices again; LX003 for what the schema does not allow, LX004 for a newer version."""
    raise_errors(schemas.violations("quantspec", document, code="LX003"))
    given: dict[str, Any] = {key: value for key, value in document.items() if key not in ("schema", "tool")}
    given = _real(given) | {"layers": {pattern: _real(choices) for pattern, choices in given["layers"].items()}}
    if given["input"] is not None:
        code = {key: scalar(hint, given["input"][key], key) for key, hint in hints(InputCode).items()}
        given["input"] = InputCode(**code)
    given["approximate"] = tuple(given["approximate"])
    return QuantSpec(**given)


def save_quantspec(spec: QuantSpec, path: str | os.PathLike[str]) -> Path:
    """Write the choices as canonical JSON, whole or not at all."""
    return write_text(require_suffix(path, ".json"), canonical_json(to_document(spec)) + "\n")


def load_quantspec(path: str | os.PathLike[str]) -> QuantSpec:
    """Read what ``save_quantspec`` wrote, or a hand-made file of the same schema."""
    return from_document(read_json(path))
