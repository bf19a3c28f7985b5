"""spikingjelly 2.0.0: ``v = v + (x - v) / tau``, ``tau`` in steps, ``v >= v_threshold``, hard reset.

Every parameter is one number for a population. With ``r = 1`` inputs are divided by tau, with ``r = tau / dt`` they are
not.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import (
    Asked,
    Fields,
    Profile,
    State,
    Stepped,
    Written,
    require_one,
    require_reset,
    require_start,
    require_still,
    unit,
)

NAME = "spikingjelly"


def _common(form: Neuron) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    require_reset(form, subtract=False, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    require_one(form.decay, "tau", NAME)
    require_one(form.current_decay, "tau_syn", NAME)
    volts, zero = unit(form), np.zeros(form.shape)
    return volts, {"v_threshold": threshold(form.height / volts, form.compare, ">="), "v_reset": zero}


def _lif(form: Neuron) -> Written:
    volts, fields = _common(form)
    rate = 1 - form.decay
    if (form.decay == 0).any():
        found = f"nothing kept from step to step; {NAME} wants tau > dt"
        raise error("LX401", field="tau", found=found, fix="train with a longer tau")
    if not rate.all():
        return _iaf(form)
    step = np.float64(form.dt)
    tau = realised(1 / rate, form.dt / rate, lambda tau: (tau.astype(np.float64) / step).astype(np.float32))
    fields |= {"tau": tau, "r": np.ones(form.shape), "v_leak": np.zeros(form.shape)}
    return Written(kind="LIF", fields=fields, scale=form.gain / rate / volts, bias=form.rest / volts)


def _iaf(form: Neuron) -> Written:
    volts, fields = _common(form)
    fields |= {"r": np.full(form.shape, 1 / form.dt)}
    return Written(kind="IF", fields=fields, scale=form.gain / volts, bias=np.zeros(form.shape))


def _cuba(form: Neuron) -> Written:
    volts, fields = _common(form)
    decays, taus = {"tau_syn": form.current_decay, "tau_mem": form.decay}, {}
    for name, decay in decays.items():
        if (decay == 1).any():
            found, fix = "nothing forgotten", f"{NAME} wants finite time constants"
            raise error("LX401", field=name, found=found, fix=fix)
        taus[name] = realised(decay, form.dt / (1 - decay), lambda tau: _decay(tau, form.dt))
    gains = {"w_in": taus["tau_syn"].astype(np.float64) / form.dt, "r": taus["tau_mem"].astype(np.float64) / form.dt}
    fields |= taus | gains | {"v_leak": np.zeros(form.shape)}
    return Written(kind="CubaLIF", fields=fields, scale=form.gain / volts, bias=np.zeros(form.shape))


def _decay(tau: np.ndarray, dt: float) -> np.ndarray:
    return (1 - dt / tau.astype(np.float64)).astype(np.float32)


def _fired(fields: Fields, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fires = v - fields["v_threshold"] >= 0
    return fires, np.where(fires, np.float32(0), v)


def _step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    v = v + (x - v) / (fields["tau"].astype(np.float64) / asked.dt).astype(np.float32)
    fires, after = _fired(fields, v)
    return (after,), fires, v


def _step_if(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    v = v + x
    fires, after = _fired(fields, v)
    return (after,), fires, v


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = i * _decay(fields["tau_syn"], asked.dt) + x
    v = v * _decay(fields["tau_mem"], asked.dt) + i
    fires, after = _fired(fields, v)
    return (i, after), fires, v


PROFILE = Profile(
    name=NAME,
    importer="spikingjelly 2.0.0",
    says="tau = dt / (1 - decay) in seconds, r = 1, gains and leak potentials folded into weights and biases, "
    "potentials from v_reset, in thresholds where these differ; tau must be one for a population",
    source="spikingjelly",
    kinds={"LIF": _lif, "IAF": _iaf, "CubaLIF": _cuba},
    steps={"LIF": _step_lif, "IF": _step_if, "CubaLIF": _step_cuba},
    layers=("Affine", "Linear", "Conv1d", "Conv2d", "AvgPool2d", "Flatten"),
    loops="flat",
    usage="spikingjelly.activation_based.nir_exchange.import_from_nir({path}, dt={dt!r})",
)
