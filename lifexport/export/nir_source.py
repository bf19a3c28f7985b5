"""What a source of NIR files is: a tool, and how its neurons are made float populations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..findings import error
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF

Parameters = Mapping[str, np.ndarray]
RESETS = ("subtract", "value")
FITTING = "read it with a source and dt that fit its numbers"
"""Remedy of values that a source cannot have written; ``nir_fitting`` completes it."""


@dataclass(frozen=True)
class Asked:
    """What the caller of ``from_nir`` says of a file without record."""

    dt: float
    """Seconds."""
    reset: str | None = None
    """Rule of populations that ``resets`` does not name."""
    resets: Mapping[str, str] = field(default_factory=dict)
    """Rule of each population by name."""
    strict: bool = False
    """Whether values that no tool could have meant are refused (LX111)."""

    def of(self, name: str) -> Asked:
        """The same for one population."""
        return dataclasses.replace(self, reset=self.resets.get(name, self.reset))


class Population(NamedTuple):
    """A population of a file, as far as its reset depends on it."""

    kind: str
    paired: bool
    """Whether it feeds back to itself through a connection that does nothing else."""


class Unclear(NamedTuple):
    """Why the rule of a population is not what was told: the finding, without its place."""

    code: str
    field: str
    found: str
    fix: str


Rule = Callable[[Population, str, bool, bool | None], str | Unclear]
"""Rule of a population, from what was told: the word, whether for this very population, and ``reset_delay``."""


def as_told(population: Population, word: str, named: bool, delay: bool | None) -> str | Unclear:
    """The word itself; the tool has no ``reset_delay``."""
    return word


@dataclass(frozen=True, kw_only=True)
class Source:
    """A tool, as the network it reads or writes as NIR runs there.

    Parameters
    ----------
    says : str
        How it read ``tau``, ``r`` and the rest, for people.
    make : mapping from NIR kind to function
        Float population from the parameters of a node; kinds it lacks the tool does not have.
    seconds : float, optional
        Seconds that 1 in ``tau`` stands for; None for ``dt`` (the file counts in steps).
    dt : float, optional
        The one time step the tool knows, in seconds.
    resets : tuple of str
        Resets the file may have been trained with; with more than one the caller must say which,
    default : str, optional
        unless the tool itself takes this one.
    delays : bool
        Whether its neurons have ``reset_delay``.
    rule : function
        What a population makes of the word that was told.
    r : str
        What it makes of ``r``, for people.
    lag : bool
        Whether a spike leaves its population one step after the membrane reached the threshold.
    first_bias : bool
        Whether the bias of a connection that feeds back acts in the first step, before there was anything to feed.
    """

    says: str
    make: Mapping[str, Callable[[Parameters, Asked], Any]] = field(repr=False)
    seconds: float | None = 1.0
    dt: float | None = None
    resets: tuple[str, ...] = ("value",)
    default: str | None = None
    delays: bool = False
    rule: Rule = field(default=as_told, repr=False)
    r: str = "ignored: inputs are added as they are"
    lag: bool = False
    first_bias: bool = True

    def population(self, kind: str, given: Parameters, asked: Asked) -> Any:
        """Float population of a NIR node.

        Raises
        ------
        UnsupportedError
            LX401 for a kind or value that the tool does not have, or that no float population has.
        """
        if kind not in self.make:
            have = ", ".join(self.make)
            raise error("LX401", found=f"node kind {kind}", fix=f'the source has {have}; or read it with source="ode"')
        unit = asked.dt if self.seconds is None else self.seconds
        times = {name: given[name] * unit for name in ("tau", "tau_mem", "tau_syn") if name in given}
        made = self.make[kind]({**given, **times}, asked)
        if asked.strict:
            require_meant(made)
        return made


SLOP = 1e-6
"""How far float32 parameters may bring a decay out of 0..1 that was meant to be 0 or 1."""
FORGOTTEN = 2.0**-24
"""Share of a membrane that float32 cannot tell from nothing kept."""


def require_meant(made: Any) -> None:
    """Refuse (LX111) decays outside 0..1, and spiking neurons with a time constant that keep nothing at all.

    No tool trains either: the file was written by another tool, or for another time step.
    """
    rates = [("tau", made.tau, made.decay)] if isinstance(made, FloatLIF | FloatCubaLIF | FloatLI) else []
    if isinstance(made, FloatCubaLIF):
        rates.append(("tau_syn", made.tau_syn, made.current_decay))
    for name, tau, decay in rates:
        bad = (decay < -SLOP) | (decay > 1 + SLOP)
        if name == "tau" and made.spiking and made.discretisation.startswith("exponential"):
            bad |= decay.size > 0 and bool((decay < FORGOTTEN).all())
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            found = f"decay {decay[index]:.6g}: {name} is {tau[index] / made.dt:.6g} steps of dt = {made.dt!r} s"
            raise error("LX111", field=name, index=index or None, found=found, fix=FITTING)


def zeros(given: Parameters, name: str) -> None:
    """Refuse (LX401) a parameter that the tool wants to be 0."""
    if given[name].any():
        found = f"{given[name].flat[np.flatnonzero(given[name])[0]]}, which the tool does not read"
        raise error("LX401", field=name, found=found, fix='train with 0, or read it with source="ode"')


def equal(value: np.ndarray | float, wanted: np.ndarray | float) -> bool:
    """Whether a parameter is what a convention makes of others, as exactly as float32 can say."""
    return bool(np.allclose(value, wanted, rtol=1e-5, atol=0))


def lif(given: Parameters, asked: Asked, rule: str, **fixed: Any) -> FloatLIF:
    """LIF neurons of NIR's parameters; ``fixed`` are those that the tool reads otherwise."""
    start = fixed.get("v_rest", given["v_leak"])
    fields: dict[str, Any] = {name: given[name] for name in ("tau", "r", "v_threshold", "v_reset")}
    fields |= {"v_rest": start, "v_initial": start, "reset": "value", "compare": ">", **fixed}
    return FloatLIF(shape=given["tau"].shape, dt=asked.dt, discretisation=rule, **fields)


def cuba(given: Parameters, asked: Asked, rule: str, **fixed: Any) -> FloatCubaLIF:
    """CubaLIF neurons of NIR's parameters; ``w_in`` is what a unit of input adds to the current in its step."""
    start = fixed.get("v_rest", given["v_leak"])
    fields: dict[str, Any] = {name: given[name] for name in ("tau_syn", "r", "v_threshold", "v_reset", "w_in")}
    fields |= {"tau": given["tau_mem"], "v_rest": start, "v_initial": start, "reset": "value", "compare": ">", **fixed}
    return FloatCubaLIF(shape=given["tau_mem"].shape, dt=asked.dt, discretisation=rule, **fields)


def iaf(given: Parameters, asked: Asked, **fixed: Any) -> FloatIAF:
    """Integrators of NIR's parameters."""
    fields: dict[str, Any] = {name: given[name] for name in ("r", "v_threshold", "v_reset")}
    fields |= {"reset": "value", "compare": ">", **fixed}
    return FloatIAF(shape=given["r"].shape, dt=asked.dt, **fields)


def li(given: Parameters, asked: Asked, rule: str, **fixed: Any) -> FloatLI:
    """Leaky integrators of NIR's parameters."""
    start = fixed.get("v_rest", given["v_leak"])
    fields: dict[str, Any] = {"tau": given["tau"], "r": given["r"], "v_rest": start, "v_initial": start, **fixed}
    return FloatLI(shape=given["tau"].shape, dt=asked.dt, discretisation=rule, **fields)


def per_step(dt: float) -> float:
    """``r`` of an integrator to which an input adds itself: ``r * dt == 1``, as exactly as doubles allow.

    >>> per_step(1e-4) * 1e-4
    1.0
    """
    around = (1 / dt, np.nextafter(1 / dt, np.inf), np.nextafter(1 / dt, 0))
    return float(min(around, key=lambda r: abs(r * dt - 1)))


def drop_after_decay(threshold: np.ndarray, decay: np.ndarray) -> np.ndarray:
    """``v_reset`` with which a soft reset before the decay takes ``threshold`` off after it.

    ``decay * (v - (v_th - v_reset)) == decay * v - v_th`` for ``v_reset = v_th * (1 - 1/decay)``.

    Raises
    ------
    ParameterError
        LX111 for a decay below 0.
    UnsupportedError
        LX401 where nothing is kept, so that nothing can be taken off before.
    """
    if (decay < -SLOP).any():
        raise error("LX111", field="tau", found=f"decay {decay.min():.6g}: tau is shorter than a step", fix=FITTING)
    if (decay <= 0).any():
        found = "nothing kept from step to step, and a soft reset after the decay"
        raise error("LX401", field="tau", found=found, fix="train with tau > dt")
    return threshold * (1 - 1 / decay)


def convention(value: np.ndarray, wanted: np.ndarray | float, name: str, text: str) -> None:
    """Refuse (LX401) a parameter that is not what the tool writes."""
    if not equal(value, wanted):
        worst = int(np.argmax(np.abs(value - wanted)))
        expected = np.broadcast_to(wanted, value.shape).flat[worst]
        found = f"{value.flat[worst]:.6g}, where the tool writes {text} = {expected:.6g}"
        raise error("LX401", field=name, found=found, fix=FITTING)


def direct_cuba(given: Parameters, asked: Asked, **fixed: Any) -> FloatCubaLIF:
    """CubaLIF neurons of tools that write ``r = tau_mem / dt`` and ``w_in = tau_syn / dt``: inputs as they are."""
    zeros(given, "v_leak")
    convention(given["r"], given["tau_mem"] / asked.dt, "r", "tau_mem / dt")
    convention(given["w_in"], given["tau_syn"] / asked.dt, "w_in", "tau_syn / dt")
    return cuba(given, asked, "euler_direct", r=1.0, w_in=1.0, **fixed)
