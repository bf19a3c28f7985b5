"""The tensors a file holds, by name, whatever its format: what its numbers are held against one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..arrayfiles import read_npz
from ..files import read_json
from .intnetwork import from_array


def tensors_of(path: Path) -> Mapping[str, np.ndarray]:
    """Tensors of a file of a bundle, read without holding them against anything.

    Parameters
    ----------
    path : Path
        A ``.json`` document with arrays, an ``.onnx``, ``.nir`` or ``.npz`` file; others hold none.

    Returns
    -------
    mapping from name to array
        ``hidden.weight`` of a network's document, initializers, HDF5 data sets, members. Empty where the file no longer
        parses.
    """
    reader = {".json": _of_json, ".onnx": _of_onnx, ".nir": _of_nir, ".npz": _of_npz}.get(path.suffix)
    if reader is None:
        return {}
    try:
        return reader(path)
    except Exception:  # whatever a damaged file makes of its reader: it no longer parses
        return {}


def _of_json(path: Path) -> dict[str, np.ndarray]:
    document = read_json(path)
    return {
        f"{node['name']}.{field}": from_array(value, field, smallest=True)
        for node in document.get("nodes", ())
        for field, value in node.items()
        if isinstance(value, dict) and "base64" in value
    }


def _of_onnx(path: Path) -> Mapping[str, np.ndarray]:
    from ..export.onnx_tensors import initializers  # loads onnx

    return initializers(path)


def _of_nir(path: Path) -> Mapping[str, np.ndarray]:
    from ..export.nir_tensors import data_sets  # loads h5py

    return data_sets(path)


def _of_npz(path: Path) -> Mapping[str, np.ndarray]:
    return read_npz(path, checked=False)
