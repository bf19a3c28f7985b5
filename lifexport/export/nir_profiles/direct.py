"""What importers share that know one threshold for a population, reset to 0 and add their inputs as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...findings import error
from ...neurons.rules import Compare
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Written, require_one, require_reset, require_start, require_still

Fields = dict[str, np.ndarray]
TauOf = Callable[[np.ndarray, float], np.ndarray]
"""Time constant (s) of which an importer makes a decay, with that time step."""


def hard(form: Neuron, importer: str, compare: Compare, *, one_tau: bool) -> tuple[np.ndarray, Fields]:
    """Volts that 1 stands for there, and threshold and reset; refuses (LX401) what such an importer does not have.

    1 is a volt where the thresholds of a population are equal, else its neurons count in thresholds of their own.
    """
    require_reset(form, subtract=False, importer=importer)
    require_start(form, importer)
    require_still(form, importer)
    if one_tau:
        require_one(form.decay, "tau", importer)
        require_one(form.current_decay, "tau_syn", importer)
    equal = (form.height == form.height.flat[0]).all()
    volts, zero = np.ones(form.shape) if equal else form.height, np.zeros(form.shape)
    return volts, {"v_threshold": threshold(form.height / volts, form.compare, compare), "v_reset": zero}


def tau_of_decay(decay: np.ndarray, dt: float) -> np.ndarray:
    """Time constant (s) of which ``1 - dt / tau``, in float64 and rounded once, makes ``decay``."""
    return realised(decay, dt / (1 - decay), lambda tau: kept(tau, dt))


def kept(tau: np.ndarray, dt: float) -> np.ndarray:
    """``1 - dt / tau``, in float64 and rounded once."""
    return (1 - dt / tau.astype(np.float64)).astype(np.float32)


def current_based(form: Neuron, dt: float, volts: np.ndarray, fields: Fields, tau_of: TauOf) -> Written:
    """A CubaLIF to which ``r = tau_mem / dt`` and ``w_in = tau_syn / dt`` say that inputs are added as they are."""
    taus = {"tau_syn": tau_of(form.current_decay, dt), "tau_mem": tau_of(form.decay, dt)}
    gains = {"w_in": taus["tau_syn"].astype(np.float64) / dt, "r": taus["tau_mem"].astype(np.float64) / dt}
    fields = fields | taus | gains | {"v_leak": np.zeros(form.shape)}
    bias = np.zeros(form.shape) if form.kind == "CubaLIF" else form.drift / volts  # no current: it passes at once
    return Written(kind="CubaLIF", fields=fields, scale=form.gain / volts, bias=bias, reset="value")


def require_forgetting(form: Neuron, importer: str) -> None:
    """Refuse (LX401) decays of 1 where the importer wants finite time constants."""
    for name, decay in (("tau", form.decay), ("tau_syn", form.current_decay)):
        if (decay == 1).any():
            raise error("LX401", field=name, found="nothing forgotten", fix=f"{importer} wants finite time constants")
