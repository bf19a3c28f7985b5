"""The named operations recorded in QONNX's terms: floats that carry integers, rounded by ``Quant``.

==================  ==================================================================================
``round(x d/2^k)``  ``Quant(x * (d / 2^k))``: ``FLOOR``; ``ROUND`` is half to even; half up is a floor of half more
``saturate``        ``Quant`` of as many bits as the word
``x >= y``          ``BipolarQuant(x - y) / 2 + 1/2``, a threshold that is a whole number: hls4ml compares with it in
                    the type of the membrane, and would round ``y - 1/2`` down
shift               product with a power of two, and ``Quant(FLOOR)`` where bits are dropped
==================  ==================================================================================

Everything is exact in float32 or refused: products and their fractions have at most 24 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, numpy_helper  # noqa: TID251

from ..bounds import FLOAT32_WHOLE
from ..findings import error
from ..ops import Rounding
from .onnx_ops import OnnxOps

DOMAIN = "qonnx.custom_op.general"
ROUNDINGS: dict[str, str] = {"floor": "FLOOR", "half_up": "FLOOR", "half_even": "ROUND"}
"""Rounding mode of ``Quant``, by rounding of a leak."""
WIDEST = 24
"""Bits of float32's whole numbers, fractions included."""


class QonnxOps(OnnxOps):
    """Records a step in ``Quant``, ``BipolarQuant``, ``Mul``, ``Add`` and ``Sub``; truth values are 0 and 1."""

    def __init__(self, prefix: str, nodes: list[NodeProto], initializers: dict[str, TensorProto]):
        super().__init__(prefix, nodes, initializers, TensorProto.FLOAT)

    def emit(self, op: str, *inputs: str, label: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        name = super().emit(op, *inputs, label=label, **attributes)
        node = self.nodes[-1]
        node.name = node.output[0] = identifier(name)
        return node.name

    def tensor(self, array: np.ndarray, name: str) -> str:
        """Store an initializer of the layer and return its name."""
        name = identifier(f"{self.prefix}.{name}")
        if name in self.initializers:
            found, fix = f"two tensors that C would call {name}", "rename a layer"
            raise error("LX401", field="dialect", found=found, fix=fix)
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
        return name

    def number(self, value: float, dtype: Any = None) -> str:
        """Store a scalar of this layer's own: tools give a constant to one reader only."""
        return self.tensor(
            np.array([value], np.float32), f"number{sum('number' in name for name in self.initializers)}"
        )

    def const(self, array: np.ndarray | int, name: str) -> str:
        if isinstance(array, int):
            return self.number(array)
        if array.size and not array.any():
            zero = identifier(f"{self.prefix}.{name}")
            self._zeros[zero] = np.zeros((1, 1), np.float32)
            return zero
        used = sum(stored.startswith(identifier(f"{self.prefix}.{name}")) for stored in self.initializers)
        return self.tensor(array[None], name if not used else f"{name}_{used + 1}")

    def cast(self, x: str, to: int, label: str) -> str:
        """Everything is carried in float32."""
        return x

    def quant(self, x: str, bits: int, how: str, label: str) -> str:
        """Round and saturate to a signed word."""
        scale, zero, width = (self.number(value) for value in (1.0, 0.0, float(bits)))
        return self.emit(
            "Quant", x, scale, zero, width, label=label, domain=DOMAIN, signed=1, narrow=0, rounding_mode=how
        )

    def gate(self, c: str, x: str) -> str:
        return self.emit("Mul", c, x, label="gate")

    def minimum(self, x: str, y: str) -> str:
        raise self._foreign("the smaller of two numbers")

    def maximum(self, x: str, y: str) -> str:
        raise self._foreign("the larger of two numbers")

    def ge(self, x: str, y: str) -> str:
        if (x, y) not in self.compared:
            sign = self.emit("BipolarQuant", self.sub(x, y), self.number(1.0), label="sign", domain=DOMAIN)
            half = self.emit("Mul", sign, self.number(0.5), label="half")
            self.compared[x, y] = self.emit("Add", half, self.number(0.5), label="fires")
        return self.compared[x, y]

    def multiply_shift(self, x: str, m: str, k: int, how: Rounding, bound: int) -> str:
        if how not in ROUNDINGS:
            raise self._foreign(f"rounding {how!r} of a leak", fix=f"use {' or '.join(ROUNDINGS)}")
        stored = self.initializers.pop(m, None)
        factor = np.zeros((1, 1), np.int64) if stored is None else numpy_helper.to_array(stored).astype(np.int64)
        spare = min(k, *(int(f & -f).bit_length() - 1 for f in factor.ravel() if f), k)
        fraction = k - spare + (how == "half_up")
        if bound << fraction > FLOAT32_WHOLE:
            found = f"a membrane of up to {bound} times a decay of {k} bits, beyond the {WIDEST} bits of float32"
            raise error("LX302", field="decay", found=found, fix="use fewer state_bits or decay_bits")
        scaled = self.tensor(factor / (1 << k), m.removeprefix(identifier(f"{self.prefix}.")))
        product = self.emit("Mul", x, scaled, label="leak_product")
        if how == "half_up":
            product = self.emit("Add", product, self.number(0.5), label="leak_half")
        return self.quant(product, bound.bit_length() + 1, ROUNDINGS[how], "leak")

    def shift_left(self, x: str, k: int) -> str:
        return self.emit("Mul", x, self.number(float(1 << k)), label="shift") if k else x

    def shift_right(self, x: str, k: np.ndarray, name: str) -> str:
        share = 2.0 ** -np.asarray(k, np.float64)
        factor = self.tensor(share[None], name) if share.ndim else self.number(float(share))
        return self.quant(self.emit("Mul", x, factor, label="shift_product"), WIDEST + 2, "FLOOR", "shift_right")

    def count(self, x: str, y: str, most: int | None) -> str:
        raise self._foreign("several spikes a step", fix="use a target whose neurons spike at most once")

    def saturate(self, x: str, lo: int, hi: int) -> str:
        bits = hi.bit_length() + 1
        if (lo, hi) != (-(1 << (bits - 1)), (1 << (bits - 1)) - 1):
            raise self._foreign(f"a range of {lo}..{hi}", fix="use one of two's complement")
        return self.quant(x, bits, "FLOOR", "saturate")

    def wrap(self, x: str, lo: int, hi: int) -> str:
        raise self._foreign("a word that wraps", fix='use overflow="saturate"')

    wrap_once = wrap

    def _foreign(self, found: str, fix: str = "use another dialect, or other rules") -> Exception:
        return error("LX401", field="dialect", found=f"{found}, which QONNX has no node for", fix=fix)


def identifier(name: str) -> str:
    """Name as an identifier of C: hls4ml makes variables of names."""
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name.replace("->", "_to_"))
