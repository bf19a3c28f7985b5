"""NIR files from the untrusted bytes to their content: what cannot be read is refused before it is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import LifexportError
from ..findings import CODES, Finding, at_node, collect, error
from ..regular import ROOMY, read_bytes
from ..room import require_few
from .nir_raw import ELEMENTWISE, KINDS, SINGLE, WHOLE, Raw, RawGraph

DEEPEST = 16
UNNAMED = "?"
LONGEST_KIND = 80
SIGNATURE = b"\x89HDF\r\n\x1a\n"
INFLATION = 128
"""Bytes that arrays may claim for each of the file; what is packed further can be written without compression."""
MOST_OBJECTS = 1 << 14
"""Groups and data sets of a file."""


def read_raw(path: Path) -> tuple[RawGraph, int]:
    """Content of a file nobody vouches for, surveyed before anything is allocated.

    Returns
    -------
    RawGraph
        Nested graphs are not taken apart yet.
    int
        Bytes that arrays made from it may take: no more than its own could.
    """
    content = read_bytes(path, start=SIGNATURE)
    if not content.startswith(SIGNATURE):
        raise unreadable(f"{path}: {'not an HDF5 file' if content else 'the file is empty'}")
    budget = budget_of(content)
    try:
        with opened(content) as file:
            _survey(file, content)
            return _graph(file["node"]), budget
    except LifexportError:
        raise
    except Exception as reason:  # h5py raises whatever its insides meet
        raise unreadable(f"{path}: {type(reason).__name__}: {reason}") from None


def opened(content: bytes) -> Any:
    """HDF5 file that lies in memory: nothing else is opened, and no callback is needed to read it."""
    return h5py.File(h5py.h5f.open_file_image(content), "r")


def budget_of(content: bytes) -> int:
    """Bytes that everything read from a file may take."""
    return max(ROOMY, INFLATION * len(content))


def surveyed(file: Any, content: bytes) -> Iterator[tuple[str, Any]]:
    """Every data set of an HDF5 file, by its place; LX003 as soon as they come to more than the file may hold.

    Counted are chunks, which are unpacked whole, and texts, of which many may be the same in the file.
    """
    size, claimed, budget = len(content), 0, budget_of(content)
    for place, dataset in _datasets(file, set()):
        dtype, shape = dataset.dtype, dataset.shape or ()
        if dtype.kind not in "fiub" and h5py.check_string_dtype(dtype) is None:
            raise unreadable(f"{place} holds {dtype}, neither numbers nor text")
        claimed += dtype.itemsize * max(math.prod(shape), math.prod(dataset.chunks or ()))
        if claimed > budget:
            found = f"{place} claims shape {shape}, more than the file can hold: {claimed} of {budget} bytes"
            raise error("LX003", found=found, fix="export the file again, without compression")
        if dtype.kind == "O":
            _require_lengths(dataset, place, content)
            claimed += sum(_lengths(dataset, size, budget - claimed))
        yield place, dataset


def _require_lengths(dataset: Any, place: str, content: bytes) -> None:
    """Refuse texts that say they are longer than the file: HDF5 makes room for what is said before it reads.

    A text is stored as its length and where it lies, 16 bytes; those of data sets in one piece are looked at.
    """
    offset = dataset.id.get_offset()
    if offset is None or h5py.check_string_dtype(dataset.dtype).length is not None:
        return
    stored = np.frombuffer(content[offset : offset + 16 * dataset.size], np.uint8)
    said = stored[: len(stored) // 16 * 16].reshape(-1, 16)[:, :4].copy().view("<u4")
    if said.size and int(said.max()) > len(content):
        raise unreadable(f"{place} holds a text of {int(said.max())} bytes, more than the file")


def _lengths(dataset: Any, size: int, left: int) -> Iterator[int]:
    """Bytes of the texts of a data set, read a few at a time: each may be as long as the file."""
    if not dataset.shape:
        yield len(dataset[()])
        return
    step, total = max(1, ROOMY // 8 // size // max(1, math.prod(dataset.shape[1:]))), 0
    for first in range(0, len(dataset), step):
        total += (some := sum(map(len, dataset[first : first + step].ravel())))
        if total > left:
            raise unreadable(f"{dataset.name} repeats texts to more than the file can hold")
        yield some


def _survey(file: Any, content: bytes) -> None:
    """Refuse, before any array is read, what is not a NIR graph of kinds that are read."""
    group: Any = file
    for part in ("node", "nodes"):
        group = group[part] if isinstance(group.get(part, getlink=True), h5py.HardLink) else {}
    require_few(len(group), 0)  # before each of them is looked at
    for _ in surveyed(file, content):
        pass
    if not (isinstance(file.get("node"), h5py.Group) and isinstance(file.get("version"), h5py.Dataset)):
        raise unreadable("an HDF5 file without NIR's 'version' and 'node'")
    if _kind(file["node"]) != "NIRGraph" or not isinstance(file.get("node/nodes"), h5py.Group):
        raise error("LX401", found=f"a lone {_kind(file['node'])} node", fix="write it as a NIRGraph")
    findings: list[Finding] = []
    require_few(*_parts(file["node"]))
    _survey_nodes(file["node/nodes"], findings, "")
    if findings:
        raise all_of(findings)


def _parts(graph: Any) -> tuple[int, int]:
    """Nodes and edges of a graph, those of graphs inside of it too."""
    nodes, edges = graph.get("nodes"), graph.get("edges")
    if not isinstance(nodes, h5py.Group):
        return 1, 0
    inside = [_parts(item) for item in nodes.values() if isinstance(item, h5py.Group)]
    own = len(edges) if isinstance(edges, h5py.Dataset) and edges.shape else 0
    return sum(count for count, _ in inside), own + sum(count for _, count in inside)


def _survey_nodes(nodes: Any, findings: list[Finding], prefix: str) -> None:
    for name, group in nodes.items():
        with collect(findings), at_node(prefix + name):
            if _kind(group) != "NIRGraph":
                _survey_node(group)
                continue
            for field, kind in (("nodes", h5py.Group), ("edges", h5py.Dataset)):
                if not isinstance(group.get(field), kind):
                    raise unreadable("a nested graph without it", field=field)
            _survey_nodes(group["nodes"], findings, f"{prefix}{name}.")


def _datasets(group: Any, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Every dataset below a group; refuses what leads out of the file, round in circles or too deep."""
    seen.add(group)
    if len(seen) + len(group) > MOST_OBJECTS:
        raise unreadable(f"{group.name} has {len(group)} parts, at most {MOST_OBJECTS} are read of a file")
    for key in group:
        place = f"{group.name.rstrip('/')}/{key}"
        if group.id.links.get_info(key.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:  # type: ignore[attr-defined]
            raise unreadable(f"{place} is a link")
        item = group[key]
        if isinstance(item, h5py.Group):
            if item in seen or place.count("/") > DEEPEST:
                raise unreadable(f"{place} is nested in itself or too deep")
            yield from _datasets(item, seen)
        elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
            raise unreadable(f"{place} is not stored in the file itself")
        else:
            seen.add(item)
            yield place, item


def _kind(group: Any) -> str:
    value = group["type"][()] if isinstance(group, h5py.Group) and "type" in group else UNNAMED  # type: ignore[index]
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST_KIND else f"{text[:LONGEST_KIND]}..."


def _survey_node(group: Any) -> None:
    kind = _kind(group)
    if kind == UNNAMED:
        inside = sorted(group) if isinstance(group, h5py.Group) else []
        if inside and not any(field in inside for fields in KINDS.values() for field in fields.needed):
            raise unreadable(f"a node without a type, but with {inside[0]!r} in it: no name may hold a '/'")
        raise unreadable("a node without a type")
    if kind not in KINDS:
        raise error("LX401", found=f"node kind {kind}", fix=f"kinds that can be read: {', '.join(KINDS)}")
    fields = KINDS[kind]
    for field in sorted({*group} - {*fields.needed, *fields.optional, "type", "metadata"}):
        raise unreadable(f"a field that a {kind} node does not have", field=field)
    present = (*fields.needed, *(field for field in fields.optional if field in group))
    for field in present:
        if not isinstance(group.get(field), h5py.Dataset):
            raise unreadable(f"a {kind} node without it", field=field)
        _survey_field(kind, field, group[field])
    if kind in ELEMENTWISE:
        sizes = {field: group[field].shape for field in present if group[field].shape != ()}
        for field, shape in sizes.items():
            if shape != (wanted := next(iter(sizes.values()))):
                fix = f"give every parameter the shape of {next(iter(sizes))}, {wanted}, or a scalar"
                raise error("LX102", field=field, found=f"shape {shape}", fix=fix)


def _survey_field(kind: str, field: str, dataset: Any) -> None:
    shape, dtype = dataset.shape, dataset.dtype
    if field == "padding" and h5py.check_string_dtype(dtype) is not None:
        return
    if dtype.kind not in ("iu" if field in (*WHOLE, "padding") and 0 not in shape else "iuf"):
        raise unreadable(f"dtype {dtype}", field=field)
    if field in (*WHOLE, "padding") and (len(shape) > 1 or (shape and shape[0] > DEEPEST)):
        raise unreadable(f"shape {shape} of a shape", field=field)
    if field in SINGLE and dataset.size != 1:
        raise unreadable(f"shape {shape} of one number", field=field)
    dims = {"Affine": 2, "Linear": 2, "Conv1d": 3, "Conv2d": 4}.get(kind)
    if field == "weight" and len(shape) != dims:
        wanted = {2: "a matrix (out, in)", 3: "(out, in / groups, kernel)", 4: "(out, in / groups, *kernel)"}
        raise error("LX102", field=field, found=f"shape {shape}", fix=f"give {wanted[dims]}")  # type: ignore[index]


def _graph(group: Any) -> RawGraph:
    nodes: dict[str, Raw | RawGraph] = {}
    for name, item in group["nodes"].items():
        kind = _kind(item)
        if kind == "NIRGraph":
            nodes[name] = _graph(item)
            continue
        fields = {field: item[field][()] for field in (*KINDS[kind].needed, *KINDS[kind].optional) if field in item}
        nodes[name] = Raw(kind, {key: _text(value) for key, value in fields.items()})
    metadata = group.get("metadata", {})
    texts = {key: _text(value[()]) for key, value in metadata.items() if isinstance(value, h5py.Dataset)}
    return RawGraph(nodes, tuple((_text(a), _text(b)) for a, b in group["edges"][()]), texts)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def unreadable(found: str, **where: Any) -> Exception:
    """Exception for a damaged or foreign file (LX003)."""
    return error("LX003", found=found, fix="export the file again, or get an undamaged copy", **where)


def all_of(findings: Iterable[Finding]) -> LifexportError:
    """One exception for several findings, of the class of the first."""
    findings = tuple(findings)
    return CODES[findings[0].code].error(*findings)
