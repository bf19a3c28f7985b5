"""Connections of a trained network as numbers, and the units in which currents flow along them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import brainunit as u

from ..findings import error
from ..nodes import FloatDense
from ..train.layers import Linear
from ..train.parameters import require_unit, unit_name
from .neurons import is_neurons, is_population
from .reading import number


def check_currents(layers: dict[str, Any], with_units: bool) -> None:
    """Refuse (LX109) a layer whose output is not what the next one takes."""
    gives = u.UNITLESS
    for (name, layer), (taker, following) in pairwise(layers.items()):
        gives = u.UNITLESS if is_neurons(layer) else _output_unit(name, layer, gives)
        if not is_neurons(following) and not isinstance(following, Linear):
            continue  # brainstate's Linear passes on the unit of what arrives.
        current = with_units and is_population(following)
        if gives.dim != (u.amp.dim if current else u.DIMENSIONLESS):
            found = f"{unit_name(gives)} into {taker}, which takes {'a current' if current else 'plain numbers'}"
            fix = f"feed {taker} from lifexport.Linear(..., unit={'u.mA' if current else 'None'})"
            raise error("LX109", node=name, field="unit", found=found, fix=fix)


def _output_unit(name: str, layer: Any, arriving: u.Unit) -> u.Unit:
    """Unit of what a Linear gives; that of brainstate has none of its own, but its weights may."""
    value = layer.weight.value
    unit = arriving * u.get_unit(value["weight"])
    if layer.w_mask is not None:
        unit = unit * u.get_unit(layer.w_mask)
    if "bias" in value and u.get_dim(value["bias"]) != unit.dim:
        found = f"{unit_name(value['bias'])}, but the weighted inputs have {unit_name(unit)}"
        raise error("LX109", node=name, field="bias", found=found, fix="give both the same unit")
    return unit * require_unit(_own_unit(layer), node=name)


def _own_unit(layer: Any) -> u.Unit:
    return layer.unit if isinstance(layer, Linear) else u.UNITLESS


def dense(layer: Any) -> FloatDense:
    """Weights of a dense layer in ampere per unit of input."""
    if len(layer.in_size) != 1 or len(layer.out_size) != 1:
        raise error(
            "LX110", field="in_size", found=f"{layer.in_size}", fix="use a Linear between one-dimensional layers"
        )
    unit = float(_own_unit(layer).magnitude)
    weight = number(layer.weight.value["weight"]) * unit
    if layer.w_mask is not None:
        weight = weight * number(layer.w_mask)
    bias = layer.weight.value.get("bias")
    return FloatDense(weight=weight.T, bias=None if bias is None else number(bias) * unit)
