"""The integer neuron: one step for every chip, its rules from a target (``rules.py``), its numbers from a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import arrays
from ..findings import error
from ..ops import Ops
from .base import Arriving, IntPopulation, StepResult, require_all
from .rules import LARGEST, Rules


class LIFState(NamedTuple):
    """What a neuron remembers between two steps; parts its rules have no use for are empty."""

    v: Any
    """Membrane: before its reset where the reset waits for the next step, else after it."""
    current: tuple = ()
    """Synaptic currents."""
    waiting: Any = None
    """Steps for which the membrane will still be held."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntLIF(IntPopulation):
    r"""Integrate-and-fire neurons in a chip's integers: with or without leak, current, refractory time.

    All numbers count the same unit of potential, measured from the resting potential. With the default rules a step is

    .. math::
       v' &= v - c\,s \quad\text{(subtract)}, \qquad v' = c \text{ where } s \quad\text{(value)} \\
       v &\leftarrow \mathrm{overflow}\bigl(\mathrm{round}(v' d / 2^{k}) + I + b\bigr) \\
       s &= [v \ge \theta]

    What other rules make of it is in ``docs/arithmetic.md``.

    Parameters
    ----------
    shape : tuple of int
        Shape of the population.
    rules : Rules
        What a step does.
    decay : int array
        Amount of the membrane's leak: factor :math:`d` from 0 to ``2**bits``, shift, or linear step, by its kind.
    threshold : int array
        :math:`\theta`.
    reset_code : int array
        :math:`c`.
    bias : int array
        :math:`b`, added at every step.
    v_initial : int array
        Membrane before the first step.
    current_decay, current_initial : int array, shape ``(synapses, *shape)``
        Amount of each current's leak, and its value before the first step; no synapses without a current.
    gain : int array
        Factor of the input where the leak has ``gain_bits``, 0 elsewhere.
    refractory : int array
        Steps from one spike to the first in which the membrane integrates again; 0 and 1 are the next step.
    alias : int array, shape ``shape``, or None
        Index of a neuron that also emits the spikes of this one, -1 for none. In order of index each neuron hands on
        what it emits; one that has received the most a neuron may emit keeps its own charge.
    unit : Fraction, volt
        Potential one code stands for, exact, where ``scale`` is 1.
    scale : int array
        Units that one code of a neuron stands for (not used by the step).
    v_rest : float array, volt
        Potential that code 0 stands for (not used by the step).
    threshold_shift, bias_shift : int
        Low bits of the threshold and bias that the target does not store; they are zero.

    Examples
    --------
    >>> from lifexport.neurons.rules import Leak, Rules, Word
    >>> from lifexport.ops import NumpyOps
    >>> rules = Rules(membrane=Word.signed(8), leak=Leak(bits=2))
    >>> lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=8, reset_code=8, unit=Fraction(1))
    >>> state, trace = lif.initial_state(), []
    >>> for _ in range(5):
    ...     state, spikes, v = lif.step(NumpyOps(), state, Arriving.total(np.array([3])))
    ...     trace.append((int(v[0]), int(spikes[0])))
    >>> trace
    [(3, 0), (5, 0), (6, 0), (7, 0), (8, 1)]
    """

    kind: ClassVar[str] = "LIF"

    rules: Rules
    decay: np.ndarray
    threshold: np.ndarray
    reset_code: np.ndarray
    unit: Fraction
    bias: np.ndarray = 0  # type: ignore[assignment]
    v_initial: np.ndarray = 0  # type: ignore[assignment]
    current_decay: np.ndarray = 0  # type: ignore[assignment]
    current_initial: np.ndarray = 0  # type: ignore[assignment]
    gain: np.ndarray = 0  # type: ignore[assignment]
    refractory: np.ndarray = 0  # type: ignore[assignment]
    alias: np.ndarray | None = None
    v_rest: np.ndarray = 0.0  # type: ignore[assignment]
    scale: np.ndarray = 1  # type: ignore[assignment]
    threshold_shift: int = 0
    bias_shift: int = 0

    def __post_init__(self):
        super().__post_init__()
        rules = self.rules
        synapses = (0 if rules.current is None else rules.current.synapses, *self.shape)
        shapes = {"current_decay": synapses, "current_initial": synapses}
        shapes |= {} if self.alias is None else {"alias": self.shape}
        fields = ("decay", "threshold", "reset_code", "bias", "v_initial", "gain", "refractory", "scale")
        for field, shape in {**dict.fromkeys(fields, self.shape), **shapes}.items():
            value = arrays.integer(getattr(self, field), shape, node=None, field=field)
            object.__setattr__(self, field, value)
        object.__setattr__(self, "v_rest", arrays.real(self.v_rest, self.shape, node=None, field="v_rest"))
        self._require_range("decay", 0, rules.leak.highest())
        if rules.current is not None:
            self._require_range("current_decay", 0, rules.current.leak.highest())
            self._require_range("current_initial", rules.current.word.lo, rules.current.word.hi)
        self._require_range("v_initial", *self.membrane_range())
        self._require_range("gain", 0, LARGEST if rules.leak.gain_bits else 0)
        self._require_range("scale", 1, LARGEST - 1)
        self._require_range("refractory", 0, (1 << 16) if rules.refractory else 0)
        if self.alias is not None:
            self._require_range("alias", -1, self.alias.size - 1)
            if len(self.shape) != 1 or rules.max_spikes is None:
                found = f"shape {self.shape}, max_spikes {rules.max_spikes}"
                fix = "use a population of one axis whose neurons have a limit of spikes a step"
                raise error("LX006", field="alias", found=found, fix=fix)
        if not (isinstance(self.unit, Rational) and self.unit > 0):
            raise error("LX006", field="unit", found=f"{self.unit!r}", fix="give a positive Fraction")
        if rules.max_spikes is None:
            self._require_range("threshold", 1, 1 << 62)
        for field, shift in (("threshold", self.threshold_shift), ("bias", self.bias_shift)):
            codes = getattr(self, field)
            require_all(codes % (1 << shift) == 0, "LX204", field, codes, "", f"use multiples of {1 << shift}")

    def _require_range(self, field: str, lo: int, hi: int) -> None:
        codes = getattr(self, field)
        require_all((codes >= lo) & (codes <= hi), "LX204", field, codes, "", f"use {lo}..{hi}")

    @property
    def volt(self) -> np.ndarray:
        """Potential that one code of each neuron stands for, float64, ``shape``."""
        return float(self.unit) * self.scale

    @property
    def spiking(self) -> bool:
        """Whether the neurons spike at all."""
        return self.rules.max_spikes != 0

    @property
    def synapses(self) -> int:
        """Input ports: currents, or 1 where inputs reach the membrane directly."""
        return self.rules.synapses

    @property
    def per_event(self) -> bool:
        """Whether inputs are added one by one, in order."""
        return self.rules.accumulate == "per_event"

    @property
    def latency(self) -> int:
        """Steps between the membrane that reaches the threshold and its spike."""
        return int(self.rules.judged == "next_step_start")

    @property
    def max_spikes(self) -> int | None:
        """Spikes a neuron emits in one step, at most; None for no limit."""
        return self.rules.max_spikes

    def membrane_range(self) -> tuple[int, int]:
        """Lowest and highest value of the membrane before its reset."""
        return self.rules.membrane.lo, self.rules.membrane.hi

    def reset_bound(self) -> int:
        """Largest magnitude a membrane can have after its reset: what the leak takes."""
        word = self.rules.membrane
        code = int(np.abs(self.reset_code).max(initial=0))
        if self.rules.reset == "value":
            return max(word.largest, code)
        if self.rules.max_spikes == 1:
            fired_lo = int((self.threshold - self.reset_code).min(initial=0))
            fired_hi = int((word.hi - self.reset_code).max(initial=0))
            return max(word.largest, abs(fired_lo), abs(fired_hi))
        often = word.hi // max(1, int(self.threshold.min(initial=1)))
        return word.largest + code * (often if self.rules.max_spikes is None else self.rules.max_spikes)

    def state_range(self) -> tuple[LIFState, LIFState]:
        """Lowest and highest state that a run can leave."""
        rules = self.rules
        after = rules.reset_when == "step_end"
        lo, hi = (-self.reset_bound(), self.reset_bound()) if after else self.membrane_range()
        v = (min(lo, 0), max(hi, 0)) if rules.refractory else (lo, hi)  # neurons that wait are at 0
        current = (0, 0) if rules.current is None else (rules.current.word.lo, rules.current.word.hi)
        waiting = (np.zeros(self.shape, np.int64), self.refractory) if rules.refractory else (None, None)

        def state(end: int) -> LIFState:
            currents = tuple(np.full(self.current_initial.shape, current[end], np.int64))
            return LIFState(np.full(self.shape, v[end], np.int64), currents, waiting[end])

        return state(0), state(1)

    def check_state(self, state: LIFState) -> None:
        """Refuse (LX304) a state that no run can have left."""
        low, high = self.state_range()

        def require(field: str, values, lo, hi, fix: str) -> None:
            require_all((values >= lo) & (values <= hi), "LX304", field, values, "", fix)

        require("v", state.v, low.v, high.v, f"membranes are {low.v.flat[0]}..{high.v.flat[0]}")
        for current, lo, hi in zip(state.current, low.current, high.current, strict=True):
            require("current", current, lo, hi, f"currents are {lo.flat[0]}..{hi.flat[0]}")
        if state.waiting is not None:
            fix = "neurons wait 0 steps to their refractory time"
            require("waiting", state.waiting, low.waiting, high.waiting, fix)

    def step_bound(self, arriving: int) -> int:
        """Largest magnitude of any sum inside a step whose input never exceeds ``arriving``, partial sums included."""
        after_reset, bias = self.reset_bound() + 1, int(np.abs(self.bias).max(initial=0))
        if self.rules.leak.kind == "toward_input":
            return self._relaxation_bound(arriving + bias, after_reset)
        if self.rules.current is None:
            return after_reset + arriving + bias
        stored = self.rules.current.word.largest
        drive = self.rules.current.synapses * stored + bias
        if self.rules.increment is not None:
            change = self.rules.increment.largest
            return max(stored + 1 + arriving, change + 1 + drive, after_reset + change)
        return max(stored + 1 + arriving, after_reset + drive)

    def _relaxation_bound(self, drive: int, after_reset: int) -> int:
        word, bits = self.rules.membrane, self.rules.leak.gain_bits
        half, gain = (0, 1) if bits is None else (1 << (bits - 1), int(self.gain.max(initial=0)))
        return max(drive, min(drive, word.largest) * gain + half, after_reset + word.largest)

    def initial_state(self) -> LIFState:
        """State before the first step."""
        waiting = np.zeros(self.shape, np.int64) if self.rules.refractory else None
        return LIFState(self.v_initial, tuple(self.current_initial), waiting)

    def step(self, ops: Ops, state: LIFState, arriving: Arriving) -> StepResult:
        """One time step: reset if it waited, leak, integrate, overflow, compare, reset if it is done at once."""
        rules, v, fired = self.rules, state.v, None
        if rules.reset_when == "next_step":
            fired = self._fired(ops, v)
            v = self._reset(ops, v, fired.own)
        currents, before = self._currents(ops, state.current, arriving), v
        v = self._integrate(ops, v, fired, currents, arriving)
        if rules.refractory:
            change = v if rules.waits_at == "zero" else ops.sub(v, before)
            v = ops.sub(v, ops.gate(ops.ge(state.waiting, ops.const(1, "one")), change))
        now = self._fired(ops, v)
        emitted = fired if rules.judged == "next_step_start" and fired is not None else now
        kept = v if rules.reset_when == "next_step" else self._reset(ops, v, now.own)
        waiting = self._wait(ops, state.waiting, now.own) if rules.refractory else None
        return StepResult(LIFState(kept, currents, waiting), emitted.spikes, v)

    def after_reset(self, ops: Ops, v):
        """Membrane once the spikes of ``v`` have been reset."""
        return self._reset(ops, v, self._fired(ops, v).own)

    def _currents(self, ops: Ops, currents: Sequence, arriving: Arriving) -> tuple:
        rule = self.rules.current
        if rule is None:
            return ()
        after = []
        for k, current in enumerate(currents):
            amount, name = self.current_decay[k], f"current_decay{k}"
            if rule.when == "before_input":
                current = rule.leak.apply(ops, current, amount, name, rule.word.largest)
            current = self._add(ops, current, arriving.synapses[k], rule.word)
            if rule.when == "after_input":
                current = rule.leak.apply(ops, current, amount, name, rule.word.largest)
            after.append(current)
        return tuple(after)

    def _add(self, ops: Ops, start, events: Sequence, word, extra=None):
        """Events of a step added to a stored number: summed first, or one by one with an overflow after each."""
        if self.rules.accumulate == "per_event":
            for event in events:
                start = word.fit(ops, ops.add(start, event))
            return start if extra is None else word.fit(ops, ops.add(start, extra))
        total = events[0]
        for event in events[1:]:
            total = ops.add(total, event)
        if self.rules.sum_word is not None:
            total = self.rules.sum_word.fit(ops, total)
        total = total if extra is None else ops.add(total, extra)
        return word.fit(ops, ops.add(start, total))

    def _integrate(self, ops: Ops, v, fired, currents: tuple, arriving: Arriving):
        rules, bias = self.rules, ops.const(self.bias, "bias")
        if rules.increment is not None:
            return self._increment(ops, v, currents, bias)
        if rules.leak.kind == "toward_input":
            drive = self._add(ops, bias, arriving.synapses[0], rules.membrane)
            return rules.leak.approach(ops, v, drive, self.gain, self.decay, rules.membrane)
        leaked = rules.leak.apply(ops, v, self.decay, "decay", self.reset_bound())
        if not rules.leak_on_fire and fired is not None:
            leaked = ops.add(leaked, ops.gate(self._any(ops, fired.own), ops.sub(v, leaked)))
        if arriving.tick is not None:
            leaked = ops.add(v, ops.gate(arriving.tick, ops.sub(leaked, v)))
        if rules.current is None:
            return self._add(ops, leaked, arriving.synapses[0], rules.membrane, bias)
        drive = bias
        for current in currents:
            drive = ops.add(current, drive)
        if rules.drive_word is not None:
            drive = rules.drive_word.fit(ops, drive)
        return rules.membrane.fit(ops, ops.add(leaked, drive))

    def _increment(self, ops: Ops, v, currents: tuple, bias):
        """Change of the membrane formed in a word of its own, the leak's share negated there first."""
        rules, word = self.rules, self.rules.increment
        assert word is not None
        lost = rules.leak.lost(ops, v, self.decay, "decay")
        change = ops.wrap(ops.sub(ops.const(0, "zero"), lost), word.lo, word.hi)
        for current in currents:
            change = ops.add(current, change)
        change = word.fit(ops, ops.add(word.fit(ops, change), bias))
        return rules.membrane.fit(ops, ops.add(v, change))

    def fires_at(self) -> tuple[np.ndarray, str]:
        """Lowest membrane that fires, and the name of that parameter; on integers, ``v > t`` is ``v >= t + 1``."""
        above = self.rules.compare == ">"
        return self.threshold + above, "above_threshold" if above else "threshold"

    def _fired(self, ops: Ops, v) -> _Fired:
        threshold = ops.const(*self.fires_at())
        most = self.rules.max_spikes
        own = ops.ge(v, threshold) if most == 1 else ops.count(v, threshold, most)
        return _Fired(own, own) if self.alias is None else self._aliased(ops, own)

    def _aliased(self, ops: Ops, counts) -> _Fired:
        """In order of index: a neuron fires what its target total still has room for, and hands the total on."""
        assert self.alias is not None and self.rules.max_spikes is not None
        most, own, total = ops.const(self.rules.max_spikes, "most"), ops.columns(counts), ops.columns(counts)
        received = [False] * len(own)
        for j, target in enumerate(self.alias.ravel().tolist()):
            if received[j]:
                own[j] = ops.minimum(own[j], ops.sub(most, total[j]))
                total[j] = ops.add(total[j], own[j])
            else:
                total[j] = own[j]
            if target > j and not received[target]:
                total[target], received[target] = total[j], True
            elif target >= 0:
                total[target] = ops.minimum(most, ops.add(total[target], total[j]))
        return _Fired(ops.stack(own), ops.stack(total))

    def _reset(self, ops: Ops, v, own):
        code = ops.const(self.reset_code, "reset_code")
        if self.rules.reset == "value":
            return ops.sub(v, ops.gate(self._any(ops, own), ops.sub(v, code)))
        taken = ops.gate(own, code) if self.rules.max_spikes == 1 else ops.mul(own, code)
        v = ops.sub(v, taken)
        return self.rules.membrane.fit(ops, v) if self.rules.reset_saturates else v

    def _any(self, ops: Ops, own):
        return own if self.rules.max_spikes == 1 else ops.ge(own, ops.const(1, "one"))

    def _wait(self, ops: Ops, waiting, own):
        """Steps still to wait once this one is over: anew after a spike, one less otherwise."""
        rest, fired = ops.const(self.refractory, "refractory"), self._any(ops, own)
        waiting = ops.add(waiting, ops.gate(fired, ops.sub(rest, waiting)))
        return ops.maximum(ops.sub(waiting, ops.const(1, "one")), ops.const(0, "zero"))


class _Fired(NamedTuple):
    """Spikes of one step: those a neuron pays for, and those it emits."""

    own: Any
    spikes: Any
