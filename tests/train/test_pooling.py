"""Pools against those of the networks, and the mean against brainstate's."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from train.sequences import check_run

from lifexport import spatial
from lifexport.errors import ShapeError
from lifexport.train import AvgPool, Conv1d, Sequential, SumPool

pytestmark = pytest.mark.sampled

CASES = [
    ((1, 1), 1, {}),
    ((2, 5), 5, {}),
    ((2, 5), 2, {}),
    ((2, 5), 3, {"stride": 1}),
    ((2, 5), 2, {"stride": 3, "padding": 1}),
    ((2, 5), 4, {"stride": 2, "padding": ((0, 3),)}),
    ((3, 6, 5), 2, {}),
    ((3, 6, 5), (1, 5), {}),
    ((3, 6, 5), (3, 2), {"stride": (1, 2), "padding": (1, 0)}),
    ((3, 6, 5), 3, {"stride": 2, "padding": ((1, 2), (0, 1))}),
]


@pytest.mark.parametrize(("kind", "node"), [(SumPool, spatial.SumPool), (AvgPool, spatial.FloatAvgPool)])
@pytest.mark.parametrize(("in_size", "kernel", "moves"), CASES)
def test_equals_the_definition(in_size, kernel, moves, kind, node):
    with brainstate.environ.context(precision=64):
        pool = kind(in_size, kernel, **moves)
        x = np.random.default_rng(0).normal(size=(4, 3, *in_size))
        y = check_run(pool, x)
        assert y.shape == (4, 3, *pool.out_size) and y.dtype == np.float64
        expected = node(shape=in_size, kernel=kernel, **moves).apply(x.reshape(12, *in_size))
        np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("in_size", "kernel", "stride"), [((2, 6), 2, None), ((2, 7), 3, 2), ((2, 6, 5), (2, 3), 1)])
def test_the_mean_is_brainstates(in_size, kernel, stride):
    theirs = {2: brainstate.nn.AvgPool1d, 3: brainstate.nn.AvgPool2d}[len(in_size)](kernel, stride)
    with brainstate.environ.context(precision=64), jax.numpy_dtype_promotion("standard"):
        x = np.random.default_rng(0).normal(size=(3, *in_size))
        expected = np.moveaxis(np.asarray(theirs(np.moveaxis(x, 1, -1))), -1, 1)
        np.testing.assert_allclose(AvgPool(in_size, kernel, stride)(x), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [SumPool, AvgPool])
def test_units_pass_and_whole_numbers_become_real(kind):
    pool = kind((1, 4), 2)
    y = pool(np.float32([[1, 2, 3, 4]]) * u.uA)
    assert u.get_unit(y) == u.uA
    expected = np.float32([[3, 7]]) / (2 if kind is AvgPool else 1)
    np.testing.assert_array_equal(y.mantissa, expected)
    np.testing.assert_array_equal(pool(np.int32([[1, 2, 3, 4]])), expected)
    np.testing.assert_array_equal(
        pool(np.array([[True, True, False, False]])), [[expected.dtype.type(pool(np.float32([[1, 1, 0, 0]]))[0, 0]), 0]]
    )


def test_gradients_reach_the_weights_before():
    with brainstate.environ.context(precision=64):
        net = Sequential(Conv1d((1, 6), 2, 3, unit=None), AvgPool((2, 4), 3, 1, padding=1), SumPool((2, 4), 2))
        x = np.random.default_rng(0).normal(size=(3, 2, 1, 6))
        weights = net.states(brainstate.ParamState)
        slope = brainstate.transform.grad(lambda: (net.run(x) ** 2).sum(), weights)()
        (key,) = weights
        base, step = weights[key].value, 1e-6
        for index in np.ndindex(2, 1, 3):
            values = []
            for sign in (1, -1):
                weights[key].value = {"weight": base["weight"].at[index].add(sign * step)}
                values.append(float((net.run(x) ** 2).sum()))
            weights[key].value = base
            np.testing.assert_allclose(slope[key]["weight"][index], (values[0] - values[1]) / (2 * step), rtol=1e-6)


@pytest.mark.parametrize("kind", [SumPool, AvgPool])
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"in_size": (5,)}, "shape"),
        ({"in_size": (2, 0)}, "in_size"),
        ({"kernel_size": 6}, "kernel"),
        ({"kernel_size": 0}, "kernel"),
        ({"kernel_size": (2, 2)}, "kernel"),
        ({"stride": 0}, "stride"),
        ({"padding": -1}, "padding"),
    ],
)
def test_bad_layers_are_refused_by_name(kind, given, field):
    with pytest.raises(ShapeError) as caught:
        kind(**{"in_size": (2, 5), "kernel_size": 2, "name": "pool"} | given)
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field) == ("LX102", "pool", field)


def test_an_input_of_another_shape_is_refused_by_name():
    with pytest.raises(ShapeError, match=r"LX102.*pool\.x: shape \(5, 2\); fix: .*\(2, 5\)"):
        SumPool((2, 5), 2, name="pool")(np.ones((5, 2)))
