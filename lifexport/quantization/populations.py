"""One trained population in a chip's integers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..findings import error
from ..fixedpoint import QFormat, encode, nearest
from ..neurons import FloatCubaLIF, FloatIAF, IntLIF, Rules
from ..neurons.membrane import FloatMembrane, Spiking
from ..quantspec import Choices
from ..targets import Target, choose_rules
from .features import spikes_per_step, uses_current
from .leaks import LeakMap
from .units import ratios, whole

FINE = 1024
"""Steps of a threshold from which one of them is a small part of it."""
FINEST = 64
"""Codes of a threshold below which a unit is not made coarser for the words of threshold and bias."""


@dataclass(frozen=True)
class Potentials:
    """What a population knows of potentials, from rest, in the shape of the population."""

    threshold: np.ndarray
    reset: np.ndarray
    """What a spike subtracts, or sets."""
    initial: np.ndarray
    bias: np.ndarray

    def over(self, one: float) -> Potentials:
        """The same in units of a potential."""
        return Potentials(*(ratios(values, one) for values in (self.threshold, self.reset, self.initial, self.bias)))


@dataclass(frozen=True, kw_only=True)
class Scales:
    """What the codes of a population count."""

    unit: Fraction
    """Value of a code, in units of ``one``."""
    volt: Fraction
    """The same, volt."""
    one: float
    """The potential in which numbers are counted, volt."""
    share: np.ndarray
    """Units of the neurons in proportion, in the shape of the population."""


def potentials(node: FloatMembrane, bias: np.ndarray) -> Potentials:
    """Potentials of a trained population, volt from rest."""
    initial = node.v_initial - node.v_rest
    if not isinstance(node, Spiking):
        return Potentials(np.zeros(node.shape), np.zeros(node.shape), initial, bias)
    threshold, level = node.v_threshold - node.v_rest, node.v_reset - node.v_rest
    if (threshold <= 0).any():
        index = tuple(int(i) for i in np.argwhere(threshold <= 0)[0])
        raise error(
            "LX207",
            field="v_threshold",
            index=index,
            found=f"{node.v_threshold[index]} V with v_rest {node.v_rest[index]} V",
            fix="raise v_threshold above v_rest (a constant drive can be a bias)",
        )
    reset = {"subtract": threshold - level, "value": level}[node.reset]
    return Potentials(threshold, reset, initial, bias)


def population_rules(node: FloatMembrane, chosen: Choices, target: Target, *, output: bool) -> Rules:
    """Rules of a population on a target."""
    document = target.document
    modes = document["reset"]["modes"]
    reset = node.reset if isinstance(node, Spiking) and node.reset in modes else modes[0]
    multiply = document["leak"]["kind"] == "multiply"
    rules = choose_rules(
        target,
        state_bits=chosen.state_bits if "bits" in document["state"] else None,
        overflow=chosen.overflow,
        decay_bits=chosen.decay_bits if multiply else None,
        rounding=chosen.rounding if multiply else None,
        reset=reset,
        max_spikes=spikes_per_step(document, output=output) if isinstance(node, Spiking) else 0,
        synapses=1 if uses_current(node, document) else None,
        refractory=isinstance(node, Spiking) and node.waits,
    )
    return rules


def build(
    node: FloatMembrane,
    volts: Potentials,
    scales: Scales,
    rules: Rules,
    chosen: Choices,
    target: Target,
) -> IntLIF:
    """Population in integers, its potentials given in units of ``scales.one``.

    Raises
    ------
    LifexportError
        LX204 for what does not fit the target's words, LX206 for a decay that vanishes.
    """
    document, unit, share = target.document, scales.unit, scales.share
    scale, one = whole(share)
    threshold, reset, initial, bias = (
        values / share for values in (volts.threshold, volts.reset, volts.initial, volts.bias)
    )
    spiking = isinstance(node, Spiking)
    fields: dict[str, Any] = {}
    if spiking:
        threshold_code, fields["threshold_shift"] = _threshold(node, threshold, unit, chosen, target)
        first = threshold_code + (rules.compare == ">")
        reset_code = _reset_code(node, reset, threshold_code, unit, rules, document)
        _require_sensible(first, reset_code, rules.reset, scales.volt)
        if rules.refractory:
            fields["refractory"] = node.refractory
    else:
        threshold_code = first = np.ones(node.shape, np.int64)
        reset_code = np.zeros(node.shape, np.int64)
    bias_code, fields["bias_shift"] = _shifted(bias, unit, chosen.bias_bits, "bias", target)
    state = _Range(rules.membrane.lo, rules.membrane.hi)
    v_initial = state.encode(initial, unit, "v_initial") if document["initial_state"] == "any" else 0 * threshold_code
    if spiking and rules.reset_when == "step_end":  # a start above the threshold is reset in the first step
        after = v_initial - reset_code if rules.reset == "subtract" else reset_code
        v_initial = np.where(v_initial >= first, after, v_initial)
    if rules.current is not None:
        fields |= _current(
            node, initial=_initial_current(node, scales), unit=unit, rules=rules, chosen=chosen, target=target
        )
    return IntLIF(
        shape=node.shape,
        rules=rules,
        decay=_decay(
            node.decay, LeakMap(document["leak"], chosen.decay_bits), "tau", chosen, isinstance(node, FloatIAF)
        ),
        threshold=threshold_code,
        reset_code=reset_code,
        bias=bias_code,
        v_initial=v_initial,
        unit=scales.volt * one,
        scale=scale,
        v_rest=node.v_rest,
        **fields,
    )


def coarse_enough(unit: Fraction, volts: Potentials, share: np.ndarray, chosen: Choices, target: Target) -> Fraction:
    """The unit, or the first of its doubles in which threshold and bias fit the target, if it is fine enough."""
    wanted = {
        "threshold": (volts.threshold / share, chosen.threshold_bits),
        "bias": (volts.bias / share, chosen.bias_bits),
    }
    coarser, smallest = unit, float((volts.threshold / share).min())
    while any(
        values.any() and _shift(values, coarser, bits, target.document[field]) > target.document[field]["shift"]["max"]
        for field, (values, bits) in wanted.items()
    ):
        coarser *= 2
        if smallest / float(coarser) < FINEST:
            return unit
    return coarser


@dataclass(frozen=True)
class _Range:
    lo: int
    hi: int

    def encode(self, values: np.ndarray, unit: Fraction, field: str) -> np.ndarray:
        codes = encode(values, QFormat(bits=40, unit=unit), field=field)
        outside = (codes < self.lo) | (codes > self.hi)
        if outside.any():
            index = tuple(int(i) for i in np.argwhere(outside)[0])
            found, fix = f"code {codes[index]}", f"use a larger membrane_range: codes are {self.lo}..{self.hi}"
            raise error("LX204", field=field, index=index, found=found, fix=fix)
        return codes


def _threshold(node: Spiking, volts: np.ndarray, unit: Fraction, chosen: Choices, target: Target):
    """Threshold codes whose comparison is the trained one: on integers ``v > t`` is ``v >= t + 1``.

    Where low bits are dropped, a potential exactly at the threshold does what it did in training, as long as the
    step that this costs is a small part of the threshold.
    """
    later = target.document["threshold"]["compare"] == ">"
    up = (node.compare == ">") - later
    codes, shift = _shifted(volts + up * float(unit), unit, chosen.threshold_bits, "threshold", target)
    step, wanted = 1 << shift, nearest(volts, unit).astype(np.int64) + (node.compare == ">")
    wrong = codes + later < wanted if node.compare == ">" else codes + later > wanted
    codes = np.where(wrong & (step * FINE <= codes), codes + (step if node.compare == ">" else -step), codes)
    if target.document["threshold"]["per"] == "layer" and (codes != codes.flat[0]).any():
        found, fix = f"codes {codes.min()}..{codes.max()}", "train with one threshold and one resting potential"
        raise error("LX203", field="threshold", found=found, fix=fix)
    return codes, shift


def _reset_code(node: Spiking, volts: np.ndarray, threshold: np.ndarray, unit: Fraction, rules: Rules, document: dict):
    kept = node.reset == rules.reset
    if document["reset"]["amount"] == "threshold_or_zero" or not kept:
        return threshold if rules.reset == "subtract" else np.zeros(threshold.shape, np.int64)
    return encode(volts, QFormat(bits=32, unit=unit), field="reset")


def _initial_current(node: FloatMembrane, scales: Scales) -> np.ndarray:
    return (
        ratios(node.i_initial * node.gain, scales.one) / scales.share
        if isinstance(node, FloatCubaLIF)
        else np.zeros(node.shape)
    )


def _current(node: FloatMembrane, *, initial, unit: Fraction, rules: Rules, chosen: Choices, target: Target) -> dict:
    document, word = target.document, rules.current.word  # type: ignore[union-attr]
    start = _Range(word.lo, word.hi).encode(initial, unit, "i_initial") if document["initial_state"] == "any" else 0
    return {
        "current_decay": _decay(
            current_decay(node, document), current_leak(document), "tau_syn", chosen, not isinstance(node, FloatCubaLIF)
        )[None],
        "current_initial": np.broadcast_to(start, (1, *node.shape)),
    }


def current_leak(document: dict) -> LeakMap:
    """Decays of a target's synaptic current."""
    return LeakMap(document["current"]["leak"])


def current_decay(node: FloatMembrane, document: dict) -> np.ndarray:
    """Decay of the current that a population is given: its own, or the one that filters its input least."""
    if isinstance(node, FloatCubaLIF):
        return node.current_decay
    wiped = document["current"]["leak"]["when"] == "after_input"
    return np.full(node.shape, 0.5 if wiped else 0.0)


def _shifted(values: np.ndarray, unit: Fraction, bits: int, field: str, target: Target) -> tuple[np.ndarray, int]:
    """Codes ``mantissa << shift`` with the smallest shift whose mantissas fit in ``bits``."""
    if not values.any():
        return np.zeros(values.shape, np.int64), 0
    section = target.document[field]
    shift = _shift(values, unit, bits, section)
    require_shift(shift, target, field, f"more {field}_bits or fewer state_bits")
    fmt = QFormat(bits=bits, unit=unit * 2**shift, signed=section.get("signed", True))
    return encode(values, fmt, field=field) << shift, shift


def _shift(values: np.ndarray, unit: Fraction, bits: int, section: dict[str, Any]) -> int:
    """Smallest shift at which values fit into mantissas."""
    hi, shift = QFormat(bits=bits, signed=section.get("signed", True)).hi, section["shift"]["min"]
    while np.abs(nearest(values, unit * 2**shift)).max() > hi:
        shift += 1
    return shift


def require_shift(shift: int, target: Target, field: str, instead: str) -> None:
    """Refuse (LX204) a shift beyond the target's."""
    most = target.document[field]["shift"]["max"]
    if shift > most:
        found = f"needs a shift of {shift}; target {target.name!r} has {most}"
        raise error("LX204", field=field, found=found, fix=f"use {instead}")


def _decay(decay: np.ndarray, leak: LeakMap, field: str, chosen: Choices, lossless: bool) -> np.ndarray:
    """Amounts of a leak; refuse (LX206) a multiplying one that turns into none, or into all, unless that is meant."""
    if leak.per != "neuron" and "decay" in chosen.approximate:
        decay = np.full(decay.shape, np.median(decay))
    amounts = leak.amounts(decay)
    realised = leak.realised(amounts)
    lost = (realised == 0) | (realised == 1)
    if leak.kind == "multiply" and lost.any() and not lossless and "decay" not in chosen.approximate:
        index = tuple(int(i) for i in np.argwhere(lost)[0])
        raise error(
            "LX206",
            field=field,
            index=index,
            found=f"decay {decay[index]:.6g} rounds to {realised[index]:.0f} with {leak.bits} bits",
            fix='use more decay_bits, or accept the loss by approximate=("decay",)',
        )
    return amounts


def _require_sensible(first: np.ndarray, reset: np.ndarray, mode: str, unit: Fraction) -> None:
    """After rounding a spike must still need a positive potential above the reset, and a subtraction must subtract."""
    bad = (first < 1) | ((reset < 1) if mode == "subtract" else (reset >= first))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise error(
            "LX204",
            field="threshold",
            index=index,
            found=f"threshold code {first[index]}, reset code {reset[index]} in units of {float(unit):.3g} V",
            fix="use more state_bits or a smaller membrane_range, so that the threshold spans more codes",
        )
