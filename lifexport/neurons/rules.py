"""The rules of a chip's neuron: what a step does, apart from the numbers of the network.

A target (``targets/``) declares which rules a chip has; ``Rules`` is one choice among them, held by a population and
read by ``IntLIF.step``. Nothing here knows a chip by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..findings import error
from ..ops import OVERFLOWS, ROUNDINGS, Overflow, Rounding
from .base import require_choice

LeakKind = Literal["multiply", "shift", "linear", "none", "toward_input"]
Reset = Literal["subtract", "value"]
Compare = Literal[">=", ">"]
Order = Literal["sum", "per_event"]
When = Literal["before_input", "after_input"]
ResetWhen = Literal["next_step", "step_end"]
Judged = Literal["step_end", "next_step_start"]
Waits = Literal["zero", "membrane"]

CHOICES: dict[str, tuple[str, ...]] = {
    "kind": get_args(LeakKind),
    "rounding": ROUNDINGS,
    "overflow": OVERFLOWS,
    "reset": get_args(Reset),
    "compare": get_args(Compare),
    "accumulate": get_args(Order),
    "when": get_args(When),
    "reset_when": get_args(ResetWhen),
    "judged": get_args(Judged),
    "waits_at": get_args(Waits),
}
"""Every rule that is a choice of words, by field name."""


def _require_choices(value: object) -> None:
    for field, known in CHOICES.items():
        if hasattr(value, field):
            require_choice(field, getattr(value, field), known)


LARGEST = 1 << 31
"""Magnitude of the largest number that a state can hold."""


def _require_int(field: str, value: object, lo: int, hi: int) -> None:
    if type(value) is not int or not lo <= value <= hi:
        raise error("LX204", field=field, found=f"{value!r}", fix=f"give an integer from {lo} to {hi}")


@dataclass(frozen=True, kw_only=True)
class Word:
    """Range of a stored number, and what happens to one that leaves it.

    Parameters
    ----------
    lo, hi : int
        Lowest and highest value; usually, but not always, those of two's complement.
    overflow : ``"saturate"`` | ``"wrap"`` | ``"wrap_once"``
        The nearest value inside; the value inside that is equal modulo the size of the range; the same, but moved by
        one size of the range at the most.

    Examples
    --------
    >>> Word.signed(8)
    Word(lo=-128, hi=127, overflow='saturate')
    >>> Word(lo=-7, hi=8).bits
    5
    """

    lo: int
    hi: int
    overflow: Overflow = "saturate"

    def __post_init__(self):
        _require_choices(self)
        _require_int("word", self.lo, -LARGEST, LARGEST)
        _require_int("word", self.hi, -LARGEST, LARGEST)
        if self.lo > self.hi:
            raise error("LX204", field="word", found=f"{self.lo}..{self.hi}", fix="give the lowest value first")
        if self.overflow != "saturate":
            self.require_wrapping("word")

    def require_wrapping(self, field: str) -> None:
        """Refuse (LX204) a range that cannot wrap in every reader: one whose size is no power of two."""
        if (size := self.hi - self.lo + 1) & (size - 1):
            raise error("LX204", field=field, found=f"{size} values that wrap", fix="wrap a power of two of values")

    @classmethod
    def signed(cls, bits: int, overflow: Overflow = "saturate") -> Word:
        """Two's complement of a width."""
        return cls(lo=-(1 << (bits - 1)), hi=(1 << (bits - 1)) - 1, overflow=overflow)

    @property
    def bits(self) -> int:
        """Width of the two's complement number that holds every value."""
        return max((-self.lo - 1).bit_length(), self.hi.bit_length()) + 1

    @property
    def largest(self) -> int:
        """Largest magnitude."""
        return max(-self.lo, self.hi)

    def fit(self, ops, x):
        """``x`` brought into the range by the overflow rule, in the reader's own values."""
        return getattr(ops, self.overflow)(x, self.lo, self.hi)


@dataclass(frozen=True, kw_only=True)
class Leak:
    """How a state decays; the amount, one number per neuron, is the population's.

    ================  ==============================================================
    ``multiply``      ``x * amount / 2**bits``, rounded by ``rounding``
    ``shift``         ``x - (x >> amount)``, the shift a floor
    ``linear``        ``amount`` towards zero, not beyond
    ``none``          ``x``
    ``toward_input``  ``a - (a - x) * amount / 2**bits`` for the input ``a`` of the step, the product rounded by
                      ``rounding``: the closed form of a relaxation towards ``a`` (membrane only)
    ================  ==============================================================

    Parameters
    ----------
    kind : str
    bits : int
        Fraction bits of ``multiply`` and ``toward_input``.
    rounding : str
        Rounding of ``multiply`` and ``toward_input``.
    at_least_one : bool
        A positive number always loses 1 (``shift`` only).
    gain_bits : int, optional
        The input is the sum of what arrives and bias times the population's gain, which has this many fraction bits;
        None for that sum itself (``toward_input`` only).
    """

    kind: LeakKind = "multiply"
    bits: int = 12
    rounding: Rounding = "floor"
    at_least_one: bool = False
    gain_bits: int | None = None

    def __post_init__(self):
        _require_choices(self)
        _require_int("bits", self.bits, 0, 62)
        if self.gain_bits is not None:
            _require_int("gain_bits", self.gain_bits, 1, 31)
            if self.kind != "toward_input":
                fix = "only a leak towards the input multiplies the input"
                raise error("LX006", field="gain_bits", found=f"leak {self.kind!r}", fix=fix)
        if self.at_least_one and self.kind != "shift":
            raise error("LX006", field="at_least_one", found=f"leak {self.kind!r}", fix="only a shift leak rounds away")

    def highest(self) -> int:
        """Largest amount that has a meaning."""
        one = 1 << self.bits
        return {"multiply": one, "toward_input": one, "shift": 31, "linear": 1 << 31, "none": 0}[self.kind]

    def realised(self, amount):
        """Share of a large state that one decay keeps, float64; a linear leak takes no share, so that it keeps one."""
        match self.kind:
            case "multiply" | "toward_input":
                return amount / (1 << self.bits)
            case "shift":
                return 1 - 2.0**-amount
        return 1.0 + 0.0 * amount

    def lost(self, ops, x, amount, name: str):
        """What a shift leak takes off ``x``."""
        taken = ops.shift_right(x, amount, name)
        return ops.maximum(taken, ops.minimum(x, ops.const(1, "one"))) if self.at_least_one else taken

    def apply(self, ops, x, amount, name: str, bound: int):
        """``x`` after one decay; ``amount`` is the population's array, ``bound`` promises ``abs(x) <= bound``."""
        match self.kind:
            case "multiply":
                return ops.multiply_shift(x, ops.const(amount, name), self.bits, self.rounding, bound)
            case "shift":
                return ops.sub(x, self.lost(ops, x, amount, name))
            case "linear":
                most, least = ops.const(amount, name), ops.const(-amount, f"{name}_negative")
                return ops.sub(x, ops.minimum(ops.maximum(x, least), most))
            case "none":
                return x
            case "toward_input":
                raise AssertionError("a relaxation needs the input: approach")

    def approach(self, ops, x, drive, gain, amount, word: Word):
        """``x`` one step closer to what ``drive`` amounts to; every sum and product acts within ``word``."""
        if self.gain_bits is not None:
            product = ops.add(ops.mul(drive, ops.const(gain, "gain")), ops.const(1 << (self.gain_bits - 1), "half"))
            drive = ops.saturate(ops.shift_right(product, np.asarray(self.gain_bits), "gain_bits"), word.lo, word.hi)
        gap = word.fit(ops, ops.sub(drive, x))
        rest = ops.multiply_shift(gap, ops.const(amount, "decay"), self.bits, self.rounding, word.largest)
        return word.fit(ops, ops.sub(drive, rest))


@dataclass(frozen=True, kw_only=True)
class Current:
    """A synaptic current between input and membrane.

    Parameters
    ----------
    word : Word
        Range of the stored current.
    leak : Leak
    when : ``"before_input"`` | ``"after_input"``
        Whether the decay acts before or after the input of the step is added.
    synapses : int
        How many currents a neuron has, each with its own connections and decay; the membrane takes their sum.
    """

    word: Word
    leak: Leak
    when: When = "before_input"
    synapses: int = 1

    def __post_init__(self):
        _require_choices(self)
        _require_int("synapses", self.synapses, 1, 64)
        if self.leak.kind == "toward_input":
            raise error("LX006", field="leak", found="a current that relaxes towards its input", fix="use multiply")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything a neuron's step does, but for its numbers; the defaults are those of a free fixed-point core.

    Parameters
    ----------
    membrane : Word
        Range of the stored membrane.
    leak : Leak
        Decay of the membrane, before the input is added.
    leak_on_fire : bool
        Whether a neuron that fires leaks in the same step.
    accumulate : ``"sum"`` | ``"per_event"``
        Whether the input of a step is summed first, or added event by event, each time with the overflow rule of
        the word that takes it (the current if there is one, else the membrane).
    sum_word : Word, optional
        Range of that sum; None for as wide as it takes.
    current : Current, optional
        Synaptic current; None if inputs reach the membrane unfiltered.
    drive_word : Word, optional
        Range of current plus bias, before it is added to the membrane; None for as wide as it takes.
    increment : Word, optional
        The change of the membrane is formed first, in this range: current and leak, then the bias, each with the
        overflow rule; the leak's share is negated within the range too. Needs a shift leak.
    compare : ``">="`` | ``">"``
        Comparison of membrane and threshold.
    max_spikes : int, optional
        Spikes of a neuron in one step: as often as the threshold fits into the membrane, at most this often; None
        for no limit; 0 for neurons that only integrate.
    judged : ``"step_end"`` | ``"next_step_start"``
        Whether a spike leaves in the step whose membrane reached the threshold, or in the step after.
    reset : ``"subtract"`` | ``"value"``
        Whether a spike takes the population's reset code off the membrane, or sets it.
    reset_when : ``"next_step"`` | ``"step_end"``
        Whether the reset waits for the next step (then the initial membrane is judged too), or is done at once.
    reset_saturates : bool
        Whether the membrane after a subtraction is brought into the membrane's range.
    refractory : bool
        Whether the membrane is held for some steps after a spike.
    waits_at : ``"zero"`` | ``"membrane"``
        Where it is held: at zero, or where the reset left it.
    """

    membrane: Word
    leak: Leak = Leak()
    leak_on_fire: bool = True
    accumulate: Order = "sum"
    sum_word: Word | None = None
    current: Current | None = None
    drive_word: Word | None = None
    increment: Word | None = None
    compare: Compare = ">="
    max_spikes: int | None = 1
    judged: Judged = "step_end"
    reset: Reset = "subtract"
    reset_when: ResetWhen = "next_step"
    reset_saturates: bool = False
    refractory: bool = False
    waits_at: Waits = "zero"

    def __post_init__(self):
        _require_choices(self)
        if self.max_spikes is not None:
            _require_int("max_spikes", self.max_spikes, 0, 255)
        if self.increment:
            self.increment.require_wrapping("increment")
        if self.increment and (self.leak.kind != "shift" or self.current is None):
            fix = "give the neuron a shift leak and a current"
            raise error("LX006", field="increment", found=f"leak {self.leak.kind!r}", fix=fix)
        if self.leak.kind == "toward_input":
            self._require_relaxation()
        if self.waits_at != "zero" and not self.refractory:
            raise error("LX006", field="waits_at", found="a neuron that never waits", fix="use refractory=True")
        if self.sum_word and self.accumulate == "per_event":
            raise error("LX006", field="sum_word", found="input that is never summed", fix='use accumulate="sum"')
        if self.judged == "next_step_start" and self.reset_when == "step_end":
            fix = 'use reset_when="next_step": a spike that is seen later is reset later'
            raise error("LX006", field="reset_when", found="'step_end'", fix=fix)

    def _require_relaxation(self) -> None:
        """Refuse (LX006) rules that a membrane which relaxes towards its summed input has no place for."""
        without = {
            "current": self.current is None,
            "accumulate": self.accumulate == "sum",
            "leak_on_fire": self.leak_on_fire,
        }
        for field, good in without.items():
            if not good:
                fix = "a leak towards the input takes the sum of a step, in every step"
                raise error("LX006", field=field, found=f"{getattr(self, field)!r}", fix=fix)

    @property
    def synapses(self) -> int:
        """Input ports of a neuron."""
        return 1 if self.current is None else self.current.synapses
