"""Arrays in ``.npz`` and ``.npy`` files: written byte for byte alike, read without trust.

Nothing is unpickled, and nothing is allocated that the file does not hold.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from .archives import open_archive, require_room
from .errors import LifexportError
from .files import require_suffix, whole_file
from .findings import error
from .regular import open_regular, size_of

NUMBERS = "iufb"
"""Kinds of dtype that are numbers; texts, dates and objects are not."""
MOST_EMPTY = 1 << 16
"""Longest axis of an array without numbers: whoever goes along it has no end otherwise."""
Allow = Callable[[int], None]
"""What refuses (ValueError) so many numbers before they are read."""
_FIX = "write it with numpy.save or numpy.savez, numbers only"


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write arrays, whole or not at all, uncompressed: equal arrays give equal bytes, and a changed byte is one number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_npz(Path(folder) / "a.npz", {"x": np.arange(3)})
    ...     read_npz(path)["x"].tolist()
    [0, 1, 2]
    """
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return Path(path)


def read_npz(path: str | os.PathLike[str], *, checked: bool = True, texts: bool = False) -> dict[str, np.ndarray]:
    """Arrays of a ``.npz`` file.

    Parameters
    ----------
    path : str or path
    checked : bool
        Hold the members against their checksums; without, a damaged number is read as what it is.
    texts : bool
        Take texts, too.

    Raises
    ------
    FileError
        LX003 for a file that is missing, no zip archive, damaged, or holds something else than numbers.
    """
    path = Path(path)
    try:
        with open_regular(path, fix="name an existing .npz file") as file, open_archive(file) as archive:
            return _members(file, archive, checked, NUMBERS + "U" * texts)
    except LifexportError:
        raise
    except OSError as reason:
        raise error("LX003", found=f"{path}: {reason.strerror or reason}", fix="name an existing .npz file") from None
    except Exception as reason:  # zipfile and numpy raise whatever their insides meet
        raise error("LX003", found=f"{path}: {_first_line(reason)}", fix=_FIX) from None


def _members(file: BinaryIO, archive: zipfile.ZipFile, checked: bool, kinds: str) -> dict[str, np.ndarray]:
    """Arrays of an archive, of which no more are read than the numbers have room in the simulators, 8 bytes each."""
    names = [member.filename for member in archive.infolist()]
    if len(set(names)) < len(names):
        raise ValueError("two members of one name")
    arrays: dict[str, np.ndarray] = {}
    for member in archive.infolist():
        taken = sum(max(8 * array.size, array.nbytes) for array in arrays.values())

        def allow(count: int, taken: int = taken) -> None:
            require_room(size_of(file), taken + 8 * count)

        array = _member(file, archive, member, checked, kinds, allow)
        arrays[member.filename.removesuffix(".npy")] = array
    return arrays


def _member(
    file: BinaryIO, archive: zipfile.ZipFile, member: zipfile.ZipInfo, checked: bool, kinds: str, allow: Allow
) -> np.ndarray:
    if checked or member.compress_type != zipfile.ZIP_STORED:
        with archive.open(member) as stream:
            return _array(stream, member.file_size, member.filename, kinds, allow)
    file.seek(member.header_offset)
    name, extra = struct.unpack("<26x2H", file.read(30))
    file.seek(name + extra, os.SEEK_CUR)
    return _array(io.BytesIO(file.read(member.file_size)), member.file_size, member.filename, kinds, allow)


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a ``.npy`` file; errors are those of ``read_npz``."""
    path = Path(path)
    try:
        with open_regular(path, fix="name an existing .npy file") as file:
            return _array(file, size_of(file), path.name)
    except LifexportError:
        raise
    except OSError as reason:
        raise error("LX003", found=f"{path}: {reason.strerror or reason}", fix="name an existing .npy file") from None
    except Exception as reason:  # numpy reads headers as Python text
        raise error("LX003", found=f"{path}: {_first_line(reason)}", fix=_FIX) from None


def _array(
    stream: IO[bytes], size: int, name: str, kinds: str = NUMBERS, allow: Allow = lambda count: None
) -> np.ndarray:
    """The array of a stream of so many bytes; ValueError for anything but exactly one array of those kinds."""
    version = np.lib.format.read_magic(stream)
    reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if reader is None:
        raise ValueError(f"{name}: format {version}")
    shape, by_columns, dtype = reader(stream)
    if dtype.kind not in kinds or dtype.hasobject:
        raise ValueError(f"{name}: {dtype} is not a number")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"{name}: shape {shape} of {dtype} in {size} bytes")
    if max(shape, default=0) > MOST_EMPTY and not math.prod(shape):
        raise ValueError(f"{name}: shape {shape}, and not a number in it")
    allow(math.prod(shape) * max(1, dtype.itemsize // 8))
    data = stream.read(math.prod(shape) * dtype.itemsize + 1)
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name}: {len(data)} bytes for shape {shape} of {dtype}")
    array = np.frombuffer(data, dtype)
    return (array.reshape(shape[::-1]).T if by_columns else array.reshape(shape)).copy()


def _first_line(reason: Exception) -> str:
    lines = str(reason).splitlines()
    return lines[0][:200] if lines else type(reason).__name__


def read_inputs(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs and labels for a network.

    Parameters
    ----------
    path : str or path
        A ``.npy`` file with the inputs alone; or a ``.npz`` file with ``x``, shape ``(time, batch, *features)``, and,
        where classes are known, ``labels``, shape ``(batch,)``. Integers are codes where an integer network is run.

    Raises
    ------
    FileError
        LX003 for a file that cannot be read, or whose arrays have other names.
    """
    require_suffix(path, ".npz", ".npy")
    if Path(path).suffix == ".npy":
        return read_npy(path), None
    arrays = read_npz(path)
    if "x" not in arrays or not arrays.keys() <= {"x", "labels"}:
        found = f"{path}: arrays {', '.join(map(repr, sorted(arrays))) or 'none'}"
        raise error("LX003", found=found, fix="name the inputs 'x' (time, batch, *features), classes 'labels' (batch,)")
    return arrays["x"], arrays.get("labels")


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Classes of inputs: the array of a ``.npy`` file, or ``labels`` of a ``.npz`` file; errors as ``read_inputs``."""
    if Path(path).suffix == ".npy":
        return read_npy(path)
    arrays = read_npz(path)
    if "labels" not in arrays:
        found = f"{path}: arrays {', '.join(map(repr, sorted(arrays))) or 'none'}"
        raise error("LX003", found=found, fix="name the classes 'labels' (batch,)")
    return arrays["labels"]
