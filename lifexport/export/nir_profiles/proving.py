"""What was written, run as the importer does, against what was trained: membranes in thresholds, neuron by neuron."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...findings import error
from ...network import FloatNetwork
from ...simulation import simulate
from ..nir_loops import lagging

STEPS = 32
NEAR = 1e-5
"""Distance, in thresholds and relative to the largest potential, that float32 parameters may cause."""
FIX = "nothing was written; report this with the network as a bug of lifexport"


def prove(network: FloatNetwork, again: FloatNetwork, names: Mapping[str, str], *, lag: bool) -> str:
    """Run both networks on the same inputs and hold every membrane and spike of one against the other.

    Parameters
    ----------
    network : FloatNetwork
        What was trained.
    again : FloatNetwork
        The file, read as the importer runs it.
    names : mapping from population of ``network`` to that of ``again``
    lag : bool
        Whether the importer's spikes are one step late; the trained network is then run with spikes as late.

    Returns
    -------
    str
        What was shown, in words.

    Raises
    ------
    MismatchError
        LX402 at the first membrane or spike that differs by more than float32 parameters explain.
    """
    if lag:
        edges = lagging(network.edges, network.nodes, network.populations)
        network = dataclasses.replace(network, edges=tuple(edges))
    x = _inputs(network)
    want, have = (simulate(net, x, record=("spikes", "v")) for net in (network, again))
    compared, ties, worst = 0, 0, 0.0
    alive = np.ones(x.shape[1], bool)
    own = {name: _in_thresholds(network.nodes[name], want.v[name]) for name in names}
    theirs = {name: _in_thresholds(again.nodes[there], have.v[there]) for name, there in names.items()}
    scale = {name: 1 + np.abs(u).max() for name, u in own.items()}
    for t in range(len(x)):
        for name, there in names.items():
            apart = np.abs(own[name][t] - theirs[name][t])[alive]
            if apart.size and apart.max() > NEAR * scale[name]:
                place = np.unravel_index(int(apart.argmax()), apart.shape)
                found = f"step {t}: a membrane differs by {apart.max():.3g} thresholds (neuron {place[1:]})"
                raise error("LX402", node=name, found=found, fix=FIX)
            worst, compared = max(worst, float(apart.max(initial=0.0))), compared + apart.size
            flips = want.spikes[name][t] != have.spikes[there][t]
            flipped = flips.reshape(len(alive), -1).any(1) & alive
            if flipped.any():
                near = np.abs(own[name][t] - 1) <= NEAR * scale[name]
                if (flips & ~near)[alive].any():
                    raise error("LX402", node=name, found=f"step {t}: another spike far from threshold", fix=FIX)
                ties += int(flipped.sum())
                alive &= ~flipped
    total = sum(u.size for u in own.values())
    return (
        f"run as the importer does: {compared} of {total} membranes within {worst:.1e} thresholds of those trained, "
        f"0 spikes differ" + (f"; {ties} samples left at a near tie" if ties else "")
    )


def _inputs(network: FloatNetwork) -> np.ndarray:
    """Silence, sparse and dense spikes, and graded inputs weak and strong."""
    rng = np.random.default_rng(0)
    shape = (STEPS, *network.nodes[network.input_name].shape)
    kinds = [np.zeros(shape), *((rng.random(shape) < rate) * 1.0 for rate in (0.1, 0.3, 0.6))]
    kinds += [rng.normal(0, size, shape) for size in (1.0, 10.0)]
    return np.stack(kinds, axis=1)


def _in_thresholds(node: Any, v: np.ndarray) -> np.ndarray:
    return (v - node.v_reset) / (node.v_threshold - node.v_reset) if node.spiking else v
