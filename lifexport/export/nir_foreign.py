"""A file without lifexport's record: what its reader must be told, how it was read, and what fits if that fails."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from ..findings import Finding, collect, error
from ..network import FloatNetwork
from ..origin import Origin
from . import nir_fitting, nir_resets
from .nir_building import shapes
from .nir_raw import Raw, RawGraph
from .nir_resets import Told
from .nir_running import as_run, prepared
from .nir_source import Asked, Source
from .nir_sources import ODE, source_named


class Options(NamedTuple):
    """What the caller of ``from_nir`` says."""

    dt: float | None
    source: str | None
    reset: Told
    reset_delay: bool | None
    output: str | None


def read(graph: RawGraph, told: Options, findings: list[Finding], budget: int) -> tuple[FloatNetwork | None, str]:
    """Network of a graph, and how it was read; what stands against it is added to ``findings``.

    A wrong option is one finding, and nothing else is read. A missing one is a finding too; then the rest is read as
    far as it does not depend on it.

    Raises
    ------
    LifexportError
        The finding of a wrong option, or of a graph that makes no network.
    """
    name = told.source or "ode"
    source = source_named(name)
    _require_options(name, source, told)
    nodes, pairs = prepared(graph, told.output)
    given = nir_fitting.populations(nodes, shapes(nodes, pairs, budget))
    step = told.dt if told.dt is not None else source.dt
    if step is None and source.seconds is None:
        step = nir_fitting.STEP
    asks: list[Finding] = []
    resets: dict[str, str] = {}
    if step is None:
        asks.append(_ask_source(graph, nodes, told, given))
    else:
        with collect(asks):
            resets = nir_resets.rules(name, source, nodes, pairs, told.reset, told.reset_delay)
    findings += asks
    if step is None or asks:
        if all(finding.code in ("LX103", "LX112") for finding in asks):
            _read_the_rest(graph, nodes, source, told, findings, budget)
        return None, ""
    found: list[Finding] = []
    with collect(found):
        asked = Asked(step, source.default or source.resets[0], resets, strict=True)
        network, says = as_run(graph, source, asked, found, budget=budget, output=told.output)
        if network is not None:
            says += _said(told, source, step, resets, given)
            known = tuple((node, rule) for node, rule in sorted(resets.items()) if node in network.populations)
            origin = Origin(source=name, dt=step, r=source.r, resets=known)
            return dataclasses.replace(network, origin=origin), says
    findings += nir_fitting.advised(found, given, told.dt)
    return None, ""


def _require_options(name: str, source: Source, told: Options) -> None:
    """Refuse (LX006, LX103) options that no file could make right."""
    if told.source is None and (told.reset not in (None, *ODE.resets) or told.reset_delay is not None):
        option = "reset" if told.reset is not None else "reset_delay"
        found = f"{getattr(told, option)!r} for a file whose source was not named"
        raise error("LX006", field=option, found=found, fix='say whose network it is, for example source="snntorch"')
    nir_resets.require_words(name, source, told.reset, told.reset_delay)
    if told.dt is not None and source.dt is not None and float(told.dt) != source.dt:
        found = f"{told.dt!r} s; {name} writes its files for {source.dt!r} s"
        raise error("LX103", field="dt", found=found, fix="leave dt out")


def _ask_source(graph: RawGraph, nodes: dict[str, Raw], told: Options, given: nir_fitting.Populations) -> Finding:
    """What is asked of who gave neither a source that knows its time step, nor a time step (LX103)."""
    able = nir_fitting.fits(given)
    if told.source is not None:
        own = next((fit for fit in able if fit.source == told.source and fit.step), None)
        fix = "pass dt= in seconds" + (f"; the file's numbers fit {own.step}" if own else "")
        return Finding(code="LX103", field="dt", found="none; the file does not say", fix=fix)
    shown = [fit for fit in able if fit.shown]
    tool = nir_fitting.named_by({*graph.nodes, *nodes}, graph.metadata)
    if tool is not None:
        shown = [fit for fit in able if fit.source == tool] + [fit for fit in shown if fit.source != tool]
    if shown:
        found = "none; the file says neither dt nor whose network it is"
        fix = f"say whose it is (--source): its numbers are those of {', '.join(map(str, shown))}"
        return Finding(code="LX103", field="source", found=found, fix=fix)
    found = "none; the file says neither dt nor whose network it is"
    fits = ", ".join(map(str, able)) or "no source that is known"
    fix = f"pass source= and dt= in seconds (--source, --dt; \"ode\" is NIR's text); the file's numbers fit {fits}"
    return Finding(code="LX103", field="dt", found=found, fix=fix)


def _read_the_rest(
    graph: RawGraph, nodes: dict[str, Raw], source: Source, told: Options, findings: list[Finding], budget: int
) -> None:
    """Find what is wrong whatever the time step and the resets: kinds, shapes, edges.

    1 s and the exact solution of the ODE stand in, under which no number that is otherwise fine is refused; delays in
    seconds are not judged.
    """
    if any(raw.kind == "Delay" for raw in nodes.values()):
        return
    make = {kind: ODE.make[kind] for kind in source.make if kind in ODE.make}
    with collect(findings):
        as_run(
            graph, dataclasses.replace(ODE, make=make), Asked(1.0, "value"), findings, budget=budget, output=told.output
        )


def _said(told: Options, source: Source, step: float, resets: dict[str, str], given: nir_fitting.Populations) -> str:
    """What was taken for granted, and what else the numbers may mean."""
    text = ""
    if told.dt is None and source.dt is None:
        text += f"; a step is called {step!r} s, on which no spike depends"
    rules = sorted(set(resets.values()))
    if len(source.resets) > 1 and rules:
        by_rule = (f"{rule} ({', '.join(node for node, own in resets.items() if own == rule)})" for rule in rules)
        text += f"; reset: {', '.join(by_rule)}"
    if source.delays and told.reset_delay is None:
        text += '; reset_delay=True, its default, is taken where "subtract" or one word for all was told'
    if told.source is None and (shown := [fit for fit in nir_fitting.fits(given) if fit.shown]):
        text += f"; source was not told, and the numbers are also those of {', '.join(map(str, shown))}"
    return text
