"""What all runners share: reading jobs, keeping spikes, reporting."""

from __future__ import annotations

import json
import platform
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[dict[str, Any], np.ndarray], np.ndarray]
"""Spikes of a job for its inputs, both ``(time, batch, *features)``."""


def main(package: str, run: Run) -> None:
    """Run the jobs of the folder named on the command line; with ``--version`` say who would."""
    try:
        tool = {"name": package, "version": metadata.version(package)}
    except metadata.PackageNotFoundError:
        sys.exit(f"{package} is not installed for {sys.executable}")
    if sys.argv[1:] == ["--version"]:
        print(json.dumps(tool))
        return
    folder = Path(sys.argv[1])
    done = []
    for job in json.loads((folder / "jobs.json").read_text()):
        error = None
        try:
            np.save(folder / job["output"], np.asarray(run(job, np.load(folder / job["inputs"])), np.float32))
        except Exception as failure:  # whatever the package raises is what is reported
            error = f"{type(failure).__name__}: {failure}"
            traceback.print_exc()
        done.append({"error": error})
    versions = {name: _version(name) for name in ("nir", "nirtorch", "torch", "jax", "numpy")}
    report = {"tool": tool, "python": platform.python_version(), "versions": versions, "jobs": done}
    (folder / "report.json").write_text(json.dumps(report))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def by_step(build: Callable[[], Callable[..., tuple[Any, Any]]], x: np.ndarray, *, alone: bool) -> np.ndarray:
    """Outputs of a torch module that takes one step and a state; with ``alone`` one sample at a time.

    It is built anew for every run: some keep a state of their own beside the one they return.
    """
    import torch

    torch.set_num_threads(1)
    parts = np.split(x, x.shape[1], axis=1) if alone else [x]
    rows = []
    with torch.no_grad():
        for part in parts:
            net, state, steps = build(), None, []
            for now in torch.from_numpy(np.ascontiguousarray(part, np.float32)):
                out, state = net(now, state)
                steps.append(out.numpy().copy())
            rows.append(np.stack(steps).reshape(len(part), part.shape[1], *out.shape[out.shape[0] == part.shape[1] :]))
    return np.concatenate(rows, axis=1)


def halves(flat: np.ndarray) -> np.ndarray:
    """Integers in two halves, which float32 holds; real numbers as they are."""
    if flat.dtype.kind == "f":
        return np.stack([flat, np.zeros_like(flat)])
    whole = flat.astype(np.int64)
    return np.stack([whole >> 16, whole & 0xFFFF])


def fed_back(
    step: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
    taken: list[str],
    given: list[str],
    shapes: list[tuple[int, ...]],
    x: np.ndarray,
) -> np.ndarray:
    """Outputs of a step that takes ``x`` and a state, zero at first, and gives every ``<part>_next``; side by side."""
    batch = x.shape[1]
    state = {name: np.zeros((batch, *shape), np.float32) for name, shape in zip(taken[1:], shapes, strict=True)}
    rows = []
    for now in x:
        out = step({taken[0]: now, **state})
        state = {name: out[f"{name}_next"].reshape(state[name].shape) for name in state}
        rows.append(np.concatenate([out[name].reshape(batch, -1) for name in given], axis=1))
    return np.stack(rows)
