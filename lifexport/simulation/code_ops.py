"""The named operations as text: a neuron's step printed as loops of scalar code, one pass over the neurons each.

The text is Python that numba compiles (``event.py``); every line is one assignment, and nothing branches, so that a
compiler turns a loop into vector instructions. Numbers are int32 where ``bounds.py`` proves that they fit, else int64.

A step is one loop over the neurons, unless it takes its inputs one by one: then the loop ends where the inputs begin,
the inputs are a loop of their own, and a second loop goes on after them. Numbers that live across are kept in arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..bounds import INT32, INT64
from ..findings import error
from ..ops import UNNAMED, Rounding

MOST_COLUMNS = 256
"""Neurons that may depend on each other: each is a few lines of text, and takes its time to compile."""
LARGEST = {32: INT32, 64: INT64}


class Number(NamedTuple):
    """A number of every neuron, or one number for all: what the operations take and give."""

    text: str
    loop: int | None = None
    """Loop that computes it; None where the text means the same in every loop."""


class Loop(NamedTuple):
    """One pass over the neurons, and the loop over inputs around it, if there is one."""

    around: tuple[str, ...]
    """Head of that loop, and what it does before it goes over the neurons."""
    lines: list[str]
    each: bool = True
    """Whether the lines are those of every neuron; else they name the neurons they are for."""


@dataclass(frozen=True)
class Inputs:
    """Inputs of a population that are taken one by one; ``for`` gives one stand-in for all inputs of an edge.

    Parameters
    ----------
    ops : CodeOps
    edges : list of (Number, tuple of str)
        What an edge brings, and ``Loop.around`` of the loop over its inputs; empty for an edge that brings one.
    """

    ops: CodeOps
    edges: list[tuple[Number, tuple[str, ...]]]

    def __iter__(self) -> Iterator[Number]:
        for increment, around in self.edges:
            if not around:
                yield increment
                continue
            self.ops.around = around
            yield increment
            self.ops.close()


@dataclass
class CodeOps:
    """Reads a neuron step as loops of scalar code.

    Parameters
    ----------
    bits : int
        Width of the numbers, 32 or 64.
    prefix : str
        Beginning of every name of the text.
    size : int
        How many neurons there are; needed only where neurons depend on each other.
    counting : bool
        Also count, in a variable ``<prefix>overflowed_<word>`` for every word, the neurons in which its rule acted.

    Attributes
    ----------
    loops : list of Loop
        The text, in order.
    parameters : dict from name to array or number
        What the network gives; an array has one number for every neuron.
    arrays : list of str
        Arrays of one number for every neuron that the text needs to work in.

    Examples
    --------
    >>> ops = CodeOps(bits=32)
    >>> v = ops.saturate(ops.add(Number("v[i]"), ops.const(np.array([3, 4]), "bias")), -128, 127)
    >>> ops.store("v[i]", v)
    >>> for line in ops.lines("n"):
    ...     print(line)
    for i in range(n):
        x0 = int32(v[i] + bias[i])
        x1 = -128 if x0 < -128 else x0
        x2 = int32(127 if x1 > 127 else x1)
        v[i] = x2
    """

    bits: int
    prefix: str = ""
    size: int = 1
    counting: bool = False
    loops: list[Loop] = field(default_factory=lambda: [Loop((), [])])
    parameters: dict[str, Any] = field(default_factory=dict)
    arrays: list[str] = field(default_factory=list)
    counters: dict[str, str] = field(default_factory=dict)
    """Variable that counts the overflows of every word, by the word's name (``neurons/named.py``)."""
    around: tuple[str, ...] = ()
    """Loop over inputs that the next addition begins."""

    def __post_init__(self):
        self._made = 0
        self.word: str | None = None
        self._homes: dict[str, str] = {}
        self._carried = self._together = ""

    def lines(self, size: str) -> list[str]:
        """All of the text, for as many neurons as the variable ``size`` says."""
        found = []
        for around, lines, each in self.loops:
            inside = "    " if around else ""
            found += around[:1]
            found += [f"    {line}" for line in around[1:]]
            found += [f"{inside}for i in range({size}):"] if each and lines else []
            found += [f"{inside}    {line}" if each else line for line in lines]
        return found

    def use(self, x: Number) -> str:
        """Text of a number in the loop that is being written."""
        here = len(self.loops) - 1
        if x.loop in (None, here) or not self.loops[x.loop].each:
            return x.text
        return f"{self._home(x)}[i]"

    def _home(self, x: Number) -> str:
        """Array in which a number lives across loops."""
        if x.text not in self._homes:
            self._homes[x.text] = self._array()
            self.loops[-1 if x.loop is None else x.loop].lines.append(f"{self._homes[x.text]}[i] = {x.text}")
        return self._homes[x.text]

    def store(self, target: str, x: Number) -> None:
        """Write a number to an element of an array."""
        self.loops[-1].lines.append(f"{target} = {self.use(x)}")

    def count_overflows(self) -> None:
        """Add up, at the end of a step, the neurons in which a number left its word."""
        for word, counter in self.counters.items():
            self.loops[-1].lines.append(f"{counter} += {self._left(word)}")

    def _left(self, word: str) -> str:
        """Whether a number of this neuron left a word in this step; an array, for it lives across loops."""
        array = f"{self.prefix}left_{word}"
        if word not in self.counters:
            self.counters[word] = f"{self.prefix}overflowed_{word}"
            self.arrays.append(array)
            self.loops[0].lines.insert(0, f"{array}[i] = 0")
        return f"{array}[i]"

    def close(self) -> None:
        """End the loop over inputs: the number last computed is the one that goes from input to input."""
        last = Number(f"{self.prefix}x{self._made - 1}", len(self.loops) - 1)
        self.store(f"{self._carried}[i]", last)
        self._homes[last.text] = self._carried
        self.loops.append(Loop((), []))

    def _open(self, x: Number) -> Number:
        """Begin the loop over inputs that ``x`` takes part in."""
        self._carried = self._array()
        self.store(f"{self._carried}[i]", x)
        self.loops.append(Loop(self.around, []))
        self.around = ()
        return Number(f"{self._carried}[i]")

    def _array(self) -> str:
        self.arrays.append(f"{self.prefix}kept{len(self.arrays)}")
        return self.arrays[-1]

    def _let(self, text: str) -> Number:
        name = f"{self.prefix}x{self._made}"
        self._made += 1
        self.loops[-1].lines.append(f"{name} = {text}")
        return Number(name, len(self.loops) - 1)

    def _int(self, text: str) -> Number:
        return self._let(f"int{self.bits}({text})")

    def const(self, array: np.ndarray | int, name: str) -> Number:
        if isinstance(array, int):
            return Number(str(array))
        array, name = np.asarray(array), self.prefix + name
        if (largest := int(np.abs(array).max(initial=0))) > LARGEST[self.bits]:
            raise error("LX302", field=name, found=f"{largest}", fix='use backend="reference"')
        alike = bool((array == array.flat[0]).all())
        # One number for all neurons stays one number: the compiler then keeps it in a register.
        self.parameters[name] = int(array.flat[0]) if alike else array.ravel()
        return Number(name if alike else f"{name}[i]")

    def add(self, x: Number, y: Number) -> Number:
        x = self._open(x) if self.around else x
        return self._int(f"{self.use(x)} + {self.use(y)}")

    def sub(self, x: Number, y: Number) -> Number:
        return self._int(f"{self.use(x)} - {self.use(y)}")

    def mul(self, x: Number, y: Number) -> Number:
        return self._int(f"{self.use(x)} * {self.use(y)}")

    def minimum(self, x: Number, y: Number) -> Number:
        a, b = self.use(x), self.use(y)
        return self._int(f"{a} if {a} < {b} else {b}")

    def maximum(self, x: Number, y: Number) -> Number:
        a, b = self.use(x), self.use(y)
        return self._int(f"{a} if {a} > {b} else {b}")

    def gate(self, c: Number, x: Number) -> Number:
        return self._int(f"{self.use(x)} if {self.use(c)} else 0")

    def ge(self, x: Number, y: Number) -> Number:
        return self._let(f"{self.use(x)} >= {self.use(y)}")

    def multiply_shift(self, x: Number, m: Number, k: int, how: Rounding, bound: int) -> Number:
        one = 1 << k
        if (bound + 1) * one > INT64:
            found = f"a state of up to {bound} times a decay of {k} bits"
            raise error("LX302", field="decay", found=found, fix='use backend="reference"')
        width = 32 if self.bits == 32 and (bound + 1) * one <= INT32 else 64
        product = self._let(f"int{width}(int{width}({self.use(x)}) * {self.use(m)})").text
        more = {
            "floor": "0",
            "toward_zero": f"({one - 1} if {self.use(x)} < 0 else 0)",  # for m >= 0 the product has the sign of x
            "half_up": f"{one >> 1}",
            "half_even": f"({(one >> 1) - 1} + (({product} >> {k}) & 1))",  # ties go down, unless the quotient is odd
        }[how]
        return self._int(f"int{width}({product} + {more}) >> {k}" if k else product)

    def shift_left(self, x: Number, k: int) -> Number:
        return self._int(f"{self.use(x)} << {k}")

    def shift_right(self, x: Number, k: np.ndarray, name: str) -> Number:
        return self._int(f"{self.use(x)} >> ({self.use(self.const(k, name))} & 31)")

    def count(self, x: Number, y: Number, most: int | None) -> Number:
        a, b, limit = self.use(x), self.use(y), LARGEST[self.bits] if most is None else most
        often = self._int(f"{a} // ({b} if {b} > 0 else 1)").text
        often = self._int(f"{often} if {b} > 0 and {often} < {limit} else {limit}").text
        return self._int(f"{often} if {a} >= {b} else 0")

    def saturate(self, x: Number, lo: int, hi: int) -> Number:
        before = self.use(x)
        above = self._let(f"{lo} if {before} < {lo} else {before}").text
        return self._counted(before, self._int(f"{hi} if {above} > {hi} else {above}"))

    def wrap(self, x: Number, lo: int, hi: int) -> Number:
        # A range of 2**n values: the low bits are those of the difference, in whatever width it was formed.
        before = self.use(x)
        return self._counted(before, self._int(f"(({before} - {lo}) & {hi - lo}) + {lo}"))

    def wrap_once(self, x: Number, lo: int, hi: int) -> Number:
        before, size = self.use(x), hi - lo + 1
        above = self._let(f"{before} + {size} if {before} < {lo} else {before}").text
        return self._counted(before, self._int(f"{before} - {size} if {before} > {hi} else {above}"))

    def columns(self, x: Number) -> list[Number]:
        if x.loop is None and not self.loops[-1].each:
            self.loops.append(Loop((), []))
        self._together = self._home(x)
        if self.loops[-1].each:
            self.loops.append(Loop((), [], each=False))
        return [Number(f"{self._together}[{j}]") for j in range(self.size)]

    def stack(self, columns: list[Number]) -> Number:
        """Neurons together again; only those that are no longer what they were are written one by one."""
        lines = next(loop.lines for loop in reversed(self.loops) if not loop.each)
        changed = [j for j, column in enumerate(columns) if column.text != f"{self._together}[{j}]"]
        if len(changed) > MOST_COLUMNS:
            found, fix = f"{len(changed)} neurons that depend on each other", 'use backend="reference"'
            raise error("LX302", field="alias", found=found, fix=fix)
        array = self._array()
        lines.append(f"{array}[:] = {self._together}")
        lines += [f"{array}[{j}] = {columns[j].text}" for j in changed]
        if not self.loops[-1].each:
            self.loops.append(Loop((), []))
        return Number(f"{array}[i]")

    def _counted(self, before: str, after: Number) -> Number:
        if self.counting:
            self.loops[-1].lines.append(f"{self._left(self.word or UNNAMED)} |= {before} != {after.text}")
        return after
