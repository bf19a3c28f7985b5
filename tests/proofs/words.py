"""Machine words over z3's unbounded integers: the readers' own code runs on them and becomes a formula.

A word is the integer its formula means, and a type. Sums, differences and products are left unbounded, for they are
right modulo the size of the type whatever happens in between; wherever a word is *looked at* (compared, shifted to the
right, divided, returned) it must lie in its type's range, which is recorded as one more thing to prove.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

z3 = pytest.importorskip("z3", reason="z3 is not installed")


@dataclass(frozen=True)
class Kind:
    """Range of a type; calling it makes a constant of it, as numpy's types do."""

    lo: int
    hi: int

    def __call__(self, value: int) -> int:
        assert self.lo <= value <= self.hi
        return value


INT32, UINT32, INT64 = Kind(-(2**31), 2**31 - 1), Kind(0, 2**32 - 1), Kind(-(2**63), 2**63 - 1)


@dataclass
class Proof:
    """Symbols with their ranges, and everything that was looked at."""

    given: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    products: list = field(default_factory=list)

    def word(self, name: str, lo: int, hi: int, kind: Kind = INT32, *, split: int = 0) -> Word:
        """Any integer of a range; with ``split`` as ``high * 2**split + low``, the one way to write it so."""
        if split:
            high = self.word(f"{name}_high", lo >> split, hi >> split, kind)
            low = self.word(f"{name}_low", 0, 2**split - 1, kind)
            found = Word(high.value * 2**split + low.value, kind, self, (lo, hi), (split, high, low))
        else:
            found = Word(z3.Int(name), kind, self, (lo, hi))
        self.given += [found.value >= lo, found.value <= hi]
        return found

    def product(self, x: Word, y: Word) -> Any:
        """A number between the least and the largest product: what holds for every such number holds for ``x * y``."""
        ends, p = [a * b for a in x.range for b in y.range], z3.Int(f"{x.value}*{y.value}")
        self.given += [p >= min(ends), p <= max(ends)]
        self.products.append(p == x.value * y.value)
        return p

    def counterexample(self, claim: Any, *, products: bool = True, overflow: bool = True) -> Any:
        """A model in which the claim, or a range that was looked at, does not hold; None if there is none."""
        solver = z3.SolverFor("QF_NIA")
        solver.set("timeout", 30_000)
        solver.add(*self.given, z3.Not(z3.And(claim, *(self.seen if overflow else ()))))
        solver.add(*(self.products if products else ()))
        answer = solver.check()
        assert answer != z3.unknown, solver.reason_unknown()
        return solver.model() if answer == z3.sat else None

    def require(self, claim: Any) -> None:
        """Fail with a counterexample unless the claim holds everywhere."""
        assert self.counterexample(z3.BoolVal(False), products=False) is not None, "nothing is given: all would hold"
        if self.counterexample(claim, products=False) is not None:
            found = self.counterexample(claim)
            assert found is None, found


class Word:
    """An integer and the type that must hold it when it is looked at; a symbol knows its range and its two parts."""

    def __init__(self, value: Any, kind: Kind, proof: Proof, range: Any = None, parts: Any = None):
        self.value, self.kind, self.proof, self.range, self.parts = value, kind, proof, range, parts

    def look(self) -> Any:
        self.proof.seen.append(z3.And(self.value >= self.kind.lo, self.value <= self.kind.hi))
        return self.value

    def made(self, value: Any) -> Word:
        return Word(value, self.kind, self.proof)

    def other(self, other: Any) -> Word:
        if isinstance(other, Word):
            assert other.kind == self.kind
            return other
        if isinstance(other, Truth):
            return other.astype(self.kind)
        return self.made(z3.IntVal(int(other)))

    def astype(self, kind: Kind) -> Word:
        return Word(self.value, kind, self.proof, self.range)

    def __add__(self, other):
        return self.made(self.value + self.other(other).value)

    def __sub__(self, other):
        return self.made(self.value - self.other(other).value)

    def __mul__(self, other):
        other = self.other(other)
        if not (self.range and other.range):
            return self.made(self.value * other.value)
        if self.parts:
            k, high, low = self.parts
            return self.made((high * other).value * 2**k + (low * other).value)
        return self.made(self.proof.product(self, other))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self.made(-self.value)

    def __and__(self, mask: int):
        assert mask & (mask + 1) == 0 and mask <= self.kind.hi - self.kind.lo
        if self.parts and mask + 1 == 2 ** self.parts[0]:
            return self.parts[2]
        return self.made(self.value % (mask + 1))

    def __rshift__(self, k: int):
        if self.parts and k == self.parts[0]:
            self.look()
            return self.parts[1]
        return self.made(self.look() / 2**k)  # z3 divides integers by positive ones as floor

    def __lshift__(self, k: int):
        return self.made(self.value * 2**k)

    def __floordiv__(self, other):
        divisor = self.other(other).look()
        self.proof.seen.append(divisor > 0)
        return self.made(self.look() / divisor)

    def __mod__(self, other):
        divisor = self.other(other).look()
        self.proof.seen.append(divisor > 0)
        return self.made(self.look() % divisor)

    def _compared(self, other, how: Callable) -> Truth:
        return Truth(how(self.look(), self.other(other).look()), self.proof)

    def __lt__(self, other):
        return self._compared(other, lambda a, b: a < b)

    def __le__(self, other):
        return self._compared(other, lambda a, b: a <= b)

    def __gt__(self, other):
        return self._compared(other, lambda a, b: a > b)

    def __ge__(self, other):
        return self._compared(other, lambda a, b: a >= b)

    def __eq__(self, other):  # type: ignore[override]
        return self._compared(other, lambda a, b: a == b)

    def __ne__(self, other):  # type: ignore[override]
        return self._compared(other, lambda a, b: a != b)

    __hash__ = None  # type: ignore[assignment]


class Truth:
    """A truth value."""

    def __init__(self, value: Any, proof: Proof):
        self.value, self.proof = value, proof

    def astype(self, kind: Kind) -> Word:
        return Word(z3.If(self.value, 1, 0), kind, self.proof)

    def __and__(self, other: Truth):
        return Truth(z3.And(self.value, other.value), self.proof)

    def __or__(self, other: Truth):
        return Truth(z3.Or(self.value, other.value), self.proof)


class Namespace:
    """What the readers take from ``numpy`` and ``jax.numpy``, on words."""

    int32, uint32, int64, ndarray = INT32, UINT32, INT64, object

    def asarray(self, value: Any, kind: Any = None) -> Any:
        return value if isinstance(value, Word | int) else int(value)

    def where(self, c: Truth, x: Any, y: Any) -> Word:
        some = x if isinstance(x, Word) else y if isinstance(y, Word) else Word(0, INT32, c.proof)
        return some.made(z3.If(c.value, some.other(x).value, some.other(y).value))

    def maximum(self, x: Any, y: Any) -> Word:
        return self.where(x >= y, x, y) if isinstance(x, Word) else self.maximum(y, x)

    def minimum(self, x: Any, y: Any) -> Word:
        return self.where(x <= y, x, y) if isinstance(x, Word) else self.minimum(y, x)

    def clip(self, x: Word, lo: int, hi: int) -> Word:
        return self.minimum(self.maximum(x, lo), hi)

    def abs(self, x: Word) -> Word:
        return self.where(x >= 0, x, -x)

    def sign(self, x: Word) -> Word:
        return self.where(x > 0, 1, self.where(x < 0, -1, x.made(0)))

    def divmod(self, x: Word, y: int) -> tuple[Word, Word]:
        return x // y, x % y

    def iinfo(self, kind: Kind) -> Any:
        return type("Range", (), {"max": kind.hi})
