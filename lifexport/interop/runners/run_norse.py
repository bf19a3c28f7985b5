"""NIR files in norse."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Read a graph with ``norse.torch.from_nir`` and step it; a Flatten would join the batch, so samples go alone."""
    import nir
    import norse.torch
    from common import by_step  # type: ignore[import-not-found]
    from norse.torch.functional import reset

    graph = nir.read(job["file"])
    method = reset.reset_subtract if "reset_subtract" in job["settings"] else reset.reset_value

    def build() -> Any:
        return norse.torch.from_nir(graph, ignore_warnings=True, reset_method=method, dt=job["dt"])

    return by_step(build, x, alone=any(isinstance(node, nir.Flatten) for node in graph.nodes.values()))


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("norse", run)
