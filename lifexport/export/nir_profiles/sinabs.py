"""sinabs 3.1.3: ``v = exp(-1 / tau) * v + x``, ``tau`` in steps, ``v >= v_threshold``, the threshold subtracted.

Its neurons fire as often in a step as the threshold fits into the membrane unless ``spike_fn`` is set to
``SingleSpike`` after reading; ``reset_fn=MembraneReset()`` gives the hard reset.
"""

from __future__ import annotations

import numpy as np

from ...findings import error
from ..nir_float32 import exp32
from .neuron import Neuron
from .numbers import realised, threshold
from .profile import Asked, Fields, Profile, State, Stepped, Written, require_start

NAME = "sinabs"


def _common(form: Neuron) -> dict[str, np.ndarray]:
    require_start(form, NAME)
    zero = np.zeros(form.shape)
    return {"r": zero + 1, "v_threshold": threshold(form.height, form.compare, ">="), "v_reset": zero}


def _lif(form: Neuron) -> Written:
    fields = _common(form)
    if form.decay.size and (form.decay == 1).all():
        return _iaf(form)
    if len(form.shape) != 1:
        found = f"neurons of shape {form.shape}; {NAME} reads leaky neurons of one axis alone"
        raise error("LX401", found=found, fix="use IAF neurons behind convolutions, or another profile")
    if ((form.decay == 0) | (form.decay == 1)).any():
        found, fix = "a decay of 0 or 1", f"{NAME} has exp(-1 / tau)"
        raise error("LX401", field="tau", found=found, fix=fix)
    fields |= {"tau": realised(form.decay, -1 / np.log(form.decay), _alpha), "v_leak": np.zeros(form.shape)}
    return Written(kind="LIF", fields=fields, scale=form.gain, bias=form.drift, reset=_reset(form))


def _iaf(form: Neuron) -> Written:
    fields, reset = _common(form), _reset(form)
    return Written(
        kind="IF", fields=fields, scale=form.gain, bias=np.zeros(form.shape), reset=reset, settings=("no_min_v_mem",)
    )


def _reset(form: Neuron) -> str:
    return "subtract" if form.subtract else "value"


def _alpha(tau: np.ndarray) -> np.ndarray:
    return exp32(np.float32(-1) / tau)


def _fired(fields: Fields, v: np.ndarray, asked: Asked) -> Stepped:
    fires = v - fields["v_threshold"] >= 0
    after = v - fields["v_threshold"] if asked.subtract else np.float32(0)
    return (np.where(fires, after, v),), fires, v


def _step_lif(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    return _fired(fields, _alpha(fields["tau"]) * v + x, asked)


def _step_if(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    (v,) = state or (np.zeros_like(x),)
    return _fired(fields, v + x, asked)


PROFILE = Profile(
    name=NAME,
    importer="sinabs 3.1.3",
    says="tau = -1 / ln(decay) in steps, r = 1, gains and leak potentials folded into weights and biases, potentials "
    "from v_reset; one spike a step and the hard reset are settings after reading",
    source="sinabs-single",
    kinds={"LIF": _lif, "IAF": _iaf},
    steps={"LIF": _step_lif, "IF": _step_if},
    layers=("Affine", "Conv2d", "SumPool2d", "Flatten"),
    merges=False,
    pool_padding=False,
    resets={"subtract": ("single_spike",), "value": ("single_spike", "membrane_reset")},
    usage="sinabs.nir.from_nir(nir.read({path}), batch_size=...)",
)
