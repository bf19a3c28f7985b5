"""Feature by feature, what a target makes of one trained population: exactly, by a named approximation, or not at all.

A feature that a target does not have exactly is a ``Loss``. The caller accepts it by naming its approximation, else
the network is refused; a loss without a name is always refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..neurons import FloatCubaLIF
from ..neurons.membrane import FloatMembrane, Spiking
from ..targets import Target
from .leaks import LeakMap, tau_change, tau_text

TAU_TOLERANCE = 0.05
"""Relative change of a time constant from which it is a loss."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Something a target does otherwise than the trained network."""

    field: str
    found: str
    fix: str
    accept: str | None = None
    """Name in ``approximate=`` by which a caller accepts it; None if there is nothing to accept."""
    instead: str = ""
    """What the chip does then."""


def losses(node: FloatMembrane, target: Target, *, output: bool, lag: int) -> Iterator[Loss]:
    """Everything a target does otherwise than one trained population.

    Parameters
    ----------
    node : FloatMembrane
    target : Target
    output : bool
        Whether the population feeds the output.
    lag : int
        Steps by which its inputs arrive later than in the trained network.
    """
    rules = target.document
    yield from _leak(node, rules)
    yield from _synapse(node, rules)
    yield from _start(node, rules, lag)
    if not isinstance(node, Spiking):
        if 0 not in rules["spike"]["max_per_step"]:
            yield Loss(field="kind", found=f"{node.kind}; the neurons of the target spike", fix="train a LIF readout")
        return
    yield from _reset(node, rules)
    yield from _refractory(node, rules)
    yield from _spikes(rules, output)


def _leak(node: FloatMembrane, rules: dict[str, Any]) -> Iterator[Loss]:
    leak = LeakMap(rules["leak"])
    if leak.kind == "linear" or (leak.kind == "none" and not (node.decay == 1).all()):
        if (node.decay == 1).all():
            return
        what = "leaks by the same amount whatever the potential" if leak.kind == "linear" else "does not leak"
        yield Loss(field="tau", found=f"{node.kind}; the target {what}", fix="train IAF neurons, or use another target")
        return
    yield from _decay(node.decay, leak, node.dt, "tau")
    fired_at_zero = isinstance(node, Spiking) and node.reset == "value" and bool((node.v_reset == node.v_rest).all())
    if not rules["leak"]["on_fire"] and not fired_at_zero and node.spiking and not (node.decay == 1).all():
        yield Loss(
            field="tau",
            found="a neuron that fired leaks in the next step; that of the target does not",
            fix="train with a hard reset to the resting potential",
            accept="leak_on_fire",
            instead="a neuron does not leak in the step after a spike",
        )


def _decay(decay: np.ndarray, leak: LeakMap, dt: float, field: str) -> Iterator[Loss]:
    if (decay < 0).any():
        found = f"a decay of {decay.min():.4g}: forward Euler with dt > {field}, whose potentials change sign"
        yield Loss(field=field, found=found, fix=f"train with {field} of at least one time step")
        return
    if leak.per != "neuron" and len(np.unique(decay)) > 1:
        yield Loss(
            field=field,
            found=f"{len(np.unique(decay))} time constants; the target has one per {leak.per}",
            fix="train with one",
            accept="decay",
            instead="all neurons leak like the median one",
        )
        decay = np.full(decay.shape, np.median(decay))
    if leak.kind != "shift":
        return
    realised = leak.realised(leak.amounts(decay))
    change = tau_change(decay, realised)
    worst = int(np.argmax(np.abs(change)))
    if not leak.lossless and (decay == 1).all():
        found = "an integrator; small potentials leak on the target, whatever its shift"
        yield Loss(field=field, found=found, fix="use another target", accept="decay", instead="small potentials leak")
    elif abs(change.flat[worst]) > TAU_TOLERANCE:
        before, after = (tau_text(float(values.flat[worst]), dt) for values in (decay, realised))
        yield Loss(
            field=field,
            found=f"{before}; the nearest the target has is {after} (decay 1 - 2**-k)",
            fix=f"train with {after}",
            accept="decay",
            instead=f"{field} {before} becomes {after}",
        )


def _synapse(node: FloatMembrane, rules: dict[str, Any]) -> Iterator[Loss]:
    current = rules["current"]
    if isinstance(node, FloatCubaLIF):
        if current is None:
            fix = "train LIF neurons, or use a target with synaptic currents"
            yield Loss(field="tau_syn", found="a synaptic current; the target has none", fix=fix)
            return
        if current["leak"]["kind"] in ("linear", "none"):
            found = f"a current that decays; that of the target has leak {current['leak']['kind']!r}"
            yield Loss(field="tau_syn", found=found, fix="use another target")
            return
        yield from _decay(node.current_decay, LeakMap(current["leak"]), node.dt, "tau_syn")
        if rules["initial_state"] == "zero" and node.i_initial.any():
            yield _not_at_zero("i_initial")
    elif current is not None and not current.get("optional", False):
        leak = LeakMap(current["leak"])
        if leak.kind == "multiply" and leak.lowest == 0:
            return
        if leak.kind == "shift" and current["leak"]["when"] == "before_input":
            return  # a shift by 0 clears what was there, and the input passes whole
        instead = "inputs are filtered: half in their step, a quarter in the next, ..."
        yield Loss(
            field="kind",
            found=f"{node.kind}: unfiltered inputs; a synaptic current of the target cannot pass them through",
            fix="train CubaLIF neurons",
            accept="synapse" if leak.kind == "shift" else None,
            instead=instead,
        )


def _not_at_zero(field: str) -> Loss:
    return Loss(
        field=field,
        found="not at rest; states start at zero on the target",
        fix="train with states that start at rest",
        accept="initial",
        instead="the state starts at zero",
    )


def _start(node: FloatMembrane, rules: dict[str, Any], lag: int) -> Iterator[Loss]:
    off_rest = bool((node.v_initial != node.v_rest).any())
    if rules["initial_state"] == "zero" and off_rest:
        yield _not_at_zero("v_initial")
    elif lag and off_rest:
        yield Loss(
            field="v_initial",
            found=f"not at rest, and inputs arrive {lag} steps later",
            fix="train with potentials that start at rest",
            accept="start",
            instead=f"the neurons run {lag} steps before their first input",
        )


def late_bias(lag: int) -> Loss:
    """What a bias does while inputs are still under way."""
    return Loss(
        field="bias",
        found=f"acts from the first step on, {lag} steps before the first input arrives",
        fix="train without a bias after the first layer",
        accept="start",
        instead=f"the bias acts {lag} steps before the first input",
    )


def _reset(node: Spiking, rules: dict[str, Any]) -> Iterator[Loss]:
    modes, same_level = rules["reset"]["modes"], bool((node.v_reset == node.v_rest).all())
    accept = None
    if node.reset == "none":
        found = f"'none': a neuron above its threshold goes on; the target has {', '.join(map(repr, modes))}"
        yield Loss(field="reset", found=found, fix="train with one of these")
        return
    if node.reset not in modes:
        found = f"{node.reset!r}; the target has {', '.join(map(repr, modes))}"
        instead = "subtracts its threshold" if modes[0] == "subtract" else "sets the potential to rest"
        accept = "reset"
    elif rules["reset"]["amount"] == "threshold_or_zero" and not same_level:
        what, instead = (
            ("subtracts V_th - V_reset", "subtracts its threshold")
            if node.reset == "subtract"
            else ("sets V_reset", "sets the potential to rest")
        )
        found, accept = f"{what}, and V_reset is not V_rest; the target {instead}", "reset"
    else:
        return
    yield Loss(field="reset", found=found, fix="train with that reset", accept=accept, instead=f"a spike {instead}")


def _refractory(node: Spiking, rules: dict[str, Any]) -> Iterator[Loss]:
    if not node.waits:
        return
    most = 0 if rules["refractory"] is None else rules["refractory"]["max"]
    if most < node.refractory.max():
        found, fix = f"{node.refractory.max()} steps; the target has {most}", "train with a shorter refractory time"
        yield Loss(field="refractory", found=found, fix=fix)
    elif node.reset != "value" or (node.v_reset != node.v_rest).any():
        yield Loss(
            field="refractory",
            found="the potential stays where the reset left it; that of the target stays at rest",
            fix="train with a hard reset to the resting potential",
            accept="refractory",
            instead="a refractory potential is held at rest",
        )


def _spikes(rules: dict[str, Any], output: bool) -> Iterator[Loss]:
    most = spikes_per_step(rules, output=output)
    if most != 1:
        limit = "any number of" if most is None else f"up to {most}"
        yield Loss(
            field="spikes",
            found=f"one spike a step; the target's neurons emit {limit}",
            fix="keep potentials below twice the threshold, and accept what may still exceed it",
            accept="spikes",
            instead=f"a neuron emits {limit} spikes a step",
        )


def spikes_per_step(rules: dict[str, Any], *, output: bool) -> int | None:
    """Spikes a step of a population: one, where a target leaves the choice."""
    listed, own = rules["spike"]["max_per_step"], rules["spike"].get("output", ...)
    if own is not ...:
        return own if output else listed[0]
    return 1 if 1 in listed else listed[0]


def uses_current(node: FloatMembrane, rules: dict[str, Any]) -> bool:
    """Whether a population gets a synaptic current on a target."""
    current = rules["current"]
    return current is not None and (isinstance(node, FloatCubaLIF) or not current.get("optional", False))
