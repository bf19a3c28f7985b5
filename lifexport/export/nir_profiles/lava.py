"""lava-dl by the NIR paper's script (``paper/nir_to_lava.py``): ``u = (1 - dt/tau_syn) * u + x``, reset to 0.

``v = (1 - dt/tau_mem) * v + u``, ``dt`` is 0.1 ms, and one value serves a population.

Read, not run. Its neurons count decays and states in fixed point (1/64), so spikes may differ; layers of 7 neurons
outside of loops are written into it, and biases of feedback alone are read.
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
from .snntorch import DT

NAME = "lava"


def _cuba(form: Neuron) -> Written:
    require_reset(form, subtract=False, importer=NAME)
    require_start(form, NAME)
    require_still(form, NAME)
    require_one(form.decay, "tau", NAME)
    require_one(form.current_decay, "tau_syn", NAME)
    if len(form.shape) != 1:
        raise error("LX401", found=f"neurons of shape {form.shape}; {NAME} has one axis alone", fix="flatten before")
    volts, zero, taus = unit(form), np.zeros(form.shape), {}
    for name, decay in (("tau_syn", form.current_decay), ("tau_mem", form.decay)):
        if (decay == 1).any():
            raise error("LX401", field=name, found="nothing forgotten", fix=f"{NAME} wants finite time constants")
        taus[name] = realised(decay, DT / (1 - decay), lambda tau: (1 - DT / tau.astype(np.float64)).astype(np.float32))
    gains = {"w_in": taus["tau_syn"].astype(np.float64) / DT, "r": taus["tau_mem"].astype(np.float64) / DT}
    fields = {"v_leak": zero, "v_reset": zero, "v_threshold": threshold(form.height / volts, form.compare, ">=")}
    bias = form.drift / volts
    return Written(kind="CubaLIF", fields=fields | taus | gains, scale=form.gain / volts, bias=bias)


def _step_cuba(fields: Fields, state: State | None, x: np.ndarray, asked: Asked) -> Stepped:
    i, v = state or (np.zeros_like(x), np.zeros_like(x))
    i = (np.float32(1) - np.float32(DT) / fields["tau_syn"]) * i + x
    v = (np.float32(1) - np.float32(DT) / fields["tau_mem"]) * v + i
    fires = v >= fields["v_threshold"]
    return (i, np.where(fires, np.float32(0), v)), fires, v


PROFILE = Profile(
    name=NAME,
    importer="lava-dl (paper/nir_to_lava.py)",
    says="CubaLIF with tau = 0.1 ms / (1 - decay), r = tau_mem / dt, w_in = tau_syn / dt, gains and leak potentials "
    "folded into weights and biases, potentials from v_reset, in thresholds where these differ; one tau for a "
    "population",
    source=NAME,
    kinds={"LIF": _cuba, "CubaLIF": _cuba},
    steps={"CubaLIF": _step_cuba},
    layers=("Affine", "Linear"),
    loops="pair",
    merges=False,
    branches=False,
    only_dt=DT,
    ran=False,
    usage="nir_to_lava.import_from_nir(nir.read({path}), ImportConfig(library_preference=LavaLibrary.LavaDl))",
)
