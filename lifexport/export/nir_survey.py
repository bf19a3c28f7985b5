"""NIR files from the untrusted bytes to a ``NIRGraph``: what cannot be read is refused before it is allocated."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import nir  # noqa: TID251
import numpy as np

from ..errors import LifexportError
from ..findings import CODES, Finding, at_node, error

FIELDS = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
}
"""NIR node kinds that are read, and the arrays each must have; ``v_reset`` is 0 where older files lack it."""

DEEPEST = 16
UNNAMED = "?"
INFLATION = 1100
"""Arrays may claim this many bytes per byte of file: deflate does not compress further than 1032 to 1."""


def read_graph(path: Path) -> nir.NIRGraph:
    """Graph of a file nobody vouches for, surveyed before anything is allocated."""
    try:
        content = path.read_bytes()
    except OSError as reason:
        raise unreadable(f"{path}: {reason.strerror or reason}") from None
    if not content.startswith(b"\x89HDF\r\n\x1a\n"):
        raise unreadable(f"{path}: {'not an HDF5 file' if content else 'the file is empty'}")
    budget = INFLATION * len(content)
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _survey(file, budget)
        # Not type-checked by nir yet: it refuses scalar parameters, which only need a shape.
        graph = nir.read(io.BytesIO(content), type_check=False)  # type: ignore[arg-type]
        _spread_scalars(graph, budget)
        with contextlib.suppress(ValueError):  # the network's own checks name node and field
            graph.infer_types()  # adds an Input and an Output where they are missing
        return graph
    except LifexportError:
        raise
    except Exception as reason:  # h5py and nir raise whatever their insides meet
        raise unreadable(f"{path}: {type(reason).__name__}: {reason}") from None


def _survey(file: Any, budget: int) -> None:
    """Refuse, before any array is read, what is not a flat NIR graph of kinds that are read."""
    claimed = 0
    for place, dataset in _datasets(file, set()):
        if dataset.dtype.kind not in "fiub" and h5py.check_string_dtype(dataset.dtype) is None:
            raise unreadable(f"{place} holds {dataset.dtype}, neither numbers nor text")
        claimed += dataset.nbytes
        if claimed > budget:
            raise unreadable(f"{place} claims shape {dataset.shape}, more than the file can hold")
    if not (isinstance(file.get("node"), h5py.Group) and isinstance(file.get("version"), h5py.Dataset)):
        raise unreadable("an HDF5 file without NIR's 'version' and 'node'")
    if _kind(file["node"]) != "NIRGraph" or not isinstance(file.get("node/nodes"), h5py.Group):
        raise error("LX401", found=f"a lone {_kind(file['node'])} node", fix="write it as a NIRGraph")
    findings: list[Finding] = []
    for name, group in file["node/nodes"].items():
        with collect(findings), at_node(name):
            _survey_node(group)
    if findings:
        raise all_of(findings)


def _datasets(group: Any, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Every dataset below a group; refuses what leads out of the file, round in circles or too deep."""
    seen.add(group)
    for key in group:
        place = f"{group.name.rstrip('/')}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise unreadable(f"{place} is a link")
        item = group[key]
        if isinstance(item, h5py.Group):
            if item in seen or place.count("/") > DEEPEST:
                raise unreadable(f"{place} is nested in itself or too deep")
            yield from _datasets(item, seen)
        elif not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
            raise unreadable(f"{place} is not stored in the file itself")
        else:
            yield place, item


def _kind(group: Any) -> str:
    value = group["type"][()] if isinstance(group, h5py.Group) and "type" in group else UNNAMED  # type: ignore[index]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _survey_node(group: Any) -> None:
    kind = _kind(group)
    if kind == UNNAMED:
        raise unreadable("a node without a type")
    if kind == "NIRGraph":
        raise error("LX401", found="a nested graph", fix="export a flat graph; nested ones cannot be read yet")
    if kind not in FIELDS:
        raise error("LX401", found=f"node kind {kind}", fix=f"kinds that can be read: {', '.join(FIELDS)}")
    for field in (*FIELDS[kind], *({"v_reset"} & {*group} if kind == "LIF" else ())):
        if not isinstance(group.get(field), h5py.Dataset):
            raise unreadable(f"a {kind} node without it", field=field)
        shape, dtype = group[field].shape, group[field].dtype
        if dtype.kind not in ("iu" if field == "shape" and 0 not in shape else "iuf"):
            raise unreadable(f"dtype {dtype}", field=field)
        if field == "shape" and len(shape) > 1:
            raise unreadable(f"shape {shape} of a shape", field=field)
        if kind == "LIF" and shape != group["tau"].shape:
            fix = f"give every parameter the shape of tau, {group['tau'].shape}"
            raise error("LX102", field=field, found=f"shape {shape}", fix=fix)
        if field == "weight" and len(shape) != 2:
            raise error("LX102", field=field, found=f"shape {shape}", fix="give a matrix (out, in)")


def _spread_scalars(graph: nir.NIRGraph, budget: int) -> None:
    """Give neurons with scalar parameters the shape of what feeds them."""
    waiting = {name for name, node in graph.nodes.items() if isinstance(node, nir.LIF) and np.ndim(node.tau) == 0}
    while waiting:
        ready = [(a, b) for a, b in sorted(graph.edges) if b in waiting and a in graph.nodes and a not in waiting]
        if not ready:
            return
        source, name = ready[0]
        shape, node = shape_of(graph.nodes[source].output_type["output"]), graph.nodes[name]
        if 8 * math.prod(shape) > budget:
            raise unreadable(f"shape {shape} is more than the file can hold", node=source)
        fields = {field: np.broadcast_to(getattr(node, field), shape) for field in (*FIELDS["LIF"], "v_reset")}
        graph.nodes[name] = nir.LIF(**fields)  # type: ignore[arg-type]
        waiting.remove(name)


def shape_of(values: Any) -> tuple[int, ...]:
    """Shape as a tuple of Python integers."""
    return tuple(int(size) for size in np.atleast_1d(values))


def unreadable(found: str, **where: Any) -> Exception:
    """Exception for a damaged or foreign file (LX003)."""
    return error("LX003", found=found, fix="export the file again, or get an undamaged copy", **where)


@contextlib.contextmanager
def collect(findings: list[Finding]) -> Iterator[None]:
    """Keep the findings of an error and go on after the block."""
    try:
        yield
    except LifexportError as failure:
        findings.extend(failure.findings)


def all_of(findings: Iterable[Finding]) -> LifexportError:
    """One exception for several findings, of the class of the first."""
    findings = tuple(findings)
    return CODES[findings[0].code].error(*findings)
