"""Golden vectors of a NIR graph in the community's own format, ``NIRGraphData``: inputs, and the spikes they give."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

import nir  # noqa: TID251
import numpy as np

from ..files import whole_file


def write_golden(
    path: str | os.PathLike[str], x: np.ndarray, spikes: Mapping[str, np.ndarray], output: np.ndarray, dt: float
) -> None:
    """Write inputs and spikes as ``nir.read_data`` reads them.

    Parameters
    ----------
    path : str or path
        Written whole or not at all (LX002); equal vectors give equal bytes.
    x : float array, shape ``(time, batch, *features)``
        Stored as truth values where it holds spikes only.
    spikes : mapping from population, by its name in the graph, to bool array ``(time, batch, *shape)``
        Those inside a nested graph (with a dot in the name) are left out.
    output : bool array, shape ``(time, batch, *features)``
        As the importer gives it, its lag included.
    dt : float, seconds
    """
    nodes: dict[str, Any] = {"input": _observed("input", x, dt), "output": _observed("spikes", output, dt)}
    # nir 1.0.8 does not come back from writing vectors of a nested graph
    nodes |= {name: _observed("spikes", rows, dt) for name, rows in spikes.items() if "." not in name}
    buffer = io.BytesIO()
    nir.write_data(buffer, nir.NIRGraphData(nodes))  # type: ignore[arg-type]
    with whole_file(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def read_golden(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and outputs of a file of golden vectors, ``(time, batch, neurons)``: spaces are flattened."""
    nodes: Any = nir.read_data(str(path)).nodes
    x, output = (nodes[end].observables[what].data for end, what in (("input", "input"), ("output", "spikes")))
    return np.swapaxes(x, 0, 1), np.swapaxes(output, 0, 1)


def _observed(what: str, rows: np.ndarray, dt: float) -> nir.NIRNodeData:
    """``(time, batch, *shape)`` as NIR has it: ``(batch, time, neurons)``."""
    data = np.swapaxes(rows.reshape(*rows.shape[:2], -1), 0, 1)
    if np.isin(data, (0, 1)).all():
        data = data.astype(bool)
    return nir.NIRNodeData({what: nir.TimeGriddedData(np.ascontiguousarray(data), dt)})
