"""What a parameter of a trainable layer may be: its unit, its shape, its range.

Only concrete numbers are judged. Inside ``jax.jit`` a parameter may be a tracer: it has a shape and a unit,
but no value yet.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Mapping
from typing import Any

import brainstate
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
    # brainstate.nn.Param is callable too, but calling one with a size means nothing.
    if callable(value) and not isinstance(value, brainstate.nn.Param):
        value = value(size)
    require_quantity(value, unit, node=node, field=field)
    require_shape(value, size, node=node, field=field)
    return value


def is_number(value) -> bool:
    """Whether ``value`` is a real number, an array of them or a quantity of them; a tracer is an array."""
    if not isinstance(value, (numbers.Real, np.ndarray, jax.Array, u.Quantity)):
        return False
    return np.dtype(getattr(u.get_mantissa(value), "dtype", float)).kind not in "cOSU"


def require_quantity(value, unit: u.Unit, *, node: str | None, field: str) -> None:
    """Refuse what is no number (LX006), of another dimension than ``unit`` (LX109), or not finite (LX101)."""
    if not is_number(value):
        found, fix = type(value).__name__, "give a number, an array, a quantity or a callable"
        raise error("LX006", node=node, field=field, found=found, fix=fix)
    if u.get_dim(value) not in (u.DIMENSIONLESS, unit.dim):
        fix = f"give it in {unit}, or without any unit"
        raise error("LX109", node=node, field=field, found=_text(value), fix=fix)
    number = concrete(value)
    if number is not None:
        require(np.isfinite(number), "LX101", value, node=node, field=field, fix="give finite numbers")


def require_all_or_none(values: Mapping[str, Any], units: Mapping[str, u.Unit], *, node: str | None) -> bool:
    """Refuse (LX109) parameters of which some carry a unit and some do not; return whether they do.

    Named is the first of the fewer ones, the likely slip; of as many, the first without its unit.

    Examples
    --------
    >>> units = {"R": u.ohm, "tau": u.ms, "V_th": u.mV}
    >>> require_all_or_none({"R": 1.0 * u.ohm, "tau": 5.0, "V_th": 1.0 * u.mV}, units, node="hidden")
    Traceback (most recent call last):
    lifexport.errors.UnitError: LX109 ...: hidden.tau: no unit, but R has unit ohm; fix: give tau in ms, or every ...
    """
    with_unit = [field for field, value in values.items() if u.get_dim(value) != u.DIMENSIONLESS]
    bare = [field for field in values if field not in with_unit]
    if not (with_unit and bare):
        return bool(with_unit)
    lacking = len(bare) <= len(with_unit)
    field, other = (bare[0], with_unit[0]) if lacking else (with_unit[0], bare[0])
    found = f"{unit_name(values[field])}, but {other} has {unit_name(values[other])}"
    fix = f"give {field} in {units[field]}, or every parameter without unit"
    if not lacking:
        fix = f"give {field} without unit, or every parameter with its own"
    raise error("LX109", node=node, field=field, found=found, fix=fix)


def require_unit(unit, *, node: str | None) -> u.Unit:
    """``unit`` itself; refuses (LX109) what is none, such as a string or a quantity."""
    if isinstance(unit, u.Unit):
        return unit
    raise error("LX109", node=node, field="unit", found=f"{unit!r}", fix="give a unit, such as u.mA or u.UNITLESS")


def require_size(size, *, node: str | None, field: str) -> tuple[int, ...]:
    """Shape of a layer's input or output as a tuple; refuses (LX102) what is not made of positive integers.

    Examples
    --------
    >>> require_size(3, node="hidden", field="in_size"), require_size([2, 3], node="hidden", field="in_size")
    ((3,), (2, 3))
    """
    try:
        shape = tuple(map(operator.index, size if isinstance(size, (tuple, list)) else (size,)))
    except TypeError:
        shape = ()
    if not shape or min(shape) < 1:
        fix = "give a positive integer, or a tuple of them"
        raise error("LX102", node=node, field=field, found=f"{size!r}", fix=fix)
    return shape


def size_of(size) -> tuple[int, ...]:
    """A size as brainstate writes it, a number or a sequence of numbers, as a tuple."""
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(size)


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


def require(good, code: str, value, *, node: str | None, field: str, fix: str) -> None:
    """Raise ``code`` for the first element of ``value`` that is not ``good``."""
    good = np.asarray(good)
    if good.all():
        return
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    first = np.broadcast_to(np.asarray(u.get_mantissa(value)), good.shape)[index]
    count = f" ({int((~good).sum())} of {good.size})" if good.size > 1 else ""
    raise error(code, node=node, field=field, index=index or None, found=_text(first, value) + count, fix=fix)


def require_positive_time(value, *, node: str | None, field: str) -> None:
    """Refuse (LX104) a time constant that is zero or negative."""
    number = concrete(value)
    if number is not None:
        require(number > 0, "LX104", value, node=node, field=field, fix="give a positive time")


def require_dt(with_units: bool, *, node: str | None) -> None:
    """Refuse (LX103, LX109) the ``dt`` of ``brainstate.environ`` if it is none, or in another unit than a layer's."""
    example = "1 * u.ms" if with_units else "1e-3"
    fix = f"brainstate.environ.set(dt={example}), or with brainstate.environ.context(dt={example}): ..."
    dt = brainstate.environ.get("dt", default=None)
    if dt is None:
        raise error("LX103", node=node, field="dt", found="none in brainstate.environ", fix=fix)
    if u.get_dim(dt) != (u.ms.dim if with_units else u.DIMENSIONLESS):
        fix = f"give dt {'in ms' if with_units else 'without unit'}, as the layer's parameters are"
        raise error("LX109", node=node, field="dt", found=unit_name(dt), fix=fix)
    seconds = concrete(dt)
    if seconds is not None and not 0 < seconds < float("inf"):
        raise error("LX103", node=node, field="dt", found=f"dt = {dt}", fix=fix)


def require_sequence(x, axes: int, *, node: str | None) -> None:
    """Refuse (LX102) what has no time axis in front of ``axes`` others, or no step at all."""
    shape = u.math.shape(x)
    if len(shape) <= axes or shape[0] == 0:
        fix = "give an array of shape (time, batch) + in_size, of one step at least"
        raise error("LX102", node=node, field="x", found=f"shape {shape}", fix=fix)


def concrete(value) -> np.ndarray | None:
    """Value as float64 in SI units, or ``None`` for a tracer.

    NumPy throughout, for a ``jax.numpy`` operation inside ``jax.jit`` makes a tracer even of constants.
    """
    mantissa = u.get_mantissa(value)
    if isinstance(mantissa, Tracer):
        return None
    return np.asarray(mantissa, np.float64) * float(u.get_unit(value).magnitude)


def unit_name(value) -> str:
    """Unit of a value in words, for error messages."""
    unit = u.get_unit(value)
    return "no unit" if unit.is_unitless else f"unit {unit}"


def _text(number, like=None) -> str:
    unit = u.get_unit(number if like is None else like)
    return f"{u.get_mantissa(number)}" + ("" if unit.is_unitless else f" {unit}")
