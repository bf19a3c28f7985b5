"""Reading an ONNX file nobody vouches for: is it a model, is it ours, was it edited since."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnx  # noqa: TID251

from ..errors import LifexportError
from ..findings import Finding, error
from ..network import FloatNetwork, IntNetwork
from ..regular import read_bytes
from .onnx_bounds import require_few_nodes
from .onnx_external import LARGEST_FILE, is_split, open_data
from .onnx_functions import DOMAIN, foreign
from .onnx_qonnx_ops import DOMAIN as QONNX
from .onnx_restoring import load, record_of, restore
from .onnx_wire import require_few_fields


def check_onnx(path: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Everything wrong with an ONNX file, as far as the file itself can tell; nothing is raised or run.

    Checked are structure, types and shapes, standard operators only, and the provenance record. The network that
    the record describes is restored; whatever in the file is not what ``to_onnx`` writes for it is found (LX403).
    A file without record is noted (LX420).
    """
    try:
        model = read_model(Path(path))
        if record_of(model) is None:
            return (Finding(code="LX420", found="no metadata key 'lifexport'", fix="export it with lifexport.to_onnx"),)
        return load(model, open_data(Path(path), model)).findings
    except LifexportError as failure:
        return failure.findings


def from_onnx(path: str | os.PathLike[str]) -> FloatNetwork | IntNetwork:
    """Network of a file that ``to_onnx`` wrote, bit for bit, whatever its form.

    Facts come from the provenance record, arrays from the graph; the file must be, part by part, the one that
    ``to_onnx`` writes for the network. Nothing in it is run.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    FloatNetwork or IntNetwork
        The same that was exported (``lifexport.same``).

    Raises
    ------
    FileError
        LX003 for a file that is missing, damaged, or holds no record; LX004 for one of a newer version.
    MismatchError
        LX403 wherever graph and record disagree: the file was edited.

    Examples
    --------
    >>> from_onnx("missing.onnx")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: missing.onnx: No such file or directory; ...
    """
    return read_own(Path(path))[1]


def read_own(path: Path) -> tuple[onnx.ModelProto, FloatNetwork | IntNetwork]:
    """Model of a file that ``to_onnx`` wrote, and the network it holds; refuses what ``from_onnx`` refuses."""
    model = read_model(path)
    if record_of(model) is None:
        fix = "export it with lifexport.to_onnx; converters drop the metadata key 'lifexport' with all it says"
        raise error("LX003", found=f"{path.name}: a model without lifexport's record", fix=fix)
    return model, restore(model, open_data(path, model))


def read_model(path: Path) -> onnx.ModelProto:
    """Load and check a model: structure, types, shapes, no operator outside the standard (LX003)."""
    try:
        content = read_bytes(path, most=LARGEST_FILE, fix="name an existing .onnx file")
        require_few_fields(content)
        model = onnx.load_model_from_string(content)
        require_few_nodes(model)
        _require_text(model)
        open_data(path, model)
        onnx.checker.check_model(os.fspath(path) if is_split(model) else model, full_check=True)
        onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True)
    except LifexportError:
        raise
    except OSError as reason:
        raise error("LX003", found=f"{path}: {reason.strerror}", fix="name an existing .onnx file") from None
    except Exception as reason:  # protobuf, checker and inference each have errors of their own
        first = str(reason).strip().splitlines()
        found = f"{path.name}: {first[0][:200] if first else type(reason).__name__}"
        raise error("LX003", found=found, fix="the file is truncated or not ONNX; export it again") from None
    if not model.graph.node:
        raise error("LX003", found=f"{path.name}: an empty graph", fix="the file is truncated; export it again")
    domains, missing = foreign(model.graph.node, model.functions)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if missing:
        found = f"{path.name}: {DOMAIN}::{min(missing)}, but no such function"
        fix = 'a converter dropped the functions; convert the file of lif="inline", or export again'
        raise error("LX003", found=found, fix=fix)
    if domains - {QONNX} or versions.get("", 0) > onnx.defs.onnx_opset_version():
        found = f"{path.name}: domains {sorted(domains)}, opset {versions.get('')}"
        raise error("LX003", found=found, fix="only standard operators, and functions of them, can be run here")
    return model


def _require_text(message: Any) -> None:
    """Refuse (ValueError) names that are no UTF-8: protobuf then hands out bytes where everything expects text."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            for one in [value] if isinstance(value, str | bytes) else value:
                if not isinstance(one, str):
                    raise ValueError(f"{field.name} {one[:40]!r} is not text")
        elif field.type == field.TYPE_MESSAGE:
            for one in [value] if hasattr(value, "ListFields") else value:
                _require_text(one)
