"""Whose network a NIR file holds: what that tool makes of ``tau``, ``r``, threshold and reset, step by step.

What a tool does that a ``FloatNetwork`` cannot say is refused by name.
"""

from __future__ import annotations

import numpy as np

from ..findings import error, unknown_name
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from .nir_source import (
    RESETS,
    Asked,
    Parameters,
    Source,
    convention,
    cuba,
    direct_cuba,
    drop_after_decay,
    iaf,
    li,
    lif,
    per_step,
    zeros,
)
from .nir_torch_sources import NORSE, NORSE_EXPORT, ROCKPOOL_SINGLE, SINABS_SINGLE, SNNTORCH, SPIKINGJELLY

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
    r="a resistance: inputs times r * (1 - decay)",
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
    convention(given["r"], given["tau"] / asked.dt, "r", "tau / dt")
    return lif(given, asked, "euler_direct", r=1.0)


def _mlir_if(given: Parameters, asked: Asked) -> FloatIAF:
    convention(given["r"], 1.0, "r", "1")
    zeros(given, "v_reset")
    return iaf(given, asked, r=per_step(asked.dt))


def _mlir_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_reset")
    return direct_cuba(given, asked)


SNN_MLIR = Source(
    says="as snn-mlir 1.0.0 reads it: r = tau/dt, decay 1 - dt/tau, inputs added as they are, v > v_threshold, reset "
    "to 0",
    make={"LIF": _mlir_lif, "IF": _mlir_if, "CubaLIF": _mlir_cuba},
    r="tau / dt (IF: 1): inputs are added as they are",
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
    r="a resistance: inputs times r * (1 - decay)",
)


def _lava_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    convention(given["r"], given["tau_mem"] / asked.dt, "r", "tau_mem / dt")
    w_in = given["w_in"] * (asked.dt / given["tau_syn"])
    return cuba(given, asked, "euler_direct", r=1.0, w_in=w_in, v_reset=0.0, compare=">=")


LAVA = Source(
    says="as the NIR paper's script for lava-dl reads it: dt = 0.1 ms, decays 1 - dt/tau, v >= v_threshold, reset to "
    "0; its fixed-point states are left out",
    make={"CubaLIF": _lava_cuba},
    dt=1e-4,
    r="tau_mem / dt: inputs are added as they are",
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


def source_named(name: str) -> Source:
    """Rules of a tool.

    Raises
    ------
    UnknownNameError
        LX001 for a tool that is not known.
    UnsupportedError
        LX401 for one whose neurons do what no float population does.
    """
    if name in REFUSED:
        found, fix = REFUSED[name]
        raise error("LX401", field="source", found=f"{name!r}: {found}", fix=fix)
    if name not in SOURCES:
        raise unknown_name("source", name, [*SOURCES, *REFUSED])
    return SOURCES[name]
