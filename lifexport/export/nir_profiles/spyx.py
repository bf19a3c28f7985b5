"""spyx 1.0.0: spikes of the membrane before the step, ``v > v_threshold``, threshold off, then decay and input.

That is the step of a trained soft LIF with its spikes one step late, in every layer. Its LIF subtracts after the decay,
so a LIF is written as a CubaLIF whose current keeps nothing: ``tau_syn`` of one step.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_reset, require_start, require_still

NAME = "spyx"

BIAS_NEURON = {"tau_syn": 1, "tau_mem": 1, "r": 1, "v_leak": 0, "v_threshold": 1, "v_reset": 0, "w_in": 1}


def _cuba(form: Neuron) -> Written:
    require_reset(form, subtract=True, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    if len(form.shape) != 1:
        found = f"neurons of shape {form.shape}; a CubaLIF of {NAME} has one axis alone"
        raise error("LX401", found=found, fix="flatten before, or use another profile")
    zero = np.zeros(form.shape)
    taus = {
        name: realised(decay, 1 / np.maximum(1 - decay, 1e-12), _decay)
        for name, decay in (("tau_syn", form.current_decay), ("tau_mem", form.decay))
    }
    fields = {"r": zero + 1, "v_leak": zero, "v_threshold": threshold(form.height, form.compare, ">"), "w_in": zero + 1}
    fields |= {"v_reset": zero, **taus}
    return Written(kind="CubaLIF", fields=fields, scale=form.gain, bias=form.drift, reset="subtract")


def _decay(tau: np.ndarray) -> np.ndarray:
    return np.float32(1) - np.float32(1) / tau


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    fired = v - fields["v_threshold"] > 0  # spyx emits these now: late edges of the network as read say the same
    i = _decay(fields["tau_syn"]) * i + x
    v = _decay(fields["tau_mem"]) * (v - fired * fields["v_threshold"]) + i
    return (i, v), v - fields["v_threshold"] > 0, v


PROFILE = Profile(
    name=NAME,
    importer="spyx 1.0.0",
    says="CubaLIF with tau_mem = 1 / (1 - decay) in steps and tau_syn of one step, gains and leak potentials folded "
    "into weights and biases, potentials from v_reset, the threshold one float32 lower for >=; spikes one step "
    "late a layer, and biases behind them the weights of a neuron that always fires",
    source="spyx",
    kinds={"LIF": _cuba, "IAF": _cuba, "CubaLIF": _cuba},
    steps={"CubaLIF": _step_cuba},
    layers=("Affine", "Linear"),
    loops="pair",
    merges=False,
    branches=False,
    lag=True,
    bias_neuron=BIAS_NEURON,
    resets={"subtract": ()},
    usage="spyx.nir.from_nir(nir.read({path}), inputs)",
)
