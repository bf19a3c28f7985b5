"""Convolutions, channels first."""

from __future__ import annotations

from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from ..findings import at_node, error
from ..windows import Windows
from .module import Module
from .parameters import require_size, require_unit
from .running import Stateless
from .weights import initial, require_features, require_plain, with_unit


class Convolution(Stateless, Module):
    """What ``Conv1d`` and ``Conv2d`` share; see there."""

    space: ClassVar[str]
    """A letter for each axis of space."""

    def __init__(
        self,
        in_size,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        w_init=brainstate.nn.init.KaimingNormal(scale=50.0, in_axis=1, out_axis=0),  # noqa: B008
        b_init=None,
        unit: u.Unit | None = u.mA,
        name: str | None = None,
    ):
        super().__init__(name=name)
        label = name or type(self).__name__
        self.in_size = require_size(in_size, node=label, field="in_size")
        if len(self.in_size) != 1 + len(self.space):
            fix = f"give (channels, {', '.join('length' for _ in self.space)}), channels first"
            raise error("LX102", node=label, field="in_size", found=f"{self.in_size}", fix=fix)
        (self.out_channels,) = require_size((out_channels,), node=label, field="out_channels")
        (self.groups,) = require_size((groups,), node=label, field="groups")
        if self.in_size[0] % self.groups or self.out_channels % self.groups:
            found = f"{self.groups} for {self.in_size[0]} to {self.out_channels} channels"
            raise error("LX102", node=label, field="groups", found=found, fix="use a divisor of both")
        moves = {"stride": stride, "dilation": dilation, "padding": padding}
        with at_node(label):
            windows: Any = Windows(size=self.in_size[1:], kernel=kernel_size, **moves)
        self.kernel_size, self.stride, self.dilation = windows.kernel, windows.stride, windows.dilation
        self.padding = windows.padding
        self.out_size = (self.out_channels, *windows.positions)
        self.unit = u.UNITLESS if unit is None else require_unit(unit, node=label)
        shape = (self.out_channels, self.in_size[0] // self.groups, *self.kernel_size)
        value = {"weight": initial(w_init, shape, self.unit, node=label, field="weight")}
        if b_init is not None:
            value["bias"] = initial(b_init, shape[:1], self.unit, node=label, field="bias")
        self.weight = brainstate.ParamState(value)

    def update(self, x):
        """Input ``(..., *in_size)``, plain numbers, to a quantity ``(..., *out_size)`` in ``unit``."""
        require_plain(x, node=self.name)
        lead = require_features(x, self.in_size, node=self.name)
        weight = self.weight.value["weight"]
        x = jnp.asarray(u.maybe_decimal(x))
        dtype = jnp.result_type(x, weight) if jnp.issubdtype(x.dtype, jnp.floating) else weight.dtype
        y = jax.lax.conv_general_dilated(
            x.reshape(-1, *self.in_size).astype(dtype),
            weight.astype(dtype),
            self.stride,
            self.padding,
            rhs_dilation=self.dilation,
            feature_group_count=self.groups,
            dimension_numbers=(f"NC{self.space}", f"OI{self.space}", f"NC{self.space}"),
        )
        if "bias" in self.weight.value:
            y = y + self.weight.value["bias"].reshape(-1, *(1,) * len(self.space))
        return with_unit(y.reshape(*lead, *self.out_size), self.unit)


class Conv1d(Convolution):
    r"""Convolution over one axis of space, channels first; spikes in, currents out.

    .. math:: y_{o,p} = \Big(b_o + \sum_{c,k} w_{o,c,k}\, x_{c,\;p \cdot stride + k \cdot dilation - padding}\Big)
       \cdot \text{unit}

    Parameters
    ----------
    in_size : (int, int)
        Channels and length of the input, ``(channels, length)``.
    out_channels : int
        Channels of the output.
    kernel_size, stride, dilation : int or tuple of int
        Extent of the kernel, steps between its positions and between its points.
    padding : int, tuple of int, tuple of pairs, ``"same"`` or ``"valid"``
        Zeros on both sides of each axis, or before and after it, ``((1, 2),)``; ``"same"`` keeps the size (stride 1
        alone, the odd one after), ``"valid"`` is 0.
    groups : int
        Groups of channels that do not see each other.
    w_init : callable or array, shape ``(out, in / groups, *kernel)``
        Initial weights, plain numbers counted in ``unit`` (a quantity is converted). By default normal with
        standard deviation ``5 * sqrt(2 / n)`` for ``n`` inputs of an output, as in ``Linear``.
    b_init : callable or array, shape ``(out,)``, optional
        Initial bias; by default there is none.
    unit : Unit or None
        Unit of the output; ``u.mA`` fits ``LIF``'s ohm and mV. ``None`` for networks without units.
    name : str, optional
        Name in error messages and exports.

    Attributes
    ----------
    weight : ParamState
        ``{"weight": (out, in / groups, *kernel)}`` and, with a bias, ``"bias": (out,)``: plain float arrays.
    in_size, out_size : tuple of int
        ``(channels, *space)``.

    Raises
    ------
    ShapeError
        LX102: sizes that are no positive integers, a kernel larger than the padded input, ``"same"`` with a stride,
        groups that do not divide the channels, weights of another shape; in ``update`` and ``run`` an input of
        another.
    ParameterError
        LX101: NaN or infinity among the weights.
    UnitError
        LX109: weights whose unit does not convert to ``unit``, or an input with a unit.

    Notes
    -----
    The kernel is not flipped, as everywhere in the field. brainstate's convolutions are channels last.

    Examples
    --------
    >>> conv = Conv1d((1, 4), 1, 2, w_init=jnp.array([[[1.0, -1.0]]]))
    >>> conv(jnp.array([[1.0, 3.0, 6.0, 6.0]]))
    Quantity([[-2. -3.  0.]], "mA")
    >>> Conv1d((1, 4), 1, 5)
    Traceback (most recent call last):
    lifexport.errors.ShapeError: LX102 shapes do not fit: Conv1d.kernel: (5,) over (4,); fix: ...
    """

    space = "W"


class Conv2d(Convolution):
    """Convolution over two axes of space, channels first; spikes in, currents out.

    Parameters, attributes and errors are those of ``Conv1d``, with two axes of space: ``in_size`` is ``(channels,
    height, width)``, and a number stands for both axes.

    Examples
    --------
    >>> conv = Conv2d((2, 28, 28), 8, 3, stride=2, padding=1)
    >>> conv.out_size, conv.weight.value["weight"].shape
    ((8, 14, 14), (8, 2, 3, 3))
    >>> conv(jnp.zeros((5, 2, 28, 28))).shape
    (5, 8, 14, 14)
    """

    space = "HW"
