"""One population alone, driven through its public input ports: currents, ordered events, ticks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..neurons import Arriving, IntPopulation
from ..ops import NumpyOps, Ops


class Driven(NamedTuple):
    """Every step of a driven population, time first."""

    spikes: np.ndarray
    v: np.ndarray
    v_post: np.ndarray
    current: np.ndarray | None
    """Synaptic currents, ``(time, synapses, ...)``; None without any."""


def drive(
    population: IntPopulation, arriving: Iterable[Arriving], *, state: Any = None, ops: Ops | None = None
) -> Driven:
    """Run a population step by step on what arrives, by the very step that networks use.

    Parameters
    ----------
    population : IntPopulation
    arriving : iterable of Arriving
        One for every step; int64 arrays that broadcast with the population's shape.
    state : named tuple, optional
        Where to start; the population's initial state by default.
    ops : Ops, optional
        Reader of the step; ``NumpyOps``, the definition, by default.

    Returns
    -------
    Driven

    Examples
    --------
    >>> from fractions import Fraction
    >>> from lifexport.neurons import IntLIF
    >>> from lifexport.targets import choose_rules, load_target
    >>> rules = choose_rules(load_target("tinyodin"))
    >>> cell = IntLIF(shape=(1,), rules=rules, decay=2, threshold=9, reset_code=0, unit=Fraction(1))
    >>> w, tick = np.array([7]), np.array([True])
    >>> steps = [Arriving(((w,),), ~tick), Arriving(((0 * w,),), tick), Arriving(((w,),), ~tick)]
    >>> run = drive(cell, steps)
    >>> run.v.ravel().tolist(), run.v_post.ravel().tolist(), run.spikes.ravel().tolist()
    ([7, 5, 12], [7, 5, 0], [0, 0, 1])
    """
    ops = NumpyOps() if ops is None else ops
    state = population.initial_state() if state is None else state
    rows: dict[str, list] = {"spikes": [], "v": [], "v_post": [], "current": []}
    for now in arriving:
        state, spikes, v = population.step(ops, state, now)
        rows["spikes"].append(np.asarray(spikes, np.int64))
        rows["v"].append(v)
        rows["v_post"].append(population.after_reset(ops, v))
        if state.current:
            rows["current"].append(np.stack(state.current))
    stacked = {name: np.stack(values) if values else None for name, values in rows.items()}
    return Driven(**stacked)  # type: ignore[arg-type]
