"""Neurons of a trained network as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brainunit as u
import numpy as np

from ..findings import error, unknown_name
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from ..neurons.base import FloatPopulation
from ..nodes import FloatDense
from ..train.brainpy_if import IF
from ..train.cuba_lif import CubaLIF
from ..train.iaf import IAF
from ..train.li import LI
from ..train.lif import LIF
from ..train.lif_ref import LIFRef, refractory_steps, require_refractory
from ..train.parameters import parameter, require_all_or_none, size_of, unit_name
from ..train.rate_readout import LeakyRateReadout
from .reading import is_layer, number

_RESETS = {"soft": "subtract", "hard": "value"}
_SHARED = (LIF, IF, LIFRef, CubaLIF)
"""Kinds that are captured from brainpy too, where they have the same name, fields and step."""
_OWN = (IAF, LI)


def is_population(layer: Any) -> bool:
    """Whether a layer is neurons that become one population."""
    return type(layer) in _OWN or any(is_layer(layer, kind.__name__) for kind in _SHARED)


def is_readout(layer: Any) -> bool:
    """Whether a layer is ``LeakyRateReadout``, weights and a leaky sum in one."""
    return is_layer(layer, LeakyRateReadout.__name__)


def is_neurons(layer: Any) -> bool:
    """Whether a layer has a membrane: a population, or a readout."""
    return is_population(layer) or is_readout(layer)


def _units(layer: Any) -> Mapping[str, u.Unit]:
    kinds = (*_SHARED, *_OWN, LeakyRateReadout)
    return next(kind.units for kind in kinds if is_layer(layer, kind.__name__))


def parameters_of(name: str, layer: Any) -> dict[str, Any]:
    """Parameters of neurons, checked anew: they may have been changed since the layer was built."""
    size = size_of(layer.out_size)
    values = {
        field: parameter(getattr(layer, field), size, unit, node=name, field=field)
        for field, unit in _units(layer).items()
    }
    if "tau_ref" in values:
        require_refractory(values["tau_ref"], node=name)
    return values


def require_same_units(layers: Mapping[str, Any], parameters: Mapping[str, dict[str, Any]]) -> bool:
    """Whether neurons carry units, which must be the same for all."""
    carrying = {
        name: require_all_or_none(values, _units(layers[name]), node=name) for name, values in parameters.items()
    }
    first, with_units = next(iter(carrying.items()))
    for name, carries in carrying.items():
        if carries != with_units:
            (here, has), (there, other) = (
                (field, unit_name(parameters[kind][field]))
                for kind in (name, first)
                for field in [next(field for field in ("V_th", "tau", "R") if field in parameters[kind])]
            )
            found, fix = f"{has}, but {first}.{there} has {other}", "give units to every layer, or to none"
            raise error("LX109", node=name, field=here, found=found, fix=fix)
    return with_units


def population(layer: Any, parameters: dict[str, Any], seconds: float) -> FloatPopulation:
    """Neurons in SI units, from their checked parameters."""
    hidden = [
        what for what in ("current_inputs", "delta_inputs", "before_updates", "after_updates") if getattr(layer, what)
    ]
    if hidden:
        found = f"{', '.join(hidden)} registered on the layer"
        raise error("LX110", found=found, fix="express them as layers of the network")
    numbers = {field: number(value) for field, value in parameters.items()}
    fields: dict[str, Any] = {"shape": tuple(layer.varshape), "dt": seconds, "r": numbers["R"]}
    fields |= {"v_initial": numbers["V_initializer"], "v_rest": numbers.get("V_rest", 0.0)}
    if "tau" in numbers:
        fields["tau"] = numbers["tau"]
    if is_layer(layer, "LI"):
        return FloatLI(**fields)
    if layer.spk_reset not in _RESETS:
        raise unknown_name("spk_reset", layer.spk_reset, _RESETS, code="LX106", field="spk_reset")
    fields |= {"v_threshold": numbers["V_th"], "v_reset": numbers.get("V_reset", 0.0)}
    fields["reset"] = _RESETS[layer.spk_reset]
    if is_layer(layer, "IAF"):
        return FloatIAF(**fields)
    if is_layer(layer, "LIFRef"):
        fields["refractory"] = refractory_steps(numbers["tau_ref"], seconds)
    if is_layer(layer, "CubaLIF"):
        return _behind_synapse(layer, numbers, fields)
    return FloatLIF(**fields)


def _behind_synapse(layer: Any, numbers: dict[str, np.ndarray], fields: dict[str, Any]) -> FloatPopulation:
    """A synapse that the input passes by is empty for ever, if it was empty at first: what remains is a LIF."""
    current = numbers["g_initializer"]
    if getattr(layer, "filtered", False):
        return FloatCubaLIF(**fields, tau_syn=numbers["tau_syn"], i_initial=current)
    if np.any(current != 0):
        found = "a synaptic current at the beginning, in neurons whose input goes past the synapse"
        fix = "use lifexport.CubaLIF(..., filtered=True), or begin without current"
        raise error("LX110", field="g_initializer", found=found, fix=fix)
    return FloatLIF(**fields)


def readout_nodes(layer: Any, parameters: dict[str, Any], seconds: float) -> tuple[FloatDense, FloatLI]:
    """Weights, and the leaky sum of what they give: a ``FloatLI`` whose ``r`` makes up for its gain.

    The sum has no unit; captured, it counts in volt.
    """
    tau = number(parameters["tau"])
    decay, size = np.exp(-seconds / tau), size_of(layer.out_size)
    if not isinstance(layer, LeakyRateReadout) and not np.allclose(number(layer.decay), decay, rtol=1e-5, atol=0):
        # brainpy's took the dt of the moment in which it was built.
        found = f"{np.ravel(number(layer.decay))[0]:.6g}; tau and dt = {seconds:g} s make it {np.ravel(decay)[0]:.6g}"
        raise error("LX103", field="decay", found=found, fix="build the readout under the dt of the network")
    node = FloatLI(shape=size, dt=seconds, tau=tau, r=-1.0 / np.expm1(-seconds / tau))
    return FloatDense(weight=number(layer.weight.value).T), node
