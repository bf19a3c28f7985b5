"""How a training tool turns ``tau`` and ``r`` into a decay and an input gain per time step.

One step of a leaky neuron is ``v <- v_rest + decay * (v - v_rest) + gain * current``. The ODE says
``tau dv/dt = -(v - v_rest) + r * current``; tools differ in what they make of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Discretisation = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def exponential_euler(tau: np.ndarray, r: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """``decay = exp(-dt/tau)``, ``gain = (1 - decay) * r``: the exact solution for a constant input.

    Used by ``brainpy.state.LIF`` (there as ``exprel``) and by NIR's ODE taken at its word.

    Examples
    --------
    >>> decay, gain = exponential_euler(np.array([10e-3]), np.array([2.0]), 1e-3)
    >>> decay.round(4).tolist(), gain.round(4).tolist()
    ([0.9048], [0.1903])
    """
    return np.exp(-dt / tau), -np.expm1(-dt / tau) * r


DISCRETISATIONS: dict[str, Discretisation] = {"exponential_euler": exponential_euler}
