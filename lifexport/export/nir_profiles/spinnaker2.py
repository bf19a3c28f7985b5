"""py-spinnaker2's NIR conversion: ``v = exp(-dt / tau) * v + (1 - exp(-dt / tau)) * (r * x + v_leak)``, both resets.

Read in its source (``ConversionConfig``, ``convert_LIF``), not run: its chip keeps weights as int8 codes, which rounds
them unless they already are codes, and delivers spikes ``conn_delay`` steps later. Whether it fires at the threshold or
above is assumed: above.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_start, require_still

NAME = "spinnaker2"


def _common(form: Neuron) -> dict[str, np.ndarray]:
    require_start(form, NAME)
    require_still(form, NAME)
    zero = np.zeros(form.shape)
    return {"r": zero + 1, "v_threshold": threshold(form.height, form.compare, ">"), "v_reset": zero}


def _tau(decay: np.ndarray, dt: float, name: str) -> np.ndarray:
    if ((decay <= 0) | (decay >= 1)).any():
        raise error("LX401", field=name, found="a decay of 0 or 1", fix=f"{NAME} has exp(-dt / tau)")
    return realised(decay, -dt / np.log(decay), lambda tau: _decay(tau, dt))


def _lif(form: Neuron) -> Written:
    if form.decay.size and (form.decay == 1).all():
        return _iaf(form)
    tau = _tau(form.decay, form.dt, "tau")
    fields = _common(form) | {"tau": tau, "v_leak": np.zeros(form.shape)}
    share = _share(tau, form.dt).astype(np.float64)
    return Written(kind="LIF", fields=fields, scale=form.gain / share, bias=form.drift / share, reset=_reset(form))


def _iaf(form: Neuron) -> Written:
    return Written(kind="IF", fields=_common(form), scale=form.gain, bias=np.zeros(form.shape), reset=_reset(form))


def _cuba(form: Neuron) -> Written:
    zero = np.zeros(form.shape)
    taus = {"tau_syn": _tau(form.current_decay, form.dt, "tau_syn"), "tau_mem": _tau(form.decay, form.dt, "tau")}
    scale = form.gain / _share(taus["tau_mem"], form.dt).astype(np.float64) / _share(taus["tau_syn"], form.dt)
    fields = _common(form) | taus | {"v_leak": zero, "w_in": zero + 1}
    return Written(kind="CubaLIF", fields=fields, scale=scale, bias=zero, reset=_reset(form))


def _reset(form: Neuron) -> str:
    return "subtract" if form.subtract else "value"


def _decay(tau: np.ndarray, dt: float) -> np.ndarray:
    return np.exp(-dt / tau.astype(np.float64)).astype(np.float32)


def _share(tau: np.ndarray, dt: float) -> np.ndarray:
    """What a step takes of the input: converted in double precision, as weights and thresholds are on the host."""
    return -np.expm1(-dt / tau.astype(np.float64)).astype(np.float32)


def _step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    decay = _decay(fields["tau"], asked.dt)
    v = decay * v + _share(fields["tau"], asked.dt) * (fields["r"] * x + fields["v_leak"])
    return _fired(fields, (), v, asked)


def _step_if(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    return _fired(fields, (), v + x, asked)


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    tau, tau_syn = fields["tau_mem"], fields["tau_syn"]
    i = _decay(tau_syn, asked.dt) * i + _share(tau_syn, asked.dt) * (fields["w_in"] * x)
    v = _decay(tau, asked.dt) * v + _share(tau, asked.dt) * (fields["r"] * i)
    return _fired(fields, (i,), v, asked)


def _fired(fields: Fields, before: State, v: np.ndarray, asked: Asked) -> Stepped:
    fires = v - fields["v_threshold"] > 0
    after = v - fields["v_threshold"] if asked.subtract else np.float32(0)
    return (*before, np.where(fires, after, v)), fires, v


PROFILE = Profile(
    name=NAME,
    importer="py-spinnaker2",
    says="tau = -dt / ln(decay) in seconds, r = 1, gains folded into the weights, potentials from v_reset; its "
    "integrator must be exponential, and its chip rounds weights to int8",
    source=NAME,
    kinds={"LIF": _lif, "IAF": _iaf, "CubaLIF": _cuba},
    steps={"LIF": _step_lif, "IF": _step_if, "CubaLIF": _step_cuba},
    layers=("Affine", "Linear", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten"),
    loops="flat",
    ran=False,
    resets={"subtract": ("exponential", "config_subtract"), "value": ("exponential", "config_zero")},
    usage="spinnaker2.s2_nir.from_nir(nir.read({path}), outputs, ConversionConfig(dt={dt!r}{settings}))",
)
