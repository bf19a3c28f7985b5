"""Connections between populations that lie in space: convolution, pooling, flattening.

Shapes are channels first, ``(channels, *space)`` with one or two axes of space, as in NIR. Convolution is what the
field calls so: the kernel is not flipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from . import arrays
from .findings import error
from .graph import Shape
from .nodes import Connection, IntWeights, Reach
from .windows import Pad, Windows


def convolve(x: np.ndarray, weight: np.ndarray, windows: Windows, groups: int) -> np.ndarray:
    r"""Convolution by its definition, in the types of its inputs.

    .. math:: y_{o,p} = \sum_{c,k} w_{o,c,k}\; x_{c,\; p \cdot stride + k \cdot dilation - padding}
    """
    seen = windows.gather(x)
    seen = seen.reshape(len(x), groups, -1, *seen.shape[2:])
    split = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    inner = "xy"[: weight.ndim - 2]
    y = np.einsum(f"bgc{inner.upper()}{inner},goc{inner}->bgo{inner.upper()}", seen, split, optimize=True)
    return y.reshape(len(x), len(weight), *windows.positions)


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Connection):
    """What a convolution is besides its numbers: ``weight`` has shape ``(out, in / groups, *kernel)``.

    Parameters
    ----------
    size : tuple of int
        Space of the input, without channels.
    stride, dilation, padding
        As in ``Windows``.
    groups : int
        Groups of channels that do not see each other.
    """

    kind: ClassVar[str] = "Conv"

    weight: np.ndarray
    size: Shape
    stride: int | Shape = 1
    dilation: int | Shape = 1
    padding: int | Shape | Pad | Literal["same", "valid"] = 0
    groups: int = 1

    def _place(self) -> None:
        """Check the geometry, and keep it for every axis."""
        weight, groups = self.weight, self.groups
        if weight.ndim not in (3, 4) or 0 in weight.shape:
            fix = "give (out, in / groups, *kernel) with one or two axes of space"
            raise error("LX102", field="weight", found=f"shape {weight.shape}", fix=fix)
        if type(groups) is not int or groups < 1 or len(weight) % groups:
            raise error("LX102", field="groups", found=f"{groups!r}", fix=f"use a divisor of {len(weight)} outputs")
        windows = self.windows
        for field in ("size", "stride", "dilation", "padding"):
            object.__setattr__(self, field, getattr(windows, field))

    @property
    def windows(self) -> Windows:
        """Where the kernel stands."""
        moves = {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}
        return Windows(size=self.size, kernel=self.weight.shape[2:], **moves)

    @property
    def in_shape(self) -> Shape:
        """``(in, *size)``."""
        return (self.groups * self.weight.shape[1], *self.size)

    @property
    def out_shape(self) -> Shape:
        """``(out, *positions)``."""
        return (len(self.weight), *self.windows.positions)


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatConv(Convolution):
    """Convolution over one or two axes of space, as trained.

    Parameters
    ----------
    weight : float array, shape ``(out, in / groups, *kernel)``
        Ampere per unit of input.
    bias : float array, shape ``(out,)``, optional
        Ampere.
    size, stride, dilation, padding, groups
        As in ``Convolution``.

    Examples
    --------
    >>> conv = FloatConv(weight=[[[1.0, -1.0]]], size=(4,))
    >>> conv.apply(np.array([[[1.0, 3.0, 6.0, 6.0]]])).tolist()
    [[[-2.0, -3.0, 0.0]]]
    """

    bias: np.ndarray | None = None

    def __post_init__(self):
        object.__setattr__(self, "weight", arrays.real(self.weight, None, node=None, field="weight"))
        self._place()
        if self.bias is not None:
            bias = arrays.real(self.bias, self.weight.shape[:1], node=None, field="bias")
            object.__setattr__(self, "bias", bias)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Input current in ampere, float64, shape ``(batch, *out_shape)``."""
        y = convolve(x, self.weight, self.windows, self.groups)
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * len(self.size))


@dataclass(frozen=True, kw_only=True, eq=False)
class IntConv(Convolution, IntWeights):
    """Convolution in integers: ``y = floor((weight * x) / 2**drop) * 2**shift``.

    Parameters
    ----------
    weight : int array, shape ``(out, in / groups, *kernel)``
        Codes.
    size, stride, dilation, padding, groups
        As in ``Convolution``.
    weight_bits, unit, shift, drop, synapse
        As in ``IntWeights``.

    Examples
    --------
    >>> IntConv(weight=np.array([[[1, -1]]]), size=(3,), shift=1).apply(np.array([[[1, 0, 1]]])).tolist()
    [[[2, -2]]]
    """

    def __post_init__(self):
        super().__post_init__()
        self._place()

    def linear(self, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Sums of inputs, shape ``(batch, out, *positions)``."""
        return convolve(x, weight, self.windows, self.groups)

    def event_reach(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest increment of any single input of ``lo..hi``, or 0, int64 of shape ``out_shape``."""
        least = most = np.zeros(self.out_shape, np.int64)
        for index in np.ndindex(*self.weight.shape[1:]):
            alone = np.zeros_like(self.weight)
            alone[(slice(None), *index)] = self.weight[(slice(None), *index)]
            low, high = (self.linear(alone, end[None])[0] for end in (lo, hi))
            least, most = np.minimum(least, np.minimum(low, high)), np.maximum(most, np.maximum(low, high))
        return least << self.shift, most << self.shift


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Connection):
    """A window over every channel by itself.

    Parameters
    ----------
    shape : tuple of int
        ``(channels, *space)``.
    kernel, stride, padding
        As in ``Windows``; the stride is that of the kernel unless given.

    """

    shape: Shape
    kernel: int | Shape
    stride: int | Shape | None = None
    padding: int | Shape | Pad = 0

    def __post_init__(self):
        if not isinstance(self.shape, tuple) or len(self.shape) not in (2, 3):
            found, fix = f"{self.shape!r}", "give (channels, *space) with one or two axes of space"
            raise error("LX102", field="shape", found=found, fix=fix)
        kernel = (self.kernel,) * (len(self.shape) - 1) if type(self.kernel) is int else self.kernel
        stride = kernel if self.stride is None else self.stride
        windows = Windows(size=self.shape[1:], kernel=kernel, stride=stride, padding=self.padding)  # type: ignore[arg-type]
        for field in ("kernel", "stride", "padding"):
            object.__setattr__(self, field, getattr(windows, field))

    @property
    def in_shape(self) -> Shape:
        """``(channels, *space)``."""
        return self.shape

    @property
    def windows(self) -> Windows:
        """Where the window stands."""
        return Windows(size=self.shape[1:], kernel=self.kernel, stride=self.stride, padding=self.padding)  # type: ignore[arg-type]

    @property
    def out_shape(self) -> Shape:
        """``(channels, *positions)``."""
        return (self.shape[0], *self.windows.positions)

    @property
    def area(self) -> int:
        """Points of a window."""
        return math.prod(self.kernel)  # type: ignore[arg-type]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Sums over the windows, in the type of ``x``, shape ``(batch, *out_shape)``."""
        axes = tuple(range(-len(self.kernel), 0))  # type: ignore[arg-type]
        return self.windows.gather(x).sum(axis=axes, dtype=x.dtype)


def _reach(node: SumPool | Flatten, lo: np.ndarray, hi: np.ndarray) -> Reach:
    """What leaves for inputs of ``lo..hi`` where every output is a sum of inputs."""
    partial = node.apply(np.maximum(np.abs(lo), np.abs(hi))[None])[0]
    return Reach(node.apply(lo[None])[0], node.apply(hi[None])[0], partial)


@dataclass(frozen=True, kw_only=True, eq=False)
class SumPool(Pool):
    """Sum over a window, channel by channel; the same in both networks.

    Parameters are those of ``Pool``.

    Examples
    --------
    >>> SumPool(shape=(1, 4), kernel=2).apply(np.array([[[1, 0, 1, 1]]])).tolist()
    [[[1, 2]]]
    """

    kind: ClassVar[str] = "SumPool"

    def reach(self, lo: np.ndarray, hi: np.ndarray) -> Reach:
        """What leaves for inputs of ``lo..hi``, int64 of shape ``in_shape``."""
        return _reach(self, lo, hi)


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatAvgPool(Pool):
    """Mean over a window, padding counted; on a chip it is ``SumPool``, and the weights next to it are divided.

    Examples
    --------
    >>> FloatAvgPool(shape=(1, 4), kernel=2).apply(np.array([[[1.0, 0.0, 1.0, 1.0]]])).tolist()
    [[[0.5, 1.0]]]
    """

    kind: ClassVar[str] = "AvgPool"

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Means, float64, shape ``(batch, *out_shape)``."""
        return super().apply(x) / self.area


@dataclass(frozen=True, kw_only=True, eq=False)
class Flatten(Connection):
    """All axes into one, the last running fastest; the same in both networks.

    Examples
    --------
    >>> Flatten(shape=(2, 2)).apply(np.array([[[1, 2], [3, 4]]])).tolist()
    [[1, 2, 3, 4]]
    """

    kind: ClassVar[str] = "Flatten"

    shape: Shape

    def __post_init__(self):
        if not isinstance(self.shape, tuple) or any(type(n) is not int or n < 1 for n in self.shape):
            raise error("LX102", field="shape", found=f"{self.shape!r}", fix="give a tuple of positive integers")

    @property
    def in_shape(self) -> Shape:
        """``shape``."""
        return self.shape

    @property
    def out_shape(self) -> Shape:
        """``(size,)``."""
        return (math.prod(self.shape),)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The same numbers, shape ``(batch, size)``."""
        return x.reshape(len(x), -1)

    def reach(self, lo: np.ndarray, hi: np.ndarray) -> Reach:
        """What leaves for inputs of ``lo..hi``, int64 of shape ``in_shape``."""
        return _reach(self, lo, hi)
