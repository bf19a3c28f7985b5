"""Neurons of a trained network as numbers."""

from __future__ import annotations

from typing import Any

from ..findings import error, unknown_name
from ..neurons import FloatLIF
from ..train.lif import LIF
from ..train.parameters import parameter, require_all_or_none, unit_name
from .reading import is_layer, number

_RESETS = {"soft": "subtract", "hard": "value"}


def is_population(layer: Any) -> bool:
    """Whether a layer is neurons."""
    return is_layer(layer, "LIF")


def parameters_of(name: str, layer: Any) -> dict[str, Any]:
    """Parameters of neurons, checked anew: they may have been changed since the layer was built."""
    size = tuple(layer.varshape)
    return {
        field: parameter(getattr(layer, field), size, unit, node=name, field=field) for field, unit in LIF.units.items()
    }


def require_same_units(parameters: dict[str, dict[str, Any]]) -> bool:
    """Whether neurons carry units, which must be the same for all."""
    carrying = {name: require_all_or_none(values, LIF.units, node=name) for name, values in parameters.items()}
    first, with_units = next(iter(carrying.items()))
    for name, carries in carrying.items():
        if carries != with_units:
            here, there = (unit_name(parameters[lif]["V_th"]) for lif in (name, first))
            found = f"{here}, but {first}.V_th has {there}"
            raise error("LX109", node=name, field="V_th", found=found, fix="give units to every layer, or to none")
    return with_units


def population(layer: Any, parameters: dict[str, Any], seconds: float) -> FloatLIF:
    """Neurons in SI units, from their checked parameters."""
    hidden = [
        what for what in ("current_inputs", "delta_inputs", "before_updates", "after_updates") if getattr(layer, what)
    ]
    if hidden:
        found = f"{', '.join(hidden)} registered on the layer"
        raise error("LX110", found=found, fix="express them as layers of the network")
    if layer.spk_reset not in _RESETS:
        raise unknown_name("spk_reset", layer.spk_reset, _RESETS, code="LX106", field="spk_reset")
    numbers = {field: number(value) for field, value in parameters.items()}
    return FloatLIF(
        shape=tuple(layer.varshape),
        dt=seconds,
        tau=numbers["tau"],
        r=numbers["R"],
        v_threshold=numbers["V_th"],
        v_reset=numbers["V_reset"],
        v_rest=numbers["V_rest"],
        v_initial=numbers["V_initializer"],
        reset=_RESETS[layer.spk_reset],  # type: ignore[arg-type]
    )
