"""snn-mlir 1.0.0: ``v = (1 - 1/r) * v + x``, ``dt`` taken as ``tau / r``, reset to 0; one value for a population.

Its front end was run (decays, thresholds and refusals are those it emits), its code was not: compiling it needs a tool
that no package brings. Whether it fires at the threshold or above is assumed: above.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .neuron import Neuron
from .norse import step_if
from .numbers import realised, threshold
from .profile import Profile, Written, require_one, require_reset, require_start, require_still, unit
from .snntorch import step_cuba, step_lif

NAME = "snn-mlir"


def _common(form: Neuron) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    require_reset(form, subtract=False, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    require_one(form.decay, "tau", NAME)
    require_one(form.current_decay, "tau_syn", NAME)
    volts, zero = unit(form), np.zeros(form.shape)
    return volts, {"v_threshold": threshold(form.height / volts, form.compare, ">"), "v_reset": zero}


def _tau(decay: np.ndarray, dt: float, name: str) -> np.ndarray:
    if (decay == 1).any():
        raise error("LX401", field=name, found="nothing forgotten", fix=f"{NAME} wants finite time constants")
    return realised(decay, dt / (1 - decay), lambda tau: (1 - dt / tau.astype(np.float64)).astype(np.float32))


def _lif(form: Neuron) -> Written:
    if form.decay.size and (form.decay == 1).all():
        return _iaf(form)
    volts, fields = _common(form)
    tau = _tau(form.decay, form.dt, "tau")
    fields |= {"tau": tau, "r": tau.astype(np.float64) / form.dt, "v_leak": np.zeros(form.shape)}
    return Written(kind="LIF", fields=fields, scale=form.gain / volts, bias=form.drift / volts)


def _iaf(form: Neuron) -> Written:
    volts, fields = _common(form)
    zero = np.zeros(form.shape)
    return Written(kind="IF", fields=fields | {"r": zero + 1}, scale=form.gain / volts, bias=zero)


def _cuba(form: Neuron) -> Written:
    volts, fields = _common(form)
    zero = np.zeros(form.shape)
    taus = {
        "tau_syn": _tau(form.current_decay, form.dt, "tau_syn"),
        "tau_mem": _tau(form.decay, form.dt, "tau"),
    }
    gains = {"w_in": taus["tau_syn"].astype(np.float64) / form.dt, "r": taus["tau_mem"].astype(np.float64) / form.dt}
    return Written(kind="CubaLIF", fields=fields | taus | gains | {"v_leak": zero}, scale=form.gain / volts, bias=zero)


PROFILE = Profile(
    name=NAME,
    importer="snn-mlir 1.0.0",
    says="tau = dt / (1 - decay) in seconds, r = tau / dt, gains and leak potentials folded into weights and biases, "
    "potentials from v_reset, in thresholds where these differ, the threshold one float32 lower for >=; one tau "
    "for a population",
    source=NAME,
    kinds={"LIF": _lif, "IAF": _iaf, "CubaLIF": _cuba},
    steps={"LIF": step_lif, "IF": step_if, "CubaLIF": step_cuba},
    layers=("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten"),
    loops="pair",
    merges=False,
    branches=False,
    dilations=False,
    ran=False,
    usage="snn-mlir export {path}",
)
