"""One writer at a time: a lock beside what is written, which the system releases however the process ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .drafts import known_draft
from .findings import error

try:
    import fcntl
except ImportError:  # no such lock on Windows: the last of two writers wins there, whole
    fcntl: Any = None


@contextlib.contextmanager
def sole_writer(place: Path) -> Iterator[None]:
    """Be the only one who writes ``place``; LX009, at once, if somebody else does.

    The lock is a file ``.<name>.lock`` beside it. It is removed at the end; one that a killed process left behind is
    nobody's, and is taken.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, sole_writer(Path(folder) / "out"):
    ...     with sole_writer(Path(folder) / "out"):
    ...         pass
    Traceback (most recent call last):
    lifexport.errors.OutputError: LX009 somebody else is writing there: .../out; fix: wait for the other export, ...
    """
    path = place.with_name(f".{place.name}.lock")
    handle = None if fcntl is None else _locked(path, place)
    if handle is None:
        yield
        return
    with known_draft(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is held: nobody can take it for theirs
            os.close(handle)


def _locked(path: Path, place: Path) -> int | None:
    """Handle of the lock; None where the file system has none."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            fix = "wait for the other export, or choose another name"
            raise error("LX009", found=f"{place}", fix=fix) from None
        except OSError:
            os.close(handle)
            path.unlink(missing_ok=True)
            return None
        if _same(handle, path):
            return handle
        os.close(handle)  # removed by its owner between opening and locking: another one counts now


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
