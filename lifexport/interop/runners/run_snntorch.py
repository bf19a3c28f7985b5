"""NIR files in snnTorch."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Read a graph with ``import_from_nir`` and step it; a Flatten would join the batch, so samples go alone."""
    import nir
    from common import by_step  # type: ignore[import-not-found]
    from snntorch.import_nir import import_from_nir

    graph = nir.read(job["file"])
    alone = any(isinstance(node, nir.Flatten) for node in graph.nodes.values())
    return by_step(lambda: import_from_nir(nir.read(job["file"])), x, alone=alone)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("snntorch", run)
