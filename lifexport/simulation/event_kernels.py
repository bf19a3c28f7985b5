"""What every compiled run shares: where a row holds something, and the sum of the weights that this brings."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np

from .event_part import EACH

fast = numba.njit(nogil=True, error_model="numpy")


@fast
def active(row, words, index):
    """Write to ``index`` where ``row`` is not zero, in order; how many there are.

    Nothing here branches on the data: a wrong guess of the processor costs more than a look at every element. Where
    most words of eight bytes are empty only the others are looked at.

    Parameters
    ----------
    row : int array, shape ``(n,)``
        ``n`` is a multiple of ``EACH``.
    words, index : int32 array, shape ``(n + 1,)``
        ``words`` is worked in.
    """
    every = row.view(np.uint64)
    filled, count = 0, 0
    for w in range(every.shape[0]):
        words[filled] = w
        filled += every[w] != 0
    if row.shape[0] != EACH * every.shape[0] or 2 * filled >= every.shape[0]:
        for j in range(row.shape[0]):
            index[count] = j
            count += row[j] != 0
        return count
    for f in range(filled):
        first = EACH * words[f]
        for j in range(first, first + EACH):
            index[count] = j
            count += row[j] != 0
    return count


@fast
def in_order(row, words, index, size, skip):
    """Like ``active``, for inputs that are taken one by one: how many, and which.

    The first input is always among them, for a number that begins outside its range is brought into it; after that
    an input of zero changes nothing, unless ``skip`` is false: then all ``size`` are taken.
    """
    if not skip:
        for j in range(size):
            index[j] = j
        return size
    count = active(row, words, index)
    if row[0] == 0:
        for f in range(count, 0, -1):
            index[f] = index[f - 1]
        index[0] = 0
        count += 1
    return count


@fast
def add_spikes(weight, row, index, count, partial, total, most):
    """``weight.T @ row`` for a row of zeros and ones, from the weights of the ones alone.

    Parameters
    ----------
    weight : int array, shape ``(in, out)``
    row : int array, shape ``(in,)``
    index : int32 array
        Where ``row`` is not zero: the first ``count`` numbers.
    partial : int array, shape ``(out,)``
        Narrow numbers that hold the sum of ``most`` rows of weights, to work in.
    total : int array, shape ``(out,)``
        The result.
    """
    total[:] = 0
    for first in range(0, count, most):
        last = min(first + most, count)
        partial[:] = 0
        e = first
        while e + 4 <= last:  # four at a time: a sum is then fetched and stored once for four weights
            a, b, c, d = weight[index[e]], weight[index[e + 1]], weight[index[e + 2]], weight[index[e + 3]]
            for o in range(total.shape[0]):
                partial[o] += a[o] + b[o] + c[o] + d[o]
            e += 4
        for f in range(e, last):
            a = weight[index[f]]
            for o in range(total.shape[0]):
                partial[o] += a[o]
        for o in range(total.shape[0]):
            total[o] += partial[o]


@fast
def add_codes(weight, row, index, count, partial, total, most):
    """``weight.T @ row`` from the numbers of the row that are not zero; parameters as in ``add_spikes``."""
    total[:] = 0
    for first in range(0, count, most):
        last = min(first + most, count)
        partial[:] = 0
        e = first
        while e + 4 <= last:
            h, i, j, k = index[e], index[e + 1], index[e + 2], index[e + 3]
            a, b, c, d = weight[h], weight[i], weight[j], weight[k]
            p, q, r, s = row[h], row[i], row[j], row[k]
            for o in range(total.shape[0]):
                partial[o] += a[o] * p + b[o] * q + c[o] * r + d[o] * s
            e += 4
        for f in range(e, last):
            a, p = weight[index[f]], row[index[f]]
            for o in range(total.shape[0]):
                partial[o] += a[o] * p
        for o in range(total.shape[0]):
            total[o] += partial[o]


@fast
def add_windows(weight, first, runs, row, index, count, sums, groups):
    """A convolution from the numbers of the row that are not zero: what each of them reaches.

    Parameters
    ----------
    weight : int array, shape ``(in, points of the kernel * out / groups)``
    first, runs : int32 arrays, shapes ``(points + 1,)`` and ``(n, 3)``
        As ``event_windows.runs`` gives them.
    row : int array, shape ``(in * points,)``
    index : int32 array
        Where ``row`` is not zero: the first ``count`` numbers.
    sums : int array, shape ``(groups * positions * out / groups,)``
        The result, channels last within every group; its type holds every partial sum.
    groups : int
        Groups of channels.
    """
    sums[:] = 0
    points, channels = first.shape[0] - 1, weight.shape[0]
    each = sums.shape[0] // groups
    for e in range(count):
        j = index[e]
        channel = j // points
        point = j - channel * points
        w, code = weight[channel], row[j]
        begin = channel * groups // channels * each
        group = sums[begin : begin + each]
        for r in range(first[point], first[point + 1]):
            target, slot, length = runs[r, 0], runs[r, 1], runs[r, 2]
            a, b = w[slot : slot + length], group[target : target + length]
            for o in range(length):
                b[o] += a[o] * code


@fast
def channels_first(sums, total, groups, positions):
    """Bring the sums of ``add_windows`` to the order of the population, channels before space."""
    each = sums.shape[0] // (groups * positions)
    for g in range(groups):
        for o in range(each):
            to, begin = (g * each + o) * positions, g * each * positions + o
            for q in range(positions):
                total[to + q] = sums[begin + q * each]


@fast
def add_pooled(first, place, row, index, count, pooled, positions):
    """Sums over windows, from the numbers of the row that are not zero.

    Parameters
    ----------
    first, place : int32 arrays
        As ``event_windows.reached`` gives them.
    row : int array, shape ``(channels * points,)``
    index : int32 array
        Where ``row`` is not zero: the first ``count`` numbers.
    pooled : int array, shape ``(channels * positions,)`` or more
        The result.
    positions : int
    """
    pooled[:] = 0
    points = first.shape[0] - 1
    for e in range(count):
        j = index[e]
        channel = j // points
        point = j - channel * points
        for r in range(first[point], first[point + 1]):
            pooled[channel * positions + place[r]] += row[j]


KERNELS = (active, in_order, add_spikes, add_codes, add_windows, channels_first, add_pooled)
"""What a text may name."""


@lru_cache(maxsize=64)
def compiled(text: str) -> Callable:
    """Function ``run`` of a text, compiled when it is first called."""
    names = {"np": np, "int32": np.int32, "int64": np.int64}
    names |= {kernel.__name__: kernel for kernel in KERNELS}
    exec(compile(text, "<lifexport event kernel>", "exec"), names)
    return fast(names["run"])
