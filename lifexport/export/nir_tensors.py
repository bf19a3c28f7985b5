"""Numbers of a NIR file as they stand there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .nir_survey import INFLATION


def data_sets(path: Path) -> dict[str, np.ndarray]:
    """Every numeric data set of an HDF5 file by its path inside, but those that claim more than the file holds."""
    content = path.read_bytes()
    found: dict[str, np.ndarray] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iufb" and item.nbytes <= INFLATION * len(content):
            found[name] = np.asarray(item[()])

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(take)
    return found
