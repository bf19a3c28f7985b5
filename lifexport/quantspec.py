"""What a caller chooses within the rules of a target."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from .findings import error, unknown_name
from .nodes import InputCode
from .ops import Overflow, Rounding
from .targets import Target, choose_rules

APPROXIMATIONS = {
    "decay": "a decay that becomes 0 or 1, the nearest time constant of a shift leak, one for a whole layer",
    "initial": "states that start at zero",
    "leak_on_fire": "no leak in the step after a spike",
    "refractory": "refractory potentials held at rest",
    "reset": "the reset that the target has",
    "spikes": "several spikes of a neuron in one step",
    "start": "steps before the first input arrives",
    "synapse": "inputs that are filtered by a synaptic current",
}
"""Losses that a caller can accept by name."""
Method = Literal["minmax", "percentile", "mse", "membrane"]
METHODS: tuple[Method, ...] = get_args(Method)
SCALES = ("tensor", "channel")
PER_LAYER = (
    *(f"{name}_bits" for name in ("weight", "state", "decay", "threshold", "bias")),
    *("rounding", "overflow", "membrane_range", "method", "percentile"),
)
"""Choices that single populations may have their own of."""


@dataclass(frozen=True, kw_only=True)
class QuantSpec:
    """Widths and rules for one network; what is None is the target's default.

    Parameters
    ----------
    weight_bits, state_bits, decay_bits, threshold_bits, bias_bits, input_bits : int, optional
        Widths; those of threshold and bias follow the state unless the target names a default.
    rounding : str, optional
        Rounding of the leak.
    overflow : str, optional
        What happens to a membrane that does not fit.
    membrane_range : float, optional
        Range of the membrane as a multiple of the largest threshold of the layer, both measured from rest.
        Default 4 from 12 state bits on, else 2: notes on measured accuracies are in ``docs/arithmetic.md``.
    input : InputCode, optional
        Code of the inputs; by default taken from the calibration data.
    scale : ``"tensor"`` | ``"channel"``
        Whether all weights of a layer share one step, or those of each neuron (channel) have their own. It costs
        the chip nothing: thresholds and potentials of a neuron are counted in the same steps.
    power_of_two : bool
        Only powers of two for the units of potentials (and so for the steps of weights).
    method : ``"minmax"`` | ``"percentile"`` | ``"mse"`` | ``"membrane"``
        How the step of weights is chosen (``quantization/scales.py``); ``membrane`` needs calibration data.
    percentile : float
        Of the magnitudes of weights, for ``method="percentile"``.
    approximate : tuple of str
        Losses the caller accepts by name, the keys of ``quantspec.APPROXIMATIONS``.
    layers : mapping from population to mapping, optional
        Other choices for single populations and the weights that feed them, by name or pattern (``"conv*"``): widths,
        ``rounding``, ``overflow``, ``membrane_range``, ``method``, ``percentile``. Of several patterns that fit the
        last decides.

    Examples
    --------
    >>> QuantSpec(weight_bits=4, state_bits=12).membrane_range is None
    True
    """

    weight_bits: int | None = None
    state_bits: int | None = None
    decay_bits: int | None = None
    threshold_bits: int | None = None
    bias_bits: int | None = None
    input_bits: int | None = None
    rounding: Rounding | None = None
    overflow: Overflow | None = None
    membrane_range: float | None = None
    input: InputCode | None = None
    scale: Literal["tensor", "channel"] = "tensor"
    power_of_two: bool = False
    method: Method = "minmax"
    percentile: float = 99.9
    approximate: tuple[str, ...] = ()
    layers: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self._check_layers()
        for field in dataclasses.fields(self):
            if isinstance(width := getattr(self, field.name), np.integer):
                object.__setattr__(self, field.name, int(width))
        if not isinstance(self.approximate, tuple | list):
            fix = f"give a tuple of names, for example {tuple(APPROXIMATIONS)[:1]}"
            raise error("LX006", field="approximate", found=f"{self.approximate!r}", fix=fix)
        for name in self.approximate:
            if name not in APPROXIMATIONS:
                raise unknown_name("approximation", name, APPROXIMATIONS, code="LX006", field="approximate")
        for field, known in (("scale", SCALES), ("method", METHODS)):
            if getattr(self, field) not in known:
                raise unknown_name(field, getattr(self, field), known, code="LX006", field=field)
        if not isinstance(self.power_of_two, bool):
            raise error("LX006", field="power_of_two", found=f"{self.power_of_two!r}", fix="give True or False")
        if not (isinstance(self.percentile, numbers.Real) and 0 < float(self.percentile) <= 100):
            fix = "give a number above 0, at most 100"
            raise error("LX006", field="percentile", found=f"{self.percentile!r}", fix=fix)
        if self.input is not None and not isinstance(self.input, InputCode):
            fix = 'give an InputCode, for example InputCode(kind="spikes")'
            raise error("LX006", field="input", found=f"{self.input!r}", fix=fix)
        reach = self.membrane_range
        if reach is not None and not (isinstance(reach, numbers.Real) and 1 < float(reach) < math.inf):
            raise error(
                "LX006",
                field="membrane_range",
                found=f"{self.membrane_range!r}",
                fix="use a finite multiple of the threshold above 1, for example 2",
            )

    def _check_layers(self) -> None:
        if not isinstance(self.layers, Mapping) or not all(isinstance(v, Mapping) for v in self.layers.values()):
            fix = 'give {"hidden": {"weight_bits": 4}}'
            raise error("LX006", field="layers", found=f"{self.layers!r}", fix=fix)
        for pattern, choices in self.layers.items():
            for name in choices:
                if name not in PER_LAYER:
                    raise unknown_name("choice", name, PER_LAYER, code="LX006", field=f"layers.{pattern}")
        frozen = {pattern: dict(choices) for pattern, choices in self.layers.items()}
        object.__setattr__(self, "layers", MappingProxyType(frozen))

    def __reduce__(self):
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return _rebuilt, (fields | {"layers": {pattern: dict(v) for pattern, v in self.layers.items()}},)

    def of_layer(self, name: str) -> QuantSpec:
        """The choices for one population."""
        changed: dict[str, Any] = {}
        for pattern, choices in self.layers.items():
            if fnmatch.fnmatchcase(name, pattern):
                changed |= choices
        return dataclasses.replace(self, layers={}, **changed)

    def require_layers(self, populations: Collection[str]) -> None:
        """Refuse (LX006) patterns that no population has."""
        for pattern in self.layers:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in populations):
                raise unknown_name("population", pattern, populations, code="LX006", field="layers")


def _rebuilt(fields: dict[str, Any]) -> QuantSpec:
    return QuantSpec(**fields)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A quantspec with every choice made and checked against the target."""

    weight_bits: int
    state_bits: int
    decay_bits: int
    threshold_bits: int
    bias_bits: int
    input_bits: int
    rounding: Rounding
    overflow: Overflow
    membrane_range: float
    input: InputCode | None
    scale: str
    power_of_two: bool
    method: Method
    percentile: float
    approximate: tuple[str, ...]


def resolve(spec: QuantSpec, target: Target) -> Choices:
    """Make every choice, within what the target allows (LX202, LX203)."""

    def width(section: str, bits: int | None, follow: int | None = None) -> int:
        field = f"{'decay' if section == 'leak' else section}_bits"
        return target.width(section).choose(bits, field, target.name, follow=follow)

    state_bits = _state_width(spec, target)
    for field in ("threshold_bits", "bias_bits"):
        bits = getattr(spec, field)
        if bits is not None and bits > state_bits:
            raise error("LX202", field=field, found=f"{bits}", fix=f"use at most the {state_bits} bits of the state")
    return Choices(
        weight_bits=width("weight", spec.weight_bits),
        state_bits=state_bits,
        decay_bits=_decay_width(spec, target),
        threshold_bits=min(width("threshold", spec.threshold_bits, state_bits), state_bits),
        bias_bits=_bias_width(spec, target, state_bits),
        input_bits=width("input", spec.input_bits),
        rounding=_rounding(spec, target),
        overflow=target.choose("state", "overflow", spec.overflow),  # type: ignore[arg-type]
        membrane_range=spec.membrane_range or (4.0 if state_bits >= 12 else 2.0),
        input=spec.input,
        scale=spec.scale,
        power_of_two=spec.power_of_two,
        method=spec.method,
        percentile=float(spec.percentile),
        approximate=tuple(spec.approximate),
    )


def _state_width(spec: QuantSpec, target: Target) -> int:
    state = target.document["state"]
    if "bits" in state:
        return target.width("state").choose(spec.state_bits, "state_bits", target.name)
    _leave_out(target, "state_bits", spec.state_bits)
    return choose_rules(target).membrane.bits


def _decay_width(spec: QuantSpec, target: Target) -> int:
    if target.document["leak"]["kind"] == "multiply":
        return target.width("leak").choose(spec.decay_bits, "decay_bits", target.name)
    _leave_out(target, "decay_bits", spec.decay_bits)
    return 0 if target.document["leak"]["kind"] == "none" else target.width("leak").max


def _rounding(spec: QuantSpec, target: Target) -> Rounding:
    if target.document["leak"]["kind"] == "multiply":
        return target.choose("leak", "rounding", spec.rounding)  # type: ignore[return-value]
    _leave_out(target, "rounding", spec.rounding)
    return "floor"


def _leave_out(target: Target, field: str, value: object) -> None:
    if value is not None:
        found = f"{value!r}; target {target.name!r} leaves no such choice"
        raise error("LX203", field=field, found=found, fix="leave it out")


def _bias_width(spec: QuantSpec, target: Target, state_bits: int) -> int:
    if target.document["bias"] is None:
        return 0
    return min(target.width("bias").choose(spec.bias_bits, "bias_bits", target.name, follow=state_bits), state_bits)
