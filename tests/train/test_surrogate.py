from __future__ import annotations

import braintools.surrogate
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.train import surrogate

PAIRS = [
    (surrogate.ReluGrad(), braintools.surrogate.ReluGrad()),
    (surrogate.ReluGrad(alpha=0.5, width=2.0), braintools.surrogate.ReluGrad(alpha=0.5, width=2.0)),
    (surrogate.Arctan(), braintools.surrogate.Arctan()),
    (surrogate.Arctan(alpha=2.0), braintools.surrogate.Arctan(alpha=2.0)),
    (surrogate.Sigmoid(), braintools.surrogate.Sigmoid()),
    (surrogate.Sigmoid(alpha=1.5), braintools.surrogate.Sigmoid(alpha=1.5)),
]
EDGES = np.array([-1e30, -2.0, -1.0, -0.5, -1e-30, -0.0, 0.0, 1e-30, 0.5, 1.0, 2.0, 1e30], np.float32)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=str)
def test_step_and_gradient_are_braintools(ours, theirs):
    x = jnp.concatenate([EDGES, np.linspace(-3, 3, 101, dtype=np.float32)])
    np.testing.assert_array_equal(ours(x), theirs(x))
    np.testing.assert_allclose(jax.vmap(jax.grad(ours))(x), jax.vmap(jax.grad(theirs))(x), rtol=1e-6, atol=1e-7)


def test_step_fires_at_equality_and_not_just_below():
    # XLA treats subnormal numbers as zero, so the nearest number below is the smallest normal one.
    below = -np.finfo(np.float32).tiny
    assert surrogate.ReluGrad()(np.array([below, -0.0, 0.0, np.nan], np.float32)).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("ours", [surrogate.ReluGrad(), surrogate.Arctan(), surrogate.Sigmoid()], ids=str)
def test_dtype_is_kept(ours, dtype):
    x = jnp.array([-0.5, 0.5], dtype)
    spikes, slope = jax.jvp(ours, (x,), (jnp.ones_like(x),))
    assert spikes.dtype == slope.dtype == dtype


def test_integers_become_floats():
    assert surrogate.Sigmoid()(np.array([-1, 0])).dtype == jnp.float32


def test_equal_surrogates_share_a_compilation():
    assert surrogate.Arctan(2.0) == surrogate.Arctan(2.0) != surrogate.Arctan()
    assert hash(surrogate.Arctan(2.0)) == hash(surrogate.Arctan(2.0))


def test_a_surrogate_without_gradient_cannot_be_built():
    class Half(surrogate.Surrogate):
        pass

    with pytest.raises(TypeError, match="gradient"):
        Half()  # type: ignore[abstract]
