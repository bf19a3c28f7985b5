"""The network an ONNX file holds: facts from its record, arrays from its graph, all held against each other.

A file is what its record describes exactly if the restored network has the recorded digest and ``onnx_model.build``
gives the file's model again, part by part. Neither record nor graph is trusted: nothing is allocated that the file
could not hold.
"""

from __future__ import annotations

import copy
import functools
import json
import math
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from onnx import ModelProto, TensorProto  # noqa: TID251

from .. import __version__
from ..errors import LifexportError, MismatchError
from ..files import canonical_json, sha256
from ..findings import Finding, at_node, error, raise_errors
from ..graph import Edge
from ..network import FloatNetwork, IntNetwork
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF, IntLIF
from ..nodes import FloatDense, Input, IntDense, IntInput, Output
from ..origin import origin_of
from ..room import require_few, require_room
from ..spatial import Flatten, FloatAvgPool, FloatConv, IntConv, SumPool
from . import provenance
from .onnx_external import differing, numbers
from .onnx_forms import Form, Outputs, initial_names
from .onnx_model import IR_VERSIONS, build_split
from .onnx_packing import unpacked, weight_type
from .onnx_qonnx_ops import DOMAIN as QONNX
from .onnx_qonnx_ops import identifier
from .restoring import hints as hints_of
from .restoring import scalar

_BOTH = (Output, SumPool, Flatten)
_INT = (*_BOTH, IntInput, IntDense, IntConv, IntLIF)
_FLOAT = (*_BOTH, Input, FloatDense, FloatConv, FloatAvgPool, FloatLIF, FloatIAF, FloatLI, FloatCubaLIF)
NETWORKS: dict[str, type[FloatNetwork] | type[IntNetwork]] = {cls.__name__: cls for cls in (FloatNetwork, IntNetwork)}
KINDS: dict[str, dict[str, Any]] = {
    FloatNetwork.__name__: {cls.kind: cls for cls in _FLOAT},
    IntNetwork.__name__: {cls.kind: cls for cls in _INT},
}
"""Kinds of nodes, by network."""
DTYPES: dict[int, np.dtype] = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.INT8: np.dtype("<i1"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.INT64: np.dtype("<i8"),
}
"""Types that parameters are stored in."""

NEURONS = 1 << 22
"""Numbers a record may claim whatever the size of its file: equal ones are stored once."""

PER_SYNAPSE = ("current_decay", "current_initial")
"""Arrays with one more axis than their population."""

MOST = 20
"""Findings listed for one file."""


class Reading(NamedTuple):
    """A model as far as it could be understood."""

    network: FloatNetwork | IntNetwork | None
    findings: tuple[Finding, ...]


def restore(model: ModelProto, data: np.ndarray | None = None) -> FloatNetwork | IntNetwork:
    """Network that was exported, bit for bit.

    Parameters
    ----------
    model : ModelProto
        As ``read_model`` returns it.
    data : uint8 array, optional
        Its data file, as ``open_data`` returns it.

    Returns
    -------
    FloatNetwork or IntNetwork
        Has the digest that the record states, and ``to_onnx`` writes the model for it.

    Raises
    ------
    FileError
        LX003 for a missing or damaged record, LX004 for one of a newer version.
    MismatchError
        LX403 wherever model and record disagree.
    LifexportError
        The rule of a network that an edited record breaks.
    """
    network, findings = load(model, data)
    raise_errors(findings)
    assert network is not None
    return network


def record_of(model: ModelProto) -> str | None:
    """Text of lifexport's record; None for a file of another tool."""
    return next((entry.value for entry in model.metadata_props if entry.key == provenance.KEY), None)


def form_of(model: ModelProto) -> Form:
    """Form of a file of ours."""
    if any(node.op_type == "Scan" and node.name == "time" for node in model.graph.node):
        return "scan"
    return "layerwise" if any(value.name == "prediction" for value in model.graph.output) else "step"


def _outputs(model: ModelProto) -> Outputs:
    """Which values inside a file of ours are outputs too."""
    ends = {value.name.rpartition(".")[2] for value in model.graph.output}
    return "trace" if "V_trace" in ends else "counts" if "count" in ends else "final"


def load(model: ModelProto, data: np.ndarray | None = None) -> Reading:
    """Read a model as far as it can be understood, with everything found on the way.

    Raises
    ------
    FileError
        LX003, LX004 for a record that cannot be read at all.
    """
    text = record_of(model)
    fields = provenance.parse(text)
    findings: list[Finding] = []
    network, held = None, model.ByteSize() + (0 if data is None else len(data))
    require_few(len(fields["nodes"]), len(fields["edges"]))
    try:
        nodes = _nodes(model, data, fields, findings)
        if len(nodes) == len(fields["nodes"]):
            cls, chip = NETWORKS[fields["kind"]], ("target", "target_digest")
            whole = {key: fields[key] for key in ("readout", "state_reset", *(chip if cls is IntNetwork else ()))}
            if cls is IntNetwork:
                whole |= {"approximations": tuple(fields["approximations"]), **provenance.made_of(fields)}
            edges = tuple(Edge(*edge) for edge in fields["edges"])
            whole |= {"origin": origin_of(fields)}
            network = cls(nodes=nodes, edges=edges, dt=provenance.exact_dt(fields), **whole)
            require_room(network, held)
            places = provenance.changed(fields, network)
            known = {(finding.node, finding.field) for finding in findings}
            findings += [_edited(fields, node, field) for node, field in places if (node, field) not in known]
            findings += [*_differences(model, data, network, fields, agreed=not findings)]
    except LifexportError as failure:
        findings += failure.findings
    if len(findings) > MOST:
        more = _edited(fields, None, None, f"{len(findings) - MOST} more differences")
        findings = [*findings[:MOST], more]
    return Reading(network, tuple(findings))


def _edited(fields: Mapping[str, Any], node: str | None, field: str | None, found: str | None = None) -> Finding:
    writer, fix = fields["tool"]["version"], "export the network again; the file was edited after it was written"
    if writer != __version__:
        fix = f"check it with lifexport {writer}, which wrote it, or export the network again"
    return Finding(code="LX403", node=node, field=field, found=found or "not what the record describes", fix=fix)


# From record and graph to a network


def _nodes(
    model: ModelProto, data: np.ndarray | None, fields: Mapping[str, Any], findings: list[Finding]
) -> dict[str, Any]:
    if fields["kind"] not in NETWORKS or (fields["kind"] == IntNetwork.__name__) != ("target" in fields):
        raise error("LX403", field="kind", found=reprlib.repr(fields["kind"]), fix=f"use {' or '.join(NETWORKS)}")
    claimed = sum(math.prod(array["shape"]) for node in fields["nodes"].values() for array in node["arrays"].values())
    if claimed > max(NEURONS, 2 * (model.ByteSize() + (0 if data is None else len(data)))):
        fix = "export the file again, or get an undamaged copy"
        raise error("LX003", found=f"a record of {claimed} numbers, more than the file can hold", fix=fix)
    stored, nodes = {t.name: functools.partial(_numbers, t, data) for t in model.graph.initializer}, {}
    for name, facts in fields["nodes"].items():
        edited: list[Finding] = []
        try:
            with at_node(name):
                tell = functools.partial(_edited, fields, name)
                nodes[name] = _node(name, facts, stored, KINDS[fields["kind"]], tell, edited)
        except LifexportError as failure:
            edited = edited or [*failure.findings]  # what an edited number breaks is no second finding
        findings += edited
    return nodes


def _node(
    name: str,
    facts: Mapping[str, Any],
    stored: Mapping[str, Callable[[], np.ndarray]],
    kinds: Mapping[str, Any],
    edited: Any,
    found: list,
) -> Any:
    cls = kinds.get(facts["kind"])
    if cls is None:
        raise error("LX403", field="kind", found=reprlib.repr(facts["kind"]), fix=f"kinds of nodes: {', '.join(kinds)}")
    hints = hints_of(cls)
    given = {
        field: scalar(hint, facts["fields"].get(field), field)
        for field, hint in hints.items()
        if field not in facts["arrays"] and hint is not np.ndarray
    }
    shape, complete = given.get("shape"), True
    for field in [field for field in hints if field not in given]:
        try:
            given[field] = _array(name, field, facts, stored)
        except _UnfitError as reason:
            found.append(edited(field, str(reason)))
            complete = False
            continue
        if sha256(given[field].tobytes()) != facts["arrays"][field]["sha256"]:
            found.append(edited(field, "not the numbers of the record"))
        own = given[field].shape[1:] if field in PER_SYNAPSE else given[field].shape
        if shape is not None and own != shape:
            found.append(edited("shape", f"{shape}, but {field} has {given[field].shape}"))
            complete = False
    if not complete:
        raise MismatchError(*found)
    try:
        return cls(**given)
    except LifexportError:
        raise
    except ValueError as reason:  # a width of 0 bits is a negative shift
        raise _damaged(None, str(reason)) from None


class _UnfitError(Exception):
    """Why record and graph do not give an array, in words."""


def _array(
    name: str, field: str, facts: Mapping[str, Any], stored: Mapping[str, Callable[[], np.ndarray]]
) -> np.ndarray:
    """Array of a node as the network holds it, from the graph or, where that has no place for it, from the record."""
    entry = facts["arrays"].get(field)
    names = initial_names(name) if field == "v_initial" else (f"{name}.{field}",)
    names += (identifier(f"{name}.weight"),) if field == "weight" else ()
    tensor = next((stored[known] for known in names if known in stored), None)
    if entry is None:
        raise _UnfitError("not in the record")
    if field in facts["values"]:
        array = provenance.decode(facts["values"][field], field, provenance.dtype(entry))
    elif tensor is None:
        raise _UnfitError("not in the graph")
    else:
        with np.errstate(invalid="ignore"):  # what is no integer has another digest
            array = tensor().astype(np.float64 if entry["dtype"] == "float64" else np.int64)
        if field == "weight" and facts["kind"] == FloatDense.kind == IntDense.kind:
            array = array.T
        elif field == "v_initial":
            array = array.reshape(array.shape[1:]) if array.shape[:1] == (1,) else array
    shape = tuple(entry["shape"])
    array = array.reshape(()) if array.size == 1 else array  # equal numbers are stored once
    if array.shape not in ((), shape):
        raise _UnfitError(f"shape {array.shape}, {shape} in the record")
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(shape)


def _numbers(tensor: TensorProto, data: np.ndarray | None) -> np.ndarray:
    """Numbers of an initializer, if they are stored as ``onnx_ops`` stores them."""
    dims, dtype, raw = tuple(tensor.dims), DTYPES.get(tensor.data_type), numbers(tensor, data)
    if raw is not None and tensor.data_type == TensorProto.INT4 and len(raw) == (math.prod(dims) + 1) // 2:
        return unpacked(raw, math.prod(dims)).reshape(dims)
    if raw is None or dtype is None or math.prod(dims) * dtype.itemsize != len(raw):
        raise _UnfitError("not stored as lifexport stores numbers")
    if any(size < 1 for size in dims):
        raise _UnfitError(f"shape {dims}")
    return np.frombuffer(raw, dtype).reshape(dims)


def _damaged(field: str | None, found: str) -> Exception:
    return error("LX003", field=field, found=found, fix="export the file again, or get an undamaged copy")


# From a network to the model that was written for it


def is_portable(model: ModelProto) -> bool:
    """Whether a file of ours says that it divides and compares as ``onnx_portable_ops`` does."""
    return json.loads(record_of(model) or "{}").get("portable") is True


def _differences(
    model: ModelProto,
    data: np.ndarray | None,
    network: FloatNetwork | IntNetwork,
    fields: Mapping[str, Any],
    *,
    agreed: bool,
) -> Iterator[Finding]:
    """Everything in which a model is not the one ``to_onnx`` writes for a network.

    The record's text is compared only if its facts ``agreed``.
    """
    names = [value.name for value in model.graph.input]
    versions = {entry.domain: entry.version for entry in model.opset_import}
    named = [entry.value for t in model.graph.initializer for entry in t.external_data if entry.key == "location"]
    expected, chunks = build_split(
        network,
        named[0] if named else "",
        data is not None,
        form=form_of(model),
        dialect="qonnx" if QONNX in versions else "standard",
        lif="function" if model.functions else "inline",
        weights=weight_type(model),
        initial_state="captured" if names == ["x"] else "input",
        outputs=_outputs(model),
        opset=versions.get("", 0) if versions.get("", 0) in IR_VERSIONS else max(IR_VERSIONS),
        portable=is_portable(model),
    )
    for name in () if data is None else differing(chunks, data):
        agreed = False
        yield _edited(fields, name or None, None, "other numbers in the data file" if name else "more in the data file")
    ours, theirs = _parts(model), _parts(expected)
    for what, name in {**theirs, **ours}:
        found = _difference(ours.get((what, name)), theirs.get((what, name)))
        if found:
            agreed = False
            yield _edited(fields, name or None, None, f"{what} {found}")
    if not agreed:
        return
    now = json.loads(record_of(expected) or "")
    now["tool"]["version"] = fields["tool"]["version"]
    if canonical_json(now) != record_of(model):
        yield _edited(fields, None, provenance.KEY, "not the record that is written for the network it describes")
    expected.metadata_props[0].value = record_of(model) or ""
    if _bytes(model) != _bytes(expected):
        yield _edited(fields, None, None, "parts of the model come in another order or twice, or metadata were added")


def _difference(ours: Any, theirs: Any) -> str | None:
    if theirs is None:
        return "that the recorded network does not have"
    if ours is None:
        return "is missing"
    if _bytes(ours) == _bytes(theirs):
        return None
    kinds = [getattr(part, "op_type", "") for part in (ours, theirs)]
    return "is not the recorded network's" + (f": {kinds[0]} instead of {kinds[1]}" if kinds[0] != kinds[1] else "")


def _parts(model: ModelProto) -> dict[tuple[str, str], Any]:
    """Messages a model consists of, by what they are and their names; its metadata aside."""
    rest = copy.deepcopy(model)
    rest.ClearField("metadata_props")
    parts: dict[tuple[str, str], Any] = {}
    for node in rest.graph.node:
        bodies = [attribute.g for attribute in node.attribute if attribute.name == "body"]
        for body in bodies:
            parts |= _taken(body, "step ")
    parts = _taken(rest.graph, "") | parts
    for function in rest.functions:
        parts |= {("function node", f"{function.name}/{part.name}"): copy.deepcopy(part) for part in function.node}
        function.ClearField("node")
        parts["function", function.name] = copy.deepcopy(function)
    rest.ClearField("functions")
    return {("model", ""): rest} | parts


def _taken(graph: Any, prefix: str) -> dict[tuple[str, str], Any]:
    """Inputs, outputs, initializers and nodes of a graph, which no longer holds them afterwards."""
    parts = {}
    for group in ("input", "output", "initializer", "node"):
        parts |= {(prefix + group, part.name): copy.deepcopy(part) for part in getattr(graph, group)}
        graph.ClearField(group)
    return parts


def _bytes(message: Any) -> bytes:
    return message.SerializeToString(deterministic=True)
