"""What a parameter of a trainable neuron may be: its unit, its shape, its range.

Only concrete numbers are judged. Inside ``jax.jit`` a parameter may be a tracer: it has a shape and a unit,
but no value yet.
"""

from __future__ import annotations

import numbers
from typing import Any

import brainunit as u
import jax
import numpy as np
from jax.core import Tracer

from ..findings import error


def parameter(value, size: tuple[int, ...], unit: u.Unit, *, node: str, field: str) -> Any:
    """Parameter for a population of shape ``size``: the value itself, once checked.

    Parameters
    ----------
    value : number, array, quantity, or callable
        A scalar stays a scalar; an array must broadcast to ``size``; a callable is asked for ``value(size)``.
    size : tuple of int
        Shape of the population.
    unit : Unit
        Any unit of this dimension is welcome, and so is a plain number, as in networks without units.
    node, field : str
        For error messages.

    Returns
    -------
    number, array or quantity
        Not copied, converted or broadcast.

    Raises
    ------
    ParameterError
        LX006 if it is none of these, LX101 if it holds NaN or infinity.
    UnitError
        LX109 if its unit measures something else.
    ShapeError
        LX102 if it does not broadcast to ``size``.

    Examples
    --------
    >>> parameter(5.0 * u.ms, (3,), u.ms, node="hidden", field="tau")
    Quantity(5., "ms")
    >>> parameter(5.0 * u.mV, (3,), u.ms, node="hidden", field="tau")
    Traceback (most recent call last):
    lifexport.errors.UnitError: LX109 unit missing or wrong: hidden.tau: 5.0 mV; fix: give it in ms, or ...
    """
    # Module-like holders (brainstate.nn.Param) are callable too, but calling one with a size means nothing.
    if callable(value) and not hasattr(value, "value"):
        value = value(size)
    if not isinstance(value, (numbers.Number, np.ndarray, jax.Array, u.Quantity)):
        found, fix = type(value).__name__, "give a number, an array, a quantity or a callable"
        raise error("LX006", node=node, field=field, found=found, fix=fix)
    dimension = u.get_dim(value)
    if dimension not in (u.DIMENSIONLESS, u.get_dim(unit)):
        fix = f"give it in {unit}, or without any unit"
        raise error("LX109", node=node, field=field, found=_text(value), fix=fix)
    require_shape(value, size, node=node, field=field)
    number = concrete(value)
    if number is not None:
        require(np.isfinite(number), "LX101", value, node=node, field=field, fix="give finite numbers")
    return value


def require_shape(value, size: tuple[int, ...], *, node: str | None, field: str) -> None:
    """Refuse (LX102) what does not broadcast to ``size``."""
    shape = u.math.shape(value)
    try:
        fits = np.broadcast_shapes(shape, size) == size
    except ValueError:
        fits = False
    if not fits:
        fix = f"give a scalar or an array of shape {size}"
        raise error("LX102", node=node, field=field, found=f"shape {shape}", fix=fix)


def require(good, code: str, value, *, node: str, field: str, fix: str) -> None:
    """Raise ``code`` for the first element of ``value`` that is not ``good``."""
    good = np.asarray(good)
    if good.all():
        return
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    first = np.broadcast_to(np.asarray(u.get_mantissa(value)), good.shape)[index]
    count = f" ({int((~good).sum())} of {good.size})" if good.size > 1 else ""
    raise error(code, node=node, field=field, index=index or None, found=_text(first, value) + count, fix=fix)


def concrete(value) -> np.ndarray | None:
    """Value as float64 in SI units, or ``None`` for a tracer.

    NumPy throughout, for a ``jax.numpy`` operation inside ``jax.jit`` makes a tracer even of constants.
    """
    mantissa = u.get_mantissa(value)
    if isinstance(mantissa, Tracer):
        return None
    return np.asarray(mantissa, np.float64) * float(u.get_unit(value).magnitude)


def _text(number, like=None) -> str:
    unit = u.get_unit(number if like is None else like)
    return f"{u.get_mantissa(number)}" + ("" if unit.is_unitless else f" {unit}")
