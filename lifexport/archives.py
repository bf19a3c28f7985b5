"""Zip archives nobody vouches for: how much they come to is known before a member of them is read.

Deflate packs up to 1032 bytes into one, and members may lie on top of each other: a small file can claim any size.
"""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from .regular import ROOMY, size_of

EXPANSION = 512
"""Bytes that the numbers of an archive, 8 bytes each, may take for each of its own."""
DIRECTORY = 1 << 20
"""Bytes of the list of members: some ten thousand of them."""


class _Sparing:
    """A file of which no more than ``most`` bytes are read at once: the list of members is read in one piece."""

    def __init__(self, file: BinaryIO, most: int | None):
        self.file, self.most = file, most
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close

    def read(self, count: int | None = -1) -> bytes:
        """Bytes from here on; ValueError if they are more."""
        if self.most is None:
            return self.file.read(-1 if count is None else count)
        asked = count if count is not None and count >= 0 else self.most + 1
        data = self.file.read(min(asked, self.most + 1))
        if len(data) > self.most:
            raise ValueError(f"a list of members of more than {self.most} bytes")
        return data


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Archive of a file, all of whose members may be unpacked; ValueError for one that lists or claims too much.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
    ...         archive.writestr("x.npy", bytes(100 << 20))
    ...     open_archive(file)
    Traceback (most recent call last):
    ValueError: 10... bytes expand to 104857600, at most 67108864 are read; ...
    """
    size, spared = size_of(file), _Sparing(file, DIRECTORY)
    archive = zipfile.ZipFile(spared)  # type: ignore[arg-type]
    spared.most = None
    members = archive.infolist()
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename}: compressed in another way than numpy does")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size > size:
            raise ValueError(f"{member.filename}: longer than the file")
    if sum(member.compress_size for member in members) > size:
        raise ValueError("members that lie on top of each other")
    require_room(size, sum(member.file_size for member in members))
    return archive


def require_room(size: int, total: int) -> None:
    """Refuse (ValueError) what would take more bytes than a file of so many may come to."""
    if total > (room := max(ROOMY, EXPANSION * size)):
        fix = "save it uncompressed (numpy.save, numpy.savez)"
        raise ValueError(f"{size} bytes expand to {total}, at most {room} are read; {fix}")
