"""Writing files whole or not at all, JSON in one canonical form, and JSON read strictly."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .drafts import known_draft
from .errors import FileError, OutputError
from .findings import error
from .locking import sole_writer
from .regular import LARGEST_TEXT, open_regular, read_bytes

MANIFEST = "manifest.json"
"""File of a bundle that names and seals all the others."""
FILE_SUFFIXES = (
    *(".nir", ".onnx", ".json", ".npz", ".npy", ".html", ".htm", ".csv", ".svg", ".png", ".toml", ".txt", ".md", ".py"),
    *(".h5", ".hdf5", ".pb", ".pt", ".pth", ".pkl", ".zip", ".tar", ".gz", ".v", ".mem", ".c", ".h", ".net", ".data"),
)
"""Endings that no folder has."""
MOST_VALUES = 1 << 18
"""Values of the largest JSON document: lists, objects, texts and numbers."""


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Path to write to; it becomes ``path`` if the block succeeds, and vanishes if it fails.

    The temporary file lies beside the target, so that the final rename is atomic. A symbolic link is followed: the
    file it leads to is replaced, the link stays.

    Raises
    ------
    OutputError
        LX002 if the folder does not exist, is not writable, or the disk is full; and if something other than a regular
        file has the name: folders and devices are never replaced.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "a.txt").read_text(), len(list(Path(folder).iterdir()))
    ('done', 1)
    """
    if not os.fspath(path):
        raise error("LX002", found="an empty name", fix="name the file to write")
    path = Path(path)
    try:
        place = _regular(path)
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=place.suffix, dir=place.parent)
        os.close(handle)
    except OutputError:
        raise
    except OSError as reason:
        raise _unwritable(path, reason) from None
    temporary = Path(name)
    try:
        with known_draft(temporary):
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # mkstemp makes files private; a written file is an ordinary one
            temporary.replace(place)
    except OutputError:
        raise
    except OSError as reason:
        raise _unwritable(path, reason) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """Folder to write several files to; they replace those in ``folder`` if the block succeeds, and vanish if it fails.

    An interruption leaves the old set complete. The new files are first copied beside the old ones, then renamed one
    after the other; only an end between these last renames leaves a mixture. A killed process (SIGKILL, power) may
    leave a folder ``.lifexport-*`` behind.

    Raises
    ------
    OutputError
        LX002 as for ``whole_file``.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     with whole_files(folder) as draft:
    ...         _ = write_text(draft / "a.txt", "1"), write_text(draft / "b.txt", "2")
    ...         before = [path.name for path in folder.iterdir() if path != draft]
    ...     before, sorted(path.name for path in folder.iterdir())
    ([], ['a.txt', 'b.txt'])
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".lifexport-", dir=folder) as draft, known_draft(Path(draft)):
            yield Path(draft)
            with contextlib.ExitStack() as places:
                for file in sorted(Path(draft).iterdir()):
                    shutil.copyfile(file, places.enter_context(whole_file(folder / file.name)))
    except OutputError:
        raise
    except OSError as reason:
        raise _unwritable(folder, reason) from None


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike[str], *, replaces: Callable[[Path], bool]) -> Iterator[Path]:
    """Folder to write to; it becomes ``path`` if the block succeeds, and vanishes if it fails.

    The old folder of that name stays complete until the new one is, and the two change places at once (on Linux; where
    the system cannot do that, one renaming after the other). A killed process (SIGKILL, power) may leave a folder
    ``.<name>.*`` beside it.

    Parameters
    ----------
    path : str or path
        The folder to make; folders above it are made if they are not there.
    replaces : callable
        Whether a folder that is there, and is not empty, may go.

    Raises
    ------
    OutputError
        LX002 if the folder cannot be written, the disk is full, or something is there that may not go; LX009 if
        somebody else is writing it.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for text in ("1", "2"):
    ...         with whole_folder(Path(name) / "out", replaces=lambda folder: True) as draft:
    ...             _ = write_text(draft / "a.txt", text)
    ...     (Path(name) / "out" / "a.txt").read_text(), len(list(Path(name).iterdir()))
    ('2', 1)
    """
    place = require_place(path, replaces=replaces)
    try:
        with (
            sole_writer(place),
            tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch,
            known_draft(Path(scratch)),
        ):
            require_place(path, replaces=replaces)  # whoever was writing there has ended since
            draft = Path(scratch) / "new"
            draft.mkdir()
            yield draft
            if place.is_dir():
                exchange(draft, place)
            else:
                draft.rename(place)
    except OutputError:
        raise
    except OSError as reason:
        raise _unwritable(Path(path), reason) from None


def require_place(path: str | os.PathLike[str], *, replaces: Callable[[Path], bool]) -> Path:
    """Make sure that ``whole_folder`` can write a folder (LX002), before the work whose result it is for.

    Returns
    -------
    Path
        Where it will be, behind symbolic links; the folders above it are there.
    """
    if not os.fspath(path):
        raise error("LX002", found="an empty name", fix="name the folder to write")
    place = Path(os.path.realpath(path))
    try:
        if place.exists() and not place.is_dir():
            raise error("LX002", found=f"{path}: not a folder", fix="choose a new name, or that of a folder")
        if place.is_dir() and any(place.iterdir()) and not replaces(place):
            found = f"{path}: a folder that holds other things than a bundle"
            raise error("LX002", found=found, fix="choose a new name, or empty the folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OutputError:
        raise
    except OSError as reason:
        raise _unwritable(Path(path), reason) from None
    return place


def exchange(new: Path, old: Path) -> None:
    """Let two folders change places: at once on Linux, elsewhere by one renaming after the other."""
    at_once = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    cwd, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if at_once is not None and at_once(cwd, os.fsencode(new), cwd, os.fsencode(old), swap) == 0:
        return
    aside = new.with_name("old")
    old.rename(aside)
    new.rename(old)


def _regular(path: Path) -> Path:
    """Path behind a symbolic link; LX002 if something is there that is not a regular file."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            found = f"{path}: {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}"
            raise error("LX002", found=found, fix="choose a new name, or that of a regular file")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def sealing(path: Path) -> Path | None:
    """The bundle whose manifest names a file; None if there is none."""
    here = path.parent.resolve() / path.name
    for folder in (here.parent, here.parent.parent):
        with contextlib.suppress(FileError, TypeError, KeyError, AttributeError):
            document = read_json(folder / MANIFEST)
            listed = {entry["path"] for entry in document["files"]} | {MANIFEST}
            if document["schema"].startswith("lifexport.manifest/") and here.relative_to(folder).as_posix() in listed:
                return folder
    return None


def require_suffix(path: str | os.PathLike[str], *suffixes: str, strict: bool = False) -> Path:
    """Refuse (LX006) the name of a file that says it is of another kind than what is written to it, or read from it.

    Endings of no kind, and none at all, are refused if ``strict``.

    Examples
    --------
    >>> require_suffix("m.onnx", ".nir")
    Traceback (most recent call last):
    lifexport.errors.ParameterError: LX006 wrong option: m.onnx: a name that ends in '.onnx'; fix: end it in .nir
    """
    path = Path(path)
    wrong = strict or path.suffix.lower() in FILE_SUFFIXES
    if wrong and path.suffix.lower() not in suffixes and path.name:
        end = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise error("LX006", found=f"{path}: a name that {end}", fix=f"end it in {' or '.join(suffixes)}")
    return path


def require_folder_name(path: str | os.PathLike[str]) -> None:
    """Refuse (LX006) a folder with the name of a file.

    Examples
    --------
    >>> require_folder_name("m.ONNX")
    Traceback (most recent call last):
    lifexport.errors.ParameterError: LX006 wrong option: m.ONNX: a folder with the name of a file; fix: give it ...
    """
    if (suffix := Path(path).suffix.lower()) in FILE_SUFFIXES:
        fix = f"give it a name without {suffix}, or export a .nir or .onnx file"
        raise error("LX006", found=f"{path}: a folder with the name of a file", fix=fix)


def _unwritable(path: Path, reason: OSError) -> Exception:
    return error(
        "LX002", found=f"{path}: {reason.strerror or reason}", fix="choose an existing, writable folder with free space"
    )


def first_bytes(path: str | os.PathLike[str], count: int = 64) -> bytes:
    """Beginning of a file, by which its kind is told (LX003 if it cannot be opened)."""
    with open_regular(path) as file:
        return file.read(count)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON (UTF-8) that means one thing only.

    Refused, besides what no reader accepts: a key given twice in one object, numbers that are not finite, lone
    surrogates, nesting too deep to be written again, and more values than any document of ours has.

    Raises
    ------
    FileError
        LX003 if the file cannot be opened or is not such JSON.
    """
    return parse_json(read_bytes(path, most=LARGEST_TEXT, fix="name an existing JSON file"), str(path))


def parse_json(data: bytes, name: str) -> Any:
    """The JSON of some bytes, by the rules of ``read_json``; errors call them ``name``."""
    try:
        require_few_values(data, MOST_VALUES)
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
        canonical_json(value).encode()
    except ValueError as reason:
        raise error("LX003", found=f"{name}: not JSON ({reason})", fix="restore the file or write it anew") from None
    except RecursionError:
        raise error("LX003", found=f"{name}: not JSON (nested too deeply)", fix="write the file anew") from None
    return value


def require_few_values(text: bytes, most: int) -> None:
    """Refuse (ValueError) JSON that may have more values than that, before it is parsed.

    Every value but the first follows a comma, a colon or a bracket; those inside of strings are counted too.

    Examples
    --------
    >>> require_few_values(b"[1, 2, 3]", 3)
    Traceback (most recent call last):
    ValueError: 4 values, at most 3 are read
    """
    if (count := 1 + sum(text.count(mark) for mark in (b",", b":", b"[", b"{"))) > most:
        raise ValueError(f"{count} values, at most {most} are read")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key[:80]!r} is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and no NaN: equal values give equal bytes.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def readable_json(value: Any) -> str:
    """JSON for people: indented, keys in the order given, no NaN, newline at the end."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def sha256(data: bytes) -> str:
    """Digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Digest of a regular file, read in pieces (LX003 as for ``open_regular``)."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)
