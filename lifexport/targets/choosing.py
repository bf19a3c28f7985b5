"""From what a target allows to the rules of one population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..findings import error, unknown_name
from ..neurons.rules import Current, Leak, Rules, Word

if TYPE_CHECKING:
    from .target import Target

Chosen = dict[str, Any]


def choose_rules(
    target: Target,
    *,
    state_bits: int | None = None,
    state_lo: int | None = None,
    state_hi: int | None = None,
    overflow: str | None = None,
    decay_bits: int | None = None,
    rounding: str | None = None,
    reset: str | None = None,
    max_spikes: int | None = None,
    refractory: bool | None = None,
    synapses: int | None = None,
) -> Rules:
    """Rules of a population on a target; what is not chosen is the target's default.

    Parameters
    ----------
    target : Target
    state_bits, state_lo, state_hi : int, optional
        The membrane's width, or its lowest and highest value, as the target states it.
    overflow, rounding, reset : str, optional
        One of those the target lists.
    decay_bits : int, optional
        Fraction bits of a multiplying leak.
    max_spikes : int, optional
        Spikes a step, one of those the target lists.
    refractory : bool, optional
        Whether neurons wait after a spike; by default, where the target has it and cannot do without.
    synapses : int, optional
        Currents of a neuron, at most as many as the target has; by default one, or none where it can do without.

    Returns
    -------
    Rules

    Raises
    ------
    RangeError, UnsupportedError
        LX202, LX203: what the target does not allow, and a choice that it leaves no room for.

    Examples
    --------
    >>> from lifexport.targets import load_target
    >>> rules = choose_rules(load_target("xylo-v2"), synapses=2)
    >>> rules.accumulate, rules.max_spikes, rules.current.synapses, rules.membrane.hi
    ('per_event', 31, 2, 32767)
    """
    rules = target.document
    if refractory and rules["refractory"] is None:
        raise error("LX203", field="refractory", found=f"{target.name!r} has none", fix="leave it out")
    waits = _waits(rules["refractory"]) if refractory is None else refractory
    return Rules(
        membrane=_membrane(target, state_bits, state_lo, state_hi, overflow),
        leak=_leak(target, rules["leak"], "leak", decay_bits, rounding),
        leak_on_fire=rules["leak"]["on_fire"],
        accumulate=rules["accumulate"]["order"],
        sum_word=_word(rules["accumulate"]["word"]),
        current=_current(target, synapses),
        drive_word=_word(rules["drive"]),
        increment=_word(rules["increment"]),
        compare=rules["threshold"]["compare"],
        max_spikes=_listed("max_spikes", max_spikes, rules["spike"]["max_per_step"], target),
        judged=rules["spike"]["judged"],
        reset=_listed("reset", reset, rules["reset"]["modes"], target),
        reset_when=rules["reset"]["when"],
        reset_saturates=rules["reset"]["saturates"],
        refractory=waits,
        waits_at=rules["refractory"].get("waits_at", "zero") if waits else "zero",
    )


def _waits(section: Chosen | None) -> bool:
    return section is not None and not section.get("optional", False)


def _membrane(target: Target, bits: int | None, lo: int | None, hi: int | None, overflow: str | None) -> Word:
    state = target.document["state"]
    how = _listed("overflow", overflow, state["overflow"], target)
    if "bits" in state:
        _unused(target, {"state_lo": lo, "state_hi": hi})
        return Word.signed(target.width("state").choose(bits, "state_bits", target.name), how)
    _unused(target, {"state_bits": bits})
    return Word(lo=_limit("state_lo", lo, state["lo"]), hi=_limit("state_hi", hi, state["hi"]), overflow=how)


def _leak(target: Target, section: Chosen, field: str, bits: int | None, rounding: str | None) -> Leak:
    if section["kind"] not in ("multiply", "toward_input"):
        _unused(target, {"decay_bits": bits, "rounding": rounding})
        return Leak(kind=section["kind"], bits=0, at_least_one=section.get("at_least_one", False))
    width = target.width(field).choose(bits, "decay_bits", target.name)
    how = _listed("rounding", rounding, section["rounding"], target)
    return Leak(kind=section["kind"], bits=width, rounding=how, gain_bits=section.get("gain_bits"))


def _current(target: Target, synapses: int | None) -> Current | None:
    section = target.document["current"]
    if section is None:
        _unused(target, {"synapses": synapses})
        return None
    if synapses is None and section.get("optional", False):
        return None
    count = 1 if synapses is None else synapses
    if not 1 <= count <= section["synapses"]:
        raise error("LX202", field="synapses", found=f"{count}", fix=f"use 1..{section['synapses']}")
    word, leak = _word(section["word"]), section["leak"]
    assert word is not None
    return Current(word=word, leak=_leak(target, leak, "current.leak", None, None), when=leak["when"], synapses=count)


def _word(section: Chosen | None) -> Word | None:
    """A word that leaves no choice."""
    if section is None:
        return None
    if "bits" in section:
        return Word.signed(section["bits"]["default"], section["overflow"][0])
    return Word(
        lo=_limit("lo", None, section["lo"]), hi=_limit("hi", None, section["hi"]), overflow=section["overflow"][0]
    )


def _limit(field: str, value: int | None, allowed: int | list[int] | dict[str, int]) -> int:
    if isinstance(allowed, dict):
        low, high, default = allowed["min"], allowed["max"], allowed["default"]
        good, text = value is None or low <= value <= high, f"{low}..{high}"
    else:
        listed = [allowed] if isinstance(allowed, int) else allowed
        default, good, text = listed[0], value is None or value in listed, ", ".join(map(str, listed))
    if not good:
        raise error("LX202", field=field, found=f"{value}", fix=f"use {text}")
    return default if value is None else value


def _listed(field: str, value: Any, allowed: list[Any], target: Target) -> Any:
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise unknown_name(f"{field} of target {target.name!r}", value, map(str, allowed), code="LX203", field=field)
    return value


def _unused(target: Target, choices: Chosen) -> None:
    for field, value in choices.items():
        if value is not None:
            found = f"{value!r}; target {target.name!r} leaves no such choice"
            raise error("LX203", field=field, found=found, fix="leave it out")
