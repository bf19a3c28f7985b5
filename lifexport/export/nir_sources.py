"""Whose network a NIR file holds: what that tool makes of ``tau``, ``r``, threshold and reset, step by step.

Every rule was read in the tool's source; those of norse and snnTorch are also held against recorded runs
of the tool. What a tool does that a ``FloatNetwork`` cannot say is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..findings import error, unknown_name
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF

Parameters = Mapping[str, np.ndarray]
RESETS = ("subtract", "value")


@dataclass(frozen=True)
class Asked:
    """What the caller of ``from_nir`` says of a file without record."""

    dt: float
    """Seconds."""
    reset: str | None = None


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
        return self.make[kind]({**given, **times}, asked)


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
    UnsupportedError
        LX401 where nothing is kept, so that nothing can be taken off before.
    """
    if (decay <= 0).any():
        found = "nothing kept from step to step, and a soft reset after the decay"
        raise error("LX401", field="tau", found=found, fix="train with tau > dt")
    return threshold * (1 - 1 / decay)


# NIR at its word


def _ode_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    return cuba(given, asked, "exponential_euler", w_in=given["w_in"] * -np.expm1(-asked.dt / given["tau_syn"]))


def _ode_i(given: Parameters, asked: Asked) -> FloatLI:
    fields = {"tau": np.full(given["r"].shape, asked.dt), "r": given["r"]}
    return FloatLI(shape=given["r"].shape, dt=asked.dt, discretisation="integrator", **fields)


ODE = Source(
    says="tau in seconds, the exact solution of the ODE over a step, r as a resistance, v > v_threshold, hard reset",
    make={
        "LIF": lambda given, asked: lif(given, asked, "exponential_euler"),
        "LI": lambda given, asked: li(given, asked, "exponential_euler"),
        "CubaLIF": _ode_cuba,
        "IF": iaf,
        "I": _ode_i,
    },
)


# norse 1.1.0


def _norse_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")  # norse adds it to the synapse too
    w_in = given["w_in"] * (asked.dt / given["tau_syn"])
    return cuba(given, asked, "euler", w_in=w_in, v_reset=0.0, reset=asked.reset)


def _norse_lif(given: Parameters, asked: Asked) -> FloatLIF:
    if asked.reset == "subtract":
        found = "'subtract'; norse resets LIF neurons that it reads to 0, whatever its reset_method"
        raise error("LX401", field="reset", found=found, fix='use reset="value", or source="norse-export"')
    return lif(given, asked, "euler", r=1.0, v_reset=0.0)


def _norse_if(given: Parameters, asked: Asked) -> FloatIAF:
    return iaf(given, asked, r=per_step(asked.dt), v_reset=0.0)


NORSE = Source(
    says="as norse 1.1.0 reads it: tau in seconds, forward Euler, r of LIF and IF ignored (taken as 1), v > "
    "v_threshold, reset to 0 (CubaLIF also by subtraction)",
    make={"LIF": _norse_lif, "CubaLIF": _norse_cuba, "IF": _norse_if},
    first_bias=False,
    resets=RESETS,
    default="value",
)


def _norse_written(given: Parameters, asked: Asked) -> FloatLIF:
    times = {"tau": given["tau"] / asked.dt}
    return lif({**given, **times}, asked, "euler", r=1.0, v_reset=0.0, reset=asked.reset)


def _norse_written_li(given: Parameters, asked: Asked) -> FloatLI:
    return li({**given, "tau": given["tau"] / asked.dt}, asked, "euler", r=1.0)


NORSE_EXPORT = Source(
    says="as norse 1.1.0 writes it: tau of the file is tau * dt, forward Euler, r ignored (1), v > v_threshold",
    make={"LIF": _norse_written, "LI": _norse_written_li, "IF": _norse_if},
    first_bias=False,
    resets=RESETS,
)


# snnTorch 1.0.0


def _snntorch_scale(given: Parameters, scale: np.ndarray) -> np.ndarray:
    """Threshold that snnTorch divides by the input's gain, by the least of them, unless that is 1."""
    return given["v_threshold"] if equal(scale, 1.0) else given["v_threshold"] / np.unique(scale)[0]


def _snntorch_reset(threshold: np.ndarray, decay: np.ndarray, asked: Asked) -> dict[str, Any]:
    if asked.reset != "subtract":
        held = {"refractory": 2} if asked.reset == "value_held" else {}  # the input of that step is lost too
        return {"v_threshold": threshold, "v_reset": 0.0, "reset": "value", **held}
    return {"v_threshold": threshold, "v_reset": drop_after_decay(threshold, decay), "reset": "subtract"}


def _snntorch_lif(given: Parameters, asked: Asked) -> FloatLIF:
    zeros(given, "v_leak")
    rate = asked.dt / given["tau"]
    threshold = _snntorch_scale(given, given["r"] * rate)
    if asked.reset == "value_held":
        found, fix = (
            "'value_held', which is what Synaptic does",
            'use reset="value": a Leaky resets to 0, and adds its input',
        )
        raise error("LX401", field="reset", found=found, fix=fix)
    return lif(given, asked, "euler_direct", r=1.0, **_snntorch_reset(threshold, 1 - rate, asked))


def _snntorch_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    rate = asked.dt / given["tau_mem"]
    _convention(given["r"], 1 / rate, "r", "tau_mem / dt")
    threshold = _snntorch_scale(given, given["w_in"] * (asked.dt / given["tau_syn"]))
    return cuba(given, asked, "euler_direct", r=1.0, w_in=1.0, **_snntorch_reset(threshold, 1 - rate, asked))


def _convention(value: np.ndarray, wanted: np.ndarray | float, name: str, text: str) -> None:
    if not equal(value, wanted):
        worst = int(np.argmax(np.abs(value - wanted)))
        expected = np.broadcast_to(wanted, value.shape).flat[worst]
        found = f"{value.flat[worst]:.6g}, where the tool writes {text} = {expected:.6g}"
        raise error("LX401", field=name, found=found, fix='check dt and the unit of tau, or read it with source="ode"')


SNNTORCH = Source(
    says="as snnTorch 1.0.0 does it: dt = 0.1 ms, decay 1 - dt/tau, inputs added as they are (the threshold divided by "
    "r * dt/tau), v > v_threshold; reset 'subtract' after the decay, 'value' to 0, 'value_held' to 0 for one step "
    '(Synaptic with reset_mechanism="zero" and the default reset_delay)',
    make={"LIF": _snntorch_lif, "CubaLIF": _snntorch_cuba},
    dt=1e-4,
    resets=(*RESETS, "value_held"),
)


# spikingjelly 2.0.0


def _spikingjelly_lif(given: Parameters, asked: Asked) -> FloatLIF:
    at_reset = {"v_rest": given["v_reset"], "compare": ">="}
    if not np.allclose(given["v_leak"], given["v_reset"], rtol=1e-6, atol=1e-12):
        fix = 'train with both equal, or read it with source="ode"'
        raise error("LX401", field="v_leak", found="not v_reset, which spikingjelly takes for both", fix=fix)
    if equal(given["r"], 1.0):
        return lif(given, asked, "euler", r=1.0, **at_reset)
    _convention(given["r"], given["tau"] / asked.dt, "r", "1 or tau / dt")
    return lif(given, asked, "euler_direct", r=1.0, **at_reset)


def _spikingjelly_if(given: Parameters, asked: Asked) -> FloatIAF:
    _convention(given["r"], 1 / asked.dt, "r", "1 / dt")
    start = {"v_rest": given["v_reset"], "v_initial": given["v_reset"]}
    return iaf(given, asked, r=per_step(asked.dt), compare=">=", **start)


def _spikingjelly_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    _convention(given["r"], given["tau_mem"] / asked.dt, "r", "tau_mem / dt")
    _convention(given["w_in"], given["tau_syn"] / asked.dt, "w_in", "tau_syn / dt")
    return cuba(given, asked, "euler_direct", r=1.0, w_in=1.0, compare=">=", v_initial=given["v_reset"])


SPIKINGJELLY = Source(
    says="as spikingjelly 2.0.0 does it: tau in seconds, decay 1 - dt/tau, inputs times dt/tau where r = 1 and as they "
    "are where r = tau/dt, v >= v_threshold, hard reset to v_reset, where it also starts",
    make={"LIF": _spikingjelly_lif, "CubaLIF": _spikingjelly_cuba, "IF": _spikingjelly_if},
    first_bias=False,
)


# sinabs 3.1.3, rockpool 3.1.0


def _single_lif(given: Parameters, asked: Asked) -> FloatLIF:
    zeros(given, "v_leak")
    return lif(given, asked, "exponential_direct", r=1.0, v_reset=0.0, reset=asked.reset, compare=">=")


def _sinabs_if(given: Parameters, asked: Asked) -> FloatIAF:
    return iaf(given, asked, r=per_step(asked.dt), v_reset=0.0, reset=asked.reset, compare=">=")


def _sinabs_li(given: Parameters, asked: Asked) -> FloatLI:
    zeros(given, "v_leak")
    return li(given, asked, "exponential_direct", r=1.0)


SINABS_SINGLE = Source(
    says="as sinabs 3.1.3 does it with spike_fn=SingleSpike and min_v_mem=None: tau in steps, decay exp(-1/tau), "
    "inputs added as they are (r ignored), v >= v_threshold, v_threshold subtracted, or reset to 0 with "
    "reset_fn=MembraneReset()",
    make={"LIF": _single_lif, "IF": _sinabs_if, "LI": _sinabs_li},
    seconds=None,
    resets=RESETS,
    default="subtract",
)


def _rockpool_lif(given: Parameters, asked: Asked) -> FloatLIF:
    _rockpool_dt(given["tau"], given["r"], asked)
    return _single_lif(given, asked)


def _rockpool_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    _rockpool_dt(given["tau_mem"], given["r"], asked)
    once = {"r": 1.0, "v_reset": 0.0, "reset": "subtract", "compare": ">="}
    return cuba(given, asked, "exponential_direct", w_in=np.exp(-asked.dt / given["tau_syn"]), **once)


def _rockpool_dt(tau: np.ndarray, r: np.ndarray, asked: Asked) -> None:
    """The file says dt in two ways: rockpool writes ``r = tau / dt * exp(-dt / tau)`` and reads ``tau / (1 + r)``."""
    if not equal(float(np.min(tau / (1 + r))), asked.dt):
        _convention(r, tau / asked.dt * np.exp(-asked.dt / tau), "r", "tau / dt * exp(-dt / tau)")


ROCKPOOL_SINGLE = Source(
    says="as rockpool 3.1.0 does it with max_spikes_per_dt=1: tau in seconds, decay exp(-dt/tau), inputs added before "
    "the current decays, v >= v_threshold, v_threshold subtracted",
    make={"LIF": _rockpool_lif, "CubaLIF": _rockpool_cuba},
    resets=("subtract",),
)


# spyx 1.0.0, snn-mlir 1.0.0


def _spyx_lif(given: Parameters, asked: Asked) -> FloatLIF:
    threshold = given["v_threshold"]
    fields = {"v_reset": drop_after_decay(threshold, 1 - asked.dt / given["tau"]), "reset": "subtract"}
    return lif(given, asked, "euler_direct", r=1.0, v_rest=0.0 * threshold, **fields)


def _spyx_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    once = {"r": 1.0, "w_in": 1.0, "v_reset": 0.0, "reset": "subtract", "v_rest": 0.0 * given["v_leak"]}
    return cuba(given, asked, "euler_direct", **once)


SPYX = Source(
    says="as spyx 1.0.0 does it: tau in steps, decay 1 - 1/tau, inputs added as they are (r and v_leak ignored), v > "
    "v_threshold, v_threshold subtracted (from LIF after the decay), spikes one step late",
    make={"LIF": _spyx_lif, "CubaLIF": _spyx_cuba},
    seconds=None,
    resets=("subtract",),
    lag=True,
)


def _mlir_lif(given: Parameters, asked: Asked) -> FloatLIF:
    for name in ("v_leak", "v_reset"):
        zeros(given, name)
    _convention(given["r"], given["tau"] / asked.dt, "r", "tau / dt")
    return lif(given, asked, "euler_direct", r=1.0)


def _mlir_if(given: Parameters, asked: Asked) -> FloatIAF:
    _convention(given["r"], 1.0, "r", "1")
    zeros(given, "v_reset")
    return iaf(given, asked, r=per_step(asked.dt))


def _mlir_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    for name in ("v_leak", "v_reset"):
        zeros(given, name)
    _convention(given["r"], given["tau_mem"] / asked.dt, "r", "tau_mem / dt")
    _convention(given["w_in"], given["tau_syn"] / asked.dt, "w_in", "tau_syn / dt")
    return cuba(given, asked, "euler_direct", r=1.0, w_in=1.0)


SNN_MLIR = Source(
    says="as snn-mlir 1.0.0 reads it: r = tau/dt, decay 1 - dt/tau, inputs added as they are, v > v_threshold, reset "
    "to 0",
    make={"LIF": _mlir_lif, "IF": _mlir_if, "CubaLIF": _mlir_cuba},
)


# py-spinnaker2, lava-dl by the script of the NIR paper


def _spinnaker_lif(given: Parameters, asked: Asked) -> FloatLIF:
    return lif(given, asked, "exponential_euler", v_reset=0.0, v_initial=0.0, reset=asked.reset)


def _spinnaker_if(given: Parameters, asked: Asked) -> FloatIAF:
    return iaf(given, asked, r=given["r"] * per_step(asked.dt), v_reset=0.0, reset=asked.reset)


def _spinnaker_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    w_in = given["w_in"] * -np.expm1(-asked.dt / given["tau_syn"])
    return cuba(given, asked, "exponential_euler", w_in=w_in, v_reset=0.0, reset=asked.reset)


SPINNAKER2 = Source(
    says="as py-spinnaker2 converts it with its exponential integrator: tau in seconds, r as a resistance, v > "
    "v_threshold, v_threshold subtracted or reset to 0; its weights of 8 bits and delays are left out",
    make={"LIF": _spinnaker_lif, "IF": _spinnaker_if, "CubaLIF": _spinnaker_cuba},
    resets=RESETS,
)


def _lava_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    _convention(given["r"], given["tau_mem"] / asked.dt, "r", "tau_mem / dt")
    w_in = given["w_in"] * (asked.dt / given["tau_syn"])
    return cuba(given, asked, "euler_direct", r=1.0, w_in=w_in, v_reset=0.0, compare=">=")


LAVA = Source(
    says="as the NIR paper's script for lava-dl reads it: dt = 0.1 ms, decays 1 - dt/tau, v >= v_threshold, reset to "
    "0; its fixed-point states are left out",
    make={"CubaLIF": _lava_cuba},
    dt=1e-4,
)


SOURCES: dict[str, Source] = {
    "ode": ODE,
    "norse": NORSE,
    "norse-export": NORSE_EXPORT,
    "snntorch": SNNTORCH,
    "spikingjelly": SPIKINGJELLY,
    "sinabs-single": SINABS_SINGLE,
    "rockpool-single": ROCKPOOL_SINGLE,
    "spyx": SPYX,
    "snn-mlir": SNN_MLIR,
    "spinnaker2": SPINNAKER2,
    "lava": LAVA,
}

REFUSED: dict[str, tuple[str, str]] = {
    "sinabs": (
        "neurons that emit floor(v / v_threshold) spikes a step, and IAF ones whose membrane stops at min_v_mem",
        'if it was trained with spike_fn=SingleSpike and min_v_mem=None, read it with source="sinabs-single"',
    ),
    "rockpool": (
        "neurons that emit floor(v / v_threshold) spikes a step",
        'if it was trained with max_spikes_per_dt=1, read it with source="rockpool-single"',
    ),
    "nengo": (
        "neurons whose spikes lie within a step and shorten the next one",
        'read it with source="ode", which is another network',
    ),
    "jaxsnn": ("neurons that know events and no time step", 'read it with source="ode", which is another network'),
}
"""Tools whose networks a ``FloatNetwork`` cannot say, and what can be done."""


def source_named(name: str, reset: str | None) -> Source:
    """Rules of a tool.

    Raises
    ------
    UnknownNameError
        LX001 for a tool that is not known.
    UnsupportedError
        LX401 for one whose neurons do what no float population does.
    ParameterError
        LX006 for a reset that does not apply, or that the file leaves open.
    """
    if name in REFUSED:
        found, fix = REFUSED[name]
        raise error("LX401", field="source", found=f"{name!r}: {found}", fix=fix)
    if name not in SOURCES:
        raise unknown_name("source", name, [*SOURCES, *REFUSED])
    source = SOURCES[name]
    if reset is not None and reset not in source.resets:
        fix = f"source={name!r} has reset {' or '.join(map(repr, source.resets))}"
        raise error("LX006", field="reset", found=f"{reset!r}", fix=fix)
    if reset is None and source.default is None and len(source.resets) > 1:
        fix = f"say what the network was trained with: reset={' or reset='.join(map(repr, source.resets))}"
        raise error("LX006", field="reset", found=f"none, and a NIR file of {name!r} does not say", fix=fix)
    return source
