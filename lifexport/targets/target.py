"""Reading a target description: the rules of a chip and the ranges a quantspec may choose from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import schemas
from ..files import canonical_json, read_json, sha256
from ..findings import error, raise_errors, unknown_name
from .contradictions import contradictions

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Width:
    """A range of widths in bits, and the one taken when nobody chooses."""

    min: int
    max: int
    default: int | None

    def choose(self, bits: int | None, field: str, target: str, *, follow: int | None = None) -> int:
        """Return ``bits`` or the default; refuse what is out of range (LX202).

        A default of None follows another width (``follow``) as far as the range allows.
        """
        if bits is None:
            bits = min(max(follow or self.max, self.min), self.max) if self.default is None else self.default
        if isinstance(bits, bool) or not isinstance(bits, int) or not self.min <= bits <= self.max:
            raise error(
                "LX202", field=field, found=f"{bits!r} for target {target!r}", fix=f"use {self.min}..{self.max} bits"
            )
        return bits


@dataclass(frozen=True, init=False)
class Target:
    """A target description, checked against ``schemas/target.schema.json``.

    Parameters
    ----------
    document : dict
        The JSON document; every field is described in the schema. It is copied.

    Raises
    ------
    FileError
        LX201 with everything that is wrong: unknown, missing and contradictory fields, numbers out of range;
        LX004 for a newer version of the schema.

    Examples
    --------
    >>> target = load_target("fpga-q")
    >>> target.name, target.width("weight").max
    ('fpga-q', 8)
    """

    canonical: str
    """The description in canonical JSON."""

    def __init__(self, document: dict[str, Any]):
        if not isinstance(document, dict):
            raise error("LX201", found=f"a {type(document).__name__}", fix="a target is a JSON object")
        raise_errors(schemas.violations("target", document, code="LX201"))
        raise_errors(contradictions(document))
        object.__setattr__(self, "canonical", canonical_json(document))

    @property
    def document(self) -> dict[str, Any]:
        """The description, a fresh copy at every reading: changing it changes no target."""
        return json.loads(self.canonical)

    @property
    def name(self) -> str:
        """Short name."""
        return self.document["name"]

    @property
    def digest(self) -> str:
        """Digest (sha256) of the description in canonical JSON."""
        return sha256(self.canonical.encode())

    def width(self, section: str) -> Width:
        """Allowed widths of a section that has ``bits``: ``weight``, ``state``, ``leak``, ``current.leak``, ..."""
        found: Any = self.document
        for part in section.split("."):
            found = found[part]
        return Width(**found["bits"])

    def evidence(self, path: str) -> dict[str, str]:
        """What is known about a rule or number: ``how`` (measured, documented, assumed) and its ``source`` in words.

        The entry of the longest part of ``path`` that has one speaks for it.

        Examples
        --------
        >>> load_target("sinabs-iaf").evidence("state.hi")["how"], load_target("sinabs-iaf").evidence("state.lo")["how"]
        ('assumed', 'measured')
        """
        document, parts = self.document, path.split(".")
        known = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        entry = next((document["evidence"][name] for name in known if name in document["evidence"]), None)
        if entry is None:
            raise unknown_name("section", path, document["evidence"])
        return {"how": entry["how"], "source": document["sources"][entry["source"]]}

    @property
    def seen_across_layers(self) -> tuple[str, ...]:
        """Networks of several layers in which its delays were seen: ``feed_forward``, ``skip``, ``recurrent``.

        A description that does not say so was never seen in any.
        """
        return tuple(self.document["status"].get("seen_across_layers", ()))

    def choose(self, section: str, field: str, value: str | None) -> str:
        """Return ``value`` if the list ``section.field`` allows it, the first entry if it is None (else LX203)."""
        allowed = self.document[section][field]
        if value is None:
            return allowed[0]
        if value not in allowed:
            raise unknown_name(f"{section} {field}", value, allowed, code="LX203", field=field)
        return value


def target_names() -> tuple[str, ...]:
    """Names of the shipped targets."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load_target(target: str | os.PathLike[str] | Target) -> Target:
    """Load a target by shipped name, or from a JSON file; a ``Target`` is returned as it is.

    Raises
    ------
    UnknownNameError
        LX001 if it is neither a shipped name nor an existing file; the nearest name is offered.
    FileError
        LX003 if the file is not JSON (``files.read_json``), LX201 or LX004 if it is not a target.

    Examples
    --------
    >>> load_target("fpga-p")
    Traceback (most recent call last):
    lifexport.errors.UnknownNameError: LX001 unknown name: target 'fpga-p'; fix: did you mean 'fpga-q'? ...
    """
    if isinstance(target, Target):
        return target
    if not isinstance(target, str | os.PathLike):
        fix = "give a shipped name, the path of a JSON file, or a Target"
        raise error("LX006", field="target", found=f"a {type(target).__name__}", fix=fix)
    if str(target) in target_names():
        return Target(read_json(_FOLDER / f"{target}.json"))
    path = Path(target)
    if path.suffix != ".json" and not path.is_file():
        raise unknown_name("target", str(target), target_names())
    return Target(read_json(path))
