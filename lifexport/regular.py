"""Opening files that nobody vouches for: regular ones only, and never more of one than has room.

A FIFO would block, a device never end, a file of holes fill the memory with zeros that no disk holds.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from .findings import error

SPARSE = 256
"""A file that claims this many times what the disk holds of it is a file of holes."""
ROOMY = 64 << 20
"""Bytes that any file may come to, however small it is."""
LARGEST_TEXT = 256 << 20
"""Bytes of the largest text (JSON, TOML, rows of a sweep) that is read."""


def open_regular(path: str | os.PathLike[str], *, fix: str = "name an existing file") -> BinaryIO:
    """Open a regular file for reading its bytes.

    Raises
    ------
    FileError
        LX003, at once, for what is missing, a folder, a FIFO, a device or a socket, and for a file of holes.

    Examples
    --------
    >>> open_regular("missing.npz")
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: missing.npz: No such file or directory; ...
    >>> open_regular(os.devnull)
    Traceback (most recent call last):
    lifexport.errors.FileError: LX003 file cannot be read: /dev/null: a device; fix: name an existing file
    """
    try:
        wrong = _no_file(Path(path).stat())  # before it is opened: opening a device may set it off
        if wrong is None:
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            file = os.fdopen(os.open(path, flags), "rb")
            wrong = _no_file(os.fstat(file.fileno()))
            if wrong is None:
                return file
            file.close()
    except (OSError, ValueError) as reason:  # ValueError: a name no file can have
        wrong = getattr(reason, "strerror", None) or str(reason)
    raise error("LX003", found=f"{os.fspath(path)}: {wrong}", fix=fix)


def _no_file(about: os.stat_result) -> str | None:
    """What is wrong with a thing as a file to read; None if nothing is."""
    mode = about.st_mode
    if stat.S_ISDIR(mode):
        return "a folder"
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
        return kinds.get(stat.S_IFMT(mode), "not a regular file")
    held = 512 * getattr(about, "st_blocks", 0)  # 0 where a file system does not say
    if about.st_size > ROOMY and 0 < held < about.st_size // SPARSE:
        return f"{about.st_size} bytes, of which the disk holds {held}: the rest are holes"
    return None


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def read_bytes(
    path: str | os.PathLike[str], *, most: int | None = None, start: bytes = b"", fix: str = "name an existing file"
) -> bytes:
    """Content of a regular file.

    Parameters
    ----------
    path : str or path
    most : int, optional
        Bytes beyond which the file is refused unread.
    start : bytes
        What it must begin with; of a file that does not, only the beginning is returned.
    fix : str
        What to do about a file that cannot be opened.

    Raises
    ------
    FileError
        LX003 as ``open_regular``, and for a file that is larger than ``most``.
    """
    with open_regular(path, fix=fix) as file:
        if most is not None and size_of(file) > most:
            found = f"{os.fspath(path)}: {size_of(file)} bytes, more than the {most} that a file of its kind may have"
            raise error("LX003", found=found, fix="give the file that lifexport wrote")
        head = file.read(len(start))
        return head + file.read() if head == start else head
