"""What every neuron kind must answer, trained (float) and on the chip (integer).

What was trained is a float description (``lif.py``); every chip runs one integer description and step
(``int_lif.py``) by rules of its own (``rules.py``). Both descriptions are populations of the graph: as many neurons as
``shape`` has elements, every parameter an array of that shape.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..findings import error, unknown_name
from ..graph import Shape
from ..ops import Ops


class Arriving(NamedTuple):
    """What arrives at an integer population in one step, in the reader's own values."""

    synapses: tuple[Sequence[Any], ...]
    """For every input port the increments, in the order in which they are added."""
    tick: Any = None
    """Where a population steps by events: whether the event is a tick, which leaks; None where every step does."""

    @classmethod
    def total(cls, current: Any) -> Arriving:
        """One increment at one port."""
        return cls(((current,),))


class StepResult(NamedTuple):
    """What one step of a population yields, in the reader's own values."""

    state: Any
    spikes: Any
    """Truth values, or counts where a neuron may fire more than once."""
    v: Any
    """Membrane after integration and clipping, before reset: what is compared with the threshold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Population(abc.ABC):
    """Neurons that share a kind; a node of either graph."""

    role: ClassVar[str] = "population"
    kind: ClassVar[str]

    shape: Shape

    @property
    @abc.abstractmethod
    def spiking(self) -> bool:
        """Whether neurons of this population spike at all."""

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

    latency: ClassVar[int] = 0
    """Spikes leave in the step whose membrane reached the threshold."""

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
    """Neurons as the chip runs them: integers, and the exact ratios that interpret them.

    Parameters
    ----------
    unit : Fraction, volt
        Potential one code stands for, exact.
    """

    unit: Fraction

    @abc.abstractmethod
    def initial_state(self) -> Any:
        """State before the first step: a named tuple of int64 arrays, shape ``shape``."""

    @abc.abstractmethod
    def step(self, ops: Ops, state: Any, arriving: Arriving) -> StepResult:
        """One time step, written over the named operations of ``ops.py``."""

    @abc.abstractmethod
    def after_reset(self, ops: Ops, v: Any) -> Any:
        """Membrane once the spikes of ``v`` have been reset."""

    @abc.abstractmethod
    def check_state(self, state: Any) -> None:
        """Refuse (LX304) a state that no run can have left."""

    @abc.abstractmethod
    def state_range(self) -> tuple[Any, Any]:
        """Lowest and highest state that a run can leave, as ``initial_state`` gives it."""

    @property
    @abc.abstractmethod
    def synapses(self) -> int:
        """Input ports."""

    @property
    @abc.abstractmethod
    def per_event(self) -> bool:
        """Whether inputs are added one by one, in order."""

    @property
    @abc.abstractmethod
    def latency(self) -> int:
        """Steps between the membrane that reaches the threshold and its spike."""

    @property
    @abc.abstractmethod
    def max_spikes(self) -> int | None:
        """Spikes a neuron emits in one step, at most; None for no limit."""

    @abc.abstractmethod
    def membrane_range(self) -> tuple[int, int]:
        """Lowest and highest value of the membrane before its reset."""

    @abc.abstractmethod
    def step_bound(self, arriving: int) -> int:
        """Largest magnitude of any sum inside a step whose input never exceeds ``arriving``, partial sums included."""


def require_choice(field: str, value: Any, known: Collection[str]) -> None:
    """Refuse (LX106) a word that is not one of the known ones."""
    if value not in known:
        raise unknown_name(field, value, known, code="LX106", field=field)


def require_all(good: np.ndarray, code: str, field: str, values: np.ndarray, unit: str, fix: str) -> None:
    """Refuse values of which not all are good; the first bad one is named."""
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        found = f"{values[index]}{' ' + unit if unit else ''} ({int((~good).sum())} of {values.size})"
        raise error(code, field=field, index=index or None, found=found, fix=fix)
