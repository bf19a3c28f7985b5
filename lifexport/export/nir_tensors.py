"""Numbers of a NIR file as they stand there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..regular import read_bytes
from .nir_survey import opened, surveyed


def data_sets(path: Path) -> dict[str, np.ndarray]:
    """Every numeric data set of an HDF5 file by its path inside; LX003 if they claim more than the file may hold."""
    content = read_bytes(path)
    with opened(content) as file:
        numbers = [(place, item) for place, item in surveyed(file, content) if item.dtype.kind in "iufb"]
        return {place.lstrip("/"): np.asarray(item[()]) for place, item in numbers}
