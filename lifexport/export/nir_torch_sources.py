"""Sources built on torch: norse, snnTorch, spikingjelly, sinabs and rockpool.

What each makes of ``tau``, ``r``, threshold and reset was read in its source; all are held against runs of the tool.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..findings import error
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from .nir_float32 import rockpool_decay, rockpool_dt
from .nir_source import (
    RESETS,
    Asked,
    Parameters,
    Population,
    Source,
    Unclear,
    convention,
    cuba,
    direct_cuba,
    drop_after_decay,
    equal,
    iaf,
    li,
    lif,
    per_step,
    zeros,
)

# norse 1.1.0


def _norse_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")  # norse adds it to the synapse too
    w_in = given["w_in"] * (asked.dt / given["tau_syn"])
    return cuba(given, asked, "euler", w_in=w_in, v_reset=0.0, reset=asked.reset)


def _norse_lif(given: Parameters, asked: Asked) -> FloatLIF:
    if asked.reset == "subtract":
        found = "'subtract'; norse resets LIF neurons that it reads to 0, whatever its reset_method"
        raise error("LX401", field="reset", found=found, fix='use reset="value" there, or source="norse-export"')
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
    r="ignored, taken as 1 (CubaLIF: a resistance); inputs times dt / tau",
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
    r="ignored, taken as 1; inputs times dt / tau",
)


# snnTorch 1.0.0


def _snntorch_scale(given: Parameters, scale: np.ndarray) -> np.ndarray:
    """Threshold that snnTorch divides by the input's gain, by the least of them, unless that is 1."""
    return given["v_threshold"] if equal(scale, 1.0) else given["v_threshold"] / np.unique(scale)[0]


def _snntorch_reset(threshold: np.ndarray, decay: np.ndarray, asked: Asked) -> dict[str, Any]:
    if asked.reset == "subtract":
        return {"v_threshold": threshold, "v_reset": drop_after_decay(threshold, decay), "reset": "subtract"}
    if asked.reset == "none":
        return {"v_threshold": threshold, "v_reset": 0.0, "reset": "none"}
    held = {"refractory": 2} if asked.reset == "value_held" else {}  # the input of that step is lost too
    return {"v_threshold": threshold, "v_reset": 0.0, "reset": "value", **held}


_NAMES = {
    ("LIF", False): "Leaky",
    ("LIF", True): "RLeaky",
    ("CubaLIF", False): "Synaptic",
    ("CubaLIF", True): "RSynaptic",
}
"""Neurons of snnTorch, by NIR kind and whether they feed back to themselves."""


def _snntorch_rule(population: Population, word: str, named: bool, delay: bool | None) -> str | Unclear:
    """What snnTorch's neurons do with a ``reset_mechanism``; "zero" is "value" here.

    ===========  ======================  ======================  ==========
    neuron       zero, late              zero, at once           subtract, at once
    ===========  ======================  ======================  ==========
    Leaky        value                   value                   refused
    RLeaky       value_held              value                   refused
    Synaptic     value_held              value                   refused
    RSynaptic    value_held              value_held              subtract
    ===========  ======================  ======================  ==========

    "late" is ``reset_delay=True``, the default, which "subtract" means otherwise. Subtracting at once takes the
    threshold off again, or gives it back, where a membrane is beyond two thresholds; no float population does.
    ``reset_delay`` of RSynaptic changes nothing in 1.0.0: it runs only where its states are passed, and then drops the
    result. Without ``reset_delay`` the rule of a named population is the word itself; one word "value" for all is what
    RLeaky does by default, and must be told of Synaptic and RSynaptic: files of older versions, and those that
    ``import_from_nir`` made, have it otherwise.
    """
    neuron = _NAMES.get((population.kind, population.paired), "")
    if word == "none" or not neuron:
        return word
    if word == "subtract":
        if delay is False and neuron != "RSynaptic":
            found = f"False with 'subtract', where {neuron} resets twice beyond two thresholds; no float network does"
            return Unclear("LX401", "reset_delay", found, "train with reset_delay=True")
        return word
    if word == "value_held" and neuron == "Leaky":
        found = "'value_held', which is what Synaptic and recurrent neurons do; a Leaky resets to 0, and adds its input"
        return Unclear("LX401", "reset", found, 'use reset="value" there')
    if neuron == "Leaky":
        return "value"
    if word == "value_held":
        if delay is False and neuron != "RSynaptic":
            return Unclear("LX006", "reset_delay", f"False, with which no {neuron} holds", 'use reset="value" there')
        return word
    if delay is None and named:
        return word
    if delay is None and neuron != "RLeaky":
        found = "'value', but by default (reset_delay=True) such a neuron also drops the input of that step"
        fix = 'say reset="value_held" if it was so, else reset_delay=False, or reset={node: "value"}'
        return Unclear("LX112", "reset", found, fix)
    held = delay is not False or neuron == "RSynaptic"  # told in one word alone, RLeaky has its default
    return "value_held" if held else "value"


def _snntorch_lif(given: Parameters, asked: Asked) -> FloatLIF:
    zeros(given, "v_leak")
    rate = asked.dt / given["tau"]
    threshold = _snntorch_scale(given, given["r"] * rate)
    return lif(given, asked, "euler_direct", r=1.0, **_snntorch_reset(threshold, 1 - rate, asked))


def _snntorch_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    zeros(given, "v_leak")
    rate = asked.dt / given["tau_mem"]
    convention(given["r"], 1 / rate, "r", "tau_mem / dt")
    threshold = _snntorch_scale(given, given["w_in"] * (asked.dt / given["tau_syn"]))
    return cuba(given, asked, "euler_direct", r=1.0, w_in=1.0, **_snntorch_reset(threshold, 1 - rate, asked))


SNNTORCH = Source(
    says="as snnTorch 1.0.0 does it: dt = 0.1 ms, decay 1 - dt/tau, inputs added as they are (the threshold divided by "
    "r * dt/tau), v > v_threshold; reset 'subtract' after the decay, 'value' to 0, 'value_held' to 0 for one step, "
    "'none' not at all",
    make={"LIF": _snntorch_lif, "CubaLIF": _snntorch_cuba},
    dt=1e-4,
    resets=(*RESETS, "value_held", "none"),
    delays=True,
    rule=_snntorch_rule,
    r="tau / dt of the file is a gain of 1; the threshold is divided by any other r * dt / tau",
)


# spikingjelly 2.0.0


def _spikingjelly_lif(given: Parameters, asked: Asked) -> FloatLIF:
    at_reset = {"v_rest": given["v_reset"], "compare": ">="}
    if not np.allclose(given["v_leak"], given["v_reset"], rtol=1e-6, atol=1e-9 * np.abs(given["v_threshold"]).max()):
        fix = 'train with both equal, or read it with source="ode"'
        raise error("LX401", field="v_leak", found="not v_reset, which spikingjelly takes for both", fix=fix)
    if equal(given["r"], 1.0):
        return lif(given, asked, "euler", r=1.0, **at_reset)
    convention(given["r"], given["tau"] / asked.dt, "r", "1 or tau / dt")
    return lif(given, asked, "euler_direct", r=1.0, **at_reset)


def _spikingjelly_if(given: Parameters, asked: Asked) -> FloatIAF:
    convention(given["r"], 1 / asked.dt, "r", "1 / dt")
    start = {"v_rest": given["v_reset"], "v_initial": given["v_reset"]}
    return iaf(given, asked, r=per_step(asked.dt), compare=">=", **start)


def _spikingjelly_cuba(given: Parameters, asked: Asked) -> FloatCubaLIF:
    return direct_cuba(given, asked, compare=">=", v_initial=given["v_reset"])


SPIKINGJELLY = Source(
    says="as spikingjelly 2.0.0 does it: tau in seconds, decay 1 - dt/tau, inputs times dt/tau where r = 1 and as they "
    "are where r = tau/dt, v >= v_threshold, hard reset to v_reset, where it also starts",
    make={"LIF": _spikingjelly_lif, "CubaLIF": _spikingjelly_cuba, "IF": _spikingjelly_if},
    first_bias=False,
    r="1: inputs times dt / tau; tau / dt: inputs as they are",
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
    dt = rockpool_dt(given["tau_mem"], given["r"])  # float32: the current of a short synapse is nothing but its decay
    dt = dt if equal(dt, asked.dt) else asked.dt
    return cuba(given, asked, "exponential_direct", w_in=rockpool_decay(given["tau_syn"], dt), **once)


def _rockpool_dt(tau: np.ndarray, r: np.ndarray, asked: Asked) -> None:
    """The file says dt in two ways: rockpool writes ``r = tau / dt * exp(-dt / tau)`` and reads ``tau / (1 + r)``."""
    if not equal(float(np.min(tau / (1 + r))), asked.dt):
        convention(r, tau / asked.dt * np.exp(-asked.dt / tau), "r", "tau / dt * exp(-dt / tau)")


ROCKPOOL_SINGLE = Source(
    says="as rockpool 3.1.0 does it with max_spikes_per_dt=1: tau in seconds, decay exp(-dt/tau), inputs added before "
    "the current decays, v >= v_threshold, v_threshold subtracted",
    make={"LIF": _rockpool_lif, "CubaLIF": _rockpool_cuba},
    resets=("subtract",),
    r="it says dt (tau / dt * exp(-dt / tau), or dt = tau / (1 + r)); inputs are added as they are",
)
