"""lava-dl by the NIR paper's script (``paper/nir_to_lava.py``): ``u = (1 - dt/tau_syn) * u + x``, reset to 0.

``v = (1 - dt/tau_mem) * v + u``, ``dt`` is 0.1 ms, and one value serves a population.

Read, not run. Its neurons count decays and states in fixed point (1/64), so spikes may differ; the number of neurons
outside of loops, 7, is written into it (a setting), and a connection without bias raises there.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ...findings import error
from .direct import current_based, hard, require_forgetting, tau_of_decay
from .neuron import Neuron
from .profile import Asked, Fields, Profile, State, Stepped, Written
from .snntorch import DT

NAME = "lava"


def _cuba(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">=", one_tau=True)
    require_forgetting(form, NAME)
    if len(form.shape) != 1:
        raise error("LX401", found=f"neurons of shape {form.shape}; {NAME} has one axis alone", fix="flatten before")
    written = current_based(form, DT, volts, fields, tau_of_decay)
    return dataclasses.replace(written, settings=("lava_neurons",))


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
    layers=("Affine",),
    loops="pair",
    merges=False,
    branches=False,
    only_dt=DT,
    resets={"value": ()},
    ran=False,
    usage="nir_to_lava.import_from_nir(nir.read({path}), ImportConfig(library_preference=LavaLibrary.LavaDl))",
)
