from __future__ import annotations

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport.readout
from lifexport.errors import ParameterError
from lifexport.train import losses

RANDOM = np.random.default_rng(0)
SPIKES = RANDOM.integers(0, 2, (7, 5, 4))
V = RANDOM.normal(size=(7, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("readout", lifexport.readout.READOUTS)
def test_scores_are_those_of_the_exported_network(readout):
    expected = lifexport.readout.scores(readout, SPIKES, V)
    outputs = SPIKES.astype(np.float32) if readout == "count" else V
    np.testing.assert_array_equal(losses.scores(jnp.asarray(outputs), readout), expected)
    np.testing.assert_array_equal(losses.scores(outputs * u.mV, readout), expected)
    np.testing.assert_array_equal(losses.scores(outputs.reshape(7, 5, 2, 2), readout), expected)


@pytest.mark.parametrize(
    ("readout", "scale", "factor"), [("count", None, 0.5), ("membrane_last", None, 1), ("count", 3.0, 3)]
)
def test_cross_entropy_is_its_formula(readout, scale, factor):
    labels = np.array([0, 3, 1, 1, 2])
    z = factor * np.asarray(losses.scores(V, readout), np.float64)
    expected = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(z, labels, strict=True)])
    got = losses.CrossEntropy(readout, scale)(jnp.asarray(V), jnp.asarray(labels))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_scores_that_are_huge_give_a_finite_loss_and_gradient():
    outputs = jnp.array([[[0.0, 1e6, -1e6]]])
    value, slope = jax.value_and_grad(losses.CrossEntropy())(outputs, jnp.array([2]))
    assert value == 1e6 and np.isfinite(slope).all()


@pytest.mark.parametrize("build", [losses.CrossEntropy, lambda readout: losses.scores(jnp.asarray(V), readout)])
def test_an_unknown_readout_is_refused(build):
    with pytest.raises(ParameterError, match=r"LX106.*did you mean 'membrane_last'"):
        build("membrane-last")
