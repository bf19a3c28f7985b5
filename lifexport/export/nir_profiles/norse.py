"""norse 1.1.0: forward Euler, ``dv = dt * (1 / tau) * (v_leak - v + x)``, ``v > v_threshold``, reset to 0.

LIF neurons reset to 0 only, whatever ``reset_method`` says; for CubaLIF it is obeyed. A soft reset is therefore written
as a CubaLIF whose synapse keeps nothing: ``tau_syn = dt``. Its ``v_leak`` acts on the synapse too and must be 0.
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
    require_leak,
    require_reset,
    require_start,
    require_still,
)

NAME = "norse"


def tau_of_rate(rate: np.ndarray, dt: float) -> np.ndarray:
    """Time constant (s) of which norse makes a share ``rate`` of input and leak a step."""
    one, step = np.float32(1), np.float32(dt)
    return realised(rate, dt / rate, lambda tau: step * (one / tau))


def _share(tau: np.ndarray, dt: float) -> np.ndarray:
    """What norse makes of a time constant, float64: the share of input and leak a step."""
    return (np.float32(dt) * (np.float32(1) / tau)).astype(np.float64)


def _lif(form: Neuron) -> Written:
    require_leak(form, NAME)
    if form.subtract:
        return _cuba(form)
    require_start(form, NAME, at_rest=True)
    tau, zero = tau_of_rate(1 - form.decay, form.dt), np.zeros(form.shape)
    at_rest, rate = np.array_equal(form.start, form.rest), _share(tau, form.dt)
    return Written(
        kind="LIF",
        fields={
            "tau": tau,
            "r": np.ones(form.shape),
            "v_leak": form.rest if at_rest else zero,
            "v_threshold": threshold(form.height, form.compare, ">"),
            "v_reset": zero,
        },
        scale=form.gain / rate,
        bias=zero if at_rest else form.drift / rate,
    )


def _cuba(form: Neuron) -> Written:
    require_leak(form, NAME)
    require_start(form, NAME)
    if (form.current_decay == 1).any():
        found, fix = "a current that forgets nothing", "use a finite tau_syn"
        raise error("LX401", field="tau_syn", found=found, fix=fix)
    zero, one = np.zeros(form.shape), np.ones(form.shape)
    require_still(form, NAME)
    tau_syn, tau = (tau_of_rate(1 - decay, form.dt) for decay in (form.current_decay, form.decay))
    share = _share(tau, form.dt) * _share(tau_syn, form.dt)
    return Written(
        kind="CubaLIF",
        fields={
            "tau_syn": tau_syn,
            "tau_mem": tau,
            "r": one,
            "v_leak": zero,
            "v_threshold": threshold(form.height, form.compare, ">"),
            "v_reset": zero,
            "w_in": one,
        },
        scale=form.gain / share,
        bias=form.drift / share,
        reset="subtract" if form.subtract else "value",
    )


def _iaf(form: Neuron) -> Written:
    require_reset(form, subtract=False, importer=f"an IF neuron of {NAME}")
    require_start(form, NAME)
    zero, one = np.zeros(form.shape), np.ones(form.shape)
    fields = {"r": one, "v_threshold": threshold(form.height, form.compare, ">"), "v_reset": zero}
    return Written(kind="IF", fields=fields, scale=form.gain, bias=zero)


def _relaxed(tau: np.ndarray, x: np.ndarray, leak: np.ndarray, v: np.ndarray, dt: float) -> np.ndarray:
    return v + np.float32(dt) * (np.float32(1) / tau) * (x + leak - v)


def _step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.broadcast_to(fields["v_leak"], x.shape),)
    v = _relaxed(fields["tau"], x, fields["v_leak"], v, asked.dt)
    fires = v - fields["v_threshold"] > 0
    return (np.where(fires, np.float32(0), v),), fires, v


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = _relaxed(fields["tau_syn"], fields["w_in"] * x, fields["v_leak"], i, asked.dt)
    v = _relaxed(fields["tau_mem"], fields["r"] * i, fields["v_leak"], v, asked.dt)
    fires = v - fields["v_threshold"] > 0
    after = v - fields["v_threshold"] if asked.subtract else np.float32(0)
    return (i, np.where(fires, after, v)), fires, v


def step_if(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    """A step of an integrator that adds its input as it is and resets to 0."""
    (v,) = state or (np.zeros_like(x),)
    v = v + x
    fires = v - fields["v_threshold"] > 0
    return (np.where(fires, np.float32(0), v),), fires, v


PROFILE = Profile(
    name=NAME,
    importer="norse 1.1.0",
    says="tau = dt / (1 - decay) in seconds, r = 1 folded into the weights, potentials from v_reset, the threshold one "
    "float32 lower for >=; soft resets as CubaLIF with tau_syn = dt",
    source="norse",
    kinds={"LIF": _lif, "IAF": _iaf, "CubaLIF": _cuba},
    layers=("Affine", "Linear", "Conv2d", "SumPool2d", "Flatten"),
    steps={"LIF": _step_lif, "CubaLIF": _step_cuba, "IF": step_if},
    merges=False,
    pool_padding=False,
    loops="flat",
    resets={"value": (), "subtract": ("reset_subtract",)},
    usage="norse.torch.from_nir(nir.read({path}), dt={dt!r}{settings})",
)
