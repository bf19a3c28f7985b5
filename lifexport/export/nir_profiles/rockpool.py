"""rockpool 3.1.0: ``isyn = (isyn + x) * exp(-dt/tau_syn)``, ``v = v * exp(-dt/tau_mem) + isyn``, ``v >= threshold``.

Its import of LIF nodes raises, so a LIF is written as a CubaLIF whose synapse keeps ``2**-30`` of its current, inputs
multiplied by ``2**30``, which is exact. ``r = tau_mem / dt - 1`` is where it reads dt. A loop must be a nested graph.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_reset, require_start, require_still

NAME = "rockpool"
KEPT = 2.0**-30
"""What the synapse of a LIF keeps."""


def _cuba(form: Neuron) -> Written:
    require_reset(form, subtract=True, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    if len(form.shape) != 1:
        raise error("LX401", found=f"neurons of shape {form.shape}; {NAME} has one axis alone", fix="flatten before")
    current = np.full(form.shape, KEPT) if form.kind == "LIF" else form.current_decay
    for name, decay in (("tau", form.decay), ("tau_syn", current)):
        if ((decay <= 0) | (decay >= 1)).any():
            raise error("LX401", field=name, found="a decay of 0 or 1", fix=f"{NAME} has exp(-dt / tau)")
    tau = realised(form.decay, -form.dt / np.log(form.decay), lambda tau: _decay(tau, form.dt))
    zero = np.zeros(form.shape)
    return Written(
        kind="CubaLIF",
        fields={
            "tau_syn": realised(current, -form.dt / np.log(current), lambda tau: _decay(tau, form.dt)),
            "tau_mem": tau,
            "r": tau.astype(np.float64) / form.dt - 1,
            "v_leak": zero,
            "v_threshold": threshold(form.height, form.compare, ">="),
            "v_reset": zero,
            "w_in": zero + 1,
        },
        scale=form.gain / current,
        bias=form.drift / current,
        reset="subtract",
    )


def _decay(tau: np.ndarray, dt: float) -> np.ndarray:
    return np.exp(np.float32(-dt) / tau)


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = (i + x) * _decay(fields["tau_syn"], asked.dt)
    v = v * _decay(fields["tau_mem"], asked.dt) + i + fields["v_leak"]
    fires = v >= fields["v_threshold"]
    return (i, np.where(fires, v - fields["v_threshold"], v)), fires, v


PROFILE = Profile(
    name=NAME,
    importer="rockpool 3.1.0",
    says="CubaLIF with tau_mem = -dt / ln(decay) and a synapse that keeps 2**-30, weights times 2**30, r = tau_mem / "
    "dt - 1, potentials from v_reset; one spike a step is a setting after reading",
    source="rockpool-single",
    kinds={"LIF": _cuba, "CubaLIF": _cuba},
    steps={"CubaLIF": _step_cuba},
    layers=("Affine", "Linear"),
    merges=False,
    loops="nested",
    resets={"subtract": ("max_one_spike",)},
    usage="rockpool.nn.modules.torch.nir.from_nir(nir.read({path}))",
)
