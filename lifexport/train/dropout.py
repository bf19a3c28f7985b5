"""Dropout, in whatever unit arrives."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax.numpy as jnp

from ..findings import error
from .parameters import is_number
from .phase import fitting
from .running import Stateless


class Dropout(Stateless, brainstate.nn.ElementWiseBlock):
    """Numbers are kept with probability ``prob`` in training, and then divided by it; else nothing happens.

    Parameters
    ----------
    prob : float
        Probability to *keep* a number, as in brainstate (others name the probability to drop it); above 0, at most 1.
    name : str, optional
        Name in error messages.

    Raises
    ------
    ParameterError
        LX006: ``prob`` is not such a number; in ``update`` and ``run``: ``brainstate.environ`` has no ``fit``.

    Notes
    -----
    Every number of every sample and step is drawn for itself, from ``brainstate.random``. brainstate's own layer of
    this name does the same; version 0.5 of it cannot drop quantities.

    Examples
    --------
    >>> brainstate.random.seed(0)
    >>> with brainstate.environ.context(fit=True):
    ...     sorted(set(Dropout(0.5)(jnp.ones(20)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, prob: float = 0.5, name: str | None = None):
        super().__init__(name=name)  # type: ignore[call-arg]
        scalar = is_number(prob) and u.math.shape(prob) == () and u.get_dim(prob) == u.DIMENSIONLESS
        if not scalar or not 0 < prob <= 1:
            fix = "give the probability to keep, above 0 and at most 1"
            raise error("LX006", node=name or type(self).__name__, field="prob", found=f"{prob!r}", fix=fix)
        self.prob = float(prob)

    def update(self, x):
        """Input of any shape and unit to the same."""
        if not fitting(node=self.name) or self.prob == 1:
            return x
        kept = brainstate.random.bernoulli(self.prob, u.math.shape(x))
        return x * jnp.where(kept, 1 / self.prob, 0.0).astype(u.math.get_dtype(x))
