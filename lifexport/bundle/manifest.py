"""``manifest.json``: what a bundle holds, in canonical JSON, sealed by its own digest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from platform import python_version
from typing import Any

from .. import schemas
from ..errors import FileError
from ..files import MANIFEST, canonical_json, read_json, sha256
from ..findings import Finding, error, raise_errors
from ..regular import read_bytes
from ..schemas import header
from .stored import tensors_of
from .tensors import describe

SCHEMA = "lifexport.manifest/1"
NAME = MANIFEST
MOST = 100
"""Findings about the paths of one manifest."""
PACKAGES = ("numpy", "jax", "nir", "h5py", "onnx", "onnxruntime", "matplotlib", "jinja2")
"""Packages whose version may show in a file."""


def seal(document: Mapping[str, Any]) -> str:
    """Digest of a manifest: sha256 of its canonical JSON without the field ``seal``.

    Examples
    --------
    >>> seal({"seal": "whatever", "files": []}) == seal({"files": []})
    True
    """
    return sha256(canonical_json({key: value for key, value in document.items() if key != "seal"}).encode())


def build(folder: Path, roles: Mapping[str, str], **facts: Any) -> dict[str, Any]:
    """Manifest of the files of a folder.

    Parameters
    ----------
    folder : Path
    roles : mapping from relative path to what the file is for
        Every file of the bundle but the manifest.
    **facts
        The other fields of ``schemas/manifest.schema.json``.
    """
    created = os.environ.get("SOURCE_DATE_EPOCH")
    document = {
        **header(SCHEMA),
        "versions": {"python": python_version(), **{name: installed(name) for name in PACKAGES}},
        "created": None if created is None else _instant(created),
        **facts,
        "files": [_entry(folder, path, role) for path, role in sorted(roles.items())],
    }
    return document | {"seal": seal(document)}


def _entry(folder: Path, path: str, role: str) -> dict[str, Any]:
    data = read_bytes(folder / path)
    tensors = tensors_of(folder / path)
    return {
        "path": path,
        "role": role,
        "bytes": len(data),
        "sha256": sha256(data),
        "tensors": [{"name": name, **describe(array)} for name, array in tensors.items()],
    }


def installed(name: str) -> str | None:
    """Version of a package; None if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _instant(epoch: str) -> str:
    try:
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        found, fix = f"SOURCE_DATE_EPOCH={epoch!r}", "set it to a whole number of seconds, or unset it"
        raise error("LX006", field="SOURCE_DATE_EPOCH", found=found, fix=fix) from None


def write(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write the manifest of a folder that is being built."""
    path = folder / NAME
    path.write_bytes(_text(document))
    return path


def read(folder: Path) -> dict[str, Any]:
    """Manifest of a bundle nobody vouches for.

    Raises
    ------
    FileError
        LX003 for a folder without one, or one that is no JSON or not of the schema, LX004 for one of a newer version.
    MismatchError
        LX609 for links anywhere in the folder; LX601 if it is not canonical or not the one that was sealed.
    """
    raise_errors(_links(folder))
    path = folder / NAME
    if not folder.is_dir():
        found = f"{folder}: {'not a folder' if folder.exists() else 'No such file or directory'}"
        raise error("LX003", found=found, fix="name the folder of a bundle, as lifexport export or lx.save writes it")
    if not path.is_file():
        raise error("LX003", found=f"{folder}: no {NAME}", fix="name the folder of a bundle")
    document = read_json(path)
    if newer := schemas.newer("manifest", document):
        raise_errors([newer])
    sealed = document.get("seal") if isinstance(document, dict) else None
    if isinstance(sealed, str) and (read_bytes(path) != _text(document) or seal(document) != sealed):
        fix = "get the bundle again; a manifest is never edited"
        raise error("LX601", node=NAME, found="not the text that was sealed", fix=fix)
    raise_errors(schemas.violations("manifest", document, code="LX003"))
    raise_errors(_unsafe(document))
    return document


def _links(folder: Path) -> list[Finding]:
    """Every link below a folder, to files or folders; none is followed (LX609)."""
    fix = "put the file or folder itself in its place, and save the bundle again"
    return [
        Finding(code="LX609", node=path.relative_to(folder).as_posix(), found="a link", fix=fix)
        for root, folders, names in os.walk(folder)
        for path in (Path(root, name) for name in sorted(folders + names))
        if path.is_symlink()
    ]


def _text(document: Mapping[str, Any]) -> bytes:
    return (canonical_json(document) + "\n").encode()


def _unsafe(document: dict[str, Any]) -> list[Finding]:
    """Paths that lead out of the folder, or stand there twice."""
    paths = [entry["path"] for entry in document["files"]]
    times = Counter(paths)
    bad = [path for path in paths if not _inside(path) or times[path] > 1 or path == NAME][:MOST]
    fix = "get the bundle again; a bundle names each of its own files once"
    return [Finding(code="LX003", node=NAME, field="files", found=f"path {path!r}", fix=fix) for path in bad]


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    one_name = "/".join(parts) == path  # "a/./b" would have one file read again and again
    return (
        bool(parts)
        and one_name
        and not path.startswith("/")
        and ".." not in parts
        and "\\" not in path
        and ":" not in path
    )


def holds_only(folder: Path, digests: Mapping[str, str | None]) -> bool:
    """Whether a folder holds a bundle and nothing else, so that another one may take its place.

    Parameters
    ----------
    folder : Path
    digests : mapping from ``integer`` and ``trained`` to digest
        Of the network that takes it.

    Raises
    ------
    OutputError
        LX008 for a bundle of another network.
    """
    if not is_bundle(folder):
        return False
    held = read_json(folder / NAME).get("network")
    held = held if isinstance(held, dict) else {}
    for what, digest in digests.items():
        known = held.get(what)
        if known != digest and (what == "integer" or None not in (known, digest)):
            found = f"{folder}: a bundle of another {what} network, {str(known)[:12]}, not {str(digest)[:12]}"
            raise error("LX008", found=found, fix="choose a new name, or replace it: --force, overwrite=True")
    return True


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle and nothing else."""
    try:
        document = read_json(folder / NAME)
        listed = {entry["path"] for entry in document["files"]} | {NAME}
    except (FileError, TypeError, KeyError):
        return False
    return there(folder) <= listed


def there(folder: Path) -> set[str]:
    """Relative paths of everything in a folder that is no folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
