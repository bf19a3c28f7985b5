"""Which sources and time steps fit the numbers of a file: what a message can offer where a reading failed.

A source fits if it makes every population of the file, and none of them is one that no tool trains (LX111). Where the
fit is no accident of a free time step (``r`` says it), the source is *shown* by the numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from ..errors import LifexportError
from ..findings import Finding
from ..graph import Shape
from .nir_building import parameters
from .nir_raw import Raw
from .nir_source import FITTING, Asked, Parameters, Source, equal
from .nir_sources import SOURCES

STEP = 1e-3
"""Seconds that a step is called in sources that count in steps, where the caller does not say."""

KINDS = ("I", "IF", "LI", "LIF", "CubaLIF")
TIMES = ("tau", "tau_mem", "tau_syn")


class Fit(NamedTuple):
    """A source whose populations the numbers of a file make."""

    source: str
    step: str
    """``dt=`` that goes with it, for people; empty where there is nothing to say."""
    shown: bool

    def __str__(self) -> str:
        return f'source="{self.source}"' + (f" with {self.step}" if self.step else "")


Populations = list[tuple[str, Parameters]]


def populations(nodes: Mapping[str, Raw], arrives: Mapping[str, Shape]) -> Populations:
    """Kind and parameters of everything with a time constant or a threshold, as far as shapes are known."""
    known = [(raw, arrives[name]) for name, raw in nodes.items() if raw.kind in KINDS and name in arrives]
    return [(raw.kind, parameters(raw, shape)) for raw, shape in known]


def fits(given: Populations, dt: float | None = None) -> list[Fit]:
    """Sources that fit, those that the numbers show first.

    Parameters
    ----------
    given : list
        As ``populations`` returns it.
    dt : float, optional
        What the caller said; kept where it fits.
    """
    with np.errstate(all="ignore"):
        found = [fit for name, source in SOURCES.items() if (fit := _fit(name, source, given, dt)) is not None]
    return sorted(found, key=lambda fit: not fit.shown)


def _fit(name: str, source: Source, given: Populations, dt: float | None) -> Fit | None:
    steps, shortest = _steps(given), min((float(p[t].min()) for _, p in given for t in TIMES if t in p), default=1.0)
    if source.dt is not None or source.seconds is None:
        step = STEP if source.dt is None else source.dt
        shown = any(equal(step, other) for other in steps) and source.dt is not None
        return Fit(name, "", shown) if _makes(source, given, step) else None
    tried = [(step, f"dt = {step!r}") for step in ([] if dt is None else [dt]) + steps]
    for step, text in tried:
        if _makes(source, given, step):
            return Fit(name, text, not _makes(source, given, step / 2))
    limit = float(f"{(np.sqrt(shortest) if name == 'norse-export' else shortest) * 0.9995:.3g}")
    if limit > 0 and _makes(source, given, limit):
        return Fit(name, f"dt {'<=' if _makes(source, given, limit / 2) else '='} {limit!r}", False)
    return None


def _makes(source: Source, given: Populations, dt: float) -> bool:
    reset = "value" if "value" in source.resets else source.resets[0]
    try:
        for kind, fields in given:
            source.population(kind, fields, Asked(dt, reset, strict=True))
    except (LifexportError, ArithmeticError):
        return False
    return bool(given)


def _steps(given: Populations) -> list[float]:
    """Time steps below 1 s that ``r`` says: ``tau / dt``, or ``1 / dt`` of an integrator, in every population."""
    found = []
    for kind, p in given:
        if kind in ("LI", "I"):
            continue
        time = p["tau"] if kind == "LIF" else p["tau_mem"] if kind == "CubaLIF" else np.ones(p["r"].shape)
        step = (time / p["r"]).ravel()
        if step.size and not equal(p["r"], 1.0):
            found.append(step)
    every = np.concatenate(found) if found else np.zeros(0)
    if not every.size or not np.isfinite(every).all() or not 0 < every[0] < 1 or not equal(every, every[0]):
        return []
    short = float(f"{every[0]:.4g}")
    return [short if equal(short, every[0]) else float(every[0])]


def named_by(nodes: Iterable[str], metadata: Mapping[str, object]) -> str | None:
    """Tool that names of nodes or the file's metadata point to."""
    if any("snntorch" in str(value).lower() for value in metadata.values()):
        return "snntorch"
    return "snntorch" if any(name.endswith(".w_rec") for name in nodes) else None


def advised(findings: list[Finding], given: Populations, dt: float | None) -> list[Finding]:
    """Findings with what fits in their remedy; what several populations have in common is said once."""
    first: dict[tuple[str, str | None], Finding] = {}
    others: dict[tuple[str, str | None], list[str]] = {}
    kept = []
    for finding in findings:
        key = (finding.code, finding.field)
        if finding.fix != FITTING or key not in first:
            kept.append(finding)
        else:
            others.setdefault(key, []).append(str(finding.node))
        if finding.fix == FITTING:
            first.setdefault(key, finding)
    return [_advised(f, others.get((f.code, f.field), []), given, dt) if f.fix == FITTING else f for f in kept]


def _advised(finding: Finding, others: list[str], given: Populations, dt: float | None) -> Finding:
    able = fits(given, dt)
    shown = [fit for fit in able if fit.shown]
    named = ", ".join(map(str, [*shown, *(fit for fit in able if fit.source == "ode")] if shown else able))
    said = f"{FITTING}: {named}" if named else f"{FITTING}; none does: were its numbers changed after training?"
    more = f"; the same in {', '.join(others)}" if others else ""
    return dataclasses.replace(finding, found=finding.found + more, fix=said)
