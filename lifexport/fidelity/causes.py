"""What came of what: a chain of runs from the trained network to the integers, one step of it for every cause.

================  =======================================================================================
``input``         the trained network, fed with what the input codes stand for
``parameters``    the same with the numbers that the integers stand for (``realised.py``)
``rules``         the chip's own rules on its own numbers, without rounding and overflow (``RealOps``)
``arithmetic``    the chip: the same with its roundings and overflows
================  =======================================================================================

Each is held against the one before it; what differs by less than float64 rounds (``ROUNDING_DB``) is no difference.
Causes are not additive: after the first spike that differs two trajectories
part, whatever parted them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..network import FloatNetwork, IntNetwork
from ..simulation import Trace, simulate
from ..simulation.stepwise import run as run_stepwise
from .alone import alone
from .realised import realised
from .statistics import Noise

CAUSES = ("input", "parameters", "rules", "arithmetic")
RECORD = ("v", "spikes")
ROUNDING_DB = 240.0
"""SQNR from which a difference is the rounding of float64, which depends on the order of sums."""


@dataclass
class CauseSums:
    """What one cause did to one population, summed over all samples so far."""

    accumulated: Noise = field(default_factory=Noise)
    local: Noise = field(default_factory=Noise)
    differing: int = 0
    values: int = 0


class _Stage(NamedTuple):
    """One run of the chain: membranes in volt, of the whole network and of every population alone."""

    trace: Trace
    v: Mapping[str, np.ndarray]
    local: Mapping[str, np.ndarray]


class Chain:
    """The networks between the trained one and the integers, run some samples at a time.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
        Trained, and quantized from it.
    align : callable
        Takes a run of ``q`` to the time of ``f``.
    """

    def __init__(self, f: FloatNetwork, q: IntNetwork, align: Callable[[Trace], Trace]):
        self.f, self.q, self.align = f, q, align
        self.realised = realised(f, q)
        self.sums = {cause: {name: CauseSums() for name in f.populations} for cause in CAUSES}
        self.labels: dict[str, list[np.ndarray]] = {cause: [] for cause in CAUSES}

    def add(self, x: np.ndarray, codes: np.ndarray, padded: np.ndarray, exact: Trace, chip: Trace) -> None:
        """Take further samples into account.

        Parameters
        ----------
        x : float64 array, shape ``(time, batch, *features)``
        codes, padded : int64 array
            Codes of ``x``, and the same with as many more steps as the last spikes need to arrive.
        exact, chip : Trace
            Runs of ``f`` on ``x`` and of ``q``, the latter as early as the trained one.
        """
        f, q = self.f, self.q
        read = codes * float(q.input_code.unit)
        runs: dict[str, Callable[[], Trace]] = {
            "input": lambda: exact if np.array_equal(read, x) else simulate(f, read, record=RECORD),
            "parameters": lambda: simulate(self.realised, codes.astype(np.float64), record=RECORD),
            "rules": lambda: self.align(run_stepwise(q, padded, RECORD, None, real=True)),
            "arithmetic": lambda: chip,
        }
        before = _Stage(exact, exact.v, exact.v)
        for cause, run in runs.items():
            now = self._stage(cause, run(), read if cause == "input" else codes, exact)
            for name in f.populations:
                self._compare(self.sums[cause][name], name, exact, before, now)
            self.labels[cause].append(now.trace.prediction.labels)
            before = now

    def _stage(self, cause: str, trace: Trace, inputs: np.ndarray, exact: Trace) -> _Stage:
        """Membranes in volt, of the whole run and of every population alone."""
        f, q, real = self.f, self.q, cause == "rules"
        network: Any = {"input": f, "parameters": self.realised}.get(cause, q)
        local = {name: alone(f, network, name, inputs, exact, real=real) for name in f.populations}
        if network is f:
            return _Stage(trace, trace.v, local)

        def volts(name: str, codes: np.ndarray) -> np.ndarray:
            return codes * q.nodes[name].volt + f.nodes[name].v_rest

        return _Stage(trace, *({name: volts(name, rows[name]) for name in rows} for rows in (trace.v, local)))

    def _compare(self, sums: CauseSums, name: str, exact: Trace, before: _Stage, now: _Stage) -> None:
        signal = exact.v[name] - self.f.nodes[name].v_rest
        sums.accumulated.add(signal, signal + (now.v[name] - before.v[name]))
        sums.local.add(signal, signal + (now.local[name] - before.local[name]))
        differs = now.trace.spikes[name] != before.trace.spikes[name]
        sums.differing += int(differs.sum())
        sums.values += differs.size
