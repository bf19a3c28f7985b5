"""Dense layers."""

from __future__ import annotations

import brainstate
import brainunit as u

from ..findings import error
from .parameters import require_size, require_unit, size_of
from .running import Stateless
from .weights import initial, require_plain, with_unit


class Linear(Stateless, brainstate.nn.Linear):
    r"""Dense layer that turns spikes into the current of the next population.

    .. math:: y = (x W + b) \cdot \text{unit}

    Parameters
    ----------
    in_size, out_size : int or tuple of int
        Number of inputs and outputs; of a tuple, the last axis is transformed and the others must agree.
    w_init : callable or array, shape ``(in, out)``
        Initial weights, plain numbers counted in ``unit`` (a quantity is converted). By default normal with
        standard deviation ``5 * sqrt(2 / in)``, five times Kaiming's, which is meant for inputs around 1: for
        spike rates around 0.1..0.3 the currents then reach the 1 mA that a default ``LIF`` needs to fire.
    b_init : callable or array, shape ``(out,)``, optional
        Initial bias; by default there is none. A bias is a current at every step, which costs chips an adder.
    unit : Unit or None
        Unit of the output; ``u.mA`` fits ``LIF``'s ohm and mV. ``None`` for networks without units.
    name : str, optional
        Name in error messages and exports.

    Attributes
    ----------
    weight : ParamState
        ``{"weight": (in, out)}`` and, with a bias, ``"bias": (out,)``: plain float arrays, so that optimizers
        need to know nothing of units.

    Raises
    ------
    ShapeError
        LX102: weights or bias of another shape, sizes not made of positive integers; in ``update`` an input of
        another width.
    ParameterError
        LX101: NaN or infinity among them.
    UnitError
        LX109: they carry a unit that cannot be converted to ``unit``, ``unit`` is none, or the input of ``update``
        carries one.

    Notes
    -----
    Random weights come from ``brainstate.random``; ``brainstate.random.seed(0)`` makes them reproducible.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Linear(2, 3, w_init=np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]))
    >>> layer(np.array([1.0, 1.0]))
    Quantity([11. 22. 33.], "mA")
    >>> Linear(2, 3, w_init=np.ones((3, 2)))
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 shapes do not fit: Linear.weight: shape (3, 2); fix: ...
    """

    def __init__(
        self,
        in_size,
        out_size,
        w_init=brainstate.nn.init.KaimingNormal(scale=50.0),  # noqa: B008  the variance: 25 times Kaiming's 2
        b_init=None,
        unit: u.Unit | None = u.mA,
        name: str | None = None,
    ):
        label = name or type(self).__name__
        inputs = require_size(in_size, node=label, field="in_size")
        outputs = require_size(out_size, node=label, field="out_size")
        if inputs[:-1] != outputs[:-1]:
            found, fix = f"{inputs} to {outputs}", "only the last axis may differ"
            raise error("LX102", node=label, field="out_size", found=found, fix=fix)
        self.unit = u.UNITLESS if unit is None else require_unit(unit, node=label)
        bias = None if b_init is None else initial(b_init, (outputs[-1],), self.unit, node=label, field="bias")
        super().__init__(
            inputs,
            outputs,
            w_init=initial(w_init, (inputs[-1], outputs[-1]), self.unit, node=label, field="weight"),
            b_init=bias,
            name=name,
        )

    def update(self, x):
        """Weighted sums of ``x``, shape ``(..., in)``, as a quantity of shape ``(..., out)`` in ``unit``."""
        require_plain(x, node=self.name)
        shape, (*_, width) = u.math.shape(x), size_of(self.in_size)
        if shape[-1:] != (width,):
            fix = f"give an array whose last axis is {width} wide"
            raise error("LX102", node=self.name, field="x", found=f"shape {shape}", fix=fix)
        # One product of matrices: of more axes, the gradient would transpose the whole sequence first.
        y = super().update(u.math.reshape(x, (-1, width)) if len(shape) > 2 else x)
        return with_unit(u.math.reshape(y, (*shape[:-1], -1)) if len(shape) > 2 else y, self.unit)
