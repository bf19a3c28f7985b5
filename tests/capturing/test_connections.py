"""Connections as numbers: geometry, and the networks of brainstate, whose channels are last."""

from __future__ import annotations

import brainpy.state
import brainstate
import brainunit as u
import numpy as np
import pytest
from capturing.equality import check_captured, first, plain, spikes

import lifexport as lx
from lifexport.errors import LifexportError, UnsupportedError

pytestmark = pytest.mark.sampled

NN = brainstate.nn
WEIGHTS = NN.init.Normal(mean=0.4, scale=2.0)
STRONG = NN.init.Normal(mean=1.5, scale=3.0)


@pytest.fixture(autouse=True)
def double():
    with brainstate.environ.context(precision=64):
        brainstate.random.seed(0)
        yield


def cell(size, **fields):
    return plain(brainpy.state.LIF, size, **fields)


GEOMETRIES = [
    ((5, 2), 3, 1, {}),
    ((5, 2), 3, 3, {}),
    ((6, 2), 3, 2, {"padding": "VALID"}),
    ((6, 2), 4, 3, {"stride": 2}),  # "SAME" with a stride, in numbers
    ((7, 2), 4, 4, {"stride": 3, "padding": "SAME", "groups": 2}),
    ((7, 2), 3, 2, {"rhs_dilation": 3}),
    ((7, 2), 3, 3, {"padding": (2, 1)}),
    ((5, 4, 2), 3, (3, 2), {}),
    ((6, 5, 2), 4, 3, {"stride": (2, 3), "groups": 2}),
    ((6, 5, 2), 3, 2, {"padding": [(1, 0), (0, 2)], "rhs_dilation": (1, 2), "stride": (1, 2)}),
    ((6, 5, 2), 3, 2, {"padding": 1}),
]


@pytest.mark.parametrize(("size", "channels", "kernel", "moves"), GEOMETRIES)
def test_convolutions_of_brainstate(size, channels, kernel, moves):
    kind = NN.Conv1d if len(size) == 2 else NN.Conv2d
    conv = kind(size, channels, kernel, w_init=WEIGHTS, b_init=NN.init.Normal(scale=0.3), **moves)
    net = NN.Sequential(conv, cell(conv.out_size))
    f = check_captured(net, spikes(20, 3, *size), to_network=first)
    assert f.nodes["input"].shape == (size[-1], *size[:-1])


def test_channels_first_stay():
    conv = NN.Conv2d((2, 5, 4), 3, 3, channel_first=True, w_init=WEIGHTS, b_init=NN.init.Normal(scale=0.3))
    pool = NN.AvgPool2d(2, 2, channel_axis=-3)
    net = NN.Sequential(conv, cell((3, 5, 4)), pool, NN.Flatten(1), NN.Linear(12, 4, STRONG), cell(4))
    check_captured(net, spikes(20, 3, 2, 5, 4))


def test_masks_count():
    mask = (np.random.default_rng(0).random((3, 2, 3)) < 0.5).astype(float)
    conv = NN.Conv1d((6, 2), 3, 3, w_init=WEIGHTS, w_mask=mask)
    check_captured(NN.Sequential(conv, cell((6, 3))), spikes(20, 3, 6, 2), to_network=first)


def own(size):
    """Parameters of every neuron's own."""
    rng = np.random.default_rng(3)
    return {"tau": rng.uniform(5e-3, 12e-3, size), "V_th": rng.uniform(0.8, 1.2, size)}


@pytest.mark.parametrize(
    "flat", [lambda: NN.Flatten(1), lambda: NN.Flatten(-3), lambda: NN.Flatten(in_size=(3, 2, 4)), None]
)
def test_the_weights_behind_a_flattening_move_along(flat):
    flatten = flat() if flat else lx.Flatten((3, 2, 4))
    net = NN.Sequential(
        NN.Conv2d((6, 5, 2), 4, 3, w_init=WEIGHTS),
        cell((6, 5, 4), **own((6, 5, 4))),
        NN.AvgPool2d((2, 2), 2),
        flatten,
        NN.Linear(24, 7, STRONG),
        cell(7, **own(7)),
        NN.Linear(7, 3, STRONG),
        cell(3),
    )

    def moved(values):
        return first(values) if values.ndim == 5 else values

    check_captured(net, spikes(25, 3, 6, 5, 2), to_network=moved)


def test_neurons_behind_a_flattening_move_too():
    order = np.arange(24).reshape(3, 2, 4).transpose(2, 0, 1).ravel()  # where the captured neurons are in the module's
    net = NN.Sequential(
        NN.Conv2d((3, 2, 2), 4, 3, w_init=WEIGHTS),
        NN.Flatten(1),
        cell(24, **own(24)),
        NN.Linear(24, 3, STRONG),
        cell(3),
    )

    def moved(values):
        return first(values) if values.ndim == 5 else values[..., order] if values.shape[-1] == 24 else values

    f = check_captured(net, spikes(25, 3, 3, 2, 2), to_network=moved)
    np.testing.assert_array_equal(f.nodes["lif0"].tau, own(24)["tau"][order])


@pytest.mark.parametrize("axes", [1, 2])
def test_a_whole_network_of_brainstate(axes):
    """Every kind of layer, with statistics from training."""
    size, conv, pool, norm, drop = {
        1: ((12, 2), NN.Conv1d, NN.AvgPool1d, NN.BatchNorm1d, NN.Dropout1d),
        2: ((6, 6, 2), NN.Conv2d, NN.AvgPool2d, NN.BatchNorm2d, NN.Dropout2d),
    }[axes]
    space = size[:-1]
    half = tuple(n // 2 for n in space)
    net = NN.Sequential(
        conv(size, 4, 3, w_init=WEIGHTS, b_init=NN.init.Normal(scale=0.3)),
        norm((*space, 4), scale_initializer=NN.init.Uniform(2, 4), bias_initializer=NN.init.Normal(scale=0.3)),
        cell((*space, 4)),
        drop(0.8),
        pool(2, 2, in_size=(*space, 4)),
        conv((*half, 4), 3, 2, groups=1, w_init=WEIGHTS),
        cell((*half, 3)),
        NN.Flatten(1),
        NN.Dropout(0.5),
        NN.Linear(3 * int(np.prod(half)), 9, STRONG),
        NN.BatchNorm0d((9,), scale_initializer=NN.init.Constant(3.0)),
        cell(9),
        NN.Linear(9, 4, STRONG),
        cell(4),
    )
    x = spikes(20, 3, *size)
    with brainstate.environ.context(fit=True, dt=1e-3):
        NN.init_all_states(net, batch_size=3)
        for now in x[:6]:
            net(now)

    def moved(values):
        return first(values) if values.ndim > 3 else values

    f = check_captured(net, x, to_network=moved)
    assert not any("batchnorm" in name or "dropout" in name for name in f.nodes)


def refusals():
    space = (6, 2)
    conv = NN.Conv1d(space, 3, 3)
    yield (
        NN.Sequential(conv, NN.AvgPool1d(2, padding=[(1, 1)])),
        r"avgpool1d0\.padding: .*inside alone.*; fix: use padding",
    )
    yield NN.Sequential(conv, NN.AvgPool1d(4, padding="SAME")), r"avgpool1d0\.padding: 'SAME'"
    yield NN.Sequential(conv, NN.AvgPool1d(2, channel_axis=2)), r"avgpool1d0\.channel_axis: 2; fix: count .*-1, or -2"
    yield NN.Sequential(conv, NN.AvgPool1d(2, channel_axis=None)), r"avgpool1d0\.channel_axis: None"
    yield NN.Sequential(conv, NN.MaxPool1d(2)), r"MaxPool1d; fix: use AvgPool"
    yield NN.Sequential(NN.Conv1d(space, 3, 3, padding=2, lhs_dilation=2)), r"conv1d0\.lhs_dilation: \(2,\)"
    yield NN.Sequential(NN.ScaledWSConv1d(space, 3, 3)), r"ScaledWSConv1d; fix: use Conv1d"
    yield NN.Sequential(NN.ConvTranspose1d(space, 3, 3, padding="SAME")), r"ConvTranspose1d; fix: use a convolution"
    yield NN.Sequential(conv, NN.Flatten(2)), r"flatten0\.start_axis: axes 2 to -1 of \(6, 3\); fix: flatten all"
    yield NN.Sequential(conv, NN.Flatten(1, 1)), r"flatten0\.start_axis: axes 1 to 1"
    yield NN.Sequential(conv, NN.Flatten(1, in_size=(6, 3))), r"flatten0\.start_axis: axes 1 to -1"
    yield NN.Sequential(conv, lx.SumPool((6, 3), 2)), r"conv1d0: channels last, but sumpool0 has them first; fix: "
    yield NN.Sequential(conv, NN.Linear((6, 3), (6, 3))), r"linear0\.in_size"


@pytest.mark.parametrize(("net", "said"), list(refusals()))
def test_what_cannot_be_expressed_is_refused_by_name(net, said):
    with pytest.raises(UnsupportedError, match=rf"LX110.*{said}"):
        lx.capture(NN.Sequential(*net.layers, cell(3)), dt=1e-3)


def test_sums_of_different_orders_are_refused():
    flat = NN.Sequential(NN.Conv1d((4, 2), 2, 3, w_init=WEIGHTS), cell((4, 2)), NN.Flatten(1))
    other = NN.Sequential(NN.Flatten(1), NN.Linear(8, 8), cell(8))
    net = lx.Sequential(lx.Parallel(flat, other), NN.Linear(8, 3), cell(3))
    with pytest.raises(UnsupportedError, match=r"LX110.*laid out differently.*fix: flatten in front"):
        lx.capture(net, dt=1e-3)


def test_a_mean_whose_same_needs_no_padding_is_taken():
    net = NN.Sequential(NN.Conv1d((6, 2), 3, 3, w_init=WEIGHTS), NN.AvgPool1d(2, 2, padding="SAME"), cell((3, 3)))
    check_captured(net, spikes(20, 3, 6, 2), to_network=first)


@pytest.mark.parametrize("kind", [lx.SumPool, lx.AvgPool])
def test_pools_between_currents(kind):
    net = lx.Sequential(lx.Conv1d((2, 6), 3, 3, padding=1), kind((3, 6), 3, 2, padding=1), lx.LIF((3, 3)))
    check_captured(net, spikes(20, 3, 2, 6), dt=1.0 * u.ms)


@pytest.mark.parametrize("field", ["weight", "bias"])
def test_diverged_kernels_are_named(field):
    conv = lx.Conv1d((2, 6), 3, 3, b_init=NN.init.Constant(0.0), name="edges")
    value = dict(conv.weight.value)
    value[field] = value[field].at[(1,) * value[field].ndim].set(np.nan)
    conv.weight.value = value
    with pytest.raises(LifexportError, match=rf"LX101.*edges\.{field}\[1"):
        lx.capture(lx.Sequential(conv, lx.LIF((3, 4))), dt=1 * u.ms)
