"""What every neuron kind must answer, trained (float) and on the chip (integer).

A neuron kind is a file of this folder holding a float description, an integer description and the integer step.
Both descriptions are populations of the graph: as many neurons as ``shape`` has elements, every parameter an array of
that shape.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..findings import error
from ..graph import Shape
from ..ops import Ops


class StepResult(NamedTuple):
    """What one step of a population yields, in the reader's own values."""

    state: Any
    spikes: Any
    v: Any
    """Membrane after integration and clipping, before reset: what is compared with the threshold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Population(abc.ABC):
    """Neurons that share a kind; a node of either graph."""

    role: ClassVar[str] = "population"
    kind: ClassVar[str]

    shape: Shape

    def __post_init__(self):
        if not isinstance(self.shape, tuple) or not all(type(size) is int and size > 0 for size in self.shape):
            fix = "give a tuple of positive integers, (10,) for ten neurons"
            raise error("LX102", field="shape", found=f"{self.shape!r}", fix=fix)

    @property
    def in_shape(self) -> Shape:
        """Shape of the summed input current."""
        return self.shape

    @property
    def out_shape(self) -> Shape:
        """Shape of the spikes."""
        return self.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatPopulation(Population):
    """Neurons as trained: real numbers, SI units; ``dt`` is the time step their decay was realised for."""

    dt: float

    @abc.abstractmethod
    def initial_state(self, batch: int) -> Any:
        """State before the first step: a named tuple of float64 arrays, shape ``(batch, *shape)``."""

    @abc.abstractmethod
    def step(self, state: Any, current: np.ndarray) -> StepResult:
        """One time step in float64."""

    @abc.abstractmethod
    def after_reset(self, v: np.ndarray) -> np.ndarray:
        """Membrane once the spikes of ``v`` have been reset."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntPopulation(Population):
    """Neurons as the chip runs them: integers, and the exact ratios that interpret them."""

    @abc.abstractmethod
    def initial_state(self) -> Any:
        """State before the first step: a named tuple of int64 arrays, shape ``shape``."""

    @abc.abstractmethod
    def step(self, ops: Ops, state: Any, current: Any) -> StepResult:
        """One time step, written over the named operations of ``ops.py``."""

    @abc.abstractmethod
    def after_reset(self, ops: Ops, v: Any) -> Any:
        """Membrane once the spikes of ``v`` have been reset."""

    @abc.abstractmethod
    def check_state(self, state: Any) -> None:
        """Refuse (LX304) a state that no run can have left."""

    @abc.abstractmethod
    def membrane_range(self) -> tuple[int, int]:
        """Lowest and highest value the stored membrane can have."""
