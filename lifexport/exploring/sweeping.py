"""Sweeps: many configurations, in as many processes as there are, none of them twice."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..fidelity.statistics import Proportion
from ..files import canonical_json, readable_json, require_suffix, sha256, write_text
from ..findings import error, unknown_name
from ..network import FloatNetwork
from ..regular import LARGEST_TEXT, read_bytes
from ..schemas import header
from ..targets import Target
from .trial import Task, attempt, make_task

SCHEMA = "lifexport.sweep/1"
SWEPT = (
    *(f"{name}_bits" for name in ("weight", "state", "decay", "threshold", "bias", "input")),
    *("rounding", "overflow", "membrane_range", "scale", "power_of_two", "method", "percentile", "approximate"),
)
"""Fields of ``QuantSpec`` that a grid may have."""

Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep found.

    Parameters
    ----------
    network, target : str
        Digest of the trained network; name of the target.
    samples : int
    float_right : int or None
        Samples that the trained network has right; None without labels.
    grid : dict
        What was varied.
    rows : tuple of dict
        One for every configuration, in the order of the grid, as ``schemas/sweep.schema.json`` has them.
    """

    network: str
    target: str
    samples: int
    float_right: int | None
    grid: dict[str, list[Any]]
    rows: tuple[dict[str, Any], ...]

    def pareto(self) -> tuple[dict[str, Any], ...]:
        """Rows that no other beats in accuracy (agreement, without labels) and memory, by memory."""
        return tuple(sorted((row for row in self.rows if row.get("pareto")), key=lambda row: row["memory_bits"]))

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/sweep.schema.json``."""
        return {
            **header(SCHEMA),
            "network": self.network,
            "target": self.target,
            "samples": self.samples,
            "float_right": self.float_right,
            "grid": self.grid,
            "rows": [dict(row) for row in self.rows],
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the JSON, whole or not at all."""
        return write_text(require_suffix(path, ".json"), readable_json(self.to_json()))

    def to_csv(self) -> str:
        """The same numbers as a table for other tools."""
        text, names = io.StringIO(newline=""), [*self.grid]
        figures = (
            "right",
            "samples",
            "accuracy",
            "same",
            "memory_bits",
            "headroom_bits",
            "unsafe",
            "pareto",
            "refused",
        )
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*names, *figures])
        for row in self.rows:
            flat = row | {"refused": row["refused"]["code"] if "refused" in row else None}
            writer.writerow([*(row["choices"].get(name) for name in names), *(flat.get(name) for name in figures)])
        return text.getvalue()

    def to_svg(self) -> str:
        """Accuracy against memory as a picture: rows that may overflow are crosses, a line joins the Pareto rows."""
        from ..reporting.figures import pareto  # loads matplotlib

        return pareto([row for row in self.rows if "refused" not in row])

    def table(self) -> str:
        """Text for people: Pareto rows marked ``*``, rows that may overflow ``!``, refused ones by their code."""
        names = [*self.grid]
        head = ["", *names, "accuracy" if self.float_right is not None else "agreement", "memory", "headroom"]
        rows = [head]
        for row in self.rows:
            chosen = [str(row["choices"].get(name)) for name in names]
            if "refused" in row:
                rows.append(["", *chosen, f"refused: {row['refused']['code']}", "-", "-"])
                continue
            mark = ("*" if row["pareto"] else " ") + ("!" if row["unsafe"] else " ")
            spare = "none" if row["headroom_bits"] is None else str(row["headroom_bits"])
            rows.append([mark, *chosen, f"{row['accuracy']:.2%}", str(row["memory_bits"]), spare])
        widths = [max(len(cells[i]) for cells in rows) for i in range(len(head))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows]
        notes = "* no other has more accuracy and less memory; ! may overflow for some input; headroom in proved bits"
        return "\n".join(line.rstrip() for line in [*lines, notes]) + "\n"


def sweep(
    f: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    x: np.ndarray,
    *,
    grid: Mapping[str, Sequence[Any]],
    labels: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Progress = lambda step, done, total, note: None,
) -> Sweep:
    """Quantize, run, count and prove every configuration of a grid.

    Parameters
    ----------
    f : FloatNetwork
        As trained.
    target : str, path or Target
    x : array, shape ``(time, batch, *features)``
        Real inputs to measure on.
    grid : mapping from field of ``QuantSpec`` to values
        ``{"weight_bits": [3, 4, 8], "method": ["minmax", "mse"]}``; every combination is tried.
    labels : int array, shape ``(batch,)``, optional
        Without them ``accuracy`` is the agreement with the trained network.
    calibration : array, optional
        Inputs for ``quantize``; ``x`` by default.
    executor : concurrent.futures.Executor, optional
        Where to run: a thread pool, a cluster (``distributed.Client().get_executor()``). By default processes here.
    workers : int, optional
        How many processes; as many as there are processors by default.
    resume : str or path, optional
        File that every finished configuration is written to at once, and read from: none is tried twice, even after
        an interruption. Other networks, targets or inputs may share it.
    progress : callable, optional
        Told ``(step, done, total, note)``.

    Returns
    -------
    Sweep
        The same whatever the executor. Configurations that the target refuses are rows too, with their code.

    Raises
    ------
    ParameterError
        LX006 for unknown fields and empty lists; LX205, LX301 for unusable inputs.
    """
    chosen = configurations(grid)
    task = make_task(f, target, x, labels, calibration)
    done = _Record(resume, task)
    left = [choices for choices in chosen if done.row(choices) is None]
    total, before = len(chosen), len(chosen) - len(left)
    progress("sweep", before, total, "")
    for count, row in enumerate(_run(task, left, executor, workers), before + 1):
        done.add(row)
        progress("sweep", count, total, ", ".join(f"{name} {value}" for name, value in row["choices"].items()))
    rows = [done.row(choices) for choices in chosen]
    return Sweep(
        network=f.digest(),
        target=task.target["name"],
        samples=task.x.shape[1],
        float_right=None if task.labels is None else int((task.predicted == task.labels).sum()),
        grid={name: list(values) for name, values in grid.items()},
        rows=tuple(_judged([row for row in rows if row is not None])),
    )


def configurations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of a grid, in the order of its fields (LX006 for unknown ones).

    Examples
    --------
    >>> configurations({"weight_bits": [3, 4], "state_bits": [12]})
    [{'weight_bits': 3, 'state_bits': 12}, {'weight_bits': 4, 'state_bits': 12}]
    """
    if not grid:
        raise error("LX006", field="grid", found="nothing to vary", fix='give {"weight_bits": [3, 4, 8]}')
    for name, values in grid.items():
        if name not in SWEPT:
            raise unknown_name("choice", name, SWEPT, code="LX006", field="grid")
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise error("LX006", field=f"grid.{name}", found=f"{values!r}", fix="give a list of values")
    plain = [[value.item() if isinstance(value, np.generic) else value for value in grid[name]] for name in grid]
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*plain)]


def _run(
    task: Task, chosen: list[dict[str, Any]], executor: Executor | None, workers: int | None
) -> Iterator[dict[str, Any]]:
    """Rows as they are finished."""
    if not chosen:
        return
    if executor is not None:
        waiting = [executor.submit(attempt, task, choices) for choices in chosen]
        yield from (future.result() for future in as_completed(waiting))
        return
    context = multiprocessing.get_context("spawn")  # JAX must not be forked
    size = min(workers or os.cpu_count() or 1, len(chosen))
    if size == 1:
        yield from (attempt(task, choices) for choices in chosen)
        return
    with ProcessPoolExecutor(size, mp_context=context, initializer=_begin, initargs=(task,)) as pool:
        waiting = [pool.submit(_attempt_here, choices) for choices in chosen]
        try:
            yield from (future.result() for future in as_completed(waiting))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_task: Task | None = None


def _begin(task: Task) -> None:
    """Keep the task in a worker, so that it is sent once and not with every configuration."""
    global _task
    _task = task


def _attempt_here(choices: dict[str, Any]) -> dict[str, Any]:
    assert _task is not None
    return attempt(_task, choices)


class _Record:
    """Finished rows, in a file too if there is one: a line each, with the digest of what it is a row of."""

    def __init__(self, path: str | os.PathLike[str] | None, task: Task):
        self.path, self.rows = None if path is None else Path(path), {}
        own = [array for array in (task.x, task.labels, task.calibration) if array is not None]
        parts = [f"{a.dtype.str}{a.shape}".encode() + np.ascontiguousarray(a).tobytes() for a in own]
        about = f"{__version__} {task.network.digest()} {canonical_json(task.target)} {task.labels is None}"
        self.task = sha256(about.encode() + b"".join(parts))
        if self.path is not None and self.path.exists():
            self._read()

    def _read(self) -> None:
        assert self.path is not None
        try:
            lines = read_bytes(self.path, most=LARGEST_TEXT).decode("utf-8").splitlines()
        except UnicodeDecodeError as reason:
            fix = "name a file that an earlier sweep wrote, or a new one"
            raise error("LX003", found=f"{self.path}: {reason}", fix=fix) from None
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):  # half a line: an interruption
                entry = json.loads(line)
                self.rows[entry["key"]] = entry["row"]

    def _key(self, choices: Mapping[str, Any]) -> str:
        return sha256(f"{self.task} {canonical_json(dict(choices))}".encode())

    def row(self, choices: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.rows.get(self._key(choices))

    def add(self, row: dict[str, Any]) -> None:
        key = self._key(row["choices"])
        self.rows[key] = row
        if self.path is None:
            return
        try:
            ends = not self.path.exists() or self.path.read_bytes()[-1:] in (b"", b"\n")
            with self.path.open("a", encoding="utf-8") as file:
                file.write(("" if ends else "\n") + canonical_json({"key": key, "row": row}) + "\n")
        except OSError as reason:
            fix = "choose an existing, writable folder with free space"
            raise error("LX002", found=f"{self.path}: {reason.strerror}", fix=fix) from None


def _judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with accuracy, its interval, and whether another beats them.

    A row is beaten by one with at least its accuracy and at most its memory, of which one is better. Where rows are
    equal in both, all of them stay. Rows that may overflow are beaten by any safe one that is as good, and beat no safe
    one.
    """
    measured = [row for row in rows if "refused" not in row]
    found = []
    for row in rows:
        if "refused" in row:
            found.append(row)
            continue
        count = row["same"] if row["right"] is None else row["right"]
        share = Proportion(count=count, total=row["samples"])
        beaten = any(_beats(other, row) for other in measured)
        found.append(row | {"accuracy": share.rate, "interval": list(share.interval), "pareto": not beaten})
    return found


def _beats(a: dict[str, Any], b: dict[str, Any]) -> bool:
    if a["unsafe"] and not b["unsafe"]:
        return False
    counts = [row["same"] if row["right"] is None else row["right"] for row in (a, b)]
    as_good = counts[0] >= counts[1] and a["memory_bits"] <= b["memory_bits"]
    better = counts[0] > counts[1] or a["memory_bits"] < b["memory_bits"] or (b["unsafe"] and not a["unsafe"])
    return as_good and better
