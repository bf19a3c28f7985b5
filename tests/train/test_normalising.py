"""Batch normalisation against brainstate's, in and outside of training."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from train.sequences import check_gradients, check_run

from lifexport.errors import LifexportError, ParameterError, ShapeError, UnitError
from lifexport.train import LIF, BatchNorm, Linear, Sequential

pytestmark = pytest.mark.sampled

THEIRS = {1: brainstate.nn.BatchNorm0d, 2: brainstate.nn.BatchNorm1d, 3: brainstate.nn.BatchNorm2d}


def pair(size, **fields):
    """Ours, and brainstate's with the channels last, with the same numbers."""
    rng = np.random.default_rng(0)
    channels = size[0]
    numbers = {"scale": rng.uniform(0.5, 2, channels), "bias": rng.normal(size=channels)}
    ours = BatchNorm(size, scale_init=numbers["scale"], bias_init=numbers["bias"], **fields)
    fields.pop("unit", None)
    theirs = THEIRS[len(size)]((*size[1:], channels), use_fast_variance=False, **fields)
    shape = theirs.weight.value["scale"].shape
    theirs.weight.value = {field: np.asarray(value).reshape(shape) for field, value in numbers.items()}
    return ours, theirs


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("size", [(1,), (4,), (3, 5), (2, 3, 4)])
def test_equals_brainstates(size, momentum):
    with brainstate.environ.context(precision=64), jax.numpy_dtype_promotion("standard"):
        ours, theirs = pair(size, momentum=momentum, epsilon=1e-3, unit=None)
        x = np.random.default_rng(1).normal(1.5, 2.0, (5, 6, *size))
        for fit in (True, False):
            for now in x:
                with brainstate.environ.context(fit=fit):
                    y, their_y = ours(now), theirs(np.moveaxis(now, 1, -1))
                np.testing.assert_allclose(y, np.moveaxis(np.asarray(their_y), -1, 1), rtol=0, atol=1e-12)
                for field in ("running_mean", "running_var"):
                    there = np.ravel(np.asarray(getattr(theirs, field).value))
                    np.testing.assert_allclose(getattr(ours, field).value, there, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fit", [True, False])
@pytest.mark.parametrize("size", [(4,), (3, 5), (2, 3, 4)])
def test_a_sequence_is_its_steps(size, fit):
    with brainstate.environ.context(precision=64):
        norm, _ = pair(size, momentum=0.7)
        norm.running_mean.value += 0.5
        x = np.random.default_rng(1).normal(1.5, 2.0, (7, 6, *size)) * u.mA
        check_run(norm, x, context={"fit": fit})
        before = np.asarray(norm.running_var.value)
        check_gradients(norm, x, context={"fit": fit})
        assert (np.asarray(norm.running_var.value) == before).all() != fit


def test_gradients_go_through_the_statistics():
    """In training a layer before does not see the scale of its weights: the statistics take it out."""
    with brainstate.environ.context(precision=64, fit=True):
        net = Sequential(Linear(3, 2), BatchNorm(2, epsilon=1e-12))
        x = np.random.default_rng(0).normal(size=(4, 8, 3))
        target = np.random.default_rng(1).normal(size=(4, 8, 2))
        weights = net.layers[0].states(brainstate.ParamState)
        slope = brainstate.transform.grad(lambda: ((net.run(x).mantissa - target) ** 2).sum(), weights)()
        (slope,), (weight,) = (list(found.values()) for found in (slope, weights))
        slope, weight = np.asarray(slope["weight"]), np.asarray(weight.value["weight"])
        assert np.abs(slope).max() > 1e-3
        np.testing.assert_allclose((slope * weight).sum(axis=0), 0, atol=1e-9)


def test_numbers_are_counted_in_the_unit():
    with brainstate.environ.context(precision=64, fit=True):
        x = np.random.default_rng(1).normal(size=(6, 3))
        plain, amp = BatchNorm(3, unit=None), BatchNorm(3)
        y, z = plain(x), amp(x * 1e-3 * u.amp)
        assert u.get_unit(z) == u.mA
        np.testing.assert_allclose(z.mantissa, y, rtol=1e-12)
        np.testing.assert_allclose(plain.running_var.value, amp.running_var.value, rtol=1e-12)


def test_the_default_scale_makes_a_layer_live():
    brainstate.random.seed(0)
    net = Sequential(Linear(100, 200), BatchNorm(200), LIF(200), Linear(200, 50), BatchNorm(50), LIF(50))
    brainstate.nn.init_all_states(net, batch_size=16)
    x = (np.random.default_rng(0).random((50, 16, 100)) < 0.3).astype(np.float32)
    with brainstate.environ.context(dt=1 * u.ms, fit=True):
        rates = brainstate.transform.for_loop(lambda now: (net[:3](now), net(now)), x)
    for spikes in rates:
        assert 0.01 < float(spikes.mean()) < 0.6


def test_constant_currents_do_not_divide_by_zero():
    norm = BatchNorm(2)
    with brainstate.environ.context(fit=True):
        y = norm.run(np.zeros((3, 4, 2), np.float32) * u.mA)
    assert (y.mantissa == 0).all()


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"in_size": 0}, "LX102", "in_size"),
        ({"momentum": 1.5}, "LX006", "momentum"),
        ({"momentum": -0.1}, "LX006", "momentum"),
        ({"momentum": "0.9"}, "LX006", "momentum"),
        ({"epsilon": 0.0}, "LX006", "epsilon"),
        ({"epsilon": float("nan")}, "LX101", "epsilon"),
        ({"epsilon": 1 * u.mA}, "LX109", "epsilon"),
        ({"epsilon": np.ones(3)}, "LX102", "epsilon"),
        ({"scale_init": np.ones(2)}, "LX102", "scale"),
        ({"bias_init": np.full(3, np.inf)}, "LX101", "bias"),
        ({"scale_init": np.ones(3) * u.mV}, "LX109", "scale"),
        ({"unit": 1.0}, "LX109", "unit"),
    ],
)
def test_bad_layers_are_refused_by_name(given, code, field):
    with pytest.raises(LifexportError) as caught:
        BatchNorm(**{"in_size": (3, 4), "name": "norm"} | given)
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field) == (code, "norm", field)


def test_bad_inputs_are_refused_by_name():
    norm = BatchNorm((3, 4), name="norm")
    with brainstate.environ.context(fit=False):
        with pytest.raises(ShapeError, match=r"LX102.*norm\.x: shape \(4, 3\)"):
            norm(np.ones((4, 3)) * u.mA)
        for x in (np.ones((3, 4)), np.ones((3, 4)) * u.mV):
            with pytest.raises(UnitError, match=r"LX109.*norm\.x: .*unit"):
                norm(x)
    with pytest.raises(ParameterError, match=r"LX006.*norm\.fit"):
        norm(np.ones((3, 4)) * u.mA)
