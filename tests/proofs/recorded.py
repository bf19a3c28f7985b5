"""ONNX nodes that ``OnnxOps`` recorded, read as formulas on the words of ``words.py``.

int32 as ONNX defines it: ``Div`` truncates, ``Mod`` has the sign of the divisor. A float64 is an integer over a power
of two, exact as long as that integer stays within 53 bits; this is looked at in every one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import numpy_helper

from lifexport.export.onnx_ops import OnnxOps

from .words import INT32, Namespace, Proof, Truth, Word, z3

ON = Namespace()


@dataclass
class Dyadic:
    """``value / 2**k`` in float64."""

    value: Any
    k: int
    proof: Proof

    def __post_init__(self):
        self.proof.seen.append(z3.And(self.value >= -(2**53), self.value <= 2**53))

    def to(self, k: int) -> Any:
        return self.value * 2 ** (k - self.k)


def truncated(x: Any, y: Any) -> Any:
    return z3.If(x >= 0, x / y, -(-x / y))


def half_even(x: Any, one: int) -> Any:
    """Nearest multiple, ties to the even one."""
    below, rest = x / one, x % one
    up = z3.Or(2 * rest > one, z3.And(2 * rest == one, below % 2 == 1))
    return below + z3.If(up, 1, 0)


def _multiply(x, y):
    if isinstance(x, Word):
        return x * y
    return Dyadic(x.value * y.value, x.k + y.k, x.proof)


def _add(x, y):
    if isinstance(x, Word):
        return x + y
    k = max(x.k, y.k)
    return Dyadic(x.to(k) + y.to(k), k, x.proof)


def _divide(x: Word, y: Word) -> Word:
    divisor = y.look()
    x.proof.seen.append(divisor > 0)
    return x.made(truncated(x.look(), divisor))


def _cast(x, to: int):
    if isinstance(x, Truth):
        return x.astype(INT32)
    if to == onnx.TensorProto.DOUBLE:
        return Dyadic(x.look(), 0, x.proof)
    return Word(truncated(x.value, 2**x.k), INT32, x.proof)


FORMULAS: dict[str, Callable] = {
    "Add": _add,
    "Sub": lambda x, y: x - y,
    "Mul": _multiply,
    "Div": _divide,
    "Mod": lambda x, y: x % y,
    "Min": ON.minimum,
    "Max": ON.maximum,
    "Clip": lambda x, lo, hi: ON.minimum(ON.maximum(x, lo), hi),
    "GreaterOrEqual": lambda x, y: x >= y,
    "Floor": lambda x: Dyadic(x.value / 2**x.k, 0, x.proof),
    "Round": lambda x: Dyadic(half_even(x.value, 2**x.k), 0, x.proof),
}


def recorded(proof: Proof, formula: Callable[..., str], *given: Word) -> Word:
    """What ``formula(ops, *names)`` records, applied to words."""
    nodes, initializers = [], {}
    names = [f"in{i}" for i in range(len(given))]
    result = formula(OnnxOps("proof", nodes, initializers), *names)
    values: dict[str, Any] = dict(zip(names, given, strict=True))
    for name, tensor in initializers.items():
        array = numpy_helper.to_array(tensor)
        numerator, denominator = array.item().as_integer_ratio()
        k = denominator.bit_length() - 1
        double = array.dtype.kind == "f"
        values[name] = Dyadic(z3.IntVal(numerator), k, proof) if double else Word(z3.IntVal(numerator), INT32, proof)
    for node in nodes:
        inputs = [values[name] for name in node.input]
        (to,) = [a.i for a in node.attribute if a.name == "to"] or [None]
        values[node.output[0]] = _cast(inputs[0], to) if to else FORMULAS[node.op_type](*inputs)
    return values[result]
