"""ONNX files in an old onnxruntime, in an environment of its own (numpy below 2)."""

from __future__ import annotations

from typing import Any

import numpy as np

TYPES = {"tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(int32)": np.int32, "tensor(float)": np.float32}


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """All outputs of a whole sequence, flat, one after the other; integers in two halves, which float32 holds.

    A file of one step is stepped, its state zero at first.
    """
    import onnxruntime
    from common import fed_back, halves  # type: ignore[import-not-found]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(job["file"], options, providers=["CPUExecutionProvider"])
    inputs, given = session.get_inputs(), [value.name for value in session.get_outputs()]

    def call(feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        typed = {value.name: feed[value.name].astype(TYPES[value.type]) for value in inputs}
        return dict(zip(given, session.run(given, typed)))  # noqa: B905

    if len(inputs) == 1:
        flat = np.concatenate([np.ravel(part) for part in call({"x": x}).values()])
    else:
        shapes = [tuple(value.shape[1:]) for value in inputs[1:]]
        flat = fed_back(call, [value.name for value in inputs], given, shapes, x).ravel()
    return halves(flat)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("onnxruntime", run)
