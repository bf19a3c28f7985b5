"""snn-mlir 1.0.0: ``v = (1 - 1/r) * v + x``, ``dt`` taken as ``tau / r``, reset to 0; one value for a population.

Its ``check`` accepts the files (``tests/interop``), its code was not run: compiling it needs a tool that no package
brings. Whether it fires at the threshold or above is assumed: above.
"""

from __future__ import annotations

import numpy as np

from .direct import current_based, hard, require_forgetting, tau_of_decay
from .neuron import Neuron
from .norse import step_if
from .profile import Profile, Written
from .snntorch import step_cuba, step_lif

NAME = "snn-mlir"


def _lif(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">", one_tau=True)
    zero = np.zeros(form.shape)
    if (form.decay == 1).all():
        return Written(kind="IF", fields=fields | {"r": zero + 1}, scale=form.gain / volts, bias=zero, reset="value")
    tau = tau_of_decay(form.decay, form.dt)
    fields |= {"tau": tau, "r": tau.astype(np.float64) / form.dt, "v_leak": zero}
    return Written(kind="LIF", fields=fields, scale=form.gain / volts, bias=form.drift / volts, reset="value")


def _cuba(form: Neuron) -> Written:
    volts, fields = hard(form, NAME, ">", one_tau=True)
    require_forgetting(form, NAME)
    return current_based(form, form.dt, volts, fields, tau_of_decay)


PROFILE = Profile(
    name=NAME,
    importer="snn-mlir 1.0.0",
    says="tau = dt / (1 - decay) in seconds, r = tau / dt, gains and leak potentials folded into weights and biases, "
    "potentials from v_reset, in thresholds where these differ, the threshold one float32 lower for >=; one tau "
    "for a population",
    source=NAME,
    kinds={"LIF": _lif, "IAF": _lif, "CubaLIF": _cuba},
    steps={"LIF": step_lif, "IF": step_if, "CubaLIF": step_cuba},
    layers=("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten"),
    loops="pair",
    resets={"value": ()},
    merges=False,
    branches=False,
    dilations=False,
    ran=False,
    usage="snn-mlir export {path}",
)
