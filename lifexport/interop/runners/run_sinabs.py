"""NIR files in sinabs."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Read a graph with ``sinabs.nir.from_nir``, set its layers, and run all steps of all samples at once."""
    import nir
    import sinabs.layers as sl
    import torch
    from sinabs.activation import MembraneReset, SingleSpike
    from sinabs.nir import from_nir

    torch.set_num_threads(1)
    net = from_nir(nir.read(job["file"]), batch_size=x.shape[1])
    for layer in net.modules():
        if isinstance(layer, sl.LIF | sl.IAF):
            if "single_spike" in job["settings"]:
                layer.spike_fn = SingleSpike
            if "membrane_reset" in job["settings"]:
                layer.reset_fn = MembraneReset()
            if "no_min_v_mem" in job["settings"]:
                layer.min_v_mem = None
    samples = torch.from_numpy(np.ascontiguousarray(np.swapaxes(x, 0, 1)))
    with torch.no_grad():
        out = net(samples.flatten(0, 1))
    out = out[0] if isinstance(out, tuple) else out
    return np.swapaxes(out.reshape(x.shape[1], x.shape[0], *out.shape[1:]).numpy(), 0, 1)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("sinabs", run)
