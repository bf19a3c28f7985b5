"""What layers note while a network runs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.train.activity import note, recording


class Layer:
    def __init__(self, name=None):
        self.name = name


class Other(Layer):
    pass


def means(seen):
    return {name: float(mean) for name, mean in seen.items()}


def test_layers_are_called_as_capture_calls_them():
    with recording() as seen:
        for layer in (Layer(), Layer("a"), Other(), Layer(), Layer("a")):
            note(layer, jnp.ones((2, 3)))
        note(Layer(), jnp.zeros(3), kind="lif")
    assert list(seen) == ["layer0", "a", "other0", "layer2", "a_", "lif0"]


@pytest.mark.parametrize(
    ("spikes", "mean"),
    [
        (np.zeros((4, 2, 3), np.float32), 0.0),
        (np.ones((4, 2, 3), bool), 1.0),
        (np.full((4, 2), 127, np.int8), 127.0),
        (np.float64([[0, 1], [1, 1]]), 0.75),
    ],
)
def test_the_mean_is_over_all_axes_whatever_the_type(spikes, mean):
    with recording() as seen:
        note(Layer(), jnp.asarray(spikes))
    assert seen["layer0"].shape == () and seen["layer0"].dtype == jnp.float32
    assert means(seen) == {"layer0": mean}


def test_nobody_records_outside():
    with recording() as seen:
        pass
    note(Layer(), jnp.ones(3))
    assert seen == {}


def test_a_recording_ends_with_an_error_too():
    with pytest.raises(RuntimeError), recording() as seen:
        raise RuntimeError
    note(Layer(), jnp.ones(3))
    assert seen == {}


def test_the_innermost_recording_notes():
    with recording() as outer:
        note(Layer(), jnp.ones(3))
        with recording() as inner:
            note(Layer(), jnp.zeros(3))
        note(Layer(), jnp.ones(3))
    assert (means(outer), means(inner)) == ({"layer0": 1.0, "layer1": 1.0}, {"layer0": 0.0})


def test_a_jitted_function_returns_what_was_noted():
    @jax.jit
    def activity(x):
        with recording() as seen:
            note(Layer(), x)
        return seen

    assert means(activity(jnp.array([0.0, 1.0]))) == {"layer0": 0.5}


def test_gradients_do_not_notice():
    def loss(x):
        with recording() as seen:
            note(Layer(), x)
        return (x**2).sum() + seen["layer0"]

    np.testing.assert_array_equal(jax.grad(loss)(jnp.float32([1, 2])), [2, 4])
