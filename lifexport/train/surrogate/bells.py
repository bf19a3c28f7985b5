"""Surrogates that are highest at threshold and fall off smoothly, without ever being cut to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from .base import Surrogate


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    r"""Derivative of a logistic function, :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    .. math:: g(x) = \alpha\, \sigma(\alpha x) (1 - \sigma(\alpha x))

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is ``alpha / 4``.

    Examples
    --------
    >>> float(jax.grad(Sigmoid())(0.0))
    1.0
    """

    alpha: float = 4.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Bell of height ``alpha / 4``."""
        sigma = jax.nn.sigmoid(self.alpha * x)
        return self.alpha * sigma * (1 - sigma)


@dataclass(frozen=True)
class Arctan(Surrogate):
    r"""Derivative of an arc tangent: heavy tails, so a silent neuron still hears.

    .. math:: g(x) = \frac{\alpha / 2}{1 + (\pi \alpha x / 2)^2}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is ``alpha / 2``.

    Examples
    --------
    >>> float(jax.grad(Arctan(alpha=2.0))(0.0))
    1.0
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Cauchy curve of height ``alpha / 2``."""
        return self.alpha / 2 / (1 + (jnp.pi / 2 * self.alpha * x) ** 2)


@dataclass(frozen=True)
class SoftSign(Surrogate):
    r"""Derivative of the soft sign function.

    .. math:: g(x) = \frac{\alpha / 2}{(1 + |\alpha x|)^2}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is ``alpha / 2``.

    Examples
    --------
    >>> float(jax.grad(SoftSign())(-1.0))
    0.125
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Peak of height ``alpha / 2`` with quadratic tails."""
        return self.alpha / 2 / (1 + jnp.abs(self.alpha * x)) ** 2


@dataclass(frozen=True)
class InvSquareGrad(Surrogate):
    r"""Inverse square, as in SuperSpike (Zenke and Ganguli, 2018).

    .. math:: g(x) = \frac{1}{(\alpha |x| + 1)^2}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is 1.

    Examples
    --------
    >>> float(jax.grad(InvSquareGrad(alpha=1.0))(1.0))
    0.25
    """

    alpha: float = 100.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Peak of height 1 with quadratic tails."""
        return 1 / (self.alpha * jnp.abs(x) + 1) ** 2


@dataclass(frozen=True)
class NonzeroSignLog(Surrogate):
    r"""Derivative of a logarithm that keeps the sign of its argument; the slowest tails of all.

    .. math:: g(x) = \frac{1}{1 / \alpha + |x|}

    Parameters
    ----------
    alpha : float
        Sharpness, and the peak.

    Examples
    --------
    >>> float(jax.grad(NonzeroSignLog())(1.0))
    0.5
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Hyperbola of height ``alpha``."""
        return 1 / (1 / self.alpha + jnp.abs(x))


@dataclass(frozen=True)
class QPseudoSpike(Surrogate):
    r"""Power law of a chosen exponent (Herranz-Celotti and Rouat, 2022).

    .. math:: g(x) = \left(1 + \frac{2 |x|}{\alpha + 1}\right)^{-\alpha}

    Parameters
    ----------
    alpha : float
        Exponent: the larger, the lighter the tails; the peak is 1.

    Examples
    --------
    >>> float(jax.grad(QPseudoSpike())(1.5))
    0.25
    """

    alpha: float = 2.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Peak of height 1 whose tails fall as ``abs(x) ** -alpha``."""
        return (1 + 2 / (self.alpha + 1) * jnp.abs(x)) ** -self.alpha


@dataclass(frozen=True)
class PiecewiseExp(Surrogate):
    r"""Laplace density.

    .. math:: g(x) = \frac{\alpha}{2} e^{-\alpha |x|}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is ``alpha / 2``.

    Examples
    --------
    >>> float(jax.grad(PiecewiseExp())(0.0))
    0.5
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Two-sided exponential of height ``alpha / 2``."""
        return self.alpha / 2 * jnp.exp(-self.alpha * jnp.abs(x))


@dataclass(frozen=True)
class SlayerGrad(Surrogate):
    r"""Exponential of SLAYER (Shrestha and Orchard, 2018).

    .. math:: g(x) = e^{-\alpha |x|}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is 1.

    Examples
    --------
    >>> round(float(jax.grad(SlayerGrad())(-1.0)), 4)
    0.3679
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Two-sided exponential of height 1."""
        return jnp.exp(-self.alpha * jnp.abs(x))


@dataclass(frozen=True)
class ERF(Surrogate):
    r"""Derivative of the error function.

    .. math:: g(x) = \frac{\alpha}{\sqrt\pi} e^{-\alpha^2 x^2}

    Parameters
    ----------
    alpha : float
        Sharpness; the peak is ``alpha / sqrt(pi)``.

    Examples
    --------
    >>> round(float(jax.grad(ERF())(0.0)), 4)
    0.5642
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Normal bell of height ``alpha / sqrt(pi)``."""
        return self.alpha / math.sqrt(math.pi) * jnp.exp(-(self.alpha**2) * x * x)


@dataclass(frozen=True)
class GaussianGrad(Surrogate):
    r"""Normal density :math:`N(x; \mu, \sigma)` around threshold, scaled.

    .. math:: g(x) = \alpha\, N(x; 0, \sigma)

    Parameters
    ----------
    sigma : float
        Standard deviation.
    alpha : float
        Area under the curve.

    Examples
    --------
    >>> round(float(jax.grad(GaussianGrad())(0.0)), 4)
    0.3989
    """

    sigma: float = 0.5
    alpha: float = 0.5
    positive = ("sigma", "alpha")

    def gradient(self, x: jax.Array) -> jax.Array:
        """Normal bell of area ``alpha``."""
        return self.alpha * normal(x, self.sigma)


def normal(x: jax.Array, sigma: float) -> jax.Array:
    """Normal density of standard deviation ``sigma`` around zero."""
    return jnp.exp(-(x**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
