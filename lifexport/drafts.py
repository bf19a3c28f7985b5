"""What is being written: temporary files, folders and locks that must not outlive the process."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

_DRAFTS: set[Path] = set()


@contextlib.contextmanager
def known_draft(path: Path) -> Iterator[Path]:
    """Know of a temporary file or folder while it is there.

    Examples
    --------
    >>> with known_draft(Path("half")) as path:
    ...     path in _DRAFTS
    True
    >>> path in _DRAFTS
    False
    """
    _DRAFTS.add(path)
    try:
        yield path
    finally:
        _DRAFTS.discard(path)


def discard_drafts() -> None:
    """Remove everything that is being written, for a process that must end without unwinding."""
    for path in [*_DRAFTS]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
