"""Leaky integrate-and-fire neurons: as trained (``FloatLIF``) and as the chip runs them (``IntLIF``)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np

from .. import arrays
from ..findings import error, unknown_name
from ..ops import OVERFLOWS, ROUNDINGS, Ops, Overflow, Rounding
from .base import FloatPopulation, IntPopulation, StepResult
from .discretisation import DISCRETISATIONS

Reset = Literal["subtract", "value"]
Compare = Literal[">=", ">"]
RESETS: tuple[Reset, ...] = get_args(Reset)
COMPARES: tuple[Compare, ...] = get_args(Compare)


class LIFState(NamedTuple):
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
        _require_choice("reset", self.reset, RESETS)
        _require_choice("compare", self.compare, COMPARES)
        _require_choice("discretisation", self.discretisation, DISCRETISATIONS)
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise error("LX103", field="dt", found=f"{self.dt!r} s", fix="give a positive time step in seconds")
        _require_all(self.tau > 0, "LX104", "tau", self.tau, "s", "give a positive time constant")
        _require_all(
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

    def initial_state(self, batch: int) -> LIFState:
        """State before the first step."""
        return LIFState(np.broadcast_to(self.v_initial, (batch, *self.shape)))

    def fires(self, v: np.ndarray) -> np.ndarray:
        """Whether membranes are at or above threshold, by this population's comparison."""
        return v >= self.v_threshold if self.compare == ">=" else v > self.v_threshold

    def after_reset(self, v: np.ndarray) -> np.ndarray:
        """Membrane once the spikes of ``v`` have been reset."""
        if self.reset == "subtract":
            return v - (self.v_threshold - self.v_reset) * self.fires(v)
        return np.where(self.fires(v), self.v_reset, v)

    def step(self, state: LIFState, current: np.ndarray) -> StepResult:
        """One time step; ``current`` in ampere."""
        v = self.v_rest + self.decay * (self.after_reset(state.v) - self.v_rest) + self.gain * current
        return StepResult(LIFState(v), self.fires(v), v)


@dataclass(frozen=True, kw_only=True, eq=False)
class IntLIF(IntPopulation):
    r"""Leaky integrate-and-fire neurons in a chip's integers.

    All numbers count the same unit of potential, measured from the resting potential. One step:

    .. math::
       v' &= v - c\,s \quad\text{(subtract)}, \qquad v' = c \text{ where } s \quad\text{(value)} \\
       v &\leftarrow \mathrm{overflow}\bigl(\mathrm{round}(v' d / 2^{k}) + I + b\bigr) \\
       s &= [v \ge \theta]

    Parameters
    ----------
    shape : tuple of int
        Shape of the population.
    decay : int array
        :math:`d`, from 0 to ``2**decay_bits``.
    decay_bits : int
        :math:`k`.
    rounding : str
        How the leak rounds: ``floor``, ``toward_zero``, ``half_up``, ``half_even``.
    threshold : int array
        :math:`\theta`.
    reset : ``"subtract"`` | ``"value"``
        Whether ``reset_code`` is subtracted or set.
    reset_code : int array
        :math:`c`.
    bias : int array
        :math:`b`, added at every step.
    state_bits : int
        Width of the stored membrane.
    overflow : ``"saturate"`` | ``"wrap"``
        What happens to a membrane that does not fit.
    v_initial : int array
        Membrane before the first step.
    unit : Fraction, volt
        Potential one code stands for, exact.
    v_rest : float array, volt
        Potential that code 0 stands for (not used by the step).
    threshold_shift, bias_shift : int
        Low bits of the threshold and bias that the target does not store; they are zero.

    Examples
    --------
    >>> from lifexport.ops import NumpyOps
    >>> lif = IntLIF(shape=(1,), decay=3, decay_bits=2, threshold=8, reset="subtract", reset_code=8, unit=Fraction(1))
    >>> state, trace = lif.initial_state(), []
    >>> for _ in range(5):
    ...     state, spikes, v = lif.step(NumpyOps(), state, np.array([3]))
    ...     trace.append((int(v[0]), bool(spikes[0])))
    >>> trace
    [(3, False), (5, False), (6, False), (7, False), (8, True)]
    """

    kind: ClassVar[str] = "LIF"

    decay: np.ndarray
    decay_bits: int
    threshold: np.ndarray
    reset: Reset
    reset_code: np.ndarray
    unit: Fraction
    bias: np.ndarray = 0  # type: ignore[assignment]
    v_initial: np.ndarray = 0  # type: ignore[assignment]
    v_rest: np.ndarray = 0.0  # type: ignore[assignment]
    rounding: Rounding = "floor"
    state_bits: int = 16
    overflow: Overflow = "saturate"
    threshold_shift: int = 0
    bias_shift: int = 0

    def __post_init__(self):
        super().__post_init__()
        for field in ("decay", "threshold", "reset_code", "bias", "v_initial"):
            value = arrays.integer(getattr(self, field), self.shape, node=None, field=field)
            object.__setattr__(self, field, value)
        object.__setattr__(self, "v_rest", arrays.real(self.v_rest, self.shape, node=None, field="v_rest"))
        _require_choice("rounding", self.rounding, ROUNDINGS)
        _require_choice("overflow", self.overflow, OVERFLOWS)
        _require_choice("reset", self.reset, RESETS)
        one = 1 << self.decay_bits
        _require_all((self.decay >= 0) & (self.decay <= one), "LX204", "decay", self.decay, "", f"use 0..{one}")
        lo, hi = self.membrane_range()
        inside = (self.v_initial >= lo) & (self.v_initial <= hi)
        _require_all(inside, "LX204", "v_initial", self.v_initial, "", f"use {lo}..{hi}")
        for field, shift in (("threshold", self.threshold_shift), ("bias", self.bias_shift)):
            codes = getattr(self, field)
            _require_all(codes % (1 << shift) == 0, "LX204", field, codes, "", f"use multiples of {1 << shift}")

    def membrane_range(self) -> tuple[int, int]:
        """Lowest and highest value the stored membrane can have."""
        return -(1 << (self.state_bits - 1)), (1 << (self.state_bits - 1)) - 1

    def check_state(self, state: LIFState) -> None:
        """Refuse (LX304) membranes outside of ``membrane_range``."""
        lo, hi = self.membrane_range()
        _require_all((state.v >= lo) & (state.v <= hi), "LX304", "v", state.v, "", f"membranes are {lo}..{hi}")

    def reset_bound(self) -> int:
        """Largest magnitude a membrane can have after its reset: what the leak multiplies."""
        lo, hi = self.membrane_range()
        if self.reset == "value":
            return max(-lo, hi, int(np.abs(self.reset_code).max(initial=0)))
        fired_lo = int((self.threshold - self.reset_code).min(initial=0))
        fired_hi = int((hi - self.reset_code).max(initial=0))
        return max(-lo, hi, abs(fired_lo), abs(fired_hi))

    def initial_state(self) -> LIFState:
        """State before the first step."""
        return LIFState(self.v_initial)

    def after_reset(self, ops: Ops, v):
        """Membrane once the spikes of ``v`` have been reset."""
        fired, code = ops.ge(v, ops.const(self.threshold, "threshold")), ops.const(self.reset_code, "reset_code")
        return ops.sub(v, ops.gate(fired, code if self.reset == "subtract" else ops.sub(v, code)))

    def step(self, ops: Ops, state: LIFState, current) -> StepResult:
        """One time step: reset, leak, integrate, overflow, compare."""
        v = self.after_reset(ops, state.v)
        decay = ops.const(self.decay, "decay")
        v = ops.multiply_shift(v, decay, self.decay_bits, self.rounding, self.reset_bound())
        v = ops.add(v, ops.add(current, ops.const(self.bias, "bias")))
        v = (ops.saturate if self.overflow == "saturate" else ops.wrap)(v, self.state_bits)
        return StepResult(LIFState(v), ops.ge(v, ops.const(self.threshold, "threshold")), v)


def _require_choice(field: str, value: object, known) -> None:
    if value not in known:
        raise unknown_name(field, value, known, code="LX106", field=field)


def _require_all(good: np.ndarray, code: str, field: str, values: np.ndarray, unit: str, fix: str) -> None:
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        found = f"{values[index]}{' ' + unit if unit else ''} ({int((~good).sum())} of {values.size})"
        raise error(code, field=field, index=index or None, found=found, fix=fix)
