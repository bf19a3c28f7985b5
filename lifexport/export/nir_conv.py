"""Convolutions in NIR: written so that the nir package, too, finds the right shapes.

nir 1.0.8 takes the first axis of space of a kernel for both, and counts no groups. A kernel that is not square is
therefore laid, with zeros around it, into a square one, and channels that do not see each other do so with weight 0.
Both are the same sums; the record says what they were.
"""

from __future__ import annotations

import nir  # noqa: TID251
import numpy as np

from ..findings import error
from ..graph import Shape
from ..spatial import FloatConv
from ..windows import Windows


def convolution(node: FloatConv) -> nir.NIRNode:
    """NIR node of a convolution.

    Raises
    ------
    UnsupportedError
        LX401 for a padding that NIR cannot say, and a kernel whose shape nir would take for another one.
    """
    stride, padding, dilation = moves(node.windows)
    bias = np.zeros(len(node.weight)) if node.bias is None else node.bias
    dense = without_groups(node.weight, node.groups)
    if len(node.size) == 1:
        pad = padding if isinstance(padding, str) else padding[0]
        return nir.Conv1d(node.size[0], dense, stride[0], pad, dilation[0], 1, bias)
    for around in _squares(node.weight.shape[2:], padding):
        weight = np.pad(dense, [(0, 0), (0, 0), *((more, more) for more in around)])
        wider = padding
        if not isinstance(padding, str):
            wider = tuple(p + d * more for p, d, more in zip(padding, dilation, around, strict=True))
        written = nir.Conv2d(node.size, weight, stride, wider, dilation, 1, bias)  # type: ignore[arg-type]
        if tuple(written.output_type["output"]) == node.out_shape:
            return written
    found = f"kernel {node.weight.shape[2:]}, for which nir finds another shape than {node.out_shape}"
    raise error("LX401", field="weight", found=found, fix="use a kernel whose sides are both odd or both even")


def moves(windows: Windows) -> tuple[Shape, Shape | str, Shape]:
    """Stride, padding (in numbers, or ``"same"``) and dilation.

    Raises
    ------
    UnsupportedError
        LX401 for a padding of unequal sides that is not ``"same"``.
    """
    stride, dilation, pads = windows.stride, windows.dilation, windows.padding
    if all(before == after for before, after in pads):  # type: ignore[misc]
        return stride, tuple(before for before, _ in pads), dilation  # type: ignore[return-value, misc]
    reach = [(kernel - 1) * step for kernel, step in zip(windows.kernel, dilation, strict=True)]  # type: ignore[arg-type]
    if set(stride) == {1} and pads == tuple((more // 2, more - more // 2) for more in reach):  # type: ignore[arg-type]
        return stride, "same", dilation  # type: ignore[return-value]
    raise error(
        "LX401",
        field="padding",
        found=f"{pads}; NIR pads both sides of an axis alike",
        fix='use one number for each axis, or "same" with stride 1',
    )


def without_groups(weight: np.ndarray, groups: int) -> np.ndarray:
    """Weights of the same convolution in one group: 0 between channels that do not see each other."""
    if groups == 1:
        return weight
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    dense = np.zeros((weight.shape[0], inputs * groups, *weight.shape[2:]))
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        dense[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return dense


def original(weight: np.ndarray, groups: int, shape: Shape) -> np.ndarray | None:
    """Weights, of shape ``(out, in / groups, *kernel)``, that ``convolution`` wrote as these; None if it cannot have.

    Zeros that it added are not looked at.
    """
    if len(shape) < 3 or groups < 1:
        return None
    outputs, inputs = shape[:2]
    more = [wide - narrow for wide, narrow in zip(weight.shape[2:], shape[2:], strict=False)]
    fits = weight.ndim == len(shape) and weight.shape[:2] == (outputs, inputs * groups) and outputs % groups == 0
    if not fits or any(extra < 0 or extra % 2 for extra in more):
        return None
    inner = tuple(slice(extra // 2, extra // 2 + narrow) for extra, narrow in zip(more, shape[2:], strict=True))
    each = outputs // groups
    rows = [
        weight[(slice(g * each, (g + 1) * each), slice(g * inputs, (g + 1) * inputs), *inner)] for g in range(groups)
    ]
    return np.concatenate(rows)


def _squares(kernel: Shape, padding: Shape | str) -> list[tuple[int, int]]:
    """Zeros to lay around a kernel on each axis, least first, until its sides are equal."""
    side = max(kernel)
    if isinstance(padding, str) or (side - min(kernel)) % 2:
        return [(0, 0)]
    return [(0, 0), ((side - kernel[0]) // 2, (side - kernel[1]) // 2)]
