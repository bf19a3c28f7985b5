"""NIR files in spyx."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Build and run a graph with ``spyx.nir.from_nir``."""
    import jax.numpy as jnp
    import nir
    from spyx.nir import from_nir

    _, out = from_nir(nir.read(job["file"]), jnp.asarray(x), dt=1)
    return np.asarray(out)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("spyx", run)
