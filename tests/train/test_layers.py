from __future__ import annotations

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.train import LIF, Linear, Sequential

W = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_weighted_sums_carry_the_unit():
    layer = Linear(2, 3, w_init=W, b_init=np.float32([1, 1, -1]))
    y = layer(np.float32([[1, 0], [1, 1]]))
    assert u.get_unit(y) == u.mA
    assert y.to_decimal(u.mA).tolist() == [[1, 2, 1], [4, 6, 6]]
    assert {name: value.shape for name, value in layer.weight.value.items()} == {
        "weight": (2, 3),
        "bias": (3,),
    }


def test_no_unit_and_no_bias():
    layer = Linear(2, 3, w_init=W, unit=None)
    assert isinstance(layer.weight, brainstate.ParamState)
    assert list(layer.weight.value) == ["weight"]
    assert layer(np.float32([1, 1])).tolist() == [3, 5, 7]


def test_leading_axes_pass():
    layer = Linear((5, 2), (5, 3), w_init=W)
    assert (layer.in_size, layer.out_size) == ((5, 2), (5, 3))
    assert layer(np.ones((7, 5, 2), np.float32)).shape == (7, 5, 3)


def test_weights_with_a_unit_are_converted():
    layer = Linear(2, 3, w_init=W * u.uA, b_init=lambda size: np.ones(size, np.float32) * u.amp)
    np.testing.assert_allclose(layer.weight.value["weight"], W / 1000, rtol=1e-6)
    np.testing.assert_allclose(layer.weight.value["bias"], 1000)
    assert isinstance(layer.weight.value["weight"], jnp.ndarray)


def test_random_weights_follow_the_seed():
    drawn = []
    for seed in (0, 0, 1):
        brainstate.random.seed(seed)
        drawn.append(np.asarray(Linear(64, 128).weight.value["weight"]))
    assert drawn[0].dtype == np.float32
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert 0.9 < drawn[0].std() / (5 * np.sqrt(2 / 64)) < 1.1


NAN = float("nan")
BAD = [
    ({"w_init": W.T}, ShapeError, "LX102", "weight"),
    ({"w_init": np.ones(3, np.float32)}, ShapeError, "LX102", "weight"),
    ({"w_init": 1.0}, ShapeError, "LX102", "weight"),
    ({"b_init": np.ones((1, 3), np.float32)}, ShapeError, "LX102", "bias"),
    ({"w_init": np.where(W == 4, NAN, W)}, ParameterError, "LX101", "weight"),
    ({"b_init": np.float32([0, np.inf, 0])}, ParameterError, "LX101", "bias"),
    ({"w_init": W * u.mV}, UnitError, "LX109", "weight"),
    ({"w_init": W * u.mA, "unit": None}, UnitError, "LX109", "weight"),
    ({"unit": "mA"}, UnitError, "LX109", "unit"),
    ({"unit": 1 * u.mA}, UnitError, "LX109", "unit"),
    ({"unit": 1.0}, UnitError, "LX109", "unit"),
]


@pytest.mark.parametrize(("given", "kind", "code", "field"), BAD)
def test_bad_weights_are_refused_by_name(given, kind, code, field):
    with pytest.raises(kind) as caught:
        Linear(2, 3, name="dense1", **given)
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field) == (code, "dense1", field)


def test_leading_axes_must_agree():
    with pytest.raises(ShapeError, match=r"dense1\.out_size: \(5, 2\) to \(4, 3\)"):
        Linear((5, 2), (4, 3), name="dense1")


@pytest.mark.parametrize("size", [2.5, 0, -1, (5, 0), (), "3", None])
def test_bad_sizes_are_refused_by_name(size):
    for field, sizes in [("in_size", (size, 3)), ("out_size", (3, size))]:
        with pytest.raises(ShapeError, match=rf"LX102.*dense1\.{field}: .*fix: give a positive integer"):
            Linear(*sizes, name="dense1")


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 5), (2, 3), (2, 1)])
def test_an_input_of_another_width_is_refused_by_name(shape):
    x = np.ones(shape, np.float32)
    with pytest.raises(ShapeError, match=r"LX102.*dense1\.x: shape \(.*fix: .*2 wide"):
        Linear(2, 3, name="dense1")(x)
    net = Sequential(Linear(2, 3), LIF(3))
    brainstate.nn.init_all_states(net)
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(ShapeError, match=r"LX102.*layers\[0\]\.x: shape"):
        net(x)


def test_an_input_with_a_unit_is_refused():
    with pytest.raises(UnitError, match=r"LX109.*dense1\.x: unit mA"):
        Linear(2, 3, name="dense1")(np.ones(2, np.float32) * u.mA)


def test_a_sequence_is_one_product():
    layer = Linear((5, 2), (5, 3), w_init=W, b_init=np.float32([1, 1, -1]))
    x = np.random.default_rng(0).random((6, 4, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(
        layer.run(x).to_decimal(u.mA), np.stack([layer(now).to_decimal(u.mA) for now in x]), rtol=1e-6
    )
    assert str(jax.make_jaxpr(lambda x: layer.run(x).mantissa)(x)).count("dot_general") == 1
