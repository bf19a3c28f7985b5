"""Numbers of an ONNX file as they stand there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx  # noqa: TID251

from ..findings import error
from ..regular import read_bytes
from .onnx_external import LARGEST_FILE, numbers, open_data
from .onnx_wire import require_few_fields


def initializers(path: Path) -> dict[str, np.ndarray]:
    """Bytes of every initializer of a model, of a damaged one too, by name; nothing is checked."""
    content = read_bytes(path, most=LARGEST_FILE)
    require_few_fields(content)
    model = onnx.load_model_from_string(content)
    data = open_data(path, model)
    raw, left = {}, 2 * (len(content) + (0 if data is None else len(data)))
    for tensor in model.graph.initializer:
        raw[tensor.name] = values = numbers(tensor, data)
        left -= len(values or b"")
        if left < 0:  # tensors that lie on top of each other in the data file
            raise error("LX003", found=f"{path.name}: more numbers than both files hold", fix="get an undamaged copy")
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
