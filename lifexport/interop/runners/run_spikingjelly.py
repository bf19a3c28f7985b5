"""NIR files in spikingjelly."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Read a file with ``import_from_nir`` and step it."""
    from common import by_step  # type: ignore[import-not-found]
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return by_step(lambda: import_from_nir(job["file"], dt=job["dt"]), x, alone=False)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("spikingjelly", run)
