"""Chains, branches, and what does not fit in them."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from train.sequences import check_gradients, check_run

from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.train import (
    LIF,
    AvgPool,
    BatchNorm,
    Conv1d,
    Conv2d,
    Dropout,
    Flatten,
    Identity,
    Linear,
    Parallel,
    Recurrent,
    Sequential,
    SumPool,
)

pytestmark = pytest.mark.sampled


def test_the_default_scale_makes_a_layer_live():
    brainstate.random.seed(0)
    net = Sequential(Linear(100, 200), LIF(200), Linear(200, 50), LIF(50))
    brainstate.nn.init_all_states(net, batch_size=16)
    x = (np.random.default_rng(0).random((50, 16, 100)) < 0.3).astype(np.float32)
    with brainstate.environ.context(dt=1 * u.ms):
        rates = brainstate.transform.for_loop(lambda now: (net[:2](now), net(now)), x)
    for spikes in rates:
        assert 0.01 < float(spikes.mean()) < 0.6


def test_a_chain_states_its_sizes_and_layers():
    layers = Linear(4, 3), LIF(3), Linear(3, 2), LIF(2)
    net = Sequential(*layers)
    assert list(net.layers) == list(layers)
    assert (net.in_size, net.out_size) == ((4,), (2,))
    assert len(net.states(brainstate.ParamState)) == len(net.states(brainstate.HiddenState)) + 2


def test_states_of_a_chain_follow_the_batch():
    net = Sequential(Linear(4, 3), LIF(3), LIF.desc(tau=7.0 * u.ms))
    brainstate.nn.init_all_states(net, batch_size=5)
    assert [layer.V.value.shape for layer in net.layers[1:]] == [(5, 3), (5, 3)]
    brainstate.nn.reset_all_states(net, batch_size=6)
    assert [layer.V.value.shape for layer in net.layers[1:]] == [(6, 3), (6, 3)]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Linear(4, 3), LIF(5)), r"layers\[1\] LIF takes \(5,\), layers\[0\] Linear gives \(3,\)"),
        (
            (Linear(4, 3, name="dense"), LIF(3), Linear(2, 2)),
            r"layers\[2\] Linear takes \(2,\), layers\[1\] LIF",
        ),
        ((Linear(4, 3, name="dense"), np.tanh, LIF(5)), r"layers\[0\] dense gives \(3,\)"),
        ((Linear(4, 3), brainstate.nn.Dropout(0.5), LIF(5)), r"layers\[2\] LIF takes \(5,\)"),
        ((Linear(4, 3), LIF.desc(), LIF(5)), r"layers\[2\] LIF takes \(5,\), layers\[1\] LIF gives \(3,\)"),
        ((LIF((2, 3)), Linear(6, 2)), r"\(6,\), layers\[0\] LIF gives \(2, 3\); fix: .*flatten"),
    ],
)
def test_sizes_that_do_not_chain_are_refused(layers, message):
    with pytest.raises(ShapeError, match=rf"LX102.*{message}"):
        Sequential(*layers)


def test_sizes_that_do_chain_are_accepted():
    for layers in [
        (Linear(4, 3), np.tanh, LIF(3)),
        (LIF((2, 3)), brainstate.nn.Flatten(start_axis=-2), Linear(6, 2)),
        (brainstate.nn.Linear(4, 3), LIF.desc(), Linear(3, 2)),
    ]:
        Sequential(*layers)


def test_editing_a_chain_keeps_it_whole():
    net = Sequential(Linear(4, 3), LIF(3))
    before = list(net.layers)
    for edit in (
        lambda: net.append(LIF(2)),
        lambda: net.extend([LIF(3), LIF(2)]),
        lambda: net.insert(1, LIF(2)),
    ):
        with pytest.raises(ShapeError, match="LX102"):
            edit()
        assert net.layers == before
    net.append(Linear(3, 2))
    net.extend([LIF(2)])
    net.insert(1, np.tanh)
    net.insert(-1, LIF(2, name="last"))
    assert [getattr(layer, "name", None) for layer in net.layers] == [None] * 5 + ["last"]
    assert net.out_size == (2,)


def test_errors_of_a_layer_keep_their_type():
    net = Sequential(Linear(4, 3, unit=u.mV), LIF(3))
    brainstate.nn.init_all_states(net)
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(UnitError, match="LX109"):
        net(np.ones(4, np.float32))


def spikes(*shape, rate=0.3, dtype=np.float64):
    return (np.random.default_rng(0).random(shape) < rate).astype(dtype)


STRONG = brainstate.nn.init.Normal(mean=3.0, scale=3.0)


def mixed():
    """Every kind of layer at once."""
    brainstate.random.seed(2)
    return Sequential(
        Conv2d((1, 4, 4), 3, 3, padding=1),
        BatchNorm((3, 4, 4), bias_init=brainstate.nn.init.Constant(1.0)),
        LIF((3, 4, 4), tau=8.0 * u.ms),
        AvgPool((3, 4, 4), 2),
        Parallel(
            Conv2d((3, 2, 2), 3, 3, padding="same", w_init=STRONG),
            Sequential(Dropout(0.9), Conv2d((3, 2, 2), 3, 1)),
            Identity((3, 2, 2), scale=5.0),
        ),
        Flatten((3, 2, 2)),
        Recurrent(LIF(12, tau=8.0 * u.ms), Linear(12, 12)),
        Linear(12, 5, STRONG),
        LIF(5, tau=8.0 * u.ms),
    )


@pytest.mark.parametrize("fit", [True, False])
def test_a_sequence_is_its_steps(fit):
    with brainstate.environ.context(precision=64):
        net = mixed()
        if fit:
            net.layers[4].branches[1].layers[0].prob = 1.0
        x = spikes(16, 3, 1, 4, 4)
        y = check_run(net, x, batch=3, context={"fit": fit})
        assert 0.01 < y.mean() < 0.99
        check_gradients(net, x, batch=3, tolerance=1e-8, context={"fit": fit})


def test_branches_add_up():
    w = np.arange(6, dtype=np.float32).reshape(2, 3)
    net = Parallel(
        Linear(2, 3, w), Linear(2, 3, 10 * w, b_init=np.ones(3)), lambda x: jnp.stack([x[..., 0]] * 3, -1) * u.mA
    )
    x = np.float32([[1, 0], [1, 1]])
    assert net(x).to_decimal(u.mA).tolist() == [[2, 13, 24], [35, 57, 79]]
    assert (net.in_size, net.out_size) == ((2,), (3,))
    assert net.run(x[None]).to_decimal(u.mA).tolist() == [[[2, 13, 24], [35, 57, 79]]]


def test_a_single_branch_and_branches_of_functions():
    assert Parallel(np.negative)(np.ones(2)).tolist() == [-1, -1]
    net = Parallel(Dropout(0.5), Flatten(3))
    assert (net.in_size, net.out_size) == ((3,), (3,))
    with brainstate.environ.context(fit=False):
        assert net(np.ones(3, np.float32)).tolist() == [2, 2, 2]


def test_the_states_of_branches_are_found():
    net = Sequential(Parallel(Sequential(Linear(4, 3), LIF(3)), Sequential(Linear(4, 3), LIF(3))), Linear(3, 2), LIF(2))
    brainstate.nn.init_all_states(net, batch_size=5)
    assert {state.value.shape for state in net.states(brainstate.HiddenState).values()} == {(5, 3), (5, 2)}
    assert len(net.states(brainstate.ParamState)) == 3


@pytest.mark.parametrize(
    ("branches", "said"),
    [
        ((Linear(3, 3), Linear(3, 4)), r"branches\[1\] Linear gives \(4,\), branches\[0\] Linear gives \(3,\)"),
        ((Linear(3, 3, name="a"), Linear(4, 3)), r"branches\[1\] Linear takes \(4,\), branches\[0\] a takes \(3,\)"),
        ((Linear(3, 4), Dropout(0.5)), r"branches\[1\] Dropout gives the \(3,\) it takes, others give \(4,\)"),
        ((Conv1d((2, 5), 3, 3), Identity((2, 5))), r"branches\[1\] Identity gives \(2, 5\), .* Conv1d gives \(3, 3\)"),
        (
            (Sequential(Linear(3, 3), LIF(3)), Identity(4)),
            r".*Identity takes \(4,\), .*Sequential takes \(3,\)",
        ),
    ],
)
def test_branches_that_do_not_fit_are_refused(branches, said):
    with pytest.raises(ShapeError, match=rf"LX102.*skip: {said}; fix: "):
        Parallel(*branches, name="skip")


@pytest.mark.parametrize("branches", [(), (3,), (LIF.desc(),)])
def test_what_is_no_branch_is_refused(branches):
    with pytest.raises(ParameterError, match=r"LX006.*skip\.branches"):
        Parallel(*branches, name="skip")


@pytest.mark.parametrize("way", ["update", "run"])
def test_branches_of_different_units_are_refused(way):
    net = Sequential(Parallel(Linear(3, 3), Identity(3, unit=None)), LIF(3))
    with pytest.raises(UnitError, match=r"LX109.*branches\[1\]\.unit: no unit, .* unit mA"):
        getattr(net, way)(np.ones((4, 3), np.float32))


def test_errors_of_a_branch_keep_their_type():
    with pytest.raises(ShapeError, match=r"LX102.*branches\[0\]\.x"):
        Parallel(Linear(3, 3), Identity(3))(np.ones(4, np.float32))


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((Conv2d((2, 8, 8), 4, 3), LIF((4, 8, 8))), r"LIF takes \(4, 8, 8\), layers\[0\] Conv2d gives \(4, 6, 6\)"),
        ((LIF((2, 6)), SumPool((2, 5), 2)), r"SumPool takes \(2, 5\), layers\[0\] LIF gives \(2, 6\)"),
        ((SumPool((2, 6), 2), Linear(6, 3)), r"Linear takes \(6,\), layers\[0\] SumPool gives \(2, 3\); .*flatten"),
        ((AvgPool((2, 6), 2), Flatten((3, 2))), r"Flatten takes \(3, 2\), layers\[0\] AvgPool gives \(2, 3\)"),
        ((Flatten((2, 3)), Linear(5, 3)), r"Linear takes \(5,\), layers\[0\] Flatten gives \(6,\)"),
        ((Linear(3, 4), BatchNorm(3)), r"BatchNorm takes \(3,\), layers\[0\] Linear gives \(4,\)"),
        ((BatchNorm(4), LIF(3)), r"LIF takes \(3,\), layers\[0\] BatchNorm gives \(4,\)"),
        ((Linear(3, 4), Dropout(0.5), LIF(3)), r"layers\[2\] LIF takes \(3,\), layers\[0\] Linear gives \(4,\)"),
        ((Linear(3, 4), Parallel(Linear(3, 3))), r"Parallel takes \(3,\), layers\[0\] Linear gives \(4,\)"),
        ((Parallel(Linear(3, 4)), LIF(3)), r"LIF takes \(3,\), layers\[0\] Parallel gives \(4,\)"),
        ((Identity(3), LIF(4)), r"LIF takes \(4,\), layers\[0\] Identity gives \(3,\)"),
        ((Linear(3, 4), Recurrent(LIF(3), Linear(3, 3))), r"Recurrent takes \(3,\), layers\[0\] Linear gives \(4,\)"),
    ],
)
def test_new_layers_that_do_not_chain_are_refused(layers, said):
    with pytest.raises(ShapeError, match=rf"LX102.*{said}"):
        Sequential(*layers)


def test_sizes_may_come_from_the_layer_before():
    net = Sequential(
        Conv2d((1, 8, 8), 4, 3),
        SumPool.desc(kernel_size=2),
        Conv2d.desc(out_channels=2, kernel_size=2),
        Flatten.desc(),
        LIF.desc(),
    )
    assert net.out_size == (8,)
