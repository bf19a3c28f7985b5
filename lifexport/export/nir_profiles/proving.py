"""What was written, run as the importer does, against what was trained: membranes in thresholds, neuron by neuron.

The importer's own float32 arithmetic (``model``) is run, and the file as ``from_nir`` reads it. Both must stay as near
to the trained membranes as float32's roundings explain (``bounds``), which is a few parts in ten million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...findings import error
from ...network import FloatNetwork
from ...simulation import simulate
from ..nir_raw import Raw
from .bounds import ROUNDING, THRESHOLD, bounds
from .model import modelled
from .profile import Asked, Profile

STEPS = 48
"""Steps that are compared, from the first that every population sees."""
FIX = "nothing was written; report this with the network as a bug of lifexport"


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """A graph as its importer reads it.

    Parameters
    ----------
    network : FloatNetwork
        As ``from_nir`` reads it.
    nodes : mapping from name to Raw
        Its nodes as they are stored, flat.
    profile : Profile
    asked : Asked
    names : mapping from population as trained to population of ``network``
    """

    network: FloatNetwork
    nodes: Mapping[str, Raw]
    profile: Profile
    asked: Asked
    names: Mapping[str, str]


def prove(trained: FloatNetwork, written: Written) -> str:
    """Run what was trained and what was written on the same inputs and hold every membrane and spike against the other.

    Where the importer's spikes are late, its populations are compared as many steps later. Neurons that were added to
    a population, behind the others, are left out.

    Returns
    -------
    str
        What was shown, in words.

    Raises
    ------
    MismatchError
        LX402 at the first membrane or spike that differs by more than float32's roundings explain.
    """
    late = {name: written.network.lateness[there] for name, there in written.names.items()}
    x = inputs(trained, max(late.values(), default=0))
    run = simulate(trained, x, record=("spikes", "v"))
    allowed = bounds(trained, {trained.input_name: x} | run.spikes, run.v)
    shown = [
        _held(trained, written, run, allowed, late, spikes, v)
        for spikes, v in (_by_the_model(written, x), _as_read(written, x))
    ]
    silent = sorted(name for name, spikes in run.spikes.items() if not spikes.any())
    return f"run as the importer does: {shown[0]}; as from_nir reads it: {shown[1]}" + (
        f"; never fired: {', '.join(silent)}" if silent else ""
    )


def _by_the_model(written: Written, x: np.ndarray) -> tuple[dict, dict]:
    run = modelled(written.network, written.nodes, written.profile, written.asked, x)
    return run.spikes, run.v


def _as_read(written: Written, x: np.ndarray) -> tuple[dict, dict]:
    run = simulate(written.network, x, record=("spikes", "v"))
    return run.spikes, {name: v - getattr(written.network.nodes[name], "v_reset", 0.0) for name, v in run.v.items()}


def _held(
    trained: FloatNetwork, written: Written, run: Any, allowed: dict, late: Mapping[str, int], spikes: dict, v: dict
) -> str:
    """Membranes and spikes of a run of the file against those trained; samples end where rounding decided a spike."""
    steps = len(run.output) - max(late.values(), default=0)
    own = {name: _in_thresholds(trained.nodes[name], run.v[name]) for name in written.names}
    theirs, fires = {}, {}
    for name, there in written.names.items():
        part = (slice(late[name], None), slice(None), *map(slice, trained.nodes[name].out_shape))
        height = np.asarray(written.nodes[there].fields["v_threshold"], np.float64)
        theirs[name], fires[name] = (v[there] / height)[part], spikes[there][part]
    alive = np.ones(run.output.shape[1], bool)
    compared, ties, worst, count = 0, 0, 0.0, 0
    for t in range(steps):
        for name in written.names:
            apart = np.abs(own[name][t] - theirs[name][t])
            wrong = ~(apart <= allowed[name][t])[alive]
            if wrong.any():
                place = np.argwhere(wrong)[0]
                found = (
                    f"step {t}: a membrane differs by {apart[alive][tuple(place)]:.3g} thresholds, float32 explains "
                )
                found += f"{allowed[name][t][alive][tuple(place)]:.3g} (neuron {tuple(int(i) for i in place[1:])})"
                raise error("LX402", node=name, found=found, fix=FIX)
            share = apart[alive] / np.maximum(allowed[name][t][alive], 1e-300)
            compared, worst = compared + apart[alive].size, max(worst, float(share.max(initial=0.0)))
            count += int(run.spikes[name][t][alive].sum())
            flips = run.spikes[name][t] != fires[name][t]
            near = np.abs(own[name][t] - 1) <= allowed[name][t] + THRESHOLD * ROUNDING
            if (flips & ~near)[alive].any():
                raise error("LX402", node=name, found=f"step {t}: another spike far from threshold", fix=FIX)
            flipped = flips.reshape(len(alive), -1).any(1) & alive
            ties += int(flipped.sum())
            alive &= ~flipped
    total = sum(u[:steps].size for u in own.values())
    return (
        f"{compared} of {total} membranes within float32's rounding of those trained "
        f"(at most {worst:.2f} of its bound), 0 spikes differ ({count} compared)"
        + (f"; {ties} samples left where rounding decided a spike" if ties else "")
    )


def inputs(network: FloatNetwork, late: int = 0) -> np.ndarray:
    """Silence, single spikes, sparse and dense ones, graded inputs, and spikes of strengths of which some drive it.

    The last touch a threshold: of the first step, from below, as exactly as float32 can, and from above.
    """
    rng = np.random.default_rng(0)
    shape = (STEPS + late, *network.nodes[network.input_name].shape)
    spikes = (rng.random(shape) < 0.3) * 1.0
    single = np.zeros((len(spikes), spikes[0].size))
    single[np.arange(len(single)), rng.integers(0, single.shape[1], len(single))] = 1.0
    kinds = [np.zeros(shape), single.reshape(shape), spikes, *((rng.random(shape) < rate) * 1.0 for rate in (0.1, 0.6))]
    kinds += [rng.normal(0, size, shape) for size in (1.0, 10.0)]
    kinds += [spikes * 2.0**power for power in (-4, 3, 7, 11)]
    kinds += [spikes * scale for scale in _touching(network, spikes)]
    return np.stack(kinds, axis=1).astype(np.float32).astype(np.float64)


def _touching(network: FloatNetwork, spikes: np.ndarray) -> list[float]:
    """Strengths at which the first step takes a membrane to its threshold, a float32 number below, and one above."""
    still, driven = (simulate(network, x[:1, None], record=("v",)).v for x in (np.zeros_like(spikes), spikes))
    for name, node in network.populations.items():
        gap, rise = node.v_threshold - still[name][0, 0], driven[name][0, 0] - still[name][0, 0]
        reached = (gap > 0) & (rise > 0)
        if reached.any():
            touch = np.float32((gap[reached] / rise[reached])[0])
            return [
                float(np.nextafter(touch, np.float32(0))),
                float(touch),
                float(np.nextafter(touch, np.float32("inf"))),
            ]
    return []


def _in_thresholds(node: Any, v: np.ndarray) -> np.ndarray:
    return (v - node.v_reset) / (node.v_threshold - node.v_reset)
