"""Surrogates put together from pieces, waves or several bells: some end at a border, some are negative somewhere."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from .base import Surrogate
from .bells import normal


@dataclass(frozen=True)
class ReluGrad(Surrogate):
    r"""Triangle, the default of ``LIF`` as of ``brainpy.state.LIF``.

    .. math:: g(x) = \max(\alpha (w - |x|), 0)

    Parameters
    ----------
    alpha : float
        Slope; the peak is ``alpha * width``.
    width : float
        Half the width of the triangle.

    Notes
    -----
    Outside ``abs(x) < width`` the gradient is exactly zero: neurons that start far below threshold never
    learn. ``Arctan`` and ``Sigmoid`` forgive a careless initial scale.

    Examples
    --------
    >>> spike = ReluGrad()
    >>> spike(jnp.array([-0.5, 0.0, 2.0])).tolist()
    [0.0, 1.0, 1.0]
    >>> print(jax.vmap(jax.grad(spike))(jnp.array([-0.5, 0.0, 2.0])))
    [0.15 0.3  0.  ]
    """

    alpha: float = 0.3
    width: float = 1.0
    positive = ("alpha", "width")

    def gradient(self, x: jax.Array) -> jax.Array:
        """Triangle of height ``alpha * width``."""
        return jnp.maximum(self.alpha * (self.width - jnp.abs(x)), 0)


@dataclass(frozen=True)
class PiecewiseQuadratic(Surrogate):
    r"""Triangle of area 1, the derivative of two parabolas.

    .. math:: g(x) = \max(\alpha - \alpha^2 |x|, 0)

    Parameters
    ----------
    alpha : float
        Peak; the triangle ends at ``abs(x) = 1 / alpha``.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(PiecewiseQuadratic()))(jnp.array([-0.5, 0.0, 2.0])))
    [0.5 1.  0. ]
    """

    alpha: float = 1.0
    positive = ("alpha",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Triangle of height ``alpha``."""
        return jnp.maximum(self.alpha - self.alpha**2 * jnp.abs(x), 0)


@dataclass(frozen=True)
class PiecewiseLeakyRelu(Surrogate):
    r"""Box of area 1 on a floor that never ends.

    .. math:: g(x) = 1 / (2 w) \text{ where } |x| \le w, \quad c \text{ elsewhere}

    Parameters
    ----------
    c : float
        Floor; with 0 a neuron far from threshold learns nothing.
    w : float
        Half the width of the box.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(PiecewiseLeakyRelu()))(jnp.array([0.0, 1.0, 2.0])))
    [0.5  0.5  0.01]
    """

    c: float = 0.01
    w: float = 1.0
    positive = ("w",)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Box of height ``1 / (2 w)``, ``c`` outside."""
        return jnp.where(jnp.abs(x) > self.w, self.c, 1 / (2 * self.w)).astype(x.dtype)


@dataclass(frozen=True)
class LeakyRelu(Surrogate):
    r"""Two levels: one below threshold, one from it on.

    .. math:: g(x) = \alpha \text{ where } x < 0, \quad \beta \text{ elsewhere}

    Parameters
    ----------
    alpha, beta : float
        Gradient below threshold, and at and above it.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(LeakyRelu()))(jnp.array([-9.0, 0.0, 9.0])))
    [0.1 1.  1. ]
    """

    alpha: float = 0.1
    beta: float = 1.0

    def gradient(self, x: jax.Array) -> jax.Array:
        """Step from ``alpha`` to ``beta``."""
        return jnp.where(x < 0, self.alpha, self.beta).astype(x.dtype)


@dataclass(frozen=True)
class LogTailedRelu(Surrogate):
    r"""One inside ``(0, 1]``, a hyperbola above, ``alpha`` at threshold and below.

    .. math:: g(x) = 1 / x \text{ where } x > 1, \quad 1 \text{ where } 0 < x \le 1, \quad \alpha \text{ elsewhere}

    Parameters
    ----------
    alpha : float
        Gradient of every neuron that has not crossed threshold; with 0, the default, a silent one never learns.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(LogTailedRelu()))(jnp.array([-0.1, 0.0, 0.5, 4.0])))
    [0.   0.   1.   0.25]
    """

    alpha: float = 0.0

    def gradient(self, x: jax.Array) -> jax.Array:
        """Plateau with a tail on the side of firing."""
        above = 1 / jnp.maximum(x, 1)
        return jnp.where(x > 0, above, self.alpha).astype(x.dtype)


@dataclass(frozen=True)
class S2NN(Surrogate):
    r"""Logistic bell below threshold, hyperbola above (single-spike networks, Suetake et al., 2022).

    .. math:: g(x) = \alpha\, \sigma(\alpha x) (1 - \sigma(\alpha x)) \text{ where } x < 0, \quad
       \frac{\beta}{x + 1} \text{ elsewhere}

    Parameters
    ----------
    alpha : float
        Sharpness below threshold.
    beta : float
        Gradient at threshold.
    epsilon : float
        Accepted as in braintools, where it keeps the logarithm of the smooth function finite; the gradient has none.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(S2NN()))(jnp.array([0.0, 1.0, 3.0])))
    [1.   0.5  0.25]
    """

    alpha: float = 4.0
    beta: float = 1.0
    epsilon: float = 1e-8
    positive = ("alpha", "beta")

    def gradient(self, x: jax.Array) -> jax.Array:
        """Bell on the left of threshold, hyperbola on the right."""
        sigma = jax.nn.sigmoid(self.alpha * x)
        above = self.beta / (jnp.maximum(x, 0) + 1)
        return jnp.where(x < 0, self.alpha * sigma * (1 - sigma), above)


@dataclass(frozen=True)
class MultiGaussianGrad(Surrogate):
    r"""A high bell minus two low and wide ones, slightly negative in between (Yin, Corradi and Bohte, 2021).

    .. math:: g(x) = \gamma\, [(1 + h) N(x; 0, \sigma) - h N(x; \sigma, s \sigma) - h N(x; -\sigma, s \sigma)]

    Parameters
    ----------
    h : float
        Share of the wide bells.
    s : float
        How many times wider they are.
    sigma : float
        Standard deviation of the high bell.
    scale : float
        Factor :math:`\gamma` of the whole.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(MultiGaussianGrad()))(jnp.array([0.0, 2.0])).round(4))
    [ 0.4391 -0.0157]
    """

    h: float = 0.15
    s: float = 6.0
    sigma: float = 0.5
    scale: float = 0.5
    positive = ("s", "sigma")

    def gradient(self, x: jax.Array) -> jax.Array:
        """Bell with negative flanks."""
        wide = normal(x - self.sigma, self.s * self.sigma) + normal(x + self.sigma, self.s * self.sigma)
        return self.scale * (normal(x, self.sigma) * (1 + self.h) - self.h * wide)


@dataclass(frozen=True)
class SquarewaveFourierSeries(Surrogate):
    r"""Derivative of the first terms of a square wave's Fourier series: periodic, and negative every other half.

    .. math:: g(x) = \frac{4}{T} \sum_{i=1}^{n} \cos\left((2 i - 1) \frac{2 \pi x}{T}\right)

    Parameters
    ----------
    n : int
        Number of terms.
    t_period : float
        Period :math:`T` of the wave.

    Examples
    --------
    >>> print(jax.vmap(jax.grad(SquarewaveFourierSeries()))(jnp.array([0.0, 4.0])).round(4))
    [ 1. -1.]
    """

    n: int = 2
    t_period: float = 8.0
    positive = ("n", "t_period")

    def gradient(self, x: jax.Array) -> jax.Array:
        """Sum of ``n`` odd cosines."""
        turn = 2 * jnp.pi / self.t_period  # times the odd number first: braintools' order, to the last bit
        return (
            4 / self.t_period * sum((jnp.cos((2 * i - 1) * turn * x) for i in range(1, self.n + 1)), jnp.zeros_like(x))
        )
