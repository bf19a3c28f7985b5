"""What a layer is and what its numbers are, asked without importing the package it comes from."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import numpy as np

from ..findings import error
from ..train.parameters import concrete, is_number

_HOMES = ("lifexport", "brainstate", "brainpy", "brainpy_state")


def home(layer: Any) -> str:
    """Package that a layer comes from."""
    return type(layer).__module__.split(".")[0]


def is_layer(layer: Any, kind: str) -> bool:
    """Whether a layer is exactly the named class of a known package; a subclass may compute something else."""
    return type(layer).__name__ == kind and home(layer) in _HOMES


def number(value: Any) -> np.ndarray:
    """A parameter as float64 in SI units; refuses (LX110) a tracer."""
    found = concrete(value)
    if found is None:
        raise error("LX110", found="a tracer instead of a number", fix="call capture outside of jax.jit")
    return found


def seconds_of(dt: Any, with_units: bool) -> float:
    """Time step in seconds, by default that of ``brainstate.environ``; refused (LX103, LX109) if it is none."""
    dt = brainstate.environ.get("dt", default=None) if dt is None else dt
    example = "capture(net, dt=1 * u.ms)" if with_units else "capture(net, dt=1e-3)"
    if dt is None:
        raise error("LX103", field="dt", found="none given, none in brainstate.environ", fix=example)
    if not is_number(dt):
        raise error("LX103", field="dt", found=f"{dt!r}", fix=example)
    has_unit = u.get_dim(dt) != u.DIMENSIONLESS
    if has_unit != with_units or (has_unit and u.get_dim(dt) != u.get_dim(u.second)):
        raise error(
            "LX109", field="dt", found=f"{dt} for layers {'with' if with_units else 'without'} units", fix=example
        )
    seconds = concrete(dt)
    if seconds is None or seconds.shape != () or not (np.isfinite(seconds) and seconds > 0):
        raise error("LX103", field="dt", found=f"{dt}", fix=example)
    return float(seconds)
