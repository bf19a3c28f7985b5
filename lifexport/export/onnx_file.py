"""Reading an ONNX file nobody vouches for: is it a model, is it ours, was it edited since."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251
from onnx import numpy_helper  # noqa: TID251

from ..errors import LifexportError
from ..files import sha256
from ..findings import Finding, error
from . import provenance

PARAMETERS = {"Dense": ("weight",), "LIF": ("decay", "threshold", "reset_code", "bias")}
"""Arrays of a node that the graph stores as the initializers ``<node>.<field>``."""


def check_onnx(path: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Everything wrong with an ONNX file, as far as the file itself can tell; nothing is raised or run.

    Checked are structure, types and shapes, standard operators only, the provenance record, and every stored
    parameter against the record's digests (LX403). A file without record is noted (LX420).
    """
    try:
        model = read_model(Path(path))
        text = next((p.value for p in model.metadata_props if p.key == provenance.KEY), None)
        if text is None:
            return (Finding(code="LX420", found="no metadata key 'lifexport'", fix="export it with lifexport.to_onnx"),)
        return tuple(_changed_parameters(model, provenance.parse(text)))
    except LifexportError as failure:
        return failure.findings


def read_model(path: Path) -> onnx.ModelProto:
    """Load and check a model: structure, types, shapes, no operator outside the standard (LX003)."""
    try:
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True)
    except OSError as reason:
        raise error("LX003", found=f"{path}: {reason.strerror}", fix="name an existing .onnx file") from None
    except Exception as reason:  # protobuf, checker and inference each have errors of their own
        first = str(reason).strip().splitlines()
        found = f"{path.name}: {first[0][:200] if first else type(reason).__name__}"
        raise error("LX003", found=found, fix="the file is truncated or not ONNX; export it again") from None
    if not model.graph.node:
        raise error("LX003", found=f"{path.name}: an empty graph", fix="the file is truncated; export it again")
    foreign = {node.domain for node in model.graph.node if node.domain} | {f.domain for f in model.functions}
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if foreign or versions.get("", 0) > onnx.defs.onnx_opset_version():
        found = f"{path.name}: domains {sorted(foreign)}, opset {versions.get('')}"
        raise error("LX003", found=found, fix="only standard operators can be run here")
    return model


def _changed_parameters(model: onnx.ModelProto, record: dict[str, Any]) -> Iterator[Finding]:
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    fix = "export the network again; a file that was edited is not the network its record describes"
    for name, node in record["nodes"].items():
        for field in PARAMETERS.get(node["kind"], ()):
            tensor, entry = stored.get(f"{name}.{field}"), node["arrays"].get(field)
            if tensor is None or entry is None:
                found = f"only in the {'record' if entry else 'graph' if tensor is not None else 'kind'}"
                yield Finding(code="LX403", node=name, field=field, found=found, fix=fix)
            elif _digest(numpy_helper.to_array(tensor), entry["shape"], field) != entry["sha256"]:
                yield Finding(code="LX403", node=name, field=field, found="not the numbers of the record", fix=fix)


def _digest(array: np.ndarray, shape: list[int], field: str) -> str | None:
    """Digest of a parameter as the network holds it: int64, weights ``(out, in)``, one number per neuron."""
    array = array.T if field == "weight" else array
    if array.shape != tuple(shape) and array.size != 1:
        return None
    return sha256(np.ascontiguousarray(np.broadcast_to(array.astype(np.int64), shape)).tobytes())
