"""``LeakyRateReadout`` against brainpy's, as steps, as a sequence, and its gradients."""

from __future__ import annotations

import inspect

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.train.activity import recording

pytestmark = pytest.mark.sampled

WEIGHTS = np.random.default_rng(0).normal(0.0, 1.0, (5, 3))
X = (np.random.default_rng(1).random((100, 4, 5)) < 0.3).astype(np.float64)


@pytest.mark.parametrize("dt", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("tau", [7.0, np.linspace(2.0, 20.0, 3)])
def test_every_step_is_brainpys(tau, dt):
    with brainstate.environ.context(precision=64, dt=dt * u.ms):
        ours, theirs = (
            kind(5, 3, tau=tau * u.ms, w_init=lambda size: jnp.asarray(WEIGHTS).reshape(size))
            for kind in (lx.LeakyRateReadout, brainpy.state.LeakyRateReadout)
        )
        for readout in (ours, theirs):
            readout.init_state(4)
        found, wanted = (
            np.asarray(brainstate.transform.for_loop(readout.update, jnp.asarray(X))) for readout in (ours, theirs)
        )
        ours.reset_state(4)
        with recording() as seen:
            whole = np.asarray(ours.run(X))
        last = np.asarray(ours.r.value)
    assert wanted.dtype == found.dtype == whole.dtype == np.float64
    assert np.abs(wanted).max() > 1
    assert max(np.abs(found - wanted).max(), np.abs(whole - wanted).max()) <= 1e-13
    np.testing.assert_array_equal(last, whole[-1])
    assert seen == {}


def test_gradients_are_brainpys():
    x, target = jnp.asarray(X, jnp.float32), jnp.asarray(np.random.default_rng(2).normal(size=(100, 4, 3)), jnp.float32)

    def slopes(kind, run):
        def loss(weights, x):
            readout = kind(5, 3, tau=7 * u.ms, w_init=weights)
            readout.init_state(4)
            return ((readout.run(x) if run else brainstate.transform.for_loop(readout.update, x)) * target).sum()

        return jax.grad(loss, argnums=(0, 1))(jnp.asarray(WEIGHTS, jnp.float32), x)

    with brainstate.environ.context(dt=1 * u.ms):
        wanted = slopes(brainpy.state.LeakyRateReadout, False)
        for run in (True, False):
            for mine, other in zip(slopes(lx.LeakyRateReadout, run), wanted, strict=True):
                assert np.abs(mine - other).max() <= 1e-5 * np.abs(other).max()


def test_constructor_is_brainpys():
    kinds = (lx.LeakyRateReadout, brainpy.state.LeakyRateReadout)
    ours, theirs = (inspect.signature(kind.__init__).parameters for kind in kinds)
    assert list(ours) == list(theirs)
    assert str(ours["tau"].default) == str(theirs["tau"].default)


def test_without_a_batch_and_without_units():
    readout = lx.LeakyRateReadout(5, 3, tau=7.0)
    readout.init_state()
    with brainstate.environ.context(dt=1.0):
        assert readout.update(X[0, 0].astype(np.float32)).shape == (3,)
        assert readout.run(X[:, 0].astype(np.float32)).shape == (100, 3)
        assert readout.run(X.astype(np.float32)).shape == (100, 4, 3)


@pytest.mark.parametrize(
    ("args", "given", "kind", "said"),
    [
        ((5, 3), {"tau": 0 * u.ms}, ParameterError, r"LX104.*last\.tau"),
        ((5, 3), {"tau": np.ones(5) * u.ms}, ShapeError, r"LX102.*last\.tau"),
        ((5, 3), {"tau": 1 * u.mV}, UnitError, r"LX109.*last\.tau"),
        ((5, 3), {"tau": None}, ParameterError, r"LX006.*last\.tau"),
        ((5, 3), {"w_init": np.ones((3, 5))}, ShapeError, r"LX102.*last\.weight: shape \(3, 5\)"),
        ((5, 3), {"w_init": np.full((5, 3), np.nan)}, ParameterError, r"LX101.*last\.weight"),
        ((5, 3), {"w_init": np.ones((5, 3)) * u.mA}, UnitError, r"LX109.*last\.weight"),
        (((2, 5), 3), {}, ShapeError, r"LX102.*last\.in_size"),
        ((5, 0), {}, ShapeError, r"LX102.*last\.out_size"),
    ],
)
def test_bad_parameters_are_refused_by_name(args, given, kind, said):
    with pytest.raises(kind, match=said):
        lx.LeakyRateReadout(*args, name="last", **given)


@pytest.mark.parametrize("how", ["run", "update"])
def test_bad_steps_are_refused_by_name(how):
    readout = lx.LeakyRateReadout(5, 3, name="last")
    readout.init_state(4)

    def advance(x):
        return readout.run(x) if how == "run" else readout.update(x)

    x = X.astype(np.float32) if how == "run" else X[0].astype(np.float32)
    for dt, kind, said in [
        (None, ParameterError, r"LX103.*last\.dt"),
        (0 * u.ms, ParameterError, r"LX103.*last\.dt"),
        (1.0, UnitError, r"LX109.*last\.dt"),
    ]:
        with brainstate.environ.context(dt=dt), pytest.raises(kind, match=said):
            advance(x)
    with brainstate.environ.context(dt=1 * u.ms):
        with pytest.raises(UnitError, match=r"LX109.*last\.x"):
            advance(x * u.mA)
        with pytest.raises(ShapeError, match=r"LX102.*last\.x: shape .*last axes are \(5,\)"):
            advance(x[..., :4])
        if how == "run":
            for bad in (x[:0], x[0, 0]):
                with pytest.raises(ShapeError, match=r"LX102.*last\.x"):
                    advance(bad)
