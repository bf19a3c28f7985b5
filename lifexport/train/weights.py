"""What layers with weights share: how weights begin, and what such a layer takes."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from ..findings import error
from .parameters import concrete, require, unit_name


def initial(init, shape: tuple[int, ...], unit: u.Unit, *, node: str, field: str) -> Any:
    """Weights as a plain float array counted in ``unit``.

    Parameters
    ----------
    init : callable or array
        A callable is asked for ``init(shape)``; a quantity is converted to ``unit``.
    shape : tuple of int
        What they must have.
    unit : Unit
        What 1 stands for.
    node, field : str
        For error messages.

    Raises
    ------
    LifexportError
        LX102 for another shape, LX109 for a unit that does not convert, LX101 for NaN or infinity.

    Examples
    --------
    >>> initial(np.ones(2) * u.amp, (2,), u.mA, node="fc", field="bias").tolist()
    [1000.0, 1000.0]
    """
    value = init(shape) if callable(init) else init
    if u.math.shape(value) != shape:
        found = f"shape {u.math.shape(value)}"
        raise error("LX102", node=node, field=field, found=found, fix=f"give an array of shape {shape}")
    if isinstance(value, u.Quantity):
        if u.get_dim(value) != u.get_dim(unit):
            fix = f"give plain numbers, or a quantity that converts to the layer's unit ({unit})"
            raise error("LX109", node=node, field=field, found=f"unit {u.get_unit(value)}", fix=fix)
        value = value.to_decimal(unit)
    number = concrete(value)
    if number is not None:
        require(np.isfinite(number), "LX101", value, node=node, field=field, fix="give finite numbers")
    return jnp.asarray(value, dtype=brainstate.environ.dftype())


def require_plain(x, *, node: str | None) -> None:
    """Refuse (LX109) an input with a unit."""
    if u.get_dim(x) != u.DIMENSIONLESS:
        fix = "give plain numbers (spikes, pixels); the layer's unit says what a weight of 1 stands for"
        raise error("LX109", node=node, field="x", found=unit_name(x), fix=fix)


def require_features(x, size: tuple[int, ...], *, node: str | None) -> tuple[int, ...]:
    """Refuse (LX102) an input whose last axes are not ``size``; return the axes before them.

    Examples
    --------
    >>> require_features(np.ones((7, 5, 2, 3)), (2, 3), node="pool")
    (7, 5)
    """
    shape = u.math.shape(x)
    if shape[-len(size) :] != size:
        fix = f"give an array whose last axes are {size}"
        raise error("LX102", node=node, field="x", found=f"shape {shape}", fix=fix)
    return shape[: -len(size)]


def with_unit(y, unit: u.Unit):
    """Plain numbers as a quantity, or as they are where the unit is none."""
    return y if unit.is_unitless else y * unit
