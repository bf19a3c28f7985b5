"""JSON Schemas (2020-12) of everything lifexport writes or reads, and validation against them.

The schemas lie in ``schemas/`` at the root of the project; a wheel carries them inside the package. Each stands alone:
any validator of JSON Schema can use it without the others. Validation here is stricter in one thing: 16.0 is not an
integer.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import __version__
from .findings import Finding, unknown_name

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "schemas", _HERE.parent / "schemas")
_DEEPEST = 32
"""Nesting that no document of ours comes near; what lies deeper is refused before a recursion meets it."""
_MOST = 100
"""Findings about one document: a hostile one has as many as it has values."""


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


def header(schema: str) -> dict[str, Any]:
    """First fields of every document: what it is, and what wrote it.

    Examples
    --------
    >>> header("lifexport.sweep/1")["schema"]
    'lifexport.sweep/1'
    """
    return {"schema": schema, "tool": {"name": "lifexport", "version": __version__}}


def violations(name: str, document: Any, *, code: str) -> list[Finding]:
    """What its schema does not allow about a document: path, what was found, what is allowed; the first 100 of it.

    A document of a newer version of the schema gives one finding that says so (LX004).

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
    if _nested_deeper(document, _DEEPEST):
        return [Finding(code=code, found=f"nested more than {_DEEPEST} deep", fix="the schema describes each field")]
    if found := newer(name, document):
        return [found]
    failures = itertools.islice(_validator(name).iter_errors(document), _MOST)
    return [_finding(failure, code) for failure in sorted(failures, key=lambda f: f.path)]


def _nested_deeper(document: Any, depth: int) -> bool:
    level = [document]
    for _ in range(depth):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        ]
    return bool(level)


def newer(name: str, document: Any) -> Finding | None:
    """LX004 if a document says that it is of a newer version of a schema."""
    known: str = load(name)["properties"]["schema"]["const"]
    kind, _, version = known.rpartition("/")
    given = str(document.get("schema")) if isinstance(document, dict) else ""
    number = re.fullmatch(rf"{re.escape(kind)}/([0-9]{{1,9}})", given)
    if number is None or int(number[1]) <= int(version):
        return None
    return Finding(
        code="LX004",
        field="schema",
        found=f"{given}; lifexport {__version__} knows {known}",
        fix="read it with the lifexport that wrote it, or update lifexport",
    )


def _folder() -> Path:
    return next(place for place in _PLACES if place.is_dir())


@lru_cache
def _validator(name: str) -> Any:
    import jsonschema.validators  # slow to import, and only needed where a document is judged

    base = jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    return jsonschema.validators.extend(base, type_checker=types)(load(name))


def _finding(failure: Any, code: str) -> Finding:
    path = ".".join(str(part) for part in failure.absolute_path) or None
    match failure.validator:
        case "additionalProperties":
            known = list(failure.schema["properties"])
            extra = sorted(str(name) for name in failure.instance if name not in known)
            near = [close for name in extra for close in difflib.get_close_matches(name, known, 1)]
            found = f"unknown field {', '.join(map(repr, extra))}"
            fix = (f"did you mean {near[0]!r}? " if near else "") + f"known fields: {', '.join(known)}"
        case "required":
            found, fix = failure.message, "add it; the schema describes each field"
        case "enum" | "const":
            allowed = failure.schema.get("enum", [failure.schema.get("const")])
            found, fix = _short(failure.instance), f"use {' or '.join(json.dumps(value) for value in allowed)}"
        case "minimum" | "maximum" | "type" | "pattern":
            found, fix = _short(failure.instance), f"{failure.validator}: {failure.validator_value}"
        case _:
            found, fix = failure.message[:200], f"see {failure.validator!r} in the schema"
    return Finding(code=code, field=path, found=found, fix=fix)


def _short(value: Any) -> str:
    return json.dumps(value, default=repr)[:200]
