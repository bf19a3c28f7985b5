from __future__ import annotations

import inspect
import math

import braintools.surrogate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from lifexport.errors import ParameterError
from lifexport.train import surrogate

pytestmark = pytest.mark.sampled


def logistic_bell(x, a):
    # In the form that neither overflows nor cancels, and not the one of the code.
    e = np.exp(-np.abs(a * x))
    return a * e / (1 + e) ** 2


def multi_gaussian(x, h, s, sigma, scale):
    side = norm.pdf(x, sigma, s * sigma) + norm.pdf(x, -sigma, s * sigma)
    return scale * ((1 + h) * norm.pdf(x, 0, sigma) - h * side)


def fourier(x, n, t_period):
    return sum(4 / t_period * np.cos(np.multiply(k, 2 * np.pi / t_period * x)) for k in range(1, 2 * n, 2))


# Name -> formula in numpy float64, then other parameters than the defaults.
FORMULAS = {
    "Sigmoid": (lambda x, alpha=4.0: logistic_bell(x, alpha), {"alpha": 1.5}),
    "PiecewiseQuadratic": (lambda x, alpha=1.0: alpha * np.clip(1 - alpha * np.abs(x), 0, None), {"alpha": 0.5}),
    "PiecewiseExp": (lambda x, alpha=1.0: alpha / 2 / np.exp(np.minimum(alpha * np.abs(x), 700)), {"alpha": 2.0}),
    "SoftSign": (lambda x, alpha=1.0: alpha / 2 * (1 + alpha * np.abs(x)) ** -2.0, {"alpha": 2.0}),
    "Arctan": (lambda x, alpha=1.0: 2 * alpha / (4 + (np.pi * alpha * x) ** 2), {"alpha": 2.0}),
    "NonzeroSignLog": (lambda x, alpha=1.0: alpha / (1 + alpha * np.abs(x)), {"alpha": 3.0}),
    "ERF": (lambda x, alpha=1.0: norm.pdf(x, 0, math.sqrt(0.5) / alpha), {"alpha": 2.0}),
    "PiecewiseLeakyRelu": (
        lambda x, c=0.01, w=1.0: np.select([np.abs(x) <= w, np.abs(x) > w], [0.5 / w, c]),
        {"c": 0.1, "w": 0.5},
    ),
    "SquarewaveFourierSeries": (lambda x, n=2, t_period=8.0: fourier(x, n, t_period), {"n": 3, "t_period": 4.0}),
    "S2NN": (
        lambda x, alpha=4.0, beta=1.0: np.select(
            [x < 0, x >= 0], [logistic_bell(x, alpha), beta / (1 + np.clip(x, 0, None))]
        ),
        {"alpha": 2.0, "beta": 0.5},
    ),
    "QPseudoSpike": (
        lambda x, alpha=2.0: ((alpha + 1) / (alpha + 1 + 2 * np.abs(x))) ** alpha,
        {"alpha": 3.0},
    ),
    "LeakyRelu": (
        lambda x, alpha=0.1, beta=1.0: np.select([x < 0, x >= 0], [alpha, beta]),
        {"alpha": 0.3, "beta": 2.0},
    ),
    "LogTailedRelu": (
        lambda x, alpha=0.0: np.select([x <= 0, x <= 1, x > 1], [alpha, 1.0, 1 / np.clip(x, 1, None)]),
        {"alpha": 0.2},
    ),
    "ReluGrad": (
        lambda x, alpha=0.3, width=1.0: alpha * np.clip(width - np.abs(x), 0, None),
        {"alpha": 0.5, "width": 2},
    ),
    "GaussianGrad": (lambda x, sigma=0.5, alpha=0.5: alpha * norm.pdf(x, 0, sigma), {"sigma": 2.0, "alpha": 1.0}),
    "MultiGaussianGrad": (
        lambda x, h=0.15, s=6.0, sigma=0.5, scale=0.5: multi_gaussian(x, h, s, sigma, scale),
        {"h": 0.3, "s": 2.0, "sigma": 1.0, "scale": 1.0},
    ),
    "InvSquareGrad": (lambda x, alpha=100.0: (1 + alpha * np.abs(x)) ** -2.0, {"alpha": 1.0}),
    "SlayerGrad": (lambda x, alpha=1.0: 1 / np.exp(np.minimum(alpha * np.abs(x), 700)), {"alpha": 2.0}),
}
CASES = [(name, parameters) for name, (_, other) in FORMULAS.items() for parameters in ({}, other)]
# Every border of every piece (1, 1/alpha, width, w), one float to either side, and where float32 over- and underflows.
BORDERS = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
EDGES = np.array(
    sorted(
        {s * float(np.nextafter(np.float32(b), np.float32(t))) for b in BORDERS[1:] for t in (0, b, 9) for s in (1, -1)}
        | {-0.0, 1e-30, -1e-30, 1e-7, -1e-7, 30.0, -30.0, 100.0, -100.0, 1e10, -1e10}
    ),
    np.float32,
)
GRID = np.concatenate([EDGES, np.linspace(-3, 3, 101, dtype=np.float32), np.linspace(-20, 20, 81, dtype=np.float32)])
HUGE = np.array([-np.inf, -3e38, -1e30, 1e30, 3e38, np.inf], np.float32)


def slopes(spike, x):
    return np.asarray(jax.vjp(spike, jnp.asarray(x))[1](jnp.ones_like(x))[0])


def test_the_list_is_complete():
    theirs = {
        name
        for name, kind in vars(braintools.surrogate).items()
        if inspect.isclass(kind) and issubclass(kind, braintools.surrogate.Surrogate)
    } - {"Surrogate"}
    assert {kind.__name__ for kind in surrogate.SURROGATES} == set(FORMULAS) == theirs
    assert len(FORMULAS) == 18


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_gradient_is_the_formula(name, parameters):
    formula, _ = FORMULAS[name]
    wave = name == "SquarewaveFourierSeries"  # whose phase loses digits with distance
    x = GRID[np.abs(GRID) <= 20] if wave else GRID
    expected = formula(x.astype(np.float64), **parameters)
    got = slopes(getattr(surrogate, name)(**parameters), x)
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=3e-5 if wave else 3e-6)


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_step_gradient_and_nan_are_braintools(name, parameters):
    ours, theirs = (getattr(module, name)(**parameters) for module in (surrogate, braintools.surrogate))
    x = np.concatenate([GRID, HUGE, [np.float32(np.nan)]])
    np.testing.assert_array_equal(ours(x), theirs(jnp.asarray(x)))
    np.testing.assert_allclose(slopes(ours, x), slopes(theirs, x), rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("kind", surrogate.SURROGATES)
def test_defaults_are_those_of_braintools(kind):
    theirs = inspect.signature(getattr(braintools.surrogate, kind.__name__)).parameters
    ours = inspect.signature(kind).parameters
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    assert list(ours) == list(theirs)


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"SquarewaveFourierSeries"}))
def test_far_from_threshold_the_gradient_is_a_number(name):
    got = slopes(getattr(surrogate, name)(), HUGE)
    assert np.isfinite(got).all(), got


@pytest.mark.parametrize("kind", surrogate.SURROGATES)
def test_step_fires_at_equality_and_not_just_below(kind):
    # XLA treats subnormal numbers as zero, so the nearest number below is the smallest normal one.
    below = -np.finfo(np.float32).tiny
    x = np.array([-np.inf, below, -0.0, 0.0, np.inf, np.nan], np.float32)
    assert kind()(x).tolist() == [0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("kind", surrogate.SURROGATES)
def test_dtype_and_shape_are_kept(kind, dtype):
    x = jnp.array([[-0.5, 0.5, 2.0]], dtype)
    spikes, slope = jax.jvp(kind(), (x,), (jnp.ones_like(x),))
    assert spikes.dtype == slope.dtype == kind().gradient(x).dtype == dtype
    assert spikes.shape == slope.shape == kind().gradient(x).shape == x.shape


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


@pytest.mark.parametrize("name", ["Arctan", "arctan", "ARCTAN", "arc_tan"])
def test_a_name_is_found(name):
    assert surrogate.by_name(name, alpha=3.0) == surrogate.Arctan(3.0)
    assert surrogate.by_name("relu_grad") == surrogate.ReluGrad()


@pytest.mark.parametrize("name", ["arctn", "", "Surrogate", None, 3])
def test_another_name_is_refused(name):
    with pytest.raises(ParameterError, match=r"LX106.*known: Arctan, ERF") as caught:
        surrogate.by_name(name)
    assert ("did you mean 'Arctan'" in str(caught.value)) == (name == "arctn")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: surrogate.by_name("arctan", beta=1.0), r"LX006.*Arctan: parameter 'beta'.*known: alpha"),
        (lambda: surrogate.Arctan(float("nan")), r"LX101.*Arctan\.alpha: nan"),
        (lambda: surrogate.LeakyRelu(beta=float("inf")), r"LX101.*LeakyRelu\.beta: inf"),
        (lambda: surrogate.NonzeroSignLog(0.0), r"LX006.*NonzeroSignLog\.alpha: 0\.0; fix: give a number above 0"),
        (lambda: surrogate.GaussianGrad(sigma=-1.0), r"LX006.*GaussianGrad\.sigma"),
        (lambda: surrogate.SquarewaveFourierSeries(n=0), r"LX006.*SquarewaveFourierSeries\.n: 0"),
    ],
)
def test_bad_parameters_are_refused(build, message):
    with pytest.raises(ParameterError, match=message):
        build()


def test_where_a_silent_neuron_learns_nothing():
    """The table of docs/training.md: gradient one, three and ten thresholds below firing."""
    x = np.array([-1.0, -3.0, -10.0], np.float32)
    deaf = {kind.__name__ for kind in surrogate.SURROGATES if (slopes(kind(), x)[1:] == 0).all()}
    assert deaf == {"ReluGrad", "PiecewiseQuadratic", "LogTailedRelu"}
    faint = {kind.__name__ for kind in surrogate.SURROGATES if abs(slopes(kind(), x)[2]) < 1e-15} - deaf
    assert faint == {"ERF", "GaussianGrad", "Sigmoid", "S2NN"}
