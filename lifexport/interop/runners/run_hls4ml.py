"""ONNX files of the QONNX dialect in hls4ml: converted, compiled (g++), and its C++ run.

Two traps: qonnx's ``cleanup_model`` renames inputs and outputs (``global_in``, ``global_in_1``, ..., in the order of
the file), and hls4ml gives outputs in an order of its own (``ModelGraph.outputs``).
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """All outputs of every step, one after the other along the last axis, in the order of the file."""
    import hls4ml
    from common import fed_back  # type: ignore[import-not-found]
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    model = ModelWrapper(job["file"])
    taken, given = [value.name for value in model.graph.input], [value.name for value in model.graph.output]
    shapes = [tuple(model.get_tensor_shape(name)[1:]) for name in taken[1:]]
    clean = cleanup_model(model)
    renamed = dict(zip([value.name for value in clean.graph.output], given, strict=True))
    (precision,) = job["settings"]
    config = hls4ml.utils.config_from_onnx_model(
        clean, granularity="name", backend="Vivado", default_precision=precision
    )
    with tempfile.TemporaryDirectory() as folder:
        hls = hls4ml.converters.convert_from_onnx_model(
            clean, output_dir=folder, io_type="io_parallel", backend="Vivado", hls_config=config
        )
        hls.compile()
        order = [renamed[name] for name in hls.outputs]

        def step(feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            out = hls.predict([np.ascontiguousarray(feed[name], np.float32) for name in taken])
            return {name: np.asarray(part).reshape(x.shape[1], -1) for name, part in zip(order, out, strict=True)}

        return fed_back(step, taken, given, shapes, x)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("hls4ml", run)
