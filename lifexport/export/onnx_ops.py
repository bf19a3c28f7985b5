"""The named operations recorded as ONNX nodes, exact where int32 is computed as int32.

Formulas (``p = x * m``, ``|p| < 2**30``; measured exact in onnxruntime 1.15 .. 1.32 and ``onnx.reference``):

================  ===============================================================================
``floor``         ``Div(p + 2**30, 2**k) - 2**(30-k)``: the dividend is never negative, so that
                  ONNX's truncating division is a floor
``half_up``       the same with ``2**30 + 2**(k-1)``
``toward_zero``   ``Div(p, 2**k)``
``half_even``     ``Round(p / 2**k)`` in float64, which holds ``p`` exactly
wider products    float64 with ``Floor``, ``Round`` or a truncating ``Cast``; exact below ``2**53``
================  ===============================================================================

``Where`` is avoided (15 times slower than ``Mul`` in onnxruntime), and so are integer ``Max``/``Min`` on 16 bits and
signed ``BitShift`` (missing before opset 28). On int64 ``Max``, ``Min`` and ``Clip`` compare the low 32 bits alone in
onnxruntime 1.23 to 1.31: there comparisons and products do their work.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper  # noqa: TID251

from ..findings import error
from ..neurons import Word
from ..ops import Rounding

BIAS = 1 << 30


class InOrder(NamedTuple):
    """Inputs that neurons add one by one, each with the overflow rule of the word that takes it."""

    inputs: str
    """int32 ``(inputs, batch, 1, ...)``."""
    weights: str
    """int32 ``(inputs, *shape)``."""
    shape: tuple[int, ...]
    """Shape of the neurons."""
    word: Word


class OnnxOps:
    """Records nodes and initializers; values are tensor names.

    Parameters
    ----------
    prefix : str
        Name of the layer; initializers are ``<prefix>.<field>``, nodes ``<prefix>/<operation>``.
    nodes : list of NodeProto
        Where nodes are appended.
    initializers : dict from name to TensorProto
        Where parameters are stored.
    dtype : int
        ONNX type that numbers are carried in: int32, int64 where sums may leave that, or float32.
    """

    def __init__(
        self,
        prefix: str,
        nodes: list[NodeProto],
        initializers: dict[str, TensorProto],
        dtype: int = TensorProto.INT32,
    ):
        self.dtype = dtype
        self.numpy: Any = helper.tensor_dtype_to_np_dtype(dtype)
        self.prefix = prefix
        self.nodes = nodes
        self.initializers = initializers
        self._count: dict[str, int] = {}
        self._cast: dict[tuple[str, int], str] = {}
        self._zeros: dict[str, np.ndarray] = {}
        """Parameters that are zero throughout: not added, and stored only where another node reads them."""
        self.compared: dict[tuple[str, str], str] = {}
        """What is known of ``x >= y``, by ``(x, y)``."""

    def carrying(self, dtype: int) -> OnnxOps:
        """The same recorder for numbers of another type."""
        other = copy.copy(self)
        other.dtype, other.numpy = dtype, helper.tensor_dtype_to_np_dtype(dtype)
        return other

    def emit(self, op: str, *inputs: str, label: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        for zero in self._zeros.keys() & set(inputs):
            self.initializers[zero] = numpy_helper.from_array(self._zeros[zero], zero)
        number = self._count[label] = self._count.get(label, 0) + 1
        name = f"{self.prefix}/{label}" + (f"_{number}" if number > 1 else "")
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def tensor(self, array: np.ndarray, name: str) -> str:
        """Store an initializer of the layer and return its name."""
        name = f"{self.prefix}.{name}"
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def number(self, value: int, dtype: Any = None) -> str:
        """Store a scalar constant, shared by the whole graph, and return its name."""
        array = np.asarray(value, dtype or self.numpy)
        name = f"{array.dtype.name}:{value}"
        self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def cast(self, x: str, to: int, label: str) -> str:
        """Convert, once per value and type."""
        if (x, to) not in self._cast:
            self._cast[x, to] = self.emit("Cast", x, to=to, label=label)
        return self._cast[x, to]

    def const(self, array: np.ndarray | int, name: str) -> str:
        if isinstance(array, int):
            return self.number(array)
        if array.size and not array.any():
            self._zeros[f"{self.prefix}.{name}"] = np.zeros((), self.numpy)
            return f"{self.prefix}.{name}"
        uniform = array.size > 0 and bool((array == array.flat[0]).all())
        return self.tensor((array.reshape(-1)[:1].reshape(()) if uniform else array).astype(self.numpy), name)

    def add(self, x: str, y: str | InOrder) -> str:
        if isinstance(y, InOrder):
            return self._add_in_order(x, y)
        if x in self._zeros or y in self._zeros:
            return x if y in self._zeros else y
        return self.emit("Add", x, y, label="add")

    def _add_in_order(self, x: str, y: InOrder) -> str:
        """A scan over the inputs of one step; the overflow rule acts after each."""
        number = self._count["in_order"] = self._count.get("in_order", 0) + 1
        inner = type(self)(f"{self.prefix}/one_input{number}", [], self.initializers, self.dtype)
        inputs, weights = y.inputs, y.weights
        if self.dtype != TensorProto.INT32:
            inputs, weights = (self.cast(part, self.dtype, "one_input_wide") for part in (inputs, weights))
        names = [f"{inner.prefix}/{part}" for part in ("before", "input", "weight")]
        increment = inner.mul(names[1], names[2])
        after = y.word.fit(inner, inner.add(names[0], increment))
        shapes = (("batch", *y.shape), ("batch", *(1,) * len(y.shape)), y.shape)
        given = [
            helper.make_tensor_value_info(name, self.dtype, shape) for name, shape in zip(names, shapes, strict=True)
        ]
        taken = [helper.make_tensor_value_info(after, self.dtype, shapes[0])]
        body = helper.make_graph(inner.nodes, "one_input", given, taken, doc_string="One input of a step is added.")
        return self.emit("Scan", x, inputs, weights, label="in_order", num_scan_inputs=2, body=body)

    def sub(self, x: str, y: str) -> str:
        return x if y in self._zeros else self.emit("Sub", x, y, label="sub")

    def mul(self, x: str, y: str) -> str:
        return self.emit("Mul", x, y, label="product")

    def minimum(self, x: str, y: str) -> str:
        if self.dtype == TensorProto.INT64:
            return self.add(x, self.gate(self.ge(x, y), self.sub(y, x)))
        return self.emit("Min", x, y, label="minimum")

    def maximum(self, x: str, y: str) -> str:
        if self.dtype == TensorProto.INT64:
            return self.add(y, self.gate(self.ge(x, y), self.sub(x, y)))
        return self.emit("Max", x, y, label="maximum")

    def gate(self, c: str, x: str) -> str:
        return self.emit("Mul", self.cast(c, self.dtype, "fired"), x, label="gate")

    def known(self, x: str, y: str, answer: str, dtype: int) -> None:
        """Take an answer to ``x >= y`` from elsewhere: a truth value, or 0 and 1 in the numbers of this recorder."""
        self.compared[x, y] = answer
        if dtype == self.dtype:
            self._cast[answer, dtype] = answer

    def ge(self, x: str, y: str) -> str:
        if (x, y) not in self.compared:
            self.compared[x, y] = self.emit("GreaterOrEqual", x, y, label="fires")
        return self.compared[x, y]

    def multiply_shift(self, x: str, m: str, k: int, how: Rounding, bound: int) -> str:
        fits = bound * (1 << k) + (1 << k) < BIAS
        if how == "half_even" or not fits:
            return self._multiply_shift_wide(x, m, k, how, bound)
        product, one = self.emit("Mul", x, m, label="leak_product"), self.number(1 << k)
        if how == "toward_zero":
            return self.emit("Div", product, one, label="leak")
        offset = BIAS + ((1 << k) // 2 if how == "half_up" else 0)
        lifted = self.emit("Add", product, self.number(offset), label="leak_lift")
        return self.emit(
            "Sub", self.emit("Div", lifted, one, label="leak_quotient"), self.number(BIAS >> k), label="leak"
        )

    def _multiply_shift_wide(self, x: str, m: str, k: int, how: Rounding, bound: int) -> str:
        if bound * (1 << k) >= 1 << 52:
            raise error(
                "LX302",
                field="decay",
                found=f"a membrane of up to {bound} times a decay of {k} bits",
                fix="use fewer state_bits or decay_bits; the product must fit in float64",
            )
        product = self.emit(
            "Mul",
            self.cast(x, TensorProto.DOUBLE, "wide"),
            self.cast(m, TensorProto.DOUBLE, "wide"),
            label="leak_product",
        )
        scale = self.number_ratio(k)
        quotient = self.emit("Mul", product, scale, label="leak_quotient")
        match how:
            case "floor":
                quotient = self.emit("Floor", quotient, label="leak_floor")
            case "half_up":
                lifted = self.emit("Add", quotient, self.number_ratio(1), label="leak_lift")
                quotient = self.emit("Floor", lifted, label="leak_floor")
            case "half_even":
                quotient = self.emit("Round", quotient, label="leak_round")
            case "toward_zero":
                pass  # Cast from float to integer drops the fraction
        return self.emit("Cast", quotient, to=self.dtype, label="leak")

    def number_ratio(self, k: int) -> str:
        """Store ``2**-k`` as float64, exactly."""
        name = f"float64:2**-{k}"
        self.initializers[name] = numpy_helper.from_array(np.array(2.0**-k), name)
        return name

    def shift_left(self, x: str, k: int) -> str:
        return self.emit("Mul", x, self.number(1 << k), label="shift") if k else x

    def shift_right(self, x: str, k: np.ndarray, name: str) -> str:
        k = np.asarray(k, np.int64)
        first = np.minimum(k, 30)  # 2**31 is no int32: what lies beyond is shifted out of what is left
        one = self.const(1 << first, f"{name}_power")
        rest = self.emit("Mod", x, one, label="shift_rest")  # has the sign of the divisor: a floor
        shifted = self.emit("Div", self.sub(x, rest), one, label="shift")
        return self.shift_right(shifted, k - first, f"{name}_beyond") if (k > first).any() else shifted

    def count(self, x: str, y: str, most: int | None) -> str:
        positive = self.maximum(y, self.number(1))
        fits = self.emit("Div", self.maximum(x, self.number(0)), positive, label="fits")
        fits = fits if most is None else self.minimum(fits, self.number(most))
        endless = self.gate(self.ge(self.number(0), y), self.sub(self.number(BIAS if most is None else most), fits))
        return self.gate(self.ge(x, y), self.add(fits, endless))

    def saturate(self, x: str, lo: int, hi: int) -> str:
        if self.dtype == TensorProto.INT64:
            return self.maximum(self.minimum(x, self.number(hi)), self.number(lo))
        return self.emit("Clip", x, self.number(lo), self.number(hi), label="saturate")

    def wrap(self, x: str, lo: int, hi: int) -> str:
        lifted = self.emit("Sub", x, self.number(lo), label="wrap_lift")
        rest = self.emit("Mod", lifted, self.number(hi - lo + 1), label="wrap_modulo")
        return self.emit("Add", rest, self.number(lo), label="wrap")

    def wrap_once(self, x: str, lo: int, hi: int) -> str:
        size = self.number(hi - lo + 1)
        down = self.gate(self.ge(x, self.number(hi + 1)), size)
        up = self.gate(self.ge(self.number(lo - 1), x), size)
        return self.add(self.sub(x, down), up)

    def columns(self, x: str) -> list[str]:
        raise self._no_columns()

    def stack(self, columns: list[str]) -> str:
        raise self._no_columns()

    def _no_columns(self) -> Exception:
        fix = "simulate the network, or connect the neurons explicitly"
        return error("LX401", field="alias", found="neurons that emit the spikes of others", fix=fix)
