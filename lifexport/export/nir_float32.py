"""Decays as packages compute them in float32, from the parameters that a NIR file holds."""

from __future__ import annotations

import numpy as np


def exp32(x: np.ndarray) -> np.ndarray:
    """``exp`` of float32 numbers, rounded once: torch's is that in 99 of 100, and one float32 off in the others.

    numpy's own is one float32 off in 4 of 10.

    >>> float(exp32(np.float32([-1.0]))[0]), exp32(np.float32([-1.0])).dtype
    (0.3678794503211975, dtype('float32'))
    """
    return np.exp(np.asarray(x, np.float32).astype(np.float64)).astype(np.float32)


def rockpool_dt(tau_mem: np.ndarray, r: np.ndarray) -> float:
    """Time step that rockpool takes from a population: the least ``tau_mem / (1 + r)``."""
    tau, gain = np.asarray(tau_mem, np.float32), np.asarray(r, np.float32)
    return float(np.min(tau / (np.float32(1) + gain), initial=np.inf))


def rockpool_decay(tau: np.ndarray, dt: float) -> np.ndarray:
    """``exp(-dt / tau)`` in rockpool; torch divides a number by a tensor with the tensor's reciprocal."""
    with np.errstate(divide="ignore", over="ignore"):
        return exp32(np.float32(-dt) * (np.float32(1) / np.asarray(tau, np.float32)))
