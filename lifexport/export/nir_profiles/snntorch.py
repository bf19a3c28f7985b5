"""snnTorch 1.0.0: ``mem = beta * mem + x``, ``beta = 1 - 1e-4 / tau``, ``mem > threshold``, reset to 0 at once.

``dt`` is 0.1 ms whatever the network was trained with: only ``dt / tau`` matters. ``r = tau / dt`` tells it to take
inputs as they are. One threshold serves a population; where they differ, potentials are counted in thresholds.
"""

from __future__ import annotations

import numpy as np

from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_reset, require_start, require_still, unit

NAME = "snntorch"
DT = 1e-4
FOREVER = 1e12
"""tau of which float32 makes a decay of exactly 1, in steps."""


def tau_of_decay(decay: np.ndarray, dt: float) -> np.ndarray:
    """Time constant (s) of which ``1 - dt / tau``, in float32, makes ``decay``."""
    rate, one, step = np.maximum(1 - decay, 1 / FOREVER), np.float32(1), np.float32(dt)
    return realised(decay, dt / rate, lambda tau: one - step / tau)


def _common(form: Neuron) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    require_reset(form, subtract=False, importer=NAME)
    require_start(form, NAME)
    volts, zero = unit(form), np.zeros(form.shape)
    return volts, {
        "v_leak": zero,
        "v_threshold": threshold(form.height / volts, form.compare, ">"),
        "v_reset": zero,
    }


def _lif(form: Neuron) -> Written:
    volts, fields = _common(form)
    tau = tau_of_decay(form.decay, DT)
    fields |= {"tau": tau, "r": tau.astype(np.float64) / DT}
    return Written(kind="LIF", fields=fields, scale=form.gain / volts, bias=form.drift / volts, reset="value")


def _cuba(form: Neuron) -> Written:
    volts, fields = _common(form)
    require_still(form, NAME)
    taus = {"tau_syn": tau_of_decay(form.current_decay, DT), "tau_mem": tau_of_decay(form.decay, DT)}
    gains = {"w_in": taus["tau_syn"].astype(np.float64) / DT, "r": taus["tau_mem"].astype(np.float64) / DT}
    return Written(
        kind="CubaLIF", fields=fields | taus | gains, scale=form.gain / volts, bias=np.zeros(form.shape), reset="value"
    )


def _beta(tau: np.ndarray, dt: float) -> np.ndarray:
    return np.float32(1) - np.float32(dt) / tau


def step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    """A step of ``Leaky`` as it is imported: decay, input, reset to 0 at once."""
    (v,) = state or (np.zeros_like(x),)
    v = _beta(fields["tau"], asked.dt) * v + x
    fires = v - fields["v_threshold"] > 0
    return (np.where(fires, np.float32(0), v),), fires, v


def step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    """A step of ``Synaptic`` as it is imported."""
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = _beta(fields["tau_syn"], asked.dt) * i + x
    v = _beta(fields["tau_mem"], asked.dt) * v + i
    fires = v - fields["v_threshold"] > 0
    return (i, np.where(fires, np.float32(0), v)), fires, v


PROFILE = Profile(
    name=NAME,
    importer="snntorch 1.0.0",
    says="tau = 0.1 ms / (1 - decay), r = tau / 0.1 ms, gains and leak potentials folded into weights and biases, "
    "potentials from v_reset, in thresholds where these differ, the threshold one float32 lower for >=",
    source="snntorch",
    kinds={"LIF": _lif, "IAF": _lif, "CubaLIF": _cuba},
    steps={"LIF": step_lif, "CubaLIF": step_cuba},
    layers=("Affine", "Linear", "Conv2d", "AvgPool2d", "Flatten"),
    only_dt=DT,
    resets={"value": ()},
    usage="snntorch.import_nir.import_from_nir(nir.read({path}))",
)
