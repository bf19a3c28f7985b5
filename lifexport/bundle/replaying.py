"""Runs held against recorded vectors: bit for bit in integers, within rounding for the trained network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..findings import error
from ..network import FloatNetwork
from ..simulation import Trace, simulate
from .golden import Golden

TOLERANCE = 1e-9
"""Membranes of a float64 run on another machine may differ by this share of the largest one: sums in another order."""


def wanted(vectors: Golden) -> dict[tuple[str, str | None], np.ndarray]:
    """What the integer network must give."""
    return {key: values for key, values in vectors.arrays.items() if key[0] in ("v", "spikes", "scores", "prediction")}


def require_equal(trace: Trace, expected: Mapping[tuple[str, str | None], np.ndarray], label: str) -> int:
    """Refuse (LX605) a run that is not the recorded one, at its first difference in time; count what is equal."""
    scores = trace.scores.reshape(len(trace.scores), -1)
    got: dict[tuple[str, str | None], np.ndarray] = {("scores", None): scores}
    got["prediction", None] = trace.prediction.labels
    got |= {("v", name): rows for name, rows in trace.v.items()}
    got |= {("spikes", name): rows for name, rows in trace.spikes.items()}
    first = min((found for key, rows in expected.items() if (found := _first(got.get(key), rows, key))), default=None)
    if first is not None:
        _, _, (what, node), index, pair = first
        fix = "write the bundle again with this version of lifexport, and report the difference"
        raise error("LX605", node=node, field=what, index=index, found=f"{label}: {pair}", fix=fix)
    return sum(rows.size for rows in expected.values())


def _first(got: np.ndarray | None, expected: np.ndarray, key: tuple[str, str | None]):
    """First difference, in an order that is the order of time: step, then what was computed first."""
    rank = ("v", "spikes", "scores", "prediction").index(key[0])
    if got is None or got.shape != expected.shape:
        return (
            0,
            rank,
            (key[0], key[1] or ""),
            (),
            f"shape {None if got is None else got.shape}, not {expected.shape}",
        )
    differs = got.astype(np.int64) != expected.astype(np.int64)
    if not differs.any():
        return None
    index = tuple(int(i) for i in np.argwhere(differs)[0])
    step = index[0] if rank < 2 else 1 << 62
    return step, rank, (key[0], key[1] or ""), index, f"{got[index]} instead of {expected[index]}"


def float_replay(f: FloatNetwork, vectors: Golden) -> str:
    """Run the trained network again (LX605 if it is not the recorded run).

    Floats are summed in another order on another machine, so that membranes may differ by ``TOLERANCE``; a membrane
    that close to its threshold may then fire otherwise, after which that sample is another trajectory. Until there
    every membrane and spike must be the recorded one.
    """
    assert vectors.x is not None
    trace = simulate(f, vectors.x, record=("v", "spikes"))
    steps, samples = vectors.x.shape[:2]
    until = np.full(samples, steps)
    for name, node in f.populations.items():
        other = trace.spikes[name] != vectors.arrays["float_spikes", name]
        differs = other.reshape(steps, samples, -1).any(axis=2)
        firsts = np.where(differs.any(0), differs.argmax(0), steps)
        v, room = vectors.arrays["float_v", name], _room(vectors.arrays["float_v", name])
        for sample in np.flatnonzero(firsts < steps):
            place = firsts[sample], sample
            near = np.abs(v[place] - getattr(node, "v_threshold", np.inf))[other[place]] <= room
            if firsts[sample] < until[sample] and not near.all():
                _differs(name, "spikes", (int(firsts[sample]), int(sample)), "another spike than was recorded")
        until = np.minimum(until, firsts)
    for name in f.populations:
        v, now = vectors.arrays["float_v", name], trace.v[name]
        valid = np.arange(steps)[:, None] < until
        far = np.abs(now - v) > _room(v)
        far &= valid.reshape(*valid.shape, *(1,) * (v.ndim - 2))
        if far.any():
            index = tuple(int(i) for i in np.argwhere(far)[0])
            _differs(name, "v", index, f"{now[index]} V instead of {v[index]} V")
    ties = int((until < steps).sum())
    exact = sum(int((trace.v[name] == vectors.arrays["float_v", name]).sum()) for name in f.populations)
    total = sum(trace.v[name].size for name in f.populations)
    said = f"simulated again: {exact} of {total} V bit for bit, all within {TOLERANCE:g} of the largest"
    return said + (f", {ties} samples part at a membrane that meets its threshold" if ties else "")


def _room(v: np.ndarray) -> float:
    return TOLERANCE * float(np.abs(v).max(initial=0.0))


def _differs(node: str, field: str, index: tuple[int, ...], found: str) -> None:
    fix = "the NIR file is not the network whose run was recorded; write the bundle again"
    raise error("LX605", node=node, field=field, index=index, found=found, fix=fix)
