"""Runs of a model: in onnxruntime, and in the standard's own evaluator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251
from onnx.reference import ReferenceEvaluator  # noqa: TID251

Source = onnx.ModelProto | Path
"""A model, or the file of one whose numbers are in a file of their own."""
Runner = Callable[[dict[str, np.ndarray]], dict[str, Any]]


def in_onnxruntime(model: Source) -> Runner:
    """Run of a model, or of a file, in onnxruntime on the CPU, from a dictionary of inputs to one of outputs."""
    import onnxruntime  # slow to load

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    source = os.fspath(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feed: dict(zip(names, session.run(names, feed), strict=True))


def in_reference(model: Source) -> Runner:
    """Run of a model in ``onnx.reference``, the standard's own evaluator."""
    session = ReferenceEvaluator(os.fspath(model) if isinstance(model, Path) else model)
    names = [str(name) for name in session.output_names]
    return lambda feed: dict(zip(names, session.run(None, feed), strict=True))  # type: ignore[arg-type]


def by_steps(run: Runner) -> Runner:
    """Run of a whole sequence by a file of one step; what it gives is named as form ``scan`` names it."""

    def sequence(feed: dict[str, np.ndarray]) -> dict[str, Any]:
        state = {name: value for name, value in feed.items() if name != "x"}
        rows: list[dict[str, Any]] = []
        for x in feed["x"]:
            got = run({"x": x, **state})
            state = {name: got.pop(f"{name}_next") for name in state}
            rows.append(got)
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return stacked | {f"{name}_final": value for name, value in state.items()}

    return sequence


RUNTIMES: dict[str, Callable[[Source], Runner]] = {
    "onnxruntime": in_onnxruntime,
    "onnx.reference": in_reference,
}
"""What every file is run in before it gets its name."""
