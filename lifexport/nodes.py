"""Nodes of the two networks that hold no neurons: inputs, outputs and connections."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np

from . import arrays
from .findings import error, unknown_name
from .fixedpoint import QFormat
from .graph import Shape

InputKind = Literal["spikes", "counts", "graded"]
INPUT_KINDS: tuple[InputKind, ...] = get_args(InputKind)


@dataclass(frozen=True, kw_only=True, eq=False)
class Port(abc.ABC):
    """An end of the network; ``shape`` without time and batch."""

    role: ClassVar[str]
    kind: ClassVar[str]

    shape: Shape

    @property
    def in_shape(self) -> Shape:
        """Shape of one time step of one sample."""
        return self.shape

    @property
    def out_shape(self) -> Shape:
        """Shape of one time step of one sample."""
        return self.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Input(Port):
    """Where real-valued inputs enter."""

    role: ClassVar[str] = "input"
    kind: ClassVar[str] = "Input"


@dataclass(frozen=True, kw_only=True)
class InputCode:
    """How real inputs become the integer codes that simulators, exports and golden vectors carry.

    Parameters
    ----------
    kind : ``"spikes"`` | ``"counts"`` | ``"graded"``
        Spikes are 0 or 1; counts are natural numbers of spikes; graded codes are numbers on a grid.
    bits : int
        Width of a code (1 for spikes).
    signed : bool
        Two's complement if true, else natural numbers.
    unit : Fraction
        Real input that code 1 stands for.

    Examples
    --------
    >>> InputCode(kind="graded", bits=5, unit=Fraction(1, 16)).format.hi
    31
    """

    kind: InputKind
    bits: int = 1
    signed: bool = False
    unit: Fraction = Fraction(1)

    def __post_init__(self):
        if self.kind not in INPUT_KINDS:
            raise unknown_name("input kind", self.kind, INPUT_KINDS, code="LX106", field="input")
        if self.kind == "spikes" and (self.bits != 1 or self.signed):
            raise error("LX006", field="input", found=f"spikes of {self.bits} bits", fix="spikes are 0 or 1: bits=1")
        if type(self.bits) is not int or not 1 <= self.bits <= 62:
            raise error("LX006", field="input.bits", found=f"{self.bits!r}", fix="give an integer from 1 to 62")
        if not (isinstance(self.unit, Rational) and self.unit > 0):
            raise error("LX006", field="input.unit", found=f"{self.unit!r}", fix="give a positive Fraction")

    @property
    def format(self) -> QFormat:
        """Range and unit of the codes."""
        return QFormat(bits=self.bits, unit=self.unit, signed=self.signed)


@dataclass(frozen=True, kw_only=True, eq=False)
class IntInput(Port):
    """Where integer codes enter."""

    role: ClassVar[str] = "input"
    kind: ClassVar[str] = "Input"

    code: InputCode


@dataclass(frozen=True, kw_only=True, eq=False)
class Output(Port):
    """Where the spikes of the last population leave."""

    role: ClassVar[str] = "output"
    kind: ClassVar[str] = "Output"


class Reach(NamedTuple):
    """Bounds of what a connection delivers, int64 arrays of shape ``out_shape``."""

    lo: np.ndarray
    hi: np.ndarray
    partial: np.ndarray
    """Largest magnitude of any partial sum, in any order of summation, before the shifts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection(abc.ABC):
    """A stateless map from the output of one node to the input of another."""

    role: ClassVar[str] = "connection"
    kind: ClassVar[str]

    @property
    @abc.abstractmethod
    def in_shape(self) -> Shape:
        """Shape that arrives."""

    @property
    @abc.abstractmethod
    def out_shape(self) -> Shape:
        """Shape that leaves."""

    @abc.abstractmethod
    def apply(self, x: np.ndarray) -> np.ndarray:
        """Map values of shape ``(batch, *in_shape)`` to ``(batch, *out_shape)``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatDense(Connection):
    """Every input to every output: ``y = weight @ x + bias``.

    Parameters
    ----------
    weight : float array, shape ``(out, in)``
        Ampere per unit of input.
    bias : float array, shape ``(out,)``, optional
        Ampere; None for no bias.

    Examples
    --------
    >>> FloatDense(weight=[[1.0, 2.0]], bias=[0.5]).apply(np.array([[3.0, 4.0]])).tolist()
    [[11.5]]
    """

    kind: ClassVar[str] = "Dense"

    weight: np.ndarray
    bias: np.ndarray | None = None

    def __post_init__(self):
        weight = arrays.real(self.weight, None, node=None, field="weight")
        if weight.ndim != 2 or 0 in weight.shape:
            raise error("LX102", field="weight", found=f"shape {weight.shape}", fix="give a matrix (out, in)")
        object.__setattr__(self, "weight", weight)
        if self.bias is not None:
            bias = arrays.real(self.bias, weight.shape[:1], node=None, field="bias")
            object.__setattr__(self, "bias", bias)

    @property
    def in_shape(self) -> Shape:
        """``(in,)``."""
        return self.weight.shape[1:]

    @property
    def out_shape(self) -> Shape:
        """``(out,)``."""
        return self.weight.shape[:1]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Input current in ampere, float64, shape ``(batch, out)``."""
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@dataclass(frozen=True, kw_only=True, eq=False)
class IntWeights(Connection):
    """A weighted connection in integers: ``y = floor(product(x) / 2**drop) * 2**shift``.

    The bias of a trained layer is part of the population it feeds (``IntLIF.bias``).

    Parameters
    ----------
    weight : int array, outputs along the first axis
        Codes.
    weight_bits : int
        Width the codes fit in.
    unit : Fraction
        What code 1 adds to the membrane per unit of real input, in volt, exact.
    shift : int
        Left shift from accumulated codes to the membrane's unit.
    drop : int
        Low bits of the sum that are dropped first.
    synapse : int
        Input port of the population it feeds.
    """

    weight: np.ndarray
    weight_bits: int = 8
    unit: Fraction = Fraction(1)
    shift: int = 0
    drop: int = 0
    synapse: int = 0

    def __post_init__(self):
        weight = arrays.integer(self.weight, None, node=None, field="weight")
        for field, lo, hi in (("weight_bits", 1, 62), ("shift", 0, 62), ("drop", 0, 62), ("synapse", 0, 62)):
            if type(value := getattr(self, field)) is not int or not lo <= value <= hi:
                raise error("LX204", field=field, found=f"{value!r}", fix=f"give an integer from {lo} to {hi}")
        fmt = QFormat(bits=self.weight_bits)
        outside = (weight < fmt.lo) | (weight > fmt.hi)
        if outside.any():
            index = tuple(int(i) for i in np.argwhere(outside)[0])
            raise error("LX204", field="weight", index=index, found=f"{weight[index]}", fix=f"use {fmt.lo}..{fmt.hi}")
        object.__setattr__(self, "weight", weight)

    @property
    def row_bound(self) -> int:
        """Largest sum of the magnitudes of the weights of one output."""
        return int(np.abs(self.weight).reshape(len(self.weight), -1).sum(axis=1).max())

    @abc.abstractmethod
    def linear(self, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Sums of inputs, shape ``(batch, *in_shape)``, by weights in the form of this connection's."""

    @abc.abstractmethod
    def event_reach(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest increment of any single input of ``lo..hi``, or 0, int64 of shape ``out_shape``."""

    def product(self, x: np.ndarray) -> np.ndarray:
        """Sums of codes, int64, shape ``(batch, *out_shape)``, before drop and shift."""
        return self.linear(self.weight, x)

    def reach(self, lo: np.ndarray, hi: np.ndarray) -> Reach:
        """What leaves for inputs of ``lo..hi``, int64 of shape ``in_shape``; every bound is attained by some input."""
        positive, negative = np.maximum(self.weight, 0), np.minimum(self.weight, 0)
        lo, hi = lo[None], hi[None]
        low = (self.linear(positive, lo) + self.linear(negative, hi))[0]
        high = (self.linear(positive, hi) + self.linear(negative, lo))[0]
        partial = self.linear(positive - negative, np.maximum(np.abs(lo), np.abs(hi)))[0]
        return Reach(low >> self.drop << self.shift, high >> self.drop << self.shift, partial)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Increment of the membrane, int64, shape ``(batch, *out_shape)``: the definition."""
        return self.product(x.astype(np.int64)) >> self.drop << self.shift

    def events(self, x: np.ndarray) -> list[np.ndarray]:
        """Increments of every input on its own, in order, int64: ``apply`` is their sum where nothing is dropped."""
        size = math.prod(self.in_shape)
        alone = self.product(np.eye(size, dtype=np.int64).reshape(size, *self.in_shape)) << self.shift
        arriving = x.astype(np.int64).reshape(len(x), size).T
        return [np.multiply.outer(codes, weights) for codes, weights in zip(arriving, alone, strict=True)]


@dataclass(frozen=True, kw_only=True, eq=False)
class IntDense(IntWeights):
    """Every input to every output, in integers: ``y = floor((weight @ x) / 2**drop) * 2**shift``.

    Parameters are those of ``IntWeights``; ``weight`` has shape ``(out, in)``.

    Examples
    --------
    >>> IntDense(weight=np.array([[1, -2]]), weight_bits=3, shift=4).apply(np.array([[3, 1]])).tolist()
    [[16]]
    """

    kind: ClassVar[str] = "Dense"

    def __post_init__(self):
        super().__post_init__()
        if self.weight.ndim != 2 or 0 in self.weight.shape:
            raise error("LX102", field="weight", found=f"shape {self.weight.shape}", fix="give a matrix (out, in)")

    @property
    def in_shape(self) -> Shape:
        """``(in,)``."""
        return self.weight.shape[1:]

    @property
    def out_shape(self) -> Shape:
        """``(out,)``."""
        return self.weight.shape[:1]

    def linear(self, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
        """``weight @ x``, shape ``(batch, out)``."""
        return x @ weight.T

    def event_reach(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest increment of any single input of ``lo..hi``, or 0, int64, shape ``(out,)``."""
        low, high = (self.weight * end for end in (lo, hi))
        least, most = np.minimum(low, high).min(axis=1), np.maximum(low, high).max(axis=1)
        return np.minimum(least, 0) << self.shift, np.maximum(most, 0) << self.shift
