"""The operations as text, compiled, against their definition; edges first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_ops import edges, factors

from lifexport.errors import RangeError
from lifexport.ops import ROUNDINGS, CountingOps, NumpyOps
from lifexport.simulation.code_ops import MOST_COLUMNS, CodeOps, Inputs, Number

kernels = pytest.importorskip("lifexport.simulation.event_kernels")


def evaluate(ops: CodeOps, results: list[Number], **given: np.ndarray) -> np.ndarray:
    """Results, one row each, computed by the compiled text from named arrays."""
    for k, result in enumerate(results):
        ops.store(f"out[{k}, i]", result)
    ops.count_overflows()
    named, n = {**given, **ops.parameters}, len(next(iter(given.values())))
    text = [f"def run({', '.join(named)}, out, n):", *(f"    {name} = 0" for name in ops.counters.values())]
    text += [f"    {array} = np.empty(n, np.int{ops.bits})" for array in ops.arrays]
    text += [*(f"    {line}" for line in ops.lines("n")), f"    return {' + '.join(ops.counters.values()) or 0}", ""]
    out, number = np.zeros((len(results), n), np.int64), np.dtype(f"int{ops.bits}").type
    ops.overflowed = kernels.compiled("\n".join(text))(*(number(value) for value in named.values()), out, n)
    return out


X, Y, Y_ROW = Number("x[i]"), Number("y[i]"), Number("y_row[i]")


@pytest.mark.parametrize("bits", [32, 64])
def test_small_operations(bits):
    top = 2**27 if bits == 32 else 2**60
    x, y = (a.ravel() for a in np.meshgrid([-top, -7, -3, -1, 0, 1, 2, 3, 22, top], [-3, -1, 0, 1, 2, 3, 5, top]))
    code, numpy = CodeOps(bits=bits), NumpyOps()
    values, definition = [], []
    for reader, a, b, found in ((code, X, Y, values), (numpy, x, y, definition)):
        c = reader.ge(a, b)
        found += [getattr(reader, name)(a, b) for name in ("add", "sub", "minimum", "maximum")]
        found += [c, reader.gate(c, a), reader.gate(reader.ge(b, a), b), reader.shift_left(a, 3)]
        found += [reader.mul(a, reader.const(3, "three")), reader.add(a, reader.const(np.full(80, 9), "nine"))]
        found += [reader.mul(b, reader.const(np.arange(80) % 8, "many"))]
        found += [reader.shift_right(a, np.full(80, k), f"k{k}") for k in (0, 1, 5, 31)]
        found += [reader.shift_right(a, np.arange(80) % 32, "ks")]
        found += [reader.count(a, b, most) for most in (1, 2, 31)]
        found += [reader.count(a, reader.maximum(b, reader.const(1, "one")), None)]
    for k, (row, expected) in enumerate(zip(evaluate(code, values, x=x, y=y), definition, strict=True)):
        np.testing.assert_array_equal(row, expected, err_msg=str(k))


@pytest.mark.parametrize(
    ("bits", "width", "k"), [(32, 8, 4), (32, 16, 12), (32, 24, 16), (32, 9, 16), (32, 15, 0), (64, 33, 24), (64, 9, 1)]
)
def test_it_multiplies_like_the_definition(bits, width, k):
    rng = np.random.default_rng(width * k)
    bound = 2 << (width - 1)  # a membrane after its reset may need one bit more
    x = np.concatenate([edges(width), [bound, -bound], rng.integers(-bound, bound + 1, 1000)])
    m = np.concatenate([factors(k), rng.integers(0, (1 << k) + 1, 12)])
    x, m = (a.reshape(-1) for a in np.meshgrid(x, m))
    code = CodeOps(bits=bits)
    rows = evaluate(code, [code.multiply_shift(X, Number("m[i]"), k, how, bound) for how in ROUNDINGS], x=x, m=m)
    for row, how in zip(rows, ROUNDINGS, strict=True):
        np.testing.assert_array_equal(row, NumpyOps().multiply_shift(x, m, k, how, bound), err_msg=how)


@pytest.mark.parametrize("bits", [32, 64])
def test_it_overflows_like_the_definition(bits):
    top = 2 ** (bits - 1) - 1 if bits == 32 else 2**62
    widths = (2, 8, 16, 24, 31) if bits == 32 else (8, 32)
    x = [-top, top, -1, 0, 1]
    x += [s * (1 << (w - 1)) + d for w in widths for s in (-3, -1, 1, 3) for d in (-2, -1, 0, 1)]
    x = np.array([value for value in x if abs(value) <= top])
    code, definition, values, expected = CodeOps(bits=bits, prefix="p_", counting=True), CountingOps(), [], []
    for width, rule in itertools.product(widths, ("saturate", "wrap", "wrap_once")):
        half = 1 << (width - 1)
        for lo, hi in (
            (-half, half - 1),
            (-half + 1, half),
            (0, 2 * half - 1),
        ):  # the last two: odd ranges of wrapping words
            code.word = definition.word = f"w{len(values)}"
            values.append(getattr(code, rule)(X, lo, hi))
            expected.append(getattr(definition, rule)(x, lo, hi))
    code.word = definition.word = "last"
    values.append(code.saturate(X, -5, 8))
    expected.append(definition.saturate(x, -5, 8))
    definition.end_step()
    np.testing.assert_array_equal(evaluate(code, values, x=x), expected)
    assert code.overflowed == definition.overflowed > 0


def test_inputs_one_by_one_end_a_loop_and_begin_another():
    """Numbers from before the inputs are still there after them; an edge without a loop is one input."""
    code, events = CodeOps(bits=32), np.array([[5, 0, -9, 40, 40], [1, 2, 3, 4, -99]])
    kept = code.add(X, code.const(1, "one"))
    around, never = (("for j in range(y.shape[0]):", "y_row = y[j]"), ("for j in range(0):", "y_row = y[j]"))
    total = code.const(np.array([0, 1, 2, 3, 4]), "start")
    for event in Inputs(code, [(Y_ROW, around), (X, ()), (Y_ROW, around), (Y_ROW, never)]):
        total = code.saturate(code.add(total, event), -8, 7)
    x = np.array([3, 1, -1, 0, 100])
    rows = evaluate(code, [total, code.add(kept, total)], x=x, y=events)
    expected = np.arange(5)
    for event in (*events, x, *events):
        expected = np.clip(expected + event, -8, 7)
    np.testing.assert_array_equal(rows, [expected, expected + x + 1])


def test_neurons_one_by_one_and_together_again():
    code, x = CodeOps(bits=32, size=4), np.array([5, -2, 9, 1])
    first = code.columns(code.add(X, code.const(1, "one")))
    second = code.columns(X)
    third = code.add(second[0], first[2])
    second[3] = code.maximum(third, second[3])
    both = code.stack(second)
    again = code.columns(both)
    again[1] = code.add(third, again[3])
    rows = evaluate(code, [both, code.stack(again), code.add(both, X)], x=x)
    np.testing.assert_array_equal(rows, [[5, -2, 9, 15], [5, 30, 9, 15], [10, -4, 18, 16]])


def test_too_many_neurons_one_by_one_are_refused():
    code = CodeOps(bits=32, size=MOST_COLUMNS + 1)
    columns = code.columns(X)
    with pytest.raises(RangeError, match=r"LX302.*alias"):
        code.stack([code.add(column, column) for column in columns])


def test_what_the_width_cannot_hold_is_refused():
    with pytest.raises(RangeError, match=r"LX302.*decay"):
        CodeOps(bits=64).multiply_shift(X, Y, 60, "floor", 10)
    with pytest.raises(RangeError, match=r"LX302.*threshold"):
        CodeOps(bits=32).const(np.array([2**31]), "threshold")
    assert CodeOps(bits=64).const(np.array([2**31]), "threshold") == Number("threshold")
