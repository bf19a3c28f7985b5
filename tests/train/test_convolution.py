"""Convolutions against ``FloatConv`` (NumPy, by the definition) and against brainstate's own."""

from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np
import pytest
from train.sequences import check_gradients, check_run

from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.spatial import FloatConv
from lifexport.train import LIF, Conv1d, Conv2d, Sequential

pytestmark = pytest.mark.sampled

# in_size, out_channels, kernel, and how it moves; edges first.
CASES = [
    ((1, 1), 1, 1, {}),
    ((1, 4), 1, 4, {}),
    ((1, 5), 2, 2, {}),
    ((2, 7), 3, 1, {"stride": 3}),
    ((3, 6), 2, 3, {"padding": "same"}),
    ((3, 6), 2, 4, {"padding": "same"}),
    ((3, 6), 2, 3, {"padding": "valid"}),
    ((2, 5), 2, 2, {"padding": ((1, 2),)}),
    ((2, 5), 2, 3, {"padding": 4}),
    ((2, 9), 4, 3, {"dilation": 3, "groups": 2}),
    ((2, 9), 2, 2, {"dilation": 2, "stride": 2, "padding": 1, "groups": 2}),
    ((1, 1, 1), 1, 1, {}),
    ((1, 4, 3), 1, (4, 3), {}),
    ((2, 5, 6), 3, 1, {}),
    ((2, 5, 6), 3, 2, {"stride": 2}),
    ((2, 5, 6), 3, (2, 3), {"stride": (2, 1), "padding": (1, 0)}),
    ((2, 5, 6), 3, (2, 3), {"padding": "same"}),
    ((2, 5, 6), 3, 3, {"padding": ((0, 2), (1, 0)), "dilation": (2, 1)}),
    ((4, 5, 6), 6, 3, {"padding": 1, "groups": 2}),
    ((3, 5, 6), 3, 2, {"groups": 3, "stride": (1, 3)}),
]


def layer(in_size, channels, kernel, moves, **fields):
    kind = {2: Conv1d, 3: Conv2d}[len(in_size)]
    return kind(in_size, channels, kernel, **moves, **fields)


def node(conv) -> FloatConv:
    value = {field: np.float64(number) for field, number in conv.weight.value.items()}
    moves = {"stride": conv.stride, "dilation": conv.dilation, "padding": conv.padding, "groups": conv.groups}
    return FloatConv(**value, size=conv.in_size[1:], **moves)


BIAS = brainstate.nn.init.Normal(scale=1.0)


@pytest.mark.parametrize(
    ("in_size", "channels", "kernel", "moves", "bias"), [(*case, (None, BIAS)[i % 2]) for i, case in enumerate(CASES)]
)
def test_equals_the_definition(in_size, channels, kernel, moves, bias):
    with brainstate.environ.context(precision=64):
        brainstate.random.seed(0)
        conv = layer(in_size, channels, kernel, moves, b_init=bias, unit=None)
        x = np.random.default_rng(1).normal(size=(3, 2, *in_size))
        y = check_run(conv, x)
        assert y.shape == (3, 2, *conv.out_size) and y.dtype == np.float64
        expected = node(conv).apply(x.reshape(6, *in_size)).reshape(y.shape)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(conv(x[0, 0]), expected[0, 0], rtol=0, atol=1e-12)  # no batch


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_definition_at_random(seed):
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 3))
    groups = int(rng.integers(1, 3))
    kernel, stride, dilation = (tuple(rng.integers(1, 4, axes).tolist()) for _ in range(3))
    padding = tuple(map(tuple, rng.integers(0, 3, (axes, 2)).tolist()))
    in_size = (groups * int(rng.integers(1, 4)), *rng.integers(7, 11, axes).tolist())
    moves = {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}
    test_equals_the_definition(in_size, groups * int(rng.integers(1, 4)), kernel, moves, None)


@pytest.mark.parametrize(("in_size", "channels", "kernel", "moves"), CASES[3::3])
def test_equals_brainstates(in_size, channels, kernel, moves):
    with brainstate.environ.context(precision=64):
        conv = layer(in_size, channels, kernel, moves, unit=None, b_init=brainstate.nn.init.Normal(scale=1.0))
        kind = {2: brainstate.nn.Conv1d, 3: brainstate.nn.Conv2d}[len(in_size)]
        theirs = kind(
            (*in_size[1:], in_size[0]),
            channels,
            kernel,
            conv.stride,
            conv.padding,
            rhs_dilation=conv.dilation,
            groups=conv.groups,
            b_init=brainstate.nn.init.ZeroInit(),
        )
        value = conv.weight.value
        weight = np.moveaxis(np.asarray(value["weight"]), (0, 1), (-1, -2))
        theirs.weight.value = {
            "weight": np.asarray(weight),
            "bias": np.asarray(value["bias"]).reshape(theirs.weight.value["bias"].shape),
        }
        x = np.random.default_rng(1).normal(size=(2, *in_size))
        np.testing.assert_allclose(
            conv(x), np.moveaxis(np.asarray(theirs(np.moveaxis(x, 1, -1))), -1, 1), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("case", [9, 18])
def test_gradients_of_a_sequence(case):
    with brainstate.environ.context(precision=64):
        conv = layer(*CASES[case], b_init=brainstate.nn.init.Normal(scale=1.0))
        check_gradients(conv, np.random.default_rng(0).normal(size=(4, 3, *conv.in_size)))


def test_currents_carry_the_unit_and_weights_are_converted():
    conv = Conv1d((1, 3), 1, 2, w_init=np.float32([[[1, 2]]]) * u.uA, b_init=np.ones(1, np.float32) * u.amp)
    y = conv(np.int32([[0, 1000, 0]]))
    assert u.get_unit(y) == u.mA
    np.testing.assert_allclose(y.to_decimal(u.mA), [[1002, 1001]], rtol=1e-6)
    assert u.get_unit(Conv1d((1, 3), 1, 2, unit=None)(np.ones((1, 3), np.float32))) == u.UNITLESS


def test_booleans_are_spikes():
    conv = Conv1d((1, 3), 1, 2, w_init=np.float32([[[1, 2]]]), unit=None)
    assert conv(np.array([[True, False, True]])).tolist() == [[1, 2]]


def test_the_default_scale_makes_a_layer_live():
    brainstate.random.seed(0)
    net = Sequential(
        Conv2d((2, 10, 10), 8, 3, padding=1), LIF((8, 10, 10)), Conv2d((8, 10, 10), 6, 3, 2), LIF((6, 4, 4))
    )
    brainstate.nn.init_all_states(net, batch_size=4)
    x = (np.random.default_rng(0).random((30, 4, 2, 10, 10)) < 0.3).astype(np.float32)
    with brainstate.environ.context(dt=1 * u.ms):
        rates = brainstate.transform.for_loop(lambda now: (net[:2](now), net(now)), x)
    for spikes in rates:
        assert 0.01 < float(spikes.mean()) < 0.6
    assert 0.9 < np.asarray(net.layers[2].weight.value["weight"]).std() / (5 * np.sqrt(2 / 72)) < 1.1


BAD = [
    ({"in_size": (5,)}, ShapeError, "LX102", "in_size"),
    ({"in_size": (2, 5, 5)}, ShapeError, "LX102", "in_size"),
    ({"in_size": (2, 0)}, ShapeError, "LX102", "in_size"),
    ({"in_size": 5}, ShapeError, "LX102", "in_size"),
    ({"out_channels": 0}, ShapeError, "LX102", "out_channels"),
    ({"out_channels": 2.5}, ShapeError, "LX102", "out_channels"),
    ({"kernel_size": 6}, ShapeError, "LX102", "kernel"),
    ({"kernel_size": 0}, ShapeError, "LX102", "kernel"),
    ({"kernel_size": (2, 2)}, ShapeError, "LX102", "kernel"),
    ({"stride": 0}, ShapeError, "LX102", "stride"),
    ({"dilation": 3}, ShapeError, "LX102", "kernel"),
    ({"padding": -1}, ShapeError, "LX102", "padding"),
    ({"padding": "same", "stride": 2}, ShapeError, "LX102", "padding"),
    ({"groups": 3}, ShapeError, "LX102", "groups"),
    ({"groups": 0}, ShapeError, "LX102", "groups"),
    ({"w_init": np.ones((4, 3, 2), np.float32)}, ShapeError, "LX102", "weight"),
    ({"w_init": np.full((4, 2, 3), np.nan)}, ParameterError, "LX101", "weight"),
    ({"w_init": np.ones((4, 2, 3)) * u.mV}, UnitError, "LX109", "weight"),
    ({"b_init": np.ones((4, 1))}, ShapeError, "LX102", "bias"),
    ({"unit": "mA"}, UnitError, "LX109", "unit"),
]


@pytest.mark.parametrize(("given", "kind", "code", "field"), BAD)
def test_bad_layers_are_refused_by_name(given, kind, code, field):
    with pytest.raises(kind) as caught:
        Conv1d(**{"in_size": (2, 5), "out_channels": 4, "kernel_size": 3, "name": "edges"} | given)
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field) == (code, "edges", field)


def test_padding_words_are_the_known_ones():
    with pytest.raises(ShapeError, match=r"LX102.*edges\.padding: 'SAME'"):
        Conv1d((2, 5), 4, 3, padding="SAME", name="edges")


@pytest.mark.parametrize("shape", [(5,), (2, 4), (5, 2), (3, 5, 2)])
def test_bad_inputs_are_refused_by_name(shape):
    conv = Conv1d((2, 5), 4, 3, name="edges")
    with pytest.raises(ShapeError, match=r"LX102.*edges\.x: shape \(.*fix: .*\(2, 5\)"):
        conv(np.ones(shape, np.float32))
    with pytest.raises(UnitError, match=r"LX109.*edges\.x: unit mA"):
        conv(np.ones((2, 5), np.float32) * u.mA)
