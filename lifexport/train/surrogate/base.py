"""What every surrogate is: a hard step forward, a stand-in for its derivative backward."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ...findings import error


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

    Attributes
    ----------
    positive : tuple of str
        Parameters that must be above zero; a class attribute.

    Raises
    ------
    ParameterError
        LX101: a parameter is NaN or infinite; LX006: one of ``positive`` is not above zero.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Box(Surrogate):
    ...     def gradient(self, x):
    ...         return jnp.where(jnp.abs(x) < 0.5, 1.0, 0.0)
    >>> float(Box()(jnp.array(-0.2))), float(jax.grad(Box())(-0.2))
    (0.0, 1.0)
    """

    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            where: dict[str, Any] = {"node": type(self).__name__, "field": field.name, "found": f"{value}"}
            if isinstance(value, float) and not math.isfinite(value):
                raise error("LX101", fix="give a finite number", **where)
            if field.name in self.positive and not value > 0:
                raise error("LX006", fix="give a number above 0", **where)

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
