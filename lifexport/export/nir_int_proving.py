"""An integer network and the float network written for it, run on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..network import FloatNetwork, IntNetwork
from ..simulation import simulate
from .nir_integers import Domain, lost


def measured(q: IntNetwork, network: FloatNetwork, domain: Domain) -> tuple[str, int, bool]:
    """Run the integers and their float network on the same inputs.

    Returns
    -------
    str
        What differs, in words.
    int
        How many spikes do.
    bool
        Whether none may: nothing was rounded, nothing overflowed, nothing began earlier.
    """
    codes = np.stack([*_inputs(q)], axis=1)
    x = codes.astype(np.float64) * (float(q.input_code.unit) if domain == "real" else 1.0)
    want = simulate(q, codes, backend="reference", record=("overflows",))
    have = simulate(network, x)
    lag = q.latency
    differing = int((want.output[lag:] != have.output[: len(x) - lag]).sum())
    total = want.output[lag:].size
    still = lag == 0 or not any(node.bias.any() or node.v_initial.any() for node in q.populations.values())
    exact = still and not any(map(want.overflowed, want.overflows)) and not _rounding(q)
    return f"{differing} of {total} spikes differ from the integer simulator's", differing, exact


def _rounding(q: IntNetwork) -> bool:
    return any(finding.field in ("decay", "current_decay", "drop") for finding in lost(q))


def _inputs(q: IntNetwork) -> Iterator[np.ndarray]:
    """Silence, sparse and dense inputs, weak and strong."""
    rng, code = np.random.default_rng(0), q.input_code.format
    shape = (32, *q.nodes[q.input_name].shape)
    yield np.zeros(shape, np.int64)
    for rate in (0.1, 0.3, 0.6):
        drawn = rng.integers(max(code.lo, -(1 << 20)), min(code.hi, 1 << 20) + 1, shape)
        yield np.where(rng.random(shape) < rate, np.where(code.hi == 1, 1, drawn), 0)
