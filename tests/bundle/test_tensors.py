"""A changed number is found where it is, whatever its type; a place that is named is the right one."""

from __future__ import annotations

import numpy as np
import pytest

from lifexport.bundle.tensors import describe, is_described, locate


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "i8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 3, 4), (1000,)])
def test_every_flipped_bit_is_located(dtype, shape):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 2, shape).astype(dtype) if dtype == "?" else rng.normal(0, 40, shape).astype(dtype)
    entry, size = describe(array), array.size
    for flat in {0, size // 2, size - 1, *rng.integers(0, size, 5)}:
        for bit in range(8 * array.itemsize):
            data = bytearray(array.tobytes())
            data[flat * array.itemsize + bit // 8] ^= 1 << bit % 8
            changed = np.frombuffer(bytes(data), dtype).reshape(shape)
            assert not is_described(changed, entry)
            found = locate(changed, entry)
            index = np.unravel_index(flat, shape)
            assert found is not None and found.index == tuple(map(int, index)), bit
            assert found.before == array[index]


def test_what_cannot_be_located_is_not():
    array = np.arange(40, dtype=np.int32)
    entry = describe(array)
    assert is_described(array, entry) and locate(array, entry) is None
    two = array.copy()
    two[[3, 9]] += 1
    assert locate(two, entry) is None
    swapped = array.copy()
    swapped[[3, 9]] = swapped[[9, 3]]
    assert locate(swapped, entry) is None
    assert locate(array.astype(np.int64), entry) is None
    assert locate(array[:-1], entry) is None
    assert not is_described(array.reshape(8, 5), entry) and not is_described(array.astype(np.float32), entry)
    assert locate(np.zeros(0), describe(np.zeros(0))) is None


def test_a_word_may_be_all_ones():
    array = np.array([0xFFFFFFFF, 5, 0x7FFFFFFF, 0], np.uint32)
    entry = describe(array)
    for place, value in ((0, 1), (0, 0), (2, 0), (3, 0x80000000)):
        changed = array.copy()
        changed[place] = value
        found = locate(changed, entry)
        # A change by a multiple of the prime leaves the sums as they are: it is not located, and nothing is claimed.
        step = (int(value) - int(array[place])) % ((1 << 31) - 1)
        assert found is None if step == 0 else found.index == (place,) and found.before == array[place]
