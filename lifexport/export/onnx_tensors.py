"""Numbers of an ONNX file as they stand there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx  # noqa: TID251

from .onnx_external import numbers, open_data


def initializers(path: Path) -> dict[str, np.ndarray]:
    """Bytes of every initializer of a model, of a damaged one too, by name; nothing is checked."""
    model = onnx.load(path, load_external_data=False)
    data = open_data(path, model)
    raw = {tensor.name: numbers(tensor, data) for tensor in model.graph.initializer}
    kinds = {tensor.name: onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type) for tensor in model.graph.initializer}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    found: dict[str, np.ndarray] = {}
    for name, values in raw.items():
        if values is None:
            continue
        fits = np.prod(shapes[name], dtype=np.int64) * kinds[name].itemsize == len(values)
        plain = fits and kinds[name].kind in "iufb"  # others (two 4-bit codes in a byte) as the bytes they are
        found[name] = np.frombuffer(values, kinds[name]).reshape(shapes[name]) if plain else np.frombuffer(values, "u1")
    return found
