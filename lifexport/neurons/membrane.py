"""What all trained neuron kinds share: a membrane, how it leaks, and for those that spike threshold and reset."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np

from .. import arrays
from ..findings import error
from .base import FloatPopulation, StepResult, require_all, require_choice
from .discretisation import DISCRETISATIONS
from .rules import Compare

FloatReset = Literal["subtract", "value", "none"]
"""What a spike does to a trained membrane; no chip's rule has ``none``."""
RESETS: tuple[FloatReset, ...] = get_args(FloatReset)
COMPARES: tuple[Compare, ...] = get_args(Compare)


class FloatState(NamedTuple):
    """What a trained neuron remembers between two steps; parts its kind has no use for are empty."""

    v: Any
    """Membrane of the last step, before its reset; the next step begins by applying that reset."""
    current: tuple = ()
    """Synaptic current."""
    waiting: Any = None
    """Steps for which the membrane will still be held."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatMembrane(FloatPopulation):
    """A membrane that integrates its input: ``v <- v_rest + decay * (v - v_rest) + gain * input``."""

    real: ClassVar[tuple[str, ...]] = ("v_rest", "v_initial")
    """Fields that are real numbers, one for each neuron."""
    spiking: ClassVar[bool] = False

    v_rest: np.ndarray = 0.0  # type: ignore[assignment]
    v_initial: np.ndarray = 0.0  # type: ignore[assignment]

    def __post_init__(self):
        super().__post_init__()
        for field in self.real:
            value = arrays.real(getattr(self, field), self.shape, node=None, field=field)
            object.__setattr__(self, field, value)
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise error("LX103", field="dt", found=f"{self.dt!r} s", fix="give a positive time step in seconds")

    @property
    @abc.abstractmethod
    def decay(self) -> np.ndarray:
        """Realised decay per step, float64, ``shape``."""

    @property
    @abc.abstractmethod
    def gain(self) -> np.ndarray:
        """Realised gain from input current to membrane per step, float64, ``shape``, ohm."""

    def initial_state(self, batch: int) -> FloatState:
        """State before the first step."""
        return FloatState(np.broadcast_to(self.v_initial, (batch, *self.shape)))

    def fires(self, v: np.ndarray) -> np.ndarray:
        """Whether membranes are at or above threshold, by this population's comparison."""
        return np.zeros(v.shape, bool)

    def after_reset(self, v: np.ndarray) -> np.ndarray:
        """Membrane once the spikes of ``v`` have been reset."""
        return v

    def step(self, state: FloatState, current: np.ndarray) -> StepResult:
        """One time step; ``current`` in ampere."""
        v = self.integrate(self.after_reset(state.v), current)
        return StepResult(FloatState(v), self.fires(v), v)

    def integrate(self, v: np.ndarray, current: np.ndarray) -> np.ndarray:
        """Leak, and add what arrives."""
        return self.v_rest + self.decay * (v - self.v_rest) + self.gain * current


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaky(FloatMembrane):
    """A membrane with a time constant; every parameter is described at ``FloatLIF``."""

    real: ClassVar[tuple[str, ...]] = (*FloatMembrane.real, "tau", "r")

    tau: np.ndarray
    r: np.ndarray
    discretisation: str = "exponential_euler"

    def __post_init__(self):
        super().__post_init__()
        require_choice("discretisation", self.discretisation, DISCRETISATIONS)
        require_all(self.tau > 0, "LX104", "tau", self.tau, "s", "give a positive time constant")

    @property
    def decay(self) -> np.ndarray:
        """Realised decay per step, float64, ``shape``."""
        return DISCRETISATIONS[self.discretisation](self.tau, self.r, self.dt)[0]

    @property
    def gain(self) -> np.ndarray:
        """Realised gain from input current to membrane per step, float64, ``shape``, ohm."""
        return DISCRETISATIONS[self.discretisation](self.tau, self.r, self.dt)[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spiking(FloatMembrane):
    """A membrane with threshold, reset and refractory time; every parameter is described at ``FloatLIF``."""

    real: ClassVar[tuple[str, ...]] = (*FloatMembrane.real, "v_threshold", "v_reset")
    spiking: ClassVar[bool] = True

    v_threshold: np.ndarray
    v_reset: np.ndarray
    reset: FloatReset = "subtract"
    compare: Compare = ">="
    refractory: np.ndarray = 0  # type: ignore[assignment]

    def __post_init__(self):
        super().__post_init__()
        waits = arrays.integer(self.refractory, self.shape, node=None, field="refractory")
        object.__setattr__(self, "refractory", waits)
        require_choice("reset", self.reset, RESETS)
        require_choice("compare", self.compare, COMPARES)
        require_all(waits >= 0, "LX103", "refractory", waits, "steps", "give a number of steps")
        fix = "raise v_threshold above v_reset"
        require_all(self.v_threshold > self.v_reset, "LX105", "v_threshold", self.v_threshold, "V", fix)

    @property
    def waits(self) -> bool:
        """Whether any neuron is refractory for longer than the next step."""
        return bool((self.refractory > 1).any())

    def initial_state(self, batch: int) -> FloatState:
        """State before the first step."""
        state = super().initial_state(batch)
        return state._replace(waiting=np.zeros((batch, *self.shape), np.int64)) if self.waits else state

    def fires(self, v: np.ndarray) -> np.ndarray:
        """Whether membranes are at or above threshold, by this population's comparison."""
        return v >= self.v_threshold if self.compare == ">=" else v > self.v_threshold

    def after_reset(self, v: np.ndarray) -> np.ndarray:
        """Membrane once the spikes of ``v`` have been reset."""
        if self.reset == "none":
            return v
        if self.reset == "subtract":
            return v - (self.v_threshold - self.v_reset) * self.fires(v)
        return np.where(self.fires(v), self.v_reset, v)

    def step(self, state: FloatState, current: np.ndarray) -> StepResult:
        """One time step; ``current`` in ampere."""
        before = self.after_reset(state.v)
        v, waiting = self.integrate(before, current), None
        if state.waiting is not None:
            v = np.where(state.waiting > 0, before, v)
        fired = self.fires(v)
        if state.waiting is not None:
            waiting = np.where(fired, np.maximum(self.refractory - 1, 0), np.maximum(state.waiting - 1, 0))
        return StepResult(FloatState(v, waiting=waiting), fired, v)
