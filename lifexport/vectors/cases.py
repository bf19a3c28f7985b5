"""Recorded cases in ``.npz`` files: what a simulator was given, and what it made of it.

Keys are ``CASE/in/FIELD`` and ``CASE/out/FIELD``; time is axis 0. Everything is an integer, but for short texts among
what was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arrayfiles import read_npz
from ..findings import error

_FIX = "name arrays CASE/in/FIELD and CASE/out/FIELD (docs/targets.md)"


class Case(NamedTuple):
    """One recorded run: where it lies, and its arrays by field, integers as int64."""

    file: str
    name: str
    given: dict[str, np.ndarray]
    recorded: dict[str, np.ndarray]

    @property
    def place(self) -> str:
        """File and case, as findings name them."""
        return f"{self.file}: {self.name}"


def read_cases(path: str | os.PathLike[str]) -> Iterator[Case]:
    """Cases of a ``.npz`` file, or of every one in a folder, whatever their names; in order of name.

    Raises
    ------
    FileError
        LX003 for a folder without such files, for files that cannot be read, and for arrays that belong to no case.
    """
    path = Path(path)
    files = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    if not files:
        raise error("LX003", found=f"{path}: no .npz file in this folder", fix="name the folder that holds the vectors")
    for file in files:
        yield from _cases(file)


def _cases(path: Path) -> Iterator[Case]:
    cases: dict[str, Case] = {}
    for key, values in read_npz(path, texts=True).items():
        name, _, rest = key.partition("/")
        side, _, field = rest.partition("/")
        if not name or side not in ("in", "out") or not field:
            raise error("LX003", node=path.name, field=key, found="an array of no case", fix=_FIX)
        kinds = "iubU" if side == "in" else "iub"
        if values.dtype.kind not in kinds:
            fix = "store integers" + (", or a text" if side == "in" else "")
            raise error("LX003", node=path.name, field=key, found=f"numbers of type {values.dtype}", fix=fix)
        if values.dtype == np.uint64 and values.size and values.max() > np.iinfo(np.int64).max:
            raise error(
                "LX003", node=path.name, field=key, found="integers beyond 63 bits", fix="store what was recorded"
            )
        case = cases.setdefault(name, Case(path.name, name, {}, {}))
        stored = values if values.dtype.kind == "U" or field == "network" else values.astype(np.int64)
        (case.given if side == "in" else case.recorded)[field] = stored
    for case in cases.values():
        for side, fields in (("in", case.given), ("out", case.recorded)):
            if not fields:
                raise error("LX003", node=case.place, found=f"nothing under {case.name}/{side}/", fix=_FIX)
        yield case
