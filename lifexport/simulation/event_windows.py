"""What an input of a convolution or of a pool reaches: the other way round than a kernel looks at its inputs.

A convolution's sums lie channels last within every group, and so do its weights, in an order of the kernel's points in
which neighbouring positions of the kernel meet neighbouring weights: what an input adds is then a few long runs, one
for every row of the kernel where it has no stride.
"""

from __future__ import annotations

import math

import numpy as np

from ..spatial import IntConv
from ..windows import Windows


def reached(windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which positions of the kernel see a point of the space, and with which point of theirs.

    Returns
    -------
    first : int32 array, shape ``(points + 1,)``
        Where what sees a point begins in the others, and what sees the next one.
    position, seen_by : int32 arrays
        Positions, in order, and points of the kernel, both counted in C order.

    Examples
    --------
    >>> [part.tolist() for part in reached(Windows(size=(3,), kernel=(2,)))]
    [[0, 1, 3, 4], [0, 0, 1, 1], [0, 1, 0, 1]]
    """
    points = math.prod(windows.size)
    places = windows.gather(np.arange(1, points + 1).reshape(windows.size))  # 0 is padding
    places = places.reshape(math.prod(windows.positions), -1)
    position, seen_by = np.nonzero(places)
    point = places[position, seen_by] - 1
    order = np.argsort(point, kind="stable")
    first = np.searchsorted(point[order], np.arange(points + 1))
    return first.astype(np.int32), position[order].astype(np.int32), seen_by[order].astype(np.int32)


def runs(node: IntConv) -> tuple[np.ndarray, np.ndarray]:
    """What an input adds to: neighbours in the sums that take neighbours of the weights, as few runs as there are.

    Returns
    -------
    first : int32 array, shape ``(points + 1,)``
        Where the runs of a point begin, and those of the next one.
    runs : int32 array, shape ``(n, 3)``
        Where in the sums of a group and in the weights of ``rows`` a run begins, and how long it is.

    Examples
    --------
    >>> first, found = runs(IntConv(weight=np.ones((4, 1, 3), int), size=(5,)))
    >>> first.tolist(), found.tolist()
    ([0, 1, 2, 3, 4, 5], [[0, 8, 4], [0, 4, 8], [0, 0, 12], [4, 0, 8], [8, 0, 4]])
    """
    first, position, seen_by = reached(node.windows)
    slot = np.argsort(_points(node))[seen_by]
    point = np.repeat(np.arange(len(first) - 1), np.diff(first))
    goes_on = (np.diff(point) == 0) & (np.diff(position) == 1) & (np.diff(slot) == 1)
    begins = np.flatnonzero(np.append(True, ~goes_on)[: len(point)])
    length = np.diff(np.append(begins, len(point)))
    each = len(node.weight) // node.groups
    found = np.stack([position[begins], slot[begins], length], axis=1) * each
    return np.searchsorted(begins, first).astype(np.int32), found.astype(np.int32)


def rows(node: IntConv) -> np.ndarray:
    """Weights of every input channel, shape ``(in, points of the kernel * out / groups)``, in the order of ``runs``.

    Examples
    --------
    >>> rows(IntConv(weight=np.array([[[1, 2]], [[3, 4]]]), size=(5,))).tolist()
    [[2, 4, 1, 3]]
    """
    weight = node.weight.reshape(node.groups, -1, node.weight.shape[1], math.prod(node.weight.shape[2:]))
    return np.ascontiguousarray(weight[..., _points(node)].transpose(0, 2, 3, 1)).reshape(node.in_shape[0], -1)


def _points(node: IntConv) -> np.ndarray:
    """The kernel's points in the order of their weights.

    Along the last axis those that follow each other lie a step of the kernel apart, the later one first: the next
    position sees the same input with a point that lies so much earlier.
    """
    windows = node.windows
    *outer, last = windows.kernel
    stride, dilation = windows.stride[-1], windows.dilation[-1]  # type: ignore[index]
    apart = stride // math.gcd(stride, dilation)
    along = sorted(range(last), key=lambda k: (k % apart, -k))
    return (np.arange(math.prod(outer))[:, None] * last + along).ravel()
