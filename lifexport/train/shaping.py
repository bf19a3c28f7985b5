"""Layers that leave numbers as they are, or nearly."""

from __future__ import annotations

import math

import brainunit as u

from .module import Module
from .parameters import concrete, require_quantity, require_shape, require_size, require_unit
from .running import Stateless
from .weights import require_features, require_plain, with_unit


class Flatten(Stateless, Module):
    """All axes of a sample into one, the last running fastest.

    Parameters
    ----------
    in_size : tuple of int
        Shape of a sample, without time and batch.
    name : str, optional
        Name in error messages and exports.

    Raises
    ------
    ShapeError
        LX102: a size not made of positive integers; in ``update`` and ``run`` an input of another shape.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten((2, 3))(np.zeros((7, 2, 3))).shape
    (7, 6)

    In a chain the size may come from the layer before:

    >>> from lifexport.train import Linear, Sequential, SumPool
    >>> Sequential(SumPool((2, 8), 4), Flatten.desc(), Linear(4, 3)).out_size
    (3,)
    """

    def __init__(self, in_size, name: str | None = None):
        super().__init__(name=name)
        self.in_size = require_size(in_size, node=name or type(self).__name__, field="in_size")
        self.out_size = (math.prod(self.in_size),)

    def update(self, x):
        """Input ``(..., *in_size)``, in any unit, to ``(..., size)`` in the same."""
        lead = require_features(x, self.in_size, node=self.name)
        return u.math.reshape(x, (*lead, *self.out_size))


class Identity(Stateless, Module):
    r"""One fixed weight from every input to the output at its place: the plain branch of a skip connection.

    .. math:: y = \text{scale} \cdot x \cdot \text{unit}

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of a sample, without time and batch.
    scale : float
        The weight, counted in ``unit``; it is not trained.
    unit : Unit or None
        Unit of the output; ``u.mA`` fits ``LIF``'s ohm and mV. ``None`` for networks without units, and for spikes
        that go on as spikes.
    name : str, optional
        Name in error messages and exports.

    Raises
    ------
    ShapeError
        LX102: a size not made of positive integers, a ``scale`` that is no scalar; in ``update`` and ``run`` an
        input of another shape.
    ParameterError
        LX006, LX101: ``scale`` is no finite number.
    UnitError
        LX109: ``unit`` is none, or ``scale`` or an input carries one.

    Examples
    --------
    >>> import numpy as np
    >>> Identity(2, scale=5.0)(np.array([1.0, 0.0]))
    Quantity([5. 0.], "mA")
    """

    def __init__(self, in_size, scale: float = 1.0, unit: u.Unit | None = u.mA, name: str | None = None):
        super().__init__(name=name)
        label = name or type(self).__name__
        self.in_size = self.out_size = require_size(in_size, node=label, field="in_size")
        require_quantity(scale, u.UNITLESS, node=label, field="scale")
        require_shape(scale, (), node=label, field="scale")
        number = concrete(scale)
        self.scale = scale if number is None else float(number)
        self.unit = u.UNITLESS if unit is None else require_unit(unit, node=label)

    def update(self, x):
        """Input ``(..., *in_size)``, plain numbers, to the same shape in ``unit``."""
        require_plain(x, node=self.name)
        require_features(x, self.in_size, node=self.name)
        return with_unit(x * self.scale, self.unit)
