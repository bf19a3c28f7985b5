"""NIR files in rockpool."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(job: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Read a graph with rockpool's ``from_nir``, set its layers, and run all steps of all samples at once."""
    import nir
    import torch
    from rockpool.nn.modules.torch.lif_torch import LIFBaseTorch
    from rockpool.nn.modules.torch.nir import from_nir

    torch.set_num_threads(1)
    net = from_nir(nir.read(job["file"]))
    for layer in net.modules():
        if isinstance(layer, LIFBaseTorch) and "max_one_spike" in job["settings"]:
            layer.max_spikes_per_dt = torch.tensor(1.0)
    with torch.no_grad():
        out = net(torch.from_numpy(np.ascontiguousarray(np.swapaxes(x, 0, 1))))
    out = out[0] if isinstance(out, tuple) else out
    return np.swapaxes(out.numpy(), 0, 1)


if __name__ == "__main__":
    from common import main  # type: ignore[import-not-found]

    main("rockpool", run)
