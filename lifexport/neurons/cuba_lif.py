"""Leaky integrate-and-fire neurons behind a synaptic current, as trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .base import StepResult, require_all
from .discretisation import DISCRETISATIONS
from .lif import FloatLIF
from .membrane import FloatState, Leaky, Spiking


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatCubaLIF(Spiking, Leaky):
    r"""Current-based leaky integrate-and-fire neurons: the input is filtered by a synapse before the membrane sees it.

    .. math::
       i &\leftarrow \beta\, i + w_{in} I, \qquad \beta = e^{-\Delta t / \tau_{syn}}
           \text{ or what } discretisation \text{ makes of } \tau_{syn} \\
       v &\leftarrow v_{rest} + \alpha (v' - v_{rest}) + \gamma\, i

    and otherwise as ``FloatLIF``: the current decays, takes in what arrives, and acts in the same step. This is
    the order of ``brainpy.state.CubaLIF`` and of Loihi's neurons.

    Parameters
    ----------
    tau_syn : float array, seconds
        Time constant of the current; positive.
    w_in : float array
        What a unit of input adds to the current in its step, as the training tool realised it.
    i_initial : float array, ampere
        Current before the first step.
    shape, dt, tau, r, v_threshold, v_reset, v_rest, v_initial, reset, compare, refractory, discretisation
        As in ``FloatLIF``; a refractory neuron's current goes on.

    Examples
    --------
    >>> lif = FloatCubaLIF(shape=(1,), dt=1e-3, tau=10e-3, tau_syn=2e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> lif.current_decay.round(4).tolist()
    [0.6065]
    """

    kind: ClassVar[str] = "CubaLIF"
    real: ClassVar[tuple[str, ...]] = (*FloatLIF.real, "tau_syn", "w_in", "i_initial")

    tau_syn: np.ndarray
    w_in: np.ndarray = 1.0  # type: ignore[assignment]
    i_initial: np.ndarray = 0.0  # type: ignore[assignment]

    def __post_init__(self):
        super().__post_init__()
        require_all(self.tau_syn > 0, "LX104", "tau_syn", self.tau_syn, "s", "give a positive time constant")

    @property
    def current_decay(self) -> np.ndarray:
        """Decay of the current per step, float64, ``shape``."""
        return DISCRETISATIONS[self.discretisation](self.tau_syn, self.w_in, self.dt)[0]

    def initial_state(self, batch: int) -> FloatState:
        """State before the first step."""
        current = np.broadcast_to(self.i_initial, (batch, *self.shape))
        return super().initial_state(batch)._replace(current=(current,))

    def step(self, state: FloatState, current: np.ndarray) -> StepResult:
        """One time step; ``current``, what arrives, in ampere."""
        filtered = self.current_decay * state.current[0] + self.w_in * current
        after, spikes, v = super().step(state, filtered)
        return StepResult(after._replace(current=(filtered,)), spikes, v)
