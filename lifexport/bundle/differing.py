"""``diff``: what changed between two bundles, in words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..export.provenance import plain
from ..export.restoring import hints
from ..network import IntNetwork, Network
from ..schemas import header
from .opening import Bundle

SCHEMA = "lifexport.difference/1"
MOST = 12
"""Leaves of a JSON document that are told one by one."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that changed.

    Parameters
    ----------
    part : str
        ``network``, ``trained``, ``target``, ``quantspec``, ``golden``, ``fidelity``, ``files`` or ``versions``.
    where : str
        Node and field, path in a document, or file.
    said : str
        What changed, in words.
    """

    part: str
    where: str
    said: str

    def __str__(self) -> str:
        return f"{self.part}: {self.where}: {self.said}" if self.where else f"{self.part}: {self.said}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Everything that changed from one bundle to another."""

    seals: tuple[str, str]
    changes: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether the bundles are equal, byte for byte."""
        return self.seals[0] == self.seals[1]

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/difference.schema.json``."""
        return {
            **header(SCHEMA),
            "seals": list(self.seals),
            "same": self.same,
            "changes": [{"part": c.part, "where": c.where, "said": c.said} for c in self.changes],
        }


def diff(a: str | os.PathLike[str] | Bundle, b: str | os.PathLike[str] | Bundle) -> Difference:
    """Say what changed from bundle ``a`` to bundle ``b``.

    Parameters
    ----------
    a, b : path or Bundle
        Each is held against its own manifest first.

    Returns
    -------
    Difference
        Integer network by node and field, with counts and largest change; trained network; target and choices by
        field; accuracy; versions; and every file whose bytes differ. No change, and ``same``, for equal bundles.

    Raises
    ------
    FileError, MismatchError
        As ``Bundle``.
    """
    one, two = (x if isinstance(x, Bundle) else Bundle(x) for x in (a, b))
    changes = () if one.seal == two.seal else tuple(_changes(one, two))
    return Difference(seals=(one.seal, two.seal), changes=changes)


def _changes(a: Bundle, b: Bundle) -> Iterator[Change]:
    yield from _networks("network", a.network, b.network)
    if a.trained is not None and b.trained is not None:
        yield from _networks("trained", a.trained, b.trained)
    elif (a.trained is None) != (b.trained is None):
        yield Change(part="trained", where="", said="is now there" if a.trained is None else "is gone")
    yield from _documents("target", a.target, b.target)
    yield from _documents("quantspec", a.document("quantspec.json"), b.document("quantspec.json"))
    yield from _golden(a, b)
    yield from _fidelity(a.fidelity, b.fidelity)
    facts = ("seed", "versions", "tool", "created", "left_out", "latency")
    for name in facts:
        yield from _documents("manifest", {name: a.manifest[name]}, {name: b.manifest[name]})
    digests = [{entry["path"]: entry["sha256"] for entry in x.manifest["files"]} for x in (a, b)]
    for name in sorted({*digests[0], *digests[1]}):
        before, after = (found.get(name) for found in digests)
        if before != after:
            said = "is new" if before is None else "is gone" if after is None else "has other bytes"
            yield Change(part="files", where=name, said=said)


def _networks(part: str, a: Network, b: Network) -> Iterator[Change]:
    for name in [*a.nodes, *(name for name in b.nodes if name not in a.nodes)]:
        one, two = a.nodes.get(name), b.nodes.get(name)
        if one is None or two is None:
            yield Change(part=part, where=name, said="is new" if one is None else "is gone")
        elif type(one) is not type(two):
            yield Change(part=part, where=name, said=f"{one.kind} became {two.kind}")
        else:
            for field in hints(type(one)):
                said = _values(getattr(one, field), getattr(two, field))
                if said:
                    yield Change(part=part, where=f"{name}.{field}", said=said)
    if set(a.edges) != set(b.edges):
        before, after = ({f"{e.source}->{e.target} ({e.delay} late)" for e in net.edges} for net in (a, b))
        gone, new = sorted(before - after), sorted(after - before)
        parts = [f"gone: {', '.join(gone)}"] * bool(gone) + [f"new: {', '.join(new)}"] * bool(new)
        yield Change(part=part, where="edges", said="; ".join(parts))
    whole = ["dt", "readout", "state_reset", "origin"]
    whole += ["target", "target_digest", "approximations"] if isinstance(a, IntNetwork) else []
    for field in whole:
        if said := _values(getattr(a, field), getattr(b, field)):
            yield Change(part=part, where=field, said=said)


def _values(a: Any, b: Any) -> str | None:
    """How two values of a field differ, in words; None if they are the same."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return _arrays(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return "is no longer there" if b is None else "is now there"
    one, two = plain(a), plain(b)
    if one == two:
        return None
    if isinstance(one, dict) and isinstance(two, dict):
        return "; ".join(f"{path} {before} -> {after}".lstrip() for path, before, after in _leaves(one, two))
    return f"{_short(one)} -> {_short(two)}"


def _arrays(a: np.ndarray, b: np.ndarray) -> str | None:
    if a.shape != b.shape:
        return f"shape {list(a.shape)} -> {list(b.shape)}"
    differs = a != b
    count = int(differs.sum())
    if not count:
        return None if a.tobytes() == b.tobytes() else "a zero changed its sign"
    change = np.abs(b.astype(np.float64) - a.astype(np.float64))
    index = tuple(int(i) for i in np.unravel_index(int(change.argmax()), a.shape))
    at = f"[{', '.join(map(str, index))}]" if index else ""
    return f"{count} of {a.size} numbers changed, most at {at or 'it'}: {a[index]:.6g} -> {b[index]:.6g}"


def _documents(part: str, a: Any, b: Any) -> Iterator[Change]:
    if a == b:
        return
    if a is None or b is None:
        yield Change(part=part, where="", said="is now there" if a is None else "is gone")
        return
    found = [*_leaves(a, b)]
    for path, before, after in found[:MOST]:
        yield Change(part=part, where=path, said=f"{before} -> {after}")
    if len(found) > MOST:
        yield Change(part=part, where="", said=f"{len(found) - MOST} more differences")


def _leaves(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(a, dict) and isinstance(b, dict) and {*a} != {"num", "den"}:
        for key in sorted({*a, *b}):
            yield from _leaves(a.get(key), b.get(key), f"{path}.{key}" if path else key)
    elif a != b:
        yield path, _short(a), _short(b)


def _short(value: Any) -> str:
    if isinstance(value, dict) and {*value} == {"num", "den"}:
        return f"{value['num']}/{value['den']}" if value["den"] != 1 else str(value["num"])
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _golden(a: Bundle, b: Bundle) -> Iterator[Change]:
    one, two = a.golden.arrays, b.golden.arrays
    for key in [*one, *(key for key in two if key not in one)]:
        where = ".".join(filter(None, (key[1], key[0])))
        if key not in one or key not in two:
            yield Change(part="golden", where=where, said="is new" if key not in one else "is gone")
        elif said := _arrays(one[key], two[key]):
            yield Change(part="golden", where=where, said=said)


def _fidelity(a: dict[str, Any] | None, b: dict[str, Any] | None) -> Iterator[Change]:
    if a is None or b is None:
        if a is not b:
            yield Change(part="fidelity", where="", said="is now there" if a is None else "is gone")
        return
    for name, pick in (
        ("accuracy, float", lambda d: (d["accuracy"] or {}).get("float")),
        ("accuracy, integer", lambda d: (d["accuracy"] or {}).get("integer")),
        ("same prediction", lambda d: d["predictions"]["agree"]),
    ):
        before, after = pick(a), pick(b)
        if before != after:
            said = " -> ".join("none" if p is None else f"{p['count']} of {p['total']}" for p in (before, after))
            yield Change(part="fidelity", where=name, said=said)
