"""``check``: everything that can be found about a file without training or simulating."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import __version__, schemas
from .errors import LifexportError
from .files import read_json
from .findings import Finding, error, unknown_name

SCHEMA = "lifexport.findings/1"

Kind = Literal["nir", "onnx", "target", "fidelity", "findings"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file, what it was taken for, and everything found about it.

    Parameters
    ----------
    file : str
        Its name, as it was given.
    kind : ``"nir"`` | ``"onnx"`` | ``"target"`` | ``"fidelity"`` | ``"findings"`` or None
        None if the file could not be opened or is of no known kind.
    findings : tuple of Finding
    """

    file: str
    kind: Kind | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """No finding of severity ``error``."""
        return not any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/findings.schema.json``."""
        return {
            "schema": SCHEMA,
            "tool": {"name": "lifexport", "version": __version__},
            "file": self.file,
            "kind": self.kind,
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
        }


def check(
    path: str | os.PathLike[str],
    *,
    dt: float | None = None,
    source: str | None = None,
    reset: str | None = None,
    target: str | None = None,
) -> Checked:
    """Check a NIR file, an ONNX file, a target description or a report; nothing is raised for a bad file.

    Parameters
    ----------
    path : str or path
        The file; its kind is told by its first bytes and its suffix, that of a JSON file by its field ``schema``. A
        JSON file without that field is taken for a target.
    dt : float, seconds, optional
        Time step of a NIR file that does not say.
    source, reset : str, optional
        Whose network a NIR file without record holds, and with which reset it was trained, as for ``from_nir``.
    target : str, optional
        For a NIR file: also find every feature that this target cannot express (LX203).

    Returns
    -------
    Checked

    Examples
    --------
    >>> from pathlib import Path
    >>> from lifexport import targets
    >>> checked = check(Path(targets.__file__).parent / "fpga-q.json")
    >>> checked.kind, checked.ok
    ('target', True)
    >>> print(check("missing.nir").findings[0])
    LX003 file cannot be read: missing.nir: No such file or directory; fix: name an existing file
    """
    kind, findings = None, ()
    try:
        kind = _kind(Path(path))
        for option, value in (("dt", dt), ("source", source), ("reset", reset), ("target", target)):
            if value is not None and kind != "nir":
                raise error("LX006", field=option, found=f"{value!r} for a {kind} file", fix="leave it out")
        findings = (
            _check_nir(path, target, dt=dt, source=source, reset=reset) if kind == "nir" else _check_other(path, kind)
        )
    except LifexportError as failure:
        findings = failure.findings
    return Checked(file=str(path), kind=kind, findings=findings)


def _kind(path: Path) -> Kind:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError) as reason:  # ValueError: a name no file can have
        found = f"{path}: {getattr(reason, 'strerror', None) or reason}"
        raise error("LX003", found=found, fix="name an existing file") from None
    if start.startswith(b"\x89HDF\r\n\x1a\n") or path.suffix == ".nir":
        return "nir"
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".json":
        return _json_kind(read_json(path))
    fix = "give a .nir file (HDF5), an .onnx file, or a target or report (.json)"
    raise error("LX003", found=f"{path}: of no known kind", fix=fix)


def _json_kind(document: Any) -> Kind:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str):
        return "target"
    named = re.fullmatch(r"lifexport\.([a-z]+)/[0-9]+", schema)
    known = {name: schemas.load(name)["properties"]["schema"]["const"] for name in schemas.names()}
    if named is None or named[1] not in known:
        raise unknown_name("schema", schema, known.values(), code="LX003", field="schema")
    return named[1]  # type: ignore[return-value]


def _check_nir(path: str | os.PathLike[str], target: str | None, **asked: Any) -> tuple[Finding, ...]:
    from .export.nir_graph import check_nir, from_nir  # loads nir and h5py

    findings = check_nir(path, **asked)
    if target is None or any(finding.severity == "error" for finding in findings):
        return findings
    from .network import FloatNetwork
    from .quantization import inexpressible
    from .targets import load_target

    network = from_nir(path, **asked)
    if not isinstance(network, FloatNetwork):
        found, fix = f"{target!r} for integers that were made for {network.target!r}", "leave it out"
        raise error("LX006", field="target", found=found, fix=fix)
    return (*findings, *inexpressible(network, load_target(target)))


def _check_other(path: str | os.PathLike[str], kind: Kind) -> tuple[Finding, ...]:
    if kind == "onnx":
        from .export.onnx_file import check_onnx  # loads onnx

        return check_onnx(path)
    if kind == "target":
        from .targets import load_target

        load_target(Path(path))
        return ()
    return tuple(schemas.violations(kind, read_json(path), code="LX003"))
