"""Convolution, pooling and flattening against nested loops."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.errors import ParameterError, RangeError, ShapeError
from lifexport.simulation.products import connect
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, IntConv, SumPool
from lifexport.windows import Windows

GEOMETRY = [
    {"size": (5,), "kernel": (3,)},
    {"size": (5,), "kernel": (2,), "stride": 2, "padding": 1},
    {"size": (7,), "kernel": (3,), "dilation": 2, "padding": ((0, 3),)},
    {"size": (6, 5), "kernel": (3, 2)},
    {"size": (6, 5), "kernel": (3, 3), "padding": "same"},
    {"size": (6, 5), "kernel": (2, 4), "padding": "same", "dilation": (2, 1)},
    {"size": (6, 7), "kernel": (2, 3), "stride": (2, 3), "padding": (1, 0), "dilation": (1, 2)},
    {"size": (4, 4), "kernel": (4, 4), "padding": "valid"},
    {"size": (1, 1), "kernel": (1, 1)},
]


def padded(windows: Windows, x: np.ndarray, place: tuple[int, ...]):
    """Value at a place of the padded space."""
    inner = [p - before for p, (before, _) in zip(place, windows.padding, strict=True)]
    return x[tuple(inner)] if all(0 <= i < n for i, n in zip(inner, windows.size, strict=True)) else 0


def slow_convolution(x, weight, windows: Windows, groups: int):
    """Sum over channels and kernel, point by point."""
    outputs, inputs = weight.shape[:2]
    y = np.zeros((len(x), outputs, *windows.positions), x.dtype)
    for n, o, *p in itertools.product(range(len(x)), range(outputs), *map(range, windows.positions)):
        for c, *k in itertools.product(range(inputs), *map(range, windows.kernel)):
            channel = o // (outputs // groups) * inputs + c
            moves = zip(p, k, windows.stride, windows.dilation, strict=True)
            place = tuple(at * stride + point * dilation for at, point, stride, dilation in moves)
            y[(n, o, *p)] += weight[(o, c, *k)] * padded(windows, x[n, channel], place)
    return y


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
def test_convolution_is_its_definition(geometry, groups):
    rng = np.random.default_rng(len(str(geometry)))
    windows = Windows(**geometry)
    moves = {key: value for key, value in geometry.items() if key != "kernel"}
    weight = rng.integers(-8, 8, (4, 3, *windows.kernel))
    x = rng.integers(-3, 4, (2, 3 * groups, *windows.size))
    expected = slow_convolution(x, weight, windows, groups)
    conv = IntConv(weight=weight, weight_bits=4, groups=groups, shift=2, drop=1, **moves)
    np.testing.assert_array_equal(conv.product(x), expected)
    np.testing.assert_array_equal(conv.apply(x), expected // 2 * 4)
    assert conv.in_shape == x.shape[1:] and conv.out_shape == expected.shape[1:]
    for kind in (np.int8, np.float32, np.int32):
        y = connect(conv, weight.astype(kind), jnp.asarray(x, jnp.int8))
        assert y.dtype == jnp.int32
        np.testing.assert_array_equal(y, expected // 2 * 4)
    bias = rng.normal(size=4)
    trained = FloatConv(weight=weight * 0.5, bias=bias, groups=groups, **moves)
    y = trained.apply(x.astype(np.float64))
    np.testing.assert_array_equal(y, expected * 0.5 + bias.reshape(-1, *(1,) * len(windows.size)))


@pytest.mark.parametrize("geometry", [g for g in GEOMETRY if "dilation" not in g and "same" not in g.values()], ids=str)
def test_pools_sum_and_average(geometry):
    rng = np.random.default_rng(1)
    windows = Windows(**geometry)
    moves = {key: value for key, value in geometry.items() if key != "size"} | {"stride": windows.stride}
    x = rng.integers(-3, 4, (2, 3, *windows.size))
    one = np.eye(3, dtype=int).reshape(3, 3, *(1,) * len(windows.size)) * np.ones(windows.kernel, int)
    expected = slow_convolution(x, one, windows, 1)
    pool = SumPool(shape=x.shape[1:], **moves)
    np.testing.assert_array_equal(pool.apply(x), expected)
    np.testing.assert_array_equal(connect(pool, None, jnp.asarray(x, jnp.int8)), expected)
    mean = FloatAvgPool(shape=x.shape[1:], **moves).apply(x.astype(np.float64))
    np.testing.assert_allclose(mean, expected / np.prod(windows.kernel), rtol=1e-15)


def test_a_pool_of_many_spikes_does_not_wrap():
    pool, x = SumPool(shape=(1, 12, 12), kernel=12), np.ones((1, 1, 12, 12), np.int8)
    assert connect(pool, None, jnp.asarray(x)).item() == pool.apply(x.astype(int)).item() == 144


def test_the_stride_of_a_pool_is_its_kernel():
    assert SumPool(shape=(1, 7, 4), kernel=(3, 2)).out_shape == (1, 2, 2)


def test_flatten_runs_the_last_axis_fastest():
    flat = Flatten(shape=(2, 3))
    assert flat.apply(np.arange(6).reshape(1, 2, 3)).tolist() == [[0, 1, 2, 3, 4, 5]]
    assert connect(flat, None, jnp.arange(12).reshape(2, 1, 2, 3)).shape == (2, 1, 6)


def test_events_are_the_columns_of_the_product():
    rng = np.random.default_rng(0)
    conv = IntConv(weight=rng.integers(-8, 8, (2, 2, 2, 2)), weight_bits=4, size=(3, 3), shift=1, padding="same")
    x = rng.integers(0, 3, (2, *conv.in_shape))
    events = conv.events(x)
    assert len(events) == 18
    np.testing.assert_array_equal(sum(events), conv.apply(x))
    alone = np.zeros_like(x)
    alone[:, 1, 0, 2] = x[:, 1, 0, 2]
    np.testing.assert_array_equal(events[9 + 2], conv.apply(alone))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"weight": np.ones((2, 2))}, "weight"),
        ({"weight": np.ones((0, 2, 3))}, "weight"),
        ({"size": (5, 5)}, "kernel"),
        ({"size": (2,)}, "kernel"),
        ({"size": 0}, "size"),
        ({"stride": 0}, "stride"),
        ({"stride": (1, 1)}, "stride"),
        ({"dilation": 1.5}, "dilation"),
        ({"padding": -1}, "padding"),
        ({"padding": ((0, -1),)}, "padding"),
        ({"padding": "full"}, "padding"),
        ({"padding": "same", "stride": 2}, "padding"),
        ({"groups": 3}, "groups"),
        ({"groups": 0}, "groups"),
    ],
    ids=str,
)
def test_bad_geometry(change, where):
    with pytest.raises(ShapeError, match=rf"LX102.*{where}"):
        FloatConv(**{"weight": np.ones((4, 2, 3)), "size": (5,)} | change)


def test_bad_numbers():
    with pytest.raises(ParameterError, match=r"LX101.*weight"):
        FloatConv(weight=np.full((1, 1, 1), np.nan), size=(2,))
    with pytest.raises(RangeError, match=r"LX204.*weight.*8"):
        IntConv(weight=np.full((1, 1, 1), 8), weight_bits=4, size=(2,))
    for shape in ((3,), (1, 2, 3, 4), 3):
        with pytest.raises(ShapeError, match=r"LX102.*shape"):
            SumPool(shape=shape, kernel=1)
    with pytest.raises(ShapeError, match=r"LX102.*shape"):
        Flatten(shape=(2, 0))
