"""snnTorch 1.0.0: ``mem = beta * mem + x``, ``beta = 1 - 1e-4 / tau``, ``mem > threshold``, reset to 0 at once.

``dt`` is 0.1 ms whatever the network was trained with: only ``dt / tau`` matters. ``r = tau / dt`` tells it to take
inputs as they are. One threshold serves a population; where they differ, potentials are counted in thresholds.
"""

from __future__ import annotations

import numpy as np

from .direct import current_based, hard
from .neuron import Neuron
from .numbers import realised
from .profile import Asked, Fields, Profile, State, Stepped, Written

NAME = "snntorch"
DT = 1e-4
FOREVER = 1e12
"""tau of which float32 makes a decay of exactly 1, in steps."""


def tau_of_decay(decay: np.ndarray, dt: float) -> np.ndarray:
    """Time constant (s) of which ``1 - dt / tau``, in float32, makes ``decay``."""
    rate, one, step = np.maximum(1 - decay, 1 / FOREVER), np.float32(1), np.float32(dt)
    return realised(decay, dt / rate, lambda tau: one - step / tau)


def _lif(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">", one_tau=False)
    tau = tau_of_decay(form.decay, DT)
    fields |= {"tau": tau, "r": tau.astype(np.float64) / DT, "v_leak": np.zeros(form.shape)}
    return Written(kind="LIF", fields=fields, scale=form.gain / volts, bias=form.drift / volts, reset="value")


def _cuba(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">", one_tau=False)
    return current_based(form, DT, volts, fields, tau_of_decay)


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
