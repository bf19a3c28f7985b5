"""A recording from silicon or RTL held against the simulator: aligned in time, then number by number."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..findings import Finding, error
from ..network import IntNetwork
from ..schemas import header
from ..simulation import simulate

SCHEMA = "lifexport.recording/1"
WHAT = ("spikes", "v", "v_post")
FARTHEST = 16
"""Steps, early or late, within which a recording is looked for."""


class Part(NamedTuple):
    """One recorded array: of which population, what, how many numbers were compared, how many differ."""

    node: str
    what: str
    compared: int
    differing: int


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording has in common with the simulator.

    Parameters
    ----------
    network, target : str
        Digest of the network that was simulated, and its target.
    lag : int
        Steps by which the recording is late (negative: early).
    lags : tuple of int
        Every lag that fits as well: more than one where nothing in the recording tells when it began.
    steps, samples : int
        What was compared.
    parts : tuple of Part
    findings : tuple of Finding
        LX606 with the first difference in time; empty if there is none.
    """

    network: str
    target: str
    lag: int
    lags: tuple[int, ...]
    steps: int
    samples: int
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every compared number is equal."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/recording.schema.json``."""
        return {
            **header(SCHEMA),
            "network": self.network,
            "target": self.target,
            "ok": self.ok,
            "lag": self.lag,
            "lags": list(self.lags),
            "steps": self.steps,
            "samples": self.samples,
            "parts": [part._asdict() for part in self.parts],
            "findings": [finding.to_json() for finding in self.findings],
        }


def compare_recorded(
    q: IntNetwork, recorded: Mapping[str, np.ndarray], codes: np.ndarray, *, lag: int | None = None
) -> Recording:
    """Hold a recording against the simulator.

    Parameters
    ----------
    q : IntNetwork
        What runs on the chip.
    recorded : mapping from ``<population>.spikes``, ``.v`` (before reset) or ``.v_post`` to int array
        Shape ``(time, batch, *shape)``, ``(time, batch, n)`` with space flattened, or without the batch axis for one
        sample. An array ``input`` holds the codes the chip was fed with, where they are not ``codes``.
    codes : int array, shape ``(time, batch, *features)``
        What it was fed with otherwise: the golden inputs of a bundle.
    lag : int, optional
        Steps by which the recording is late. By default the one, up to 16 early or late, with the fewest numbers that
        differ; where several do equally well, the smallest.

    Returns
    -------
    Recording

    Raises
    ------
    FileError
        LX003 for arrays that are none of the network's, have another shape or type, or nothing at all.

    Notes
    -----
    Recorded step ``t + lag`` is simulated step ``t``. A recording that goes on longer than the input is held against a
    simulation that goes on without input.
    """
    arrays = dict(recorded)
    if "input" in arrays:
        codes = arrays.pop("input")
    codes = np.asarray(codes)
    q.check_codes(codes)
    rows = dict(_array(q, key, values, codes.shape[1]) for key, values in arrays.items())
    if not rows:
        raise error("LX003", found="no recorded array", fix=f"name arrays {_example(q)}")
    longest = max(len(values) for values in rows.values())
    silent = np.zeros((max(0, longest + FARTHEST - len(codes)), *codes.shape[1:]), codes.dtype)
    record = tuple({what for _, what in rows})
    trace = simulate(q, np.concatenate([codes, silent]), record=record)
    expected = {key: getattr(trace, key[1])[key[0]] for key in rows}
    candidates = range(-FARTHEST, FARTHEST + 1) if lag is None else (lag,)
    counts = {late: _differing(rows, expected, late, len(codes)) for late in candidates}
    counts = {late: count for late, count in counts.items() if count is not None}
    if not counts:
        found = f"{longest} steps, {lag} late" if lag is not None else f"{longest} steps"
        raise error("LX003", field="lag", found=found, fix="record at least half of the steps of the input")
    fewest = min(counts.values())
    fitting = sorted((late for late, count in counts.items() if count == fewest), key=lambda late: (abs(late), -late))
    return _compared(q, rows, expected, fitting, len(codes))


def _array(q: IntNetwork, key: str, values: np.ndarray, samples: int) -> tuple[tuple[str, str], np.ndarray]:
    """Population and kind of a recorded array, and the array with the axes of the simulator's."""
    node, _, what = key.rpartition(".")
    if node not in q.populations or what not in WHAT:
        names = [f"{name}.{what}" for name in q.populations for what in WHAT]
        near = difflib.get_close_matches(key, names, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise error("LX003", field=key, found="no array of this network", fix=f"{hint}known: {', '.join(names)}")
    shape = q.populations[node].shape
    for given in (values, values[:, None] if values.ndim else values):
        if given.ndim >= 2 and given.shape[1] == samples and given.shape[2:] in (shape, (int(np.prod(shape)),)):
            if given.dtype.kind == "f" and (given != np.rint(given)).any():
                raise error("LX003", field=key, found="fractions", fix="record the integers of the chip")
            return (node, what), given.reshape(*given.shape[:2], *shape).astype(np.int64)
    fix = f"give (time, {samples}, {', '.join(map(str, shape))}), or the input that was recorded too"
    raise error("LX003", field=key, found=f"shape {values.shape}", fix=fix)


def _windows(got: np.ndarray, expected: np.ndarray, late: int) -> tuple[np.ndarray, np.ndarray]:
    """The steps that both have."""
    start = max(0, -late)
    stop = min(len(expected), len(got) - late)
    return got[start + late : stop + late], expected[start:stop]


def _differing(rows: Any, expected: Any, late: int, steps: int) -> int | None:
    """How many numbers differ; None if less than half of the input's steps are there."""
    total = 0
    for key, got in rows.items():
        a, b = _windows(got, expected[key], late)
        if 2 * len(a) < min(steps, len(got)) or not len(a):
            return None
        total += int((a != b).sum())
    return total


def _compared(q: IntNetwork, rows: Any, expected: Any, fitting: list[int], steps: int) -> Recording:
    late, order = fitting[0], [*q.populations]
    parts, firsts, most = [], [], 0
    for (node, what), got in rows.items():
        a, b = _windows(got, expected[node, what], late)
        differs = a != b
        parts.append(Part(node, what, a.size, int(differs.sum())))
        most = max(most, len(a))
        if differs.any():
            index = tuple(int(i) for i in np.argwhere(differs)[0])
            step = index[0] + max(0, -late)
            rank = (step, order.index(node), WHAT.index(what))
            firsts.append((*rank, node, what, (step, *index[1:]), a[index], b[index]))
    findings = ()
    if firsts:
        *_, node, what, index, got, wanted = min(firsts)
        differing, compared = sum(part.differing for part in parts), sum(part.compared for part in parts)
        found = f"{got} recorded, {wanted} simulated; {differing} of {compared} numbers differ, {late} steps late"
        fix = "look at this step of this neuron first; index is (step, sample, neuron)"
        findings = (Finding(code="LX606", node=node, field=what, index=index, found=found, fix=fix),)
    samples = next(iter(rows.values())).shape[1]
    return Recording(
        network=q.digest(),
        target=q.target,
        lag=late,
        lags=tuple(fitting),
        steps=most,
        samples=samples,
        parts=tuple(parts),
        findings=findings,
    )


def _example(q: IntNetwork) -> str:
    name = next(iter(q.populations))
    return f"'{name}.spikes', '{name}.v' (before reset) or '{name}.v_post'"
