"""sinabs 3.1.3: Linear and IAF or IAFRecurrent layers with whole numbers in float32; both samples in one batch.

The recordings of IAFRecurrent hold one dictionary, that of the last step, as often as there are steps: membranes are
taken where the layer resets them, and clipped as the layer does next.
"""

from __future__ import annotations

import numpy as np
import sinabs.layers
import torch
from common import Job, run
from sinabs.activation import MembraneReset, MembraneSubtract, MultiSpike, SingleSpike


def linear(weight: np.ndarray) -> torch.nn.Linear:
    found = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    found.weight.data = torch.tensor(weight, dtype=torch.float32)
    return found


class Noted:
    """A reset that notes the membranes it leaves."""

    def __init__(self, reset):
        self.reset, self.v = reset, []

    def __call__(self, spikes, state, threshold):
        state = self.reset(spikes, state, threshold)
        self.v.append(state["v_mem"].clone())
        return state


def neurons(node: dict, back: np.ndarray | None):
    (threshold,) = np.unique(node["threshold"])
    lowest = node["lo"] if node["lo"] > -(2**31) else None
    fields = {
        "spike_threshold": torch.tensor(float(threshold)),
        "spike_fn": SingleSpike if node["max_spikes"] == 1 else MultiSpike,
        "reset_fn": Noted(MembraneSubtract() if node["reset"] == "subtract" else MembraneReset()),
        "min_v_mem": lowest,
    }
    if back is None:
        return sinabs.layers.IAF(**fields)
    return sinabs.layers.IAFRecurrent(rec_connect=linear(back), **fields)


@torch.no_grad()
def recording(job: Job) -> dict[str, np.ndarray]:
    ways = job.ways()
    emitted = {job.named("input")[0]: torch.tensor(job.codes.transpose(1, 0, 2).astype(np.float32))}
    found = {}
    for name in job.named("population"):
        node = job.nodes[name]
        total = torch.tensor(node["bias"], dtype=torch.float32)
        for before, weights, after, late in ways:
            if after == name and before != name:
                assert late == 0, "layers act in one step"
                total = total + linear(job.nodes[weights]["weight"])(emitted[before])
        back = [job.nodes[weights]["weight"] for before, weights, after, _ in ways if before == after == name]
        layer = neurons(node, back[0] if back else None)
        emitted[name] = layer(total)
        v = torch.stack(layer.reset_fn.v, 1).clamp(min=-torch.inf if layer.min_v_mem is None else layer.min_v_mem)
        rows = {"spikes": emitted[name], "v_post": v}
        found |= {f"{name}.{what}": values.numpy().transpose(1, 0, 2).astype(np.int64) for what, values in rows.items()}
    return found


if __name__ == "__main__":
    run(recording)
