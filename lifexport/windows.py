"""Where a kernel stands on the space it is laid on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .findings import error
from .graph import Shape

Pad = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Where a kernel stands: its size, and how it moves over the space it is laid on.

    Parameters
    ----------
    size : tuple of int
        Space the kernel moves over.
    kernel : tuple of int
        Extent of the kernel.
    stride, dilation : int or tuple of int
        Steps between positions, and between the points of the kernel.
    padding : int, tuple of int, tuple of pairs, ``"same"`` or ``"valid"``
        Zeros before and after each axis; ``"same"`` as many as keep the size, the odd one after.

    Examples
    --------
    >>> windows = Windows(size=(4,), kernel=(3,), padding="same")
    >>> windows.padding, windows.positions, windows.gather(np.array([1, 2, 3, 4])).tolist()
    (((1, 1),), (4,), [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]])
    """

    size: Shape
    kernel: Shape
    stride: int | Shape = 1
    dilation: int | Shape = 1
    padding: int | Shape | Pad | Literal["same", "valid"] = 0

    def __post_init__(self):
        if not isinstance(self.size, tuple | list):
            raise error("LX102", field="size", found=f"{self.size!r}", fix="give the space's extent along each axis")
        object.__setattr__(self, "size", self._axes("size", self.size, 1))
        for field in ("kernel", "stride", "dilation"):
            object.__setattr__(self, field, self._axes(field, getattr(self, field), 1))
        object.__setattr__(self, "padding", self._pad())
        if min(self.positions) < 1:
            found, fix = f"{self.kernel} over {self.size}", "use a kernel no larger than the padded space"
            raise error("LX102", field="kernel", found=found, fix=fix)

    def _axes(self, field: str, value: object, least: int) -> Shape:
        given = (value,) * len(self.size) if type(value) is int else value
        if not isinstance(given, tuple | list) or len(given) != len(self.size):
            raise error("LX102", field=field, found=f"{value!r}", fix=f"give an integer for each of {self.size}")
        if any(type(number) is not int or number < least for number in given):
            raise error("LX102", field=field, found=f"{value!r}", fix=f"give integers from {least} on")
        return tuple(given)

    def _pad(self) -> Pad:
        reach = [(kernel - 1) * dilation for kernel, dilation in zip(self.kernel, self.dilation, strict=True)]  # type: ignore[arg-type]
        if self.padding == "valid":
            return ((0, 0),) * len(reach)
        if self.padding == "same":
            if set(self.stride) != {1}:  # type: ignore[arg-type]
                raise error("LX102", field="padding", found="'same' with a stride", fix="give the padding in numbers")
            return tuple((more // 2, more - more // 2) for more in reach)
        if isinstance(self.padding, tuple | list) and all(isinstance(pair, tuple | list) for pair in self.padding):
            before, after = (self._axes("padding", side, 0) for side in zip(*self.padding, strict=True))  # type: ignore[arg-type]
        else:
            before = after = self._axes("padding", self.padding, 0)
        return tuple(zip(before, after, strict=True))

    @property
    def positions(self) -> Shape:
        """How many positions the kernel takes along each axis."""
        axes = zip(self.size, self.kernel, self.stride, self.dilation, self.padding, strict=True)  # type: ignore[arg-type]
        return tuple((n + a + b - (k - 1) * d - 1) // s + 1 for n, k, s, d, (a, b) in axes)  # type: ignore[misc]

    def gather(self, x: np.ndarray) -> np.ndarray:
        """What the kernel sees at every position: ``(..., *size)`` becomes ``(..., *positions, *kernel)``."""
        axes, before = len(self.size), x.ndim - len(self.size)
        padded = np.pad(x, [(0, 0)] * before + list(self.padding))  # type: ignore[arg-type]
        steps: list[np.ndarray] = []
        for i in range(axes):
            start = np.arange(self.positions[i]) * self.stride[i]  # type: ignore[index]
            steps.append(start[:, None] + np.arange(self.kernel[i]) * self.dilation[i])  # type: ignore[index]
        if axes == 1:
            return padded[..., steps[0]]
        return padded[..., steps[0][:, None, :, None], steps[1][None, :, None, :]]

    def scatter(self, parts: np.ndarray) -> np.ndarray:
        """The transpose of ``gather``: what was seen at every position is added up where it was seen.

        Examples
        --------
        >>> Windows(size=(4,), kernel=(3,)).scatter(np.ones((2, 3), int)).tolist()
        [1, 2, 2, 1]
        """
        places = self.gather(np.arange(1, int(np.prod(self.size)) + 1).reshape(self.size)).ravel()  # 0 is padding
        lead = parts.shape[: parts.ndim - 2 * len(self.size)]
        flat = parts.reshape(-1, places.size).T
        summed = np.zeros((int(np.prod(self.size)) + 1, flat.shape[1]), parts.dtype)
        np.add.at(summed, places, flat)
        return summed[1:].T.reshape(*lead, *self.size)
