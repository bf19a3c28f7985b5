from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest

from lifexport.export.nir_graph import to_nir
from tests.export.nir_files import a, nir_lif, recurrent, write


@pytest.fixture
def file(tmp_path) -> Path:
    return to_nir(recurrent(), tmp_path / "m.nir").path


@pytest.fixture
def foreign(tmp_path) -> Path:
    nodes = {
        "in": nir.Input(np.array([3])),
        "0": nir.Affine(np.ones((2, 3), np.int8), a(1, 2)),
        "1": nir_lif(),
    }
    return write(tmp_path / "f.nir", nodes | {"out": nir.Output(np.array([2]))}, ["in 0", "0 1", "1 out"])


collect_ignore = ["recorded/record.py"]
"""Run by hand, where the tools are installed whose spikes it records."""
