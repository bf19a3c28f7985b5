"""An integer network as one JSON document (``schemas/intnetwork.schema.json``), and back, number by number."""

from __future__ import annotations

import base64
import binascii
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import schemas
from ..errors import LifexportError
from ..export.provenance import is_shape, lineage, made_of, plain
from ..export.restoring import hints, scalar
from ..files import canonical_json, read_json, require_suffix, write_text
from ..findings import at_node, error, raise_errors
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntDense, IntInput, Output
from ..origin import origin_of, stated
from ..room import require_few, require_numbers, require_room
from ..schemas import header
from ..spatial import Flatten, IntConv, SumPool

SCHEMA = "lifexport.intnetwork/1"
KINDS: dict[str, Any] = {cls.kind: cls for cls in (IntInput, Output, IntDense, IntConv, SumPool, Flatten, IntLIF)}
DTYPES = ("<i1", "<i2", "<i4", "<i8")
"""Types that integers are stored in: the first of them that holds every one of an array."""
SPELLED = {"<i1": "int8", "<i2": "int16", "<i4": "int32", "<i8": "int64", "<f8": "float64"}
WHOLE = ("target", "target_digest", "readout", "state_reset")


def to_document(q: IntNetwork) -> dict[str, Any]:
    """Everything an integer network is.

    Parameters
    ----------
    q : IntNetwork

    Returns
    -------
    dict
        Conforms to ``schemas/intnetwork.schema.json``. Nodes come in order of evaluation; reals are ratios of
        integers; arrays are ``{"dtype", "shape", "base64"}``, little-endian, last axis fastest.

    Examples
    --------
    >>> array = to_array(np.array([[1, -2]]))
    >>> array["dtype"], array["shape"], array["base64"]
    ('int8', [1, 2], 'Af4=')
    """
    return {
        **header(SCHEMA),
        "digest": q.digest(),
        **{key: getattr(q, key) for key in WHOLE},
        "approximations": list(q.approximations),
        **stated(q.origin),
        "dt": plain(q.dt),
        "latency": q.latency,
        "nodes": [{"name": name, "kind": node.kind, **_fields(node)} for name, node in q.nodes.items()],
        "edges": [{"source": edge.source, "target": edge.target, "delay": edge.delay} for edge in q.edges],
        **lineage(q),
    }


def _fields(node: Any) -> dict[str, Any]:
    values = {field: getattr(node, field) for field in hints(type(node))}
    return {f: to_array(v) if isinstance(v, np.ndarray) else plain(v) for f, v in values.items()}


def to_array(values: np.ndarray) -> dict[str, Any]:
    """Array as JSON: integers in the smallest type that holds them, reals in float64."""
    kind = "<f8" if values.dtype.kind == "f" else next(d for d in DTYPES if _fits(values, np.dtype(d)))
    data = base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
    return {"dtype": SPELLED[kind], "shape": list(values.shape), "base64": data}


def _fits(values: np.ndarray, kind: np.dtype) -> bool:
    limits = np.iinfo(kind)
    return bool(limits.min <= values.min(initial=0) and values.max(initial=0) <= limits.max)


def from_array(entry: dict[str, Any], field: str, *, smallest: bool = False) -> np.ndarray:
    """Array of an entry: int64 or float64, or of the ``smallest`` type, as it is stored.

    LX003 if its numbers do not fill its shape.
    """
    if not is_shape(entry["shape"]):
        raise _damaged(field, "no shape")
    spelled = {name: kind for kind, name in SPELLED.items()}
    kind, shape = np.dtype(spelled[entry["dtype"]]), tuple(entry["shape"])
    try:
        data = base64.b64decode(entry["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise _damaged(field, "not base64") from None
    if len(data) != kind.itemsize * math.prod(shape):
        raise _damaged(field, f"{len(data)} bytes for {entry['dtype']} of shape {list(shape)}")
    stored = np.frombuffer(data, kind).reshape(shape)
    return stored if smallest else stored.astype(np.float64 if kind.kind == "f" else np.int64)


def from_document(document: Any) -> IntNetwork:
    """Network of a document, the same that was written (``lifexport.same``).

    Parameters
    ----------
    document : JSON value

    Raises
    ------
    FileError
        LX003 for what the schema does not allow and for damaged arrays, LX004 for a newer version.
    MismatchError
        LX403 if the network is not the one of the document's digest: it was edited.
    LifexportError
        The rule of a network that is broken.
    """
    raise_errors(schemas.violations("intnetwork", document, code="LX003"))
    held = sum(len(text) for text in _texts(document))
    require_few(len(document["nodes"]), len(document["edges"]))
    require_numbers(((e["name"], math.prod(e.get("shape", ()))) for e in document["nodes"]), held)
    nodes: dict[str, Any] = {}
    for entry in document["nodes"]:
        if entry["name"] in nodes:
            raise _damaged(None, f"node {entry['name']!r} is there twice")
        with at_node(entry["name"]):
            nodes[entry["name"]] = _node(entry)
    edges = tuple(Edge(edge["source"], edge["target"], edge["delay"]) for edge in document["edges"])
    try:
        parents = made_of(document)
    except LifexportError:
        raise _damaged("calibrated_on", "no list of samples") from None
    q = IntNetwork(
        nodes=nodes,
        edges=edges,
        dt=scalar(float, document["dt"], "dt"),
        origin=origin_of(document),
        approximations=tuple(document["approximations"]),
        **{key: document[key] for key in WHOLE},
        **parents,
    )
    require_room(q, held)
    if q.digest() != document["digest"] or to_document(q) | {"tool": document["tool"]} != document:
        fix = "get an undamaged copy, or quantize again"
        raise error("LX403", field="digest", found="numbers that are not those of the digest", fix=fix)
    return q


def _texts(document: Any) -> Iterator[str]:
    """The arrays of a document as they are stored."""
    for entry in document["nodes"]:
        for value in entry.values():
            if isinstance(value, dict) and "base64" in value:
                yield value["base64"]


def _node(entry: dict[str, Any]) -> Any:
    cls = KINDS[entry["kind"]]
    given: dict[str, Any] = {}
    for field, hint in hints(cls).items():
        value: Any = entry.get(field)
        is_array = isinstance(value, dict) and "base64" in value
        given[field] = from_array(value, field) if is_array else scalar(hint, value, field)
    try:
        return cls(**given)
    except LifexportError:
        raise
    except (TypeError, ValueError, OverflowError) as reason:
        raise _damaged(None, str(reason)) from None


def save_intnetwork(q: IntNetwork, path: str | os.PathLike[str]) -> Path:
    """Write the document as canonical JSON, whole or not at all; equal networks give equal bytes."""
    return write_text(require_suffix(path, ".json"), canonical_json(to_document(q)) + "\n")


def load_intnetwork(path: str | os.PathLike[str]) -> IntNetwork:
    """Read what ``save_intnetwork`` wrote; errors are those of ``from_document``, LX003 for a file that is no JSON."""
    return from_document(read_json(path))


def _damaged(field: str | None, found: str) -> Exception:
    return error("LX003", field=field, found=found, fix="get an undamaged copy, or quantize again")
