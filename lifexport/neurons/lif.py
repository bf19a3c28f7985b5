"""Leaky integrate-and-fire neurons as trained; as a chip runs them they are in ``int_lif.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, get_args

import numpy as np

from .. import arrays
from ..findings import error
from .base import FloatPopulation, StepResult, require_all, require_choice
from .discretisation import DISCRETISATIONS
from .rules import Compare, Reset

RESETS: tuple[Reset, ...] = get_args(Reset)
COMPARES: tuple[Compare, ...] = get_args(Compare)


class FloatState(NamedTuple):
    """Membrane of the last step, before its reset; the next step begins by applying that reset."""

    v: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLIF(FloatPopulation):
    r"""Leaky integrate-and-fire neurons as trained: real numbers, fixed time step.

    Between spikes the membrane relaxes towards ``v_rest``,

    .. math:: \tau \dot v = -(v - v_{rest}) + r\,I(t).

    One step, in this order, with decay :math:`\alpha` and gain :math:`\gamma` from ``discretisation``:

    .. math::
       v' &= v - (v_{th} - v_{reset})\,s \quad\text{(subtract)}, \qquad
       v' = v_{reset} \text{ where } s \quad\text{(value)} \\
       v &\leftarrow v_{rest} + \alpha (v' - v_{rest}) + \gamma I \\
       s &= [v \ge v_{th}] \quad\text{(or } v > v_{th}\text{, see } compare)

    so the stored ``v`` is the one compared with the threshold, before its reset.

    Parameters
    ----------
    shape : tuple of int
        Shape of the population.
    dt : float, seconds
        Time step the decay was realised for; the same in the whole network.
    tau : float array, shape ``()`` or ``shape``, seconds
        Membrane time constant; positive.
    r : float array, ohm
        Input resistance.
    v_threshold, v_reset, v_rest, v_initial : float array, volt
        Threshold, reset level, resting and initial potential; ``v_threshold > v_reset``.
    reset : ``"subtract"`` | ``"value"``
        Soft (subtract ``v_threshold - v_reset``) or hard (set to ``v_reset``).
    compare : ``">="`` | ``">"``
        Spike condition.
    discretisation : str
        Key of ``neurons.discretisation.DISCRETISATIONS``: what the training tool makes of ``tau`` and ``r``.

    Raises
    ------
    ParameterError, ShapeError
        LX101..LX106, naming field and index.

    Notes
    -----
    Order and ``>=`` are those of the code of ``brainpy.state.LIF`` (its text says "V - V_th" for the soft reset; the
    code subtracts ``V_th - V_reset``). The equation is exact for an input held constant over the step.

    Examples
    --------
    >>> lif = FloatLIF(shape=(2,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1e-3, v_reset=0.0)
    >>> lif.decay.round(4).tolist()
    [0.9048, 0.9048]
    """

    kind: ClassVar[str] = "LIF"

    tau: np.ndarray
    r: np.ndarray
    v_threshold: np.ndarray
    v_reset: np.ndarray
    v_rest: np.ndarray = 0.0  # type: ignore[assignment]
    v_initial: np.ndarray = 0.0  # type: ignore[assignment]
    reset: Reset = "subtract"
    compare: Compare = ">="
    discretisation: str = "exponential_euler"

    def __post_init__(self):
        super().__post_init__()
        for field in ("tau", "r", "v_threshold", "v_reset", "v_rest", "v_initial"):
            value = arrays.real(getattr(self, field), self.shape, node=None, field=field)
            object.__setattr__(self, field, value)
        require_choice("reset", self.reset, RESETS)
        require_choice("compare", self.compare, COMPARES)
        require_choice("discretisation", self.discretisation, DISCRETISATIONS)
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise error("LX103", field="dt", found=f"{self.dt!r} s", fix="give a positive time step in seconds")
        require_all(self.tau > 0, "LX104", "tau", self.tau, "s", "give a positive time constant")
        require_all(
            self.v_threshold > self.v_reset,
            "LX105",
            "v_threshold",
            self.v_threshold,
            "V",
            "raise v_threshold above v_reset",
        )

    @property
    def decay(self) -> np.ndarray:
        """Realised decay per step, float64, ``shape``."""
        return DISCRETISATIONS[self.discretisation](self.tau, self.r, self.dt)[0]

    @property
    def gain(self) -> np.ndarray:
        """Realised gain from input current to membrane per step, float64, ``shape``, ohm."""
        return DISCRETISATIONS[self.discretisation](self.tau, self.r, self.dt)[1]

    def initial_state(self, batch: int) -> FloatState:
        """State before the first step."""
        return FloatState(np.broadcast_to(self.v_initial, (batch, *self.shape)))

    def fires(self, v: np.ndarray) -> np.ndarray:
        """Whether membranes are at or above threshold, by this population's comparison."""
        return v >= self.v_threshold if self.compare == ">=" else v > self.v_threshold

    def after_reset(self, v: np.ndarray) -> np.ndarray:
        """Membrane once the spikes of ``v`` have been reset."""
        if self.reset == "subtract":
            return v - (self.v_threshold - self.v_reset) * self.fires(v)
        return np.where(self.fires(v), self.v_reset, v)

    def step(self, state: FloatState, current: np.ndarray) -> StepResult:
        """One time step; ``current`` in ampere."""
        v = self.v_rest + self.decay * (self.after_reset(state.v) - self.v_rest) + self.gain * current
        return StepResult(FloatState(v), self.fires(v), v)
