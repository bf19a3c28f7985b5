"""How a training tool turns ``tau`` and ``r`` into a decay and an input gain per time step.

One step of a leaky neuron is ``v <- v_rest + decay * (v - v_rest) + gain * current``. The ODE says
``tau dv/dt = -(v - v_rest) + r * current``; tools differ in what they make of it.

======================  =================  ======================  ==============================================
key                     decay              gain                    whose
======================  =================  ======================  ==============================================
``exponential_euler``   ``exp(-dt/tau)``   ``(1 - decay) * r``     brainpy, NIR's ODE, py-spinnaker2
``euler``               ``1 - dt/tau``     ``dt/tau * r``          norse, spikingjelly with ``decay_input``
``exponential_direct``  ``exp(-dt/tau)``   ``r``                   sinabs, rockpool
``euler_direct``        ``1 - dt/tau``     ``r``                   snnTorch, spyx, spikingjelly, snn-mlir, lava
``integrator``          ``1``              ``dt * r``              NIR's ``I``, which has no ``tau``
======================  =================  ======================  ==============================================
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


def euler(tau: np.ndarray, r: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """``decay = 1 - dt/tau``, ``gain = dt/tau * r``: the forward Euler method.

    Examples
    --------
    >>> decay, gain = euler(np.array([4.0]), np.array([2.0]), 1.0)
    >>> decay.tolist(), gain.tolist()
    ([0.75], [0.5])
    """
    return 1 - dt / tau, dt / tau * r


def exponential_direct(tau: np.ndarray, r: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """``decay = exp(-dt/tau)``, ``gain = r``: what arrives is added as it is.

    Examples
    --------
    >>> decay, gain = exponential_direct(np.array([10e-3]), np.array([2.0]), 1e-3)
    >>> decay.round(4).tolist(), gain.tolist()
    ([0.9048], [2.0])
    """
    return np.exp(-dt / tau), 1.0 * r


def euler_direct(tau: np.ndarray, r: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """``decay = 1 - dt/tau``, ``gain = r``: for tools that know decays and write ``tau`` as ``dt / (1 - decay)``.

    Examples
    --------
    >>> decay, gain = euler_direct(np.array([4.0]), np.array([2.0]), 1.0)
    >>> decay.tolist(), gain.tolist()
    ([0.75], [2.0])
    """
    return 1 - dt / tau, 1.0 * r


def integrator(tau: np.ndarray, r: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """``decay = 1``, ``gain = dt * r``, whatever ``tau``: ``dv/dt = r * current``.

    Examples
    --------
    >>> decay, gain = integrator(np.array([1.0]), np.array([2.0]), 0.5)
    >>> decay.tolist(), gain.tolist()
    ([1.0], [1.0])
    """
    return np.ones(np.shape(tau)), dt * r


DISCRETISATIONS: dict[str, Discretisation] = {
    rule.__name__: rule for rule in (exponential_euler, euler, exponential_direct, euler_direct, integrator)
}
