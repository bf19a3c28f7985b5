"""What inputs of convolutions and pools reach, against the definition: every input alone, every geometry."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from lifexport.simulation.event_windows import reached, rows, runs
from lifexport.spatial import IntConv
from lifexport.windows import Windows

PADS = [((0, 0),), ((2, 0),), ((0, 3),), ((4, 4),)]
LINES = [
    {"size": (size,), "kernel": (kernel,), "stride": stride, "dilation": dilation, "padding": padding}
    for size, kernel, stride, dilation, padding in itertools.product((1, 6), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3), PADS)
    if size + sum(padding[0]) > (kernel - 1) * dilation
]
PLANES = [
    {"size": (5, 4), "kernel": (5, 4)},
    {"size": (4, 6), "kernel": (3, 2), "padding": "same"},
    {"size": (4, 6), "kernel": (2, 3), "stride": (2, 1), "dilation": (1, 2), "padding": ((0, 1), (2, 0))},
    {"size": (6, 5), "kernel": (3, 3), "stride": (1, 2), "dilation": (2, 1), "padding": 1},
    {"size": (6, 6), "kernel": (2, 3), "stride": (3, 2), "dilation": (2, 2), "padding": ((3, 3), (0, 1))},
    {"size": (3, 3), "kernel": (1, 1), "stride": (4, 4), "padding": 2},  # the kernel stands on padding alone
]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_runs_are_the_convolution(groups):
    rng = np.random.default_rng(groups)
    for given in (*LINES, *PLANES):
        geometry = dict(given)
        kernel = geometry.pop("kernel")
        node = IntConv(weight=rng.integers(-99, 99, (8, 4 // groups, *kernel)), groups=groups, **geometry)
        (first, found), weight = runs(node), rows(node)
        points, n_in = math.prod(node.size), math.prod(node.in_shape)
        size = math.prod(node.out_shape) // groups
        summed = np.zeros((n_in, groups, size), np.int64)
        for j in range(n_in):
            channel, point = divmod(j, points)
            for target, slot, length in found[first[point] : first[point + 1]]:
                assert target + length <= size
                summed[j, channel * groups // 4, target : target + length] += weight[channel, slot : slot + length]
        positions = math.prod(node.windows.positions)
        ours = summed.reshape(n_in, groups, positions, -1).swapaxes(2, 3).reshape(n_in, *node.out_shape)
        np.testing.assert_array_equal(
            ours, node.product(np.eye(n_in, dtype=int).reshape(n_in, *node.in_shape)), str(given)
        )


def test_reached_is_the_transpose_of_gather():
    for given in (*LINES, *PLANES):
        windows = Windows(**given)
        first, position, seen_by = reached(windows)
        points = math.prod(windows.size)
        seen = np.zeros((points, math.prod(windows.positions), math.prod(windows.kernel)), int)
        for point in range(points):
            here = slice(first[point], first[point + 1])
            np.add.at(seen[point], (position[here], seen_by[here]), 1)
        alone = windows.gather(np.eye(points, dtype=int).reshape(points, *windows.size))
        np.testing.assert_array_equal(seen, alone.reshape(seen.shape), str(given))


@pytest.mark.parametrize(("stride", "dilation", "most"), [(1, 1, 5), (2, 1, 3), (1, 2, 25), (2, 2, 5), (4, 2, 3)])
def test_runs_are_as_long_as_they_can_be(stride, dilation, most):
    """One for every row of the kernel, unless the positions that see an input do not lie side by side."""
    node = IntConv(weight=np.ones((4, 1, 5, 5), int), size=(20, 20), stride=stride, dilation=dilation)
    first, _ = runs(node)
    assert np.diff(first).max() == most
