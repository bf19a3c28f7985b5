"""spikingjelly 2.0.0: ``v = v + (x - v) / tau``, ``tau`` in steps, ``v >= v_threshold``, hard reset.

Every parameter is one number for a population. With ``r = 1`` inputs are divided by tau, with ``r = tau / dt`` they are
not.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .direct import current_based, hard, kept, require_forgetting, tau_of_decay
from .neuron import Neuron
from .numbers import realised
from .profile import Asked, Fields, Profile, State, Stepped, Written

NAME = "spikingjelly"


def _lif(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">=", one_tau=True)
    rate, zero = 1 - form.decay, np.zeros(form.shape)
    if (form.decay == 0).any():
        found = f"nothing kept from step to step; {NAME} wants tau > dt"
        raise error("LX401", field="tau", found=found, fix="train with a longer tau")
    if not rate.all():
        fields |= {"r": np.full(form.shape, 1 / form.dt)}
        return Written(kind="IF", fields=fields, scale=form.gain / volts, bias=zero, reset="value")
    tau = realised(1 / rate, form.dt / rate, lambda tau: _in_steps(tau, form.dt))
    steps = _in_steps(tau, form.dt).astype(np.float64) / volts
    fields |= {"tau": tau, "r": np.ones(form.shape), "v_leak": zero}
    return Written(kind="LIF", fields=fields, scale=form.gain * steps, bias=form.drift * steps, reset="value")


def _in_steps(tau: np.ndarray, dt: float) -> np.ndarray:
    return (tau.astype(np.float64) / dt).astype(np.float32)


def _cuba(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">=", one_tau=True)
    require_forgetting(form, NAME)
    return current_based(form, form.dt, volts, fields, tau_of_decay)


def _fired(fields: Fields, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fires = v - fields["v_threshold"] >= 0
    return fires, np.where(fires, np.float32(0), v)


def _step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    v = v + (x - v) / _in_steps(fields["tau"], asked.dt)
    fires, after = _fired(fields, v)
    return (after,), fires, v


def _step_if(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    v = v + x
    fires, after = _fired(fields, v)
    return (after,), fires, v


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = i * kept(fields["tau_syn"], asked.dt) + x
    v = v * kept(fields["tau_mem"], asked.dt) + i
    fires, after = _fired(fields, v)
    return (i, after), fires, v


PROFILE = Profile(
    name=NAME,
    importer="spikingjelly 2.0.0",
    says="tau = dt / (1 - decay) in seconds, r = 1, gains and leak potentials folded into weights and biases, "
    "potentials from v_reset, in thresholds where these differ; tau must be one for a population",
    source="spikingjelly",
    kinds={"LIF": _lif, "IAF": _lif, "CubaLIF": _cuba},
    steps={"LIF": _step_lif, "IF": _step_if, "CubaLIF": _step_cuba},
    layers=("Affine", "Linear", "Conv1d", "Conv2d", "AvgPool2d", "Flatten"),
    loops="flat",
    integers=False,
    resets={"value": ()},
    usage="spikingjelly.activation_based.nir_exchange.import_from_nir({path}, dt={dt!r})",
)
