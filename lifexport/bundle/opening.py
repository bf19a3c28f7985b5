"""Reading a bundle: nothing in it is believed that its manifest does not seal."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from ..files import file_sha256, read_json
from ..findings import Finding, error, raise_errors
from ..network import FloatNetwork, IntNetwork
from ..quantspec import QuantSpec
from . import golden, manifest
from .intnetwork import load_intnetwork
from .saving import FIDELITY, NETWORK, NIR, SPEC, TARGET
from .specification import load_quantspec
from .stored import tensors_of
from .tensors import is_described, locate


class Bundle:
    """A sealed folder whose every file is the one its manifest names; parts are read when asked for.

    Parameters
    ----------
    path : str or path
        The folder.

    Raises
    ------
    FileError
        LX003 for what is no bundle, LX004 for one of a newer version.
    MismatchError
        LX601 for a file that was changed after sealing, LX602 for one that is missing, LX609 for links; every one is
        named.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.manifest: dict[str, Any] = manifest.read(self.path)
        raise_errors(damage(self.path, self.manifest))

    @property
    def files(self) -> tuple[str, ...]:
        """Relative paths of the files, the manifest aside."""
        return tuple(entry["path"] for entry in self.manifest["files"])

    @property
    def seal(self) -> str:
        """Digest of the manifest."""
        return self.manifest["seal"]

    @functools.cached_property
    def network(self) -> IntNetwork:
        """The integer network."""
        return load_intnetwork(self.path / NETWORK)

    @functools.cached_property
    def trained(self) -> FloatNetwork | None:
        """The trained network, from its NIR file; None if the bundle was saved without."""
        from ..export.nir_graph import from_nir  # loads nir

        if self.manifest["network"]["trained"] is None or NIR not in self.files:
            return None
        network = from_nir(self.path / NIR)
        if not isinstance(network, FloatNetwork):
            fix = "write the bundle again: its files are of different networks"
            raise error("LX403", node=NIR, found="integers; the manifest says the trained network", fix=fix)
        return network

    @functools.cached_property
    def golden(self) -> golden.Golden:
        """The golden vectors."""
        return golden.read(self.path)

    def document(self, name: str) -> Any:
        """A JSON file of the bundle, or None if it holds none of that name."""
        return read_json(self.path / name) if name in self.files else None

    @property
    def fidelity(self) -> dict[str, Any] | None:
        """The fidelity report, as JSON."""
        return self.document(FIDELITY)

    @property
    def target(self) -> dict[str, Any] | None:
        """The target's description."""
        return self.document(TARGET)

    @functools.cached_property
    def spec(self) -> QuantSpec | None:
        """The ``QuantSpec`` it was quantized with, if it was noted."""
        return load_quantspec(self.path / SPEC) if SPEC in self.files else None


def load(path: str | os.PathLike[str]) -> IntNetwork:
    """Integer network of a bundle, after every file of it was held against the manifest.

    Parameters
    ----------
    path : str or path
        Folder that ``save`` or ``lifexport export`` wrote.

    Returns
    -------
    IntNetwork
        The same that was saved (``lifexport.same``).

    Raises
    ------
    FileError, MismatchError
        As ``Bundle``.

    Examples
    --------
    >>> load("missing")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: missing: No such file or directory; ...
    """
    return Bundle(path).network


def damage(folder: Path, document: dict[str, Any]) -> list[Finding]:
    """Every file that is not the sealed one, with tensor and index where it still parses (LX601, LX602).

    A file that the manifest does not name is a warning (LX603): nobody has sealed it.
    """
    found: list[Finding] = []
    for entry in document["files"]:
        path = folder / entry["path"]
        if not path.is_file():
            found.append(Finding(code="LX602", node=entry["path"], found="missing", fix="get the bundle again, whole"))
        elif path.stat().st_size != entry["bytes"] or file_sha256(path) != entry["sha256"]:
            found += _changed(path, entry)
    fix = "take it out of the folder, or write the bundle again with it"
    extra = sorted(manifest.there(folder) - {entry["path"] for entry in document["files"]} - {manifest.NAME})
    return [*found, *(Finding(code="LX603", node=name, found="not named in the manifest", fix=fix) for name in extra)]


def _changed(path: Path, entry: dict[str, Any]) -> list[Finding]:
    fix = "get the bundle again, or write it anew from the trained network"
    findings, now = [], tensors_of(path)
    for sealed in entry["tensors"]:
        array = now.get(sealed["name"])
        if array is None or is_described(array, sealed):
            continue
        if (place := locate(array, sealed)) is not None:
            found, index = f"{place.now} stands where {place.before} was sealed", place.index
        else:
            found, index = "several numbers are not the sealed ones, or its shape is another", None
        where = {"node": entry["path"], "field": sealed["name"], "index": index}
        findings.append(Finding(code="LX601", **where, found=found, fix=fix))
    if not findings:
        parses = "; its tensors are the sealed ones" if now else ""
        size = path.stat().st_size
        found = f"{size} bytes instead of {entry['bytes']}" if size != entry["bytes"] else "other bytes"
        findings.append(Finding(code="LX601", node=entry["path"], found=found + parses, fix=fix))
    return findings


def require_anchor(document: dict[str, Any], expected: str | None) -> None:
    """Refuse (LX604) a bundle whose seal is not the one that the caller knows from elsewhere."""
    if expected is not None and document["seal"] != expected.lower():
        found, fix = f"{document['seal']}, not {expected}", "this is another bundle than the one that was signed off"
        raise error("LX604", node=manifest.NAME, field="seal", found=found, fix=fix)
