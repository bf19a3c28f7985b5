"""Normalisations inside the weights before them."""

from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np
import pytest
from capturing.equality import check_captured, spikes

import lifexport as lx
from lifexport.errors import LifexportError, UnsupportedError

pytestmark = pytest.mark.sampled

MS = 1.0 * u.ms
NN = brainstate.nn


@pytest.fixture(autouse=True)
def double():
    with brainstate.environ.context(precision=64):
        brainstate.random.seed(0)
        yield


def norm(size, seed=0, **fields):
    """A normalisation that has seen something."""
    rng = np.random.default_rng(seed)
    channels = size if isinstance(size, int) else size[0]
    layer = lx.BatchNorm(size, scale_init=rng.uniform(2, 5, channels), bias_init=rng.normal(size=channels), **fields)
    layer.running_mean.value = rng.normal(1.0, 2.0, channels)
    layer.running_var.value = rng.uniform(0.1, 20, channels)
    return layer


@pytest.mark.parametrize("bias", [None, NN.init.Normal(scale=1.0)])
def test_the_formula(bias):
    dense, by = lx.Linear(6, 4, b_init=bias), norm(4, epsilon=0.5)
    f = lx.capture(lx.Sequential(dense, by, lx.LIF(4)), dt=MS)
    w = np.asarray(dense.weight.value["weight"])
    b = np.zeros(4) if bias is None else np.asarray(dense.weight.value["bias"])
    gamma, beta = (np.asarray(by.weight.value[field]) for field in ("scale", "bias"))
    mean, var = np.asarray(by.running_mean.value), np.asarray(by.running_var.value)
    factor = gamma / np.sqrt(var + 0.5)
    np.testing.assert_allclose(f.nodes["linear0"].weight, (w * factor).T * 1e-3, rtol=1e-14)
    np.testing.assert_allclose(f.nodes["linear0"].bias, (factor * (b - mean) + beta) * 1e-3, rtol=1e-13)
    assert list(f.nodes) == ["input", "linear0", "lif0", "output"]


def branches():
    return lx.Parallel(*(lx.Linear(6, 4, b_init=NN.init.Normal(scale=1.0)) for _ in range(2)))


CASES = {
    "dense": ((6,), lambda: lx.Linear(6, 4, b_init=NN.init.Normal(scale=1.0)), 4),
    "convolution": ((2, 6), lambda: lx.Conv1d((2, 6), 3, 3, w_init=NN.init.Normal(mean=4.0, scale=5.0)), (3, 4)),
    "two axes": (
        (2, 5, 4),
        lambda: lx.Conv2d((2, 5, 4), 4, 3, groups=2, b_init=NN.init.Normal(scale=1.0)),
        (4, 3, 2),
    ),
    "a sum": ((6,), branches, 4),
    "another unit": ((6,), lambda: lx.Linear(6, 4, unit=u.uA, w_init=NN.init.Normal(scale=3000.0)), 4),
}
"""Size of the input, what is before the normalisations (built by the test: its weights are then drawn from its
generator, not from wherever the collection of tests had left it), what the normalisations are given."""


@pytest.mark.parametrize("case", CASES)
def test_runs_as_the_module_does(case):
    size, before, given = CASES[case]
    net = lx.Sequential(before(), lx.Dropout(0.5), norm(given), norm(given, seed=1), lx.LIF(given))
    check_captured(net, spikes(30, 3, *size), dt=MS)


def test_a_normalisation_in_a_branch_of_its_own():
    net = lx.Sequential(
        lx.Parallel(lx.Sequential(lx.Linear(6, 4), norm(4)), lx.Sequential(lx.Linear(6, 4), norm(4, seed=1))), lx.LIF(4)
    )
    check_captured(net, spikes(30, 3, 6), dt=MS)


def test_shared_weights_are_folded_for_each_place():
    shared = lx.Linear(4, 4)
    net = lx.Sequential(shared, norm(4), lx.LIF(4), shared, norm(4, seed=1), lx.LIF(4))
    f = check_captured(net, spikes(30, 3, 4), dt=MS)
    assert not lx.same(f.nodes["linear0"], f.nodes["linear1"])


def test_without_scale_and_bias():
    net = NN.Sequential(NN.Linear(6, 4, NN.init.Normal(scale=3.0)), NN.BatchNorm0d((4,), affine=False))
    with brainstate.environ.context(fit=True):
        net(spikes(8, 6))
    f = lx.capture(lx.Sequential(net, lx.LIF(4, 1.0, 5e-3, 1.0, 0.0, 0.0, NN.init.Constant(0.0))), dt=1e-3)
    with brainstate.environ.context(fit=False):
        x = spikes(5, 6)
        np.testing.assert_allclose(f.nodes["linear0"].apply(x), net(x), rtol=0, atol=1e-13)


def refusals():
    yield (
        "behind spikes",
        (lx.Linear(6, 4), lx.LIF(4), norm(4, unit=None), lx.LIF(4)),
        (r"batchnorm0: a normalisation behind 'lif0'; fix: put it directly behind a Linear or a convolution"),
    )
    yield "at the input", (norm(6, unit=None), lx.Linear(6, 4), lx.LIF(4)), r"batchnorm0: .* behind 'input'"
    yield (
        "behind a pool",
        (lx.Conv1d((2, 6), 3, 3), lx.SumPool((3, 4), 2), norm((3, 2)), lx.LIF((3, 2))),
        (r"batchnorm0: .* behind 'sumpool0'"),
    )
    yield (
        "several consumers",
        (lx.Linear(6, 4), lx.Parallel(norm(4), lx.Dropout(0.5)), lx.LIF(4)),
        (r"batchnorm0: a normalisation of 'linear0', which feeds others too; fix: give each branch"),
    )
    yield (
        "no statistics",
        (NN.Linear(6, 4), NN.BatchNorm0d((4,), track_running_stats=False, affine=False), lx.LIF(4)),
        (r"batchnorm0d0\.track_running_stats"),
    )
    yield "all axes", (NN.Conv1d((6, 2), 3, 3), NN.BatchNorm1d((6, 3), feature_axis=(0, 1)), lx.LIF((6, 3))), "LX110"


@pytest.mark.parametrize(("layers", "said"), [pytest.param(*case, id=name) for name, *case in refusals()])
def test_what_cannot_be_folded_is_refused_by_name(layers, said):
    with pytest.raises(UnsupportedError, match=rf"LX110.*{said}" if said != "LX110" else said):
        lx.capture(NN.Sequential(*layers), dt=MS)


def test_units_must_fit():
    net = lx.Sequential(lx.Linear(6, 4), norm(4, unit=None), lx.LIF(4))
    with pytest.raises(LifexportError, match=r"LX109.*linear0\.unit: unit mA into batchnorm0, which takes no unit"):
        lx.capture(net, dt=MS)


def test_diverged_statistics_are_named():
    by = norm(4)
    by.running_var.value = np.array([1.0, np.nan, 1.0, 1.0])
    with pytest.raises(LifexportError, match=r"LX101.*linear0|LX101.*batchnorm0"):
        lx.capture(lx.Sequential(lx.Linear(6, 4), by, lx.LIF(4)), dt=MS)
