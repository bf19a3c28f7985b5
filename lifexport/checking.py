"""``check``: everything that can be found about a file without training or simulating."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import schemas
from .errors import LifexportError
from .files import first_bytes, read_json
from .findings import Finding, collect, error, unknown_name
from .quantspec import QuantSpec
from .schemas import header

SCHEMA = "lifexport.findings/1"

Kind = str
"""``"nir"``, ``"onnx"``, ``"bundle"`` (a folder), or the name of a schema."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file, what it was taken for, and everything found about it.

    Parameters
    ----------
    file : str
        Its name, as it was given.
    kind : str or None
        A ``Kind``; None if the file could not be opened or is of no known one.
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
            **header(SCHEMA),
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
    reset: str | Mapping[str, str] | None = None,
    reset_delay: bool | None = None,
    target: str | None = None,
    profile: str | None = None,
    spec: QuantSpec | None = None,
) -> Checked:
    """Check a file or a bundle, and a network for a target; nothing is raised for a bad file, and nothing is run.

    Parameters
    ----------
    path : str or path
        The file; its kind is told by its first bytes and its suffix, that of a JSON file by its field ``schema``. A
        JSON file without that field is taken for a target, a folder for a bundle.
    dt : float, seconds, optional
        Time step of a NIR file that does not say.
    source, reset, reset_delay : optional
        Whose network a NIR file without record holds, and with which reset it was trained, as for ``from_nir``.
    target : str, optional
        For a NIR file: also find everything for which ``quantize`` and the exports of its result would be refused,
        whatever the data.
    profile : str, optional
        For a NIR file: also find everything for which ``to_nir`` with this profile would be refused.
    spec : QuantSpec, optional
        Choices for ``target``.

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
    asked = {"dt": dt, "source": source, "reset": reset, "reset_delay": reset_delay}
    asked |= {"target": target, "profile": profile, "spec": spec}
    try:
        kind = _kind(Path(path))
        for option, value in asked.items():
            if value is not None and kind != "nir":
                raise error("LX006", field=option, found=f"{value!r} for a {kind} file", fix="leave it out")
        findings = _check_nir(path, **asked) if kind == "nir" else _check_other(Path(path), kind)
    except LifexportError as failure:
        findings = failure.findings
    return Checked(file=str(path), kind=kind, findings=findings)


def _kind(path: Path) -> Kind:
    if path.is_dir():
        return "bundle"
    if first_bytes(path).startswith(b"\x89HDF\r\n\x1a\n") or path.suffix == ".nir":
        return "nir"
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".json":
        return _json_kind(read_json(path))
    fix = "give a .nir file (HDF5), an .onnx file, a document of lifexport (.json), or the folder of a bundle"
    raise error("LX003", found=f"{path}: of no known kind", fix=fix)


def _json_kind(document: Any) -> Kind:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str):
        return "target"
    named = re.fullmatch(r"lifexport\.([a-z]+)/[0-9]+", schema)
    known = {name: schemas.load(name)["properties"]["schema"]["const"] for name in schemas.names()}
    if named is None or named[1] not in known:
        raise unknown_name("schema", schema, known.values(), code="LX003", field="schema")
    return named[1]


def _check_nir(
    path: str | os.PathLike[str], *, target: str | None, profile: str | None, spec: QuantSpec | None, **asked: Any
) -> tuple[Finding, ...]:
    from .export.nir_graph import check_nir, from_nir  # loads nir and h5py

    if spec is not None and target is None:
        raise error("LX006", field="target", found="choices for no target", fix="name the target they are for")
    findings = check_nir(path, **asked)
    if (target is None and profile is None) or any(finding.severity == "error" for finding in findings):
        return findings
    network = from_nir(path, **asked)
    return (*findings, *_for_target(network, target, spec), *_for_profile(network, profile))


def _for_target(network: Any, target: str | None, spec: QuantSpec | None) -> Iterator[Finding]:
    """What ``quantize`` refuses whatever the data, and what the exports of its result refuse."""
    from .network import FloatNetwork
    from .quantization import attempt, inexpressible
    from .targets import load_target

    if target is None:
        return
    if not isinstance(network, FloatNetwork):
        found, fix = f"{target!r} for integers that were made for {network.target!r}", "leave it out"
        raise error("LX006", field="target", found=found, fix=fix)
    described, choices = load_target(target), spec or QuantSpec()
    unable = [*inexpressible(network, described, choices.approximate)]
    if unable:
        yield from unable
        return
    quantized, found = attempt(network, described, choices)
    yield from found
    if quantized is not None:
        from .export.onnx_model import build  # loads onnx

        with collect(unable):
            build(quantized)
        yield from unable


def _for_profile(network: Any, profile: str | None) -> list[Finding]:
    """What ``to_nir`` refuses for an importer."""
    if profile is None:
        return []
    from .export.nir_graph import refused_by  # loads nir

    return [*refused_by(network, profile)]


def _check_other(path: Path, kind: Kind) -> tuple[Finding, ...]:
    if kind == "onnx":
        from .export.onnx_file import check_onnx  # loads onnx

        return check_onnx(path)
    if kind == "target":
        from .targets import load_target

        load_target(path)
        return ()
    if kind == "bundle":
        return _check_bundle(path)
    document = read_json(path)
    found = schemas.violations(kind, document, code="LX003")
    if kind == "intnetwork" and not found:
        from .bundle.intnetwork import from_document

        with collect(found):
            from_document(document)
    return tuple(found)


def _check_bundle(folder: Path) -> tuple[Finding, ...]:
    """Its seal, and each of its files on its own; ``verify`` also runs them."""
    from .bundle import manifest
    from .bundle.opening import damage

    document = manifest.read(folder)
    found = damage(folder, document)
    if any(finding.severity == "error" for finding in found):
        return tuple(found)
    for entry in document["files"]:
        path = folder / entry["path"]
        if path.suffix in (".json", ".onnx", ".nir") and path.parent == folder:
            found += [f for f in check(path).findings if f.severity == "error"]
    return tuple(found)
