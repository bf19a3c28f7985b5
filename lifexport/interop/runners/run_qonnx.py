"""ONNX files of the QONNX dialect in qonnx's own executor."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """All outputs of every step, one after the other along the last axis, in the order of the file."""
    from common import fed_back  # type: ignore[import-not-found]
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model = ModelWrapper(job["file"])
    names = [value.name for value in model.graph.input], [value.name for value in model.graph.output]
    shapes = [tuple(model.get_tensor_shape(name)[1:]) for name in names[0][1:]]
    alone = [
        fed_back(lambda feed: execute_onnx(model, feed), *names, shapes, x[:, sample : sample + 1])
        for sample in range(x.shape[1])
    ]
    return np.concatenate(alone, axis=1)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("qonnx", run)
