"""Dense layers and the chain of layers."""

from __future__ import annotations

from collections.abc import Iterable

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from ..findings import at_node, error
from .parameters import concrete, require, require_size, require_unit, unit_name


class Linear(brainstate.nn.Linear):
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
        super().__init__(
            inputs,
            outputs,
            w_init=self._plain(w_init, (inputs[-1], outputs[-1]), label, "weight"),
            b_init=None if b_init is None else self._plain(b_init, (outputs[-1],), label, "bias"),
            name=name,
        )

    def _plain(self, init, shape: tuple[int, ...], label: str, field: str):
        value = init(shape) if callable(init) else init
        if u.math.shape(value) != shape:
            found = f"shape {u.math.shape(value)}"
            raise error("LX102", node=label, field=field, found=found, fix=f"give an array of shape {shape}")
        if isinstance(value, u.Quantity):
            if u.get_dim(value) != u.get_dim(self.unit):
                fix = f"give plain numbers, or a quantity that converts to the layer's unit ({self.unit})"
                raise error("LX109", node=label, field=field, found=f"unit {u.get_unit(value)}", fix=fix)
            value = value.to_decimal(self.unit)
        number = concrete(value)
        if number is not None:
            require(np.isfinite(number), "LX101", value, node=label, field=field, fix="give finite numbers")
        return jnp.asarray(value, dtype=brainstate.environ.dftype())

    def update(self, x):
        """Weighted sums of ``x``, shape ``(..., in)``, as a quantity of shape ``(..., out)`` in ``unit``."""
        if u.get_dim(x) != u.DIMENSIONLESS:
            fix = "give plain numbers (spikes, pixels); the layer's unit says what a weight of 1 stands for"
            raise error("LX109", node=self.name, field="x", found=unit_name(x), fix=fix)
        shape, (*_, width) = u.math.shape(x), _size(self.in_size)
        if shape[-1:] != (width,):
            fix = f"give an array whose last axis is {width} wide"
            raise error("LX102", node=self.name, field="x", found=f"shape {shape}", fix=fix)
        y = super().update(x)
        return y if self.unit.is_unitless else y * self.unit


class Sequential(brainstate.nn.Sequential):
    """Layers one after the other; refuses, when built, sizes that do not chain.

    Parameters
    ----------
    first, *layers : modules
        Each takes what the one before gives. Plain functions and descriptions (``LIF.desc(...)``) work as in
        ``brainstate.nn.Sequential``.

    Attributes
    ----------
    layers : list
        The layers, in order.
    in_size, out_size : tuple of int
        Of the first and of the last layer.

    Raises
    ------
    ShapeError
        LX102, naming both layers.

    Examples
    --------
    >>> from lifexport.train import LIF
    >>> net = Sequential(Linear(4, 3), LIF(3))
    >>> _ = brainstate.nn.init_all_states(net, batch_size=2)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     net(np.zeros((2, 4))).shape
    (2, 3)
    >>> Sequential(Linear(4, 3), LIF(5))
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 ...: layers[1] LIF takes (5,), layers[0] Linear gives (3,); fix: ...
    """

    def __init__(self, first, *layers):
        super().__init__(first, *layers)
        _require_chain(self.layers)

    def append(self, layer) -> None:
        """Add a layer at the end; on an error the network is as it was."""
        _require_chain([*self.layers, layer])
        super().append(layer)

    def extend(self, modules: Iterable) -> None:
        """Add layers at the end; on an error the network is as it was."""
        modules = list(modules)
        _require_chain([*self.layers, *modules])
        super().extend(modules)

    def insert(self, index: int, module) -> None:
        """Add a layer before ``index`` as brainstate counts (-1 appends); on an error nothing changes."""
        at = index if index >= 0 else max(0, len(self.layers) + index + 1)
        _require_chain([*self.layers[:at], module, *self.layers[at:]])
        super().insert(index, module)

    def update(self, x):
        """Output of the last layer; an error names the layer it comes from."""
        # Not the inherited loop: it wraps every error in one of its own, and typed errors would be lost.
        for i, layer in enumerate(self.layers):
            with at_node(f"layers[{i}]"):
                x = layer(x)
        return x


def _size(size) -> tuple[int, ...]:
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)


def _require_chain(layers: list) -> None:
    giver, size = "", None
    for i, layer in enumerate(layers):
        label = f"layers[{i}] {getattr(layer, 'name', None) or type(layer).__name__}"
        takes = getattr(layer, "in_size", None)
        if size is not None and takes is not None and _size(takes) != _size(size):
            fix = "make the sizes equal, or flatten in between"
            raise error("LX102", found=f"{label} takes {_size(takes)}, {giver} gives {_size(size)}", fix=fix)
        # Functions and elementwise blocks keep the size; a module that states no output leaves it unknown.
        if isinstance(layer, brainstate.nn.Module) and not isinstance(layer, brainstate.nn.ElementWiseBlock):
            giver, size = label, layer.out_size
        elif isinstance(layer, brainstate.mixin.ParamDescriber):
            size = None
