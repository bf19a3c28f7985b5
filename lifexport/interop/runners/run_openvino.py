"""ONNX files in OpenVINO, in an environment of its own."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """All outputs of a whole sequence, flat, one after the other; integers in two halves, which float32 holds.

    A file of one step is stepped, its state zero at first.
    """
    import openvino
    from common import fed_back, halves  # type: ignore[import-not-found]

    compiled = openvino.Core().compile_model(job["file"], "CPU")
    inputs = {port.get_any_name(): port for port in compiled.inputs}
    given = [port.get_any_name() for port in compiled.outputs]

    def call(feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        typed = {name: feed[name].astype(port.get_element_type().to_dtype()) for name, port in inputs.items()}
        found = compiled(typed)
        return {name: np.array(found[port]) for name, port in zip(given, compiled.outputs)}  # noqa: B905

    if len(inputs) == 1:
        return halves(np.concatenate([np.ravel(part) for part in call({"x": x}).values()]))
    names = [name for name in inputs if name != "x"]
    shapes = [tuple(size.get_length() for size in list(inputs[name].get_partial_shape())[1:]) for name in names]
    return halves(fed_back(call, ["x", *names], given, shapes, x).ravel())


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("openvino", run)
