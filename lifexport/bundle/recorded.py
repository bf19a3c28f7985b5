"""A recording from silicon or RTL held against the simulator: aligned in time, then number by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..findings import Finding, error
from ..network import IntNetwork
from ..schemas import header
from ..simulation import simulate
from .aligning import FARTHEST, Aligned, Row, align, windows
from .explaining import Seen, explain
from .naming import node_called

SCHEMA = "lifexport.recording/1"
WHAT = ("spikes", "v", "v_post")


class Part(NamedTuple):
    """One recorded array: of which population, what, how many numbers were compared, how many differ."""

    node: str
    what: str
    compared: int
    differing: int
    lag: int = 0
    """Steps by which the population was recorded late."""
    explained: str = ""
    """The one rule that explains every difference, in words; empty if there is none."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording has in common with the simulator.

    Parameters
    ----------
    network, target : str
        Digest of the network that was simulated, and its target.
    lag : int
        Steps by which the recording is late (negative: early); that of the first population where they differ.
    lags : tuple of int
        Every lag that fits as well: more than one where nothing in the recording tells when it began.
    steps, samples : int
        What was compared.
    parts : tuple of Part
    findings : tuple of Finding
        LX606 with the first difference in time, LX610 for every array whose differences one rule explains, LX611 for
        populations that are late by different numbers of steps.
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
        """Whether every compared number is equal, and came when it was expected."""
        return not any(finding.severity == "error" for finding in self.findings)

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
    q: IntNetwork,
    recorded: Mapping[str, np.ndarray],
    codes: np.ndarray,
    *,
    lag: int | Mapping[str, int] | None = None,
) -> Recording:
    """Hold a recording against the simulator.

    Parameters
    ----------
    q : IntNetwork
        What runs on the chip.
    recorded : mapping from ``<population>.spikes``, ``.v`` (before reset) or ``.v_post`` to int array
        Shape ``(time, batch, *shape)``, ``(time, batch, n)`` with space flattened, or without the batch axis for one
        sample. A population has its own name, as in ``golden.npz`` and ``hdl/``; ``node2``, its place in older
        bundles, is understood too. An array ``input`` holds the codes the chip was fed with, where they are not
        ``codes``.
    codes : int array, shape ``(time, batch, *features)``
        What it was fed with otherwise: the golden inputs of a bundle.
    lag : int, or mapping from population to int, optional
        Steps by which the recording is late, or each population of it. By default each population's is found, up to 16
        early or late: 0 where that is exact; else one that is exact; else one under which a single rule explains every
        difference; else 0, unless another one is clearly better over the same steps.

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
    rows = _rows(q, arrays, codes.shape[1])
    longest = max(len(row.got) for row in rows)
    silent = np.zeros((max(0, longest + FARTHEST - len(codes)), *codes.shape[1:]), codes.dtype)
    trace = simulate(q, np.concatenate([codes, silent]), record=WHAT)
    known = {(node, what): getattr(trace, what)[node].astype(np.int64) for what in WHAT for node in q.populations}
    aligned = align(rows, known, len(codes), _stated(q, lag, rows))
    return _compared(q, aligned, known, judged=not isinstance(lag, Mapping))


def _rows(q: IntNetwork, arrays: Mapping[str, np.ndarray], samples: int) -> list[Row]:
    """Recorded arrays with the axes of the simulator's, in order of the network."""
    if not arrays:
        raise error("LX003", found="no recorded array", fix=f"name arrays {_example(q)}")
    rows: dict[tuple[str, str], np.ndarray] = {}
    for key, values in arrays.items():
        called, _, what = key.rpartition(".")
        node = node_called(q, called)
        if node not in q.populations or what not in WHAT:
            names = [f"{name}.{what}" for name in q.populations for what in WHAT]
            raise error("LX003", field=key, found="no array of this network", fix=f"known: {', '.join(names)}")
        if (node, what) in rows:
            raise error("LX003", field=key, found=f"a second array of {node}.{what}", fix="leave one of them out")
        rows[node, what] = _array(q, key, node, np.asarray(values), samples)
    order = [*q.populations]
    return [Row(*key, rows[key]) for key in sorted(rows, key=lambda key: (order.index(key[0]), WHAT.index(key[1])))]


def _array(q: IntNetwork, key: str, node: str, values: np.ndarray, samples: int) -> np.ndarray:
    shape = q.populations[node].shape
    for given in (values, values[:, None] if values.ndim else values):
        if given.ndim >= 2 and given.shape[1] == samples and given.shape[2:] in (shape, (int(np.prod(shape)),)):
            if given.dtype.kind == "f" and (given != np.rint(given)).any():
                raise error("LX003", field=key, found="fractions", fix="record the integers of the chip")
            return given.reshape(*given.shape[:2], *shape).astype(np.int64)
    fix = f"give (time, {samples}, {', '.join(map(str, shape))}), or the input that was recorded too"
    raise error("LX003", field=key, found=f"shape {values.shape}", fix=fix)


def _stated(q: IntNetwork, lag: int | Mapping[str, int] | None, rows: list[Row]) -> dict[str, int]:
    """Lags that the caller states, by population."""
    if lag is None:
        return {}
    if not isinstance(lag, Mapping):
        return {row.node: lag for row in rows}
    stated = {}
    for name, steps in lag.items():
        if (node := node_called(q, name)) not in q.populations:
            raise error("LX006", field="lag", found=f"population {name!r}", fix=f"known: {', '.join(q.populations)}")
        stated[node] = steps
    return stated


def _compared(q: IntNetwork, aligned: Aligned, known: Mapping, *, judged: bool) -> Recording:
    parts, firsts, most = [], [], 0
    for row in aligned.rows:
        late = aligned.lag_of[row.node]
        got, expected = windows(row.got, known[row.node, row.what], late)
        differs, said = got != expected, ""
        if differs.any():
            others = {key: windows(row.got, values, late)[1] for key, values in known.items()}
            said = explain(Seen((row.node, row.what), got, expected, others))
            index = tuple(int(i) for i in np.argwhere(differs)[0])
            step = index[0] + max(0, -late)
            firsts.append((step, len(parts), (step, *index[1:]), int(got[index]), int(expected[index])))
        parts.append(Part(row.node, row.what, got.size, int(differs.sum()), late, said))
        most = max(most, len(got))
    lag = aligned.lag_of[parts[0].node]
    return Recording(
        network=q.digest(),
        target=q.target,
        lag=lag,
        lags=aligned.fitting,
        steps=most,
        samples=aligned.rows[0].got.shape[1],
        parts=tuple(parts),
        findings=(*_first(parts, firsts), *_explained(parts), *(_lags(parts) if judged else ())),
    )


def _first(parts: list[Part], firsts: list[tuple]) -> list[Finding]:
    """The first difference in time, and how many there are."""
    if not firsts:
        return []
    _, place, index, got, wanted = min(firsts)
    part = parts[place]
    differing, compared = sum(part.differing for part in parts), sum(part.compared for part in parts)
    found = f"{got} recorded, {wanted} simulated; {differing} of {compared} numbers differ, {part.lag} steps late"
    found += f"; {part.explained}" if part.explained else ""
    fix = "look at this step of this neuron first; index is (step, sample, neuron)"
    return [Finding(code="LX606", node=part.node, field=part.what, index=index, found=found, fix=fix)]


def _explained(parts: list[Part]) -> list[Finding]:
    fix = "look for this in how the recording was made; the network and its numbers are the simulated ones"
    rows = [(part, f"{part.explained}; that explains all {part.differing} numbers that differ") for part in parts]
    return [Finding(code="LX610", node=p.node, field=p.what, found=said, fix=fix) for p, said in rows if p.explained]


def _lags(parts: list[Part]) -> list[Finding]:
    lags = {part.node: part.lag for part in parts}
    if len({*lags.values()}) == 1:
        return []
    found = ", ".join(f"{node} {late:+d}" for node, late in lags.items())
    fix = "if the recording itself is late by these numbers of steps, say so: lag={population: steps}"
    return [Finding(code="LX611", found=found, fix=fix)]


def _example(q: IntNetwork) -> str:
    name = next(iter(q.populations))
    return f"'{name}.spikes', '{name}.v' (before reset) or '{name}.v_post'"
