"""JSON Schemas (2020-12) of everything lifexport writes or reads, and validation against them.

The schemas lie in ``schemas/`` at the root of the project; a wheel carries them inside the package.
"""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from .findings import Finding, unknown_name

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "schemas", _HERE.parent / "schemas")


def names() -> tuple[str, ...]:
    """Names of the shipped schemas.

    Examples
    --------
    >>> "target" in names()
    True
    """
    return tuple(sorted(path.name.removesuffix(".schema.json") for path in _folder().glob("*.schema.json")))


@lru_cache
def load(name: str) -> dict[str, Any]:
    """One schema as a dictionary; LX001 for an unknown name."""
    if name not in names():
        raise unknown_name("schema", name, names())
    return json.loads((_folder() / f"{name}.schema.json").read_text(encoding="utf-8"))


def violations(name: str, document: Any, *, code: str) -> list[Finding]:
    """Everything about a document that its schema does not allow: path, what was found, what is allowed.

    Parameters
    ----------
    name : str
        Schema.
    document : JSON value
    code : str
        Finding code to report with.

    Examples
    --------
    >>> from lifexport.targets import load_target
    >>> document = {**load_target("fpga-q").document, "colour": "red"}
    >>> print(violations("target", document, code="LX201")[0].found)
    unknown field 'colour'
    """
    return [_finding(failure, code) for failure in sorted(_validator(name).iter_errors(document), key=lambda f: f.path)]


def _folder() -> Path:
    return next(place for place in _PLACES if place.is_dir())


@lru_cache
def _validator(name: str) -> Any:
    import jsonschema  # slow to import, and only needed where a document is judged
    import referencing

    shipped = [(load(other)["$id"], referencing.Resource.from_contents(load(other))) for other in names()]
    registry: Any = referencing.Registry().with_resources(shipped)
    return jsonschema.Draft202012Validator(load(name), registry=registry)


def _finding(failure: Any, code: str) -> Finding:
    path = ".".join(str(part) for part in failure.absolute_path) or None
    match failure.validator:
        case "additionalProperties":
            known = list(failure.schema["properties"])
            extra = sorted(set(failure.instance) - set(known))
            near = [close for name in extra for close in difflib.get_close_matches(name, known, 1)]
            found = f"unknown field {', '.join(map(repr, extra))}"
            fix = (f"did you mean {near[0]!r}? " if near else "") + f"known fields: {', '.join(known)}"
        case "required":
            found, fix = failure.message, "add it; the schema describes each field"
        case "enum" | "const":
            allowed = failure.schema.get("enum", [failure.schema.get("const")])
            found, fix = json.dumps(failure.instance), f"use {' or '.join(json.dumps(value) for value in allowed)}"
        case "minimum" | "maximum" | "type" | "pattern":
            found, fix = json.dumps(failure.instance), f"{failure.validator}: {failure.validator_value}"
        case _:
            found, fix = failure.message[:200], f"see {failure.validator!r} in the schema"
    return Finding(code=code, field=path, found=found, fix=fix)
