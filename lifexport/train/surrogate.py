r"""Spike functions: a hard step forward, a smooth stand-in for its gradient backward.

Every function here answers :math:`s = [x \ge 0]`, so a membrane exactly at threshold fires; they differ in
the :math:`g(x)` that replaces the derivative, which is zero or undefined for a real step. ``LIF`` passes
:math:`x = (V - V_{th}) / (V_{th} - V_{reset})`. Names, defaults and formulas are those of
``braintools.surrogate``; its objects, like any other callable, work in their place.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _step(surrogate: Surrogate, x: jax.Array) -> jax.Array:
    return (x >= 0).astype(x.dtype)


@_step.defjvp
def _step_jvp(surrogate: Surrogate, primals, tangents):
    (x,), (x_tangent,) = primals, tangents
    return _step(surrogate, x), surrogate.gradient(x) * x_tangent


@dataclass(frozen=True)
class Surrogate(abc.ABC):
    """A step whose derivative is ``gradient``; to add one, write a frozen dataclass with that method.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Box(Surrogate):
    ...     def gradient(self, x):
    ...         return jnp.where(jnp.abs(x) < 0.5, 1.0, 0.0)
    >>> float(Box()(jnp.array(-0.2))), float(jax.grad(Box())(-0.2))
    (0.0, 1.0)
    """

    def __call__(self, x) -> jax.Array:
        """Spikes of ``x``.

        Parameters
        ----------
        x : float array, any shape, no unit
            Distance from threshold. Integers and Python numbers become the default float type.

        Returns
        -------
        array, shape and dtype of ``x``
            1 where ``x >= 0``, else 0 (also for NaN).
        """
        x = jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            x = x.astype(jnp.result_type(float))
        return _step(self, x)

    @abc.abstractmethod
    def gradient(self, x: jax.Array) -> jax.Array:
        """Stand-in for the derivative of the step at ``x``; same shape and dtype."""


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

    def gradient(self, x: jax.Array) -> jax.Array:
        """Triangle of height ``alpha * width``."""
        return jnp.maximum(self.alpha * (self.width - jnp.abs(x)), 0)


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

    def gradient(self, x: jax.Array) -> jax.Array:
        """Cauchy curve of height ``alpha / 2``."""
        return self.alpha / 2 / (1 + (jnp.pi / 2 * self.alpha * x) ** 2)


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

    def gradient(self, x: jax.Array) -> jax.Array:
        """Bell of height ``alpha / 4``."""
        sigma = jax.nn.sigmoid(self.alpha * x)
        return self.alpha * sigma * (1 - sigma)
