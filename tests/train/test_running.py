"""Whole sequences through layers that know nothing of sequences."""

from __future__ import annotations

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.train import LIF, Linear, Sequential, run_layer
from lifexport.train.activity import recording

pytestmark = pytest.mark.sampled

X = np.random.default_rng(0).random((6, 4, 3)).astype(np.float32)


class Counting(brainstate.nn.Module):
    """Remembers how often it was called."""

    def __init__(self):
        super().__init__()
        self.calls = brainstate.ShortTermState(jnp.zeros(()))

    def update(self, x):
        self.calls.value = self.calls.value + 1
        return x * self.calls.value


def by_step(layer, x):
    return np.stack([np.asarray(u.get_mantissa(layer(now))) for now in x])


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (jnp.tanh, X),
        (lambda x: x - x.mean(axis=0), X),  # mixes samples, never steps
        (lambda x: x * u.mA, X),
        (lambda x: x.reshape(len(x), -1), np.ones((3, 2, 2, 2))),
        (brainstate.nn.Linear(3, 2), X),
        (brainstate.nn.ReLU(), X - 0.5),
        (brainstate.nn.Flatten(), np.ones((3, 2, 2))),  # no batch: time stays
        (brainstate.nn.Conv1d((5, 3), 2, 3), np.random.default_rng(1).random((4, 2, 5, 3)).astype(np.float32)),
        (brainstate.nn.AvgPool1d(2), np.random.default_rng(1).random((4, 2, 6, 3)).astype(np.float32)),
    ],
)
def test_what_remembers_nothing_takes_all_steps_at_once(layer, x):
    with jax.numpy_dtype_promotion("standard"):  # brainstate's pools mix dtypes
        y = run_layer(layer, x)
        np.testing.assert_allclose(u.get_mantissa(y), by_step(layer, x), rtol=1e-6)
        assert "scan" not in str(jax.make_jaxpr(lambda x: u.get_mantissa(run_layer(layer, x)))(x))


def test_what_remembers_goes_step_by_step():
    layer = Counting()
    np.testing.assert_array_equal(run_layer(layer, X), X * np.arange(1, 7, dtype=np.float32)[:, None, None])
    assert layer.calls.value == 6  # trying out whether it remembers left no trace


def test_what_draws_random_numbers_draws_for_every_step():
    brainstate.random.seed(0)
    with brainstate.environ.context(fit=True):
        y = np.asarray(run_layer(brainstate.nn.Dropout(0.5), np.ones((50, 8), np.float32)))
    assert len(np.unique(y, axis=0)) > 40


@pytest.mark.parametrize("fit", [True, False])
def test_brainstates_normalisation(fit):
    with brainstate.environ.context(fit=fit):
        found = []
        for way in (by_step, run_layer):
            norm = brainstate.nn.BatchNorm0d((3,))
            found.append((way(norm, X), np.asarray(norm.running_mean.value)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)


def foreign(kind=brainstate.nn.Sequential):
    brainstate.random.seed(3)
    first, second = (Linear(3, 9), brainpy.state.LIF(9)), (Linear(9, 2), brainpy.state.LIF(2))
    return kind(kind(*first), *second)


def test_foreign_chains_and_neurons():
    x = (X > 0.4).astype(np.float32)
    with brainstate.environ.context(dt=1 * u.ms):
        net = foreign()
        brainstate.nn.init_all_states(net, batch_size=4)
        slow, v = by_step(net, x), np.asarray(net.layers[-1].V.value.mantissa)
        brainstate.nn.init_all_states(net, batch_size=4)
        with recording() as seen:
            fast = run_layer(net, x)
        np.testing.assert_array_equal(fast, slow)
        np.testing.assert_allclose(net.layers[-1].V.value.mantissa, v, rtol=1e-5)
        assert list(seen) == ["lif0", "lif1"]
        assert float(seen["lif1"]) == pytest.approx(slow.mean())


def test_a_registered_input_is_not_used_up_by_looking():
    cell = brainpy.state.LIF(3)
    cell.add_current_input("a", lambda v: 0.0 * u.mA)
    with brainstate.environ.context(dt=1 * u.ms):
        brainstate.nn.init_all_states(cell, batch_size=4)
        run_layer(cell, X * u.mA)
    assert list(cell.current_inputs) == ["a"]


def test_inside_of_transformations():
    net = Sequential(Linear(3, 5), LIF(5), brainstate.nn.Linear(5, 2))
    weights = net.states(brainstate.ParamState)

    def loss(x):
        brainstate.nn.init_all_states(net, batch_size=4)
        return (net.run(x) ** 2).sum()

    with brainstate.environ.context(dt=1 * u.ms):
        slow = brainstate.transform.grad(loss, weights)(X)
        fast = brainstate.transform.jit(brainstate.transform.grad(loss, weights))(X)
    assert len(slow) == 2
    for one, other in zip(jax.tree.leaves(slow), jax.tree.leaves(fast), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
