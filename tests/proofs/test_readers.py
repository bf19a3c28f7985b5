"""The readers' formulas equal the specification, proved by z3 for whole ranges; and proofs that must fail do.

What runs here is the code of the readers itself, on symbols. A bound that is proved holds for every smaller one that
takes the same formula: its membranes are a part of the same range.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif

from lifexport import ops as ops_module
from lifexport.export import onnx_ops
from lifexport.neurons import Arriving, LIFState
from lifexport.ops import ROUNDINGS, NumpyOps
from lifexport.simulation import jax_ops
from lifexport.simulation.jax_ops import JaxOps

from .recorded import recorded
from .specification import rounds
from .words import INT32, INT64, Namespace, Proof, Truth, Word, z3

pytestmark = pytest.mark.thorough

TOP = 2**31 - 1


@pytest.fixture(autouse=True)
def on_words(monkeypatch):
    """The readers' arithmetic, on words instead of arrays."""
    monkeypatch.setattr(jax_ops, "jnp", Namespace())
    monkeypatch.setattr(jax_ops, "np", Namespace())
    monkeypatch.setattr(ops_module, "np", Namespace())


class Symbols(JaxOps):
    """JaxOps whose parameters are symbols."""

    def __init__(self, symbols: dict[str, Word]):
        super().__init__()
        self.symbols = symbols

    def const(self, array, name):
        return self.symbols[name] if name in self.symbols else int(array)


def spec(how: str, p, q, k: int):
    return rounds(how, p, q, k, z3.And, z3.Or)


def product(bound: int, k: int, kind=INT32) -> tuple[Proof, Word, Word]:
    """A state, in parts where int32 cannot hold its product, and a factor."""
    proof, whole = Proof(), kind is INT64 or bound << k <= TOP
    return proof, proof.word("x", -bound, bound, kind, split=0 if whole else k), proof.word("m", 0, 2**k, kind)


PRODUCTS = [(k, min(TOP >> k, TOP - 2**k)) for k in range(17)] + [(k, TOP - 2**k) for k in range(1, 17)]
"""Decay bits and the largest bound that each of the two formulas of ``JaxOps.multiply_shift`` admits."""


@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize(("k", "bound"), PRODUCTS)
def test_jax_products(k, bound, how):
    proof, x, m = product(bound, k)
    got = JaxOps().multiply_shift(x, m, k, how, bound)
    proof.require(spec(how, (x * m).value, got.look(), k))


@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize("k", range(32))
def test_the_definition_itself(k, how):
    """Also in int64 without overflow, for every state of 32 bits."""
    proof, x, m = product(2**31, k, INT64)
    got = NumpyOps().multiply_shift(x, m, k, how, 2**31)
    proof.require(spec(how, (x * m).value, got.look(), k))


@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize("formula", ["int32", "first in float64", "float64"])
@pytest.mark.parametrize("k", range(0, 31, 2))
def test_onnx_products(k, formula, how):
    """The widest membrane of either formula, and one just too wide for int32; half_even is in float64 always."""
    wide, too_wide = min(TOP, (2**52 - 1) >> k), onnx_ops.BIAS >> k
    bound = {"int32": max(0, onnx_ops.BIAS - 1 - 2**k >> k), "first in float64": too_wide, "float64": wide}[formula]
    proof, x, m = product(bound, k)
    got = recorded(proof, lambda ops, x, m: ops.multiply_shift(x, m, k, how, bound), x, m)
    proof.require(spec(how, (x * m).value, got.look(), k))


@pytest.mark.parametrize(
    ("claimed", "done"), [("floor", "toward_zero"), ("half_up", "half_even"), ("half_even", "half_up")]
)
def test_a_wrong_claim_has_a_counterexample(claimed, done):
    """Proofs can fail: one rounding is not another, and the counterexample says where."""
    k = 5
    proof, x, m = product(2**26, k)
    got = JaxOps().multiply_shift(x, m, k, done, 2**26)
    found = proof.counterexample(spec(claimed, (x * m).value, got.look(), k))
    v, d = (found.eval(w.value, model_completion=True).as_long() for w in (x, m))
    exact = Fraction(v * d, 2**k)
    if claimed == "floor":
        assert exact < 0 and exact.denominator > 1
    else:
        assert exact.denominator == 2


@pytest.mark.parametrize("k", [1, 12, 16])
def test_a_state_beyond_the_bound_would_overflow(k):
    """The bound that the reader asks for is no more than it needs to be, give or take one product."""
    proof, x, m = product(2 * TOP, k)
    got = JaxOps().multiply_shift(x, m, k, "floor", TOP - 2**k)
    assert proof.counterexample(spec("floor", (x * m).value, got.look(), k)) is not None
    assert proof.counterexample(spec("floor", (x * m).value, got.value, k), overflow=False) is None


def readers(proof: Proof) -> dict:
    """How an operation is called in every reader: the formula over ops and words."""
    return {
        "numpy": lambda formula, *given: formula(NumpyOps(), *(word.astype(INT64) for word in given)),
        "jax": lambda formula, *given: formula(Symbols({}), *given),
        "onnx": lambda formula, *given: recorded(proof, formula, *given),
    }


READERS = ("numpy", "jax", "onnx")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("lo", "hi"), [(-128, 127), (-(2**23) + 1, 2**23 - 1), (-(2**23) + 1, 2**23), (-5, 0)])
def test_saturate(reader, lo, hi):
    proof = Proof()
    x = proof.word("x", -TOP - 1, TOP)
    y = readers(proof)[reader](lambda ops, x: ops.saturate(x, lo, hi), x).look()
    inside = z3.And(x.value >= lo, x.value <= hi)
    proof.require(z3.If(inside, y == x.value, y == z3.If(x.value < lo, lo, hi)))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bits", [2, 8, 16, 24, 30])
def test_wrap(reader, bits):
    """In JAX every int32: the difference may leave int32, where it wraps to the same low bits. ONNX needs it inside."""
    proof, size = Proof(), 2**bits
    lo, hi = -size // 2, size // 2 - 1
    x = proof.word("x", -TOP - 1, TOP + lo if reader == "onnx" else TOP)
    y = readers(proof)[reader](lambda ops, x: ops.wrap(x, lo, hi), x).look()
    proof.require(z3.And(y >= lo, y <= hi, (y - x.value) % size == 0))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("lo", "hi"), [(-128, 127), (-(2**23) + 1, 2**23)])
def test_wrap_once(reader, lo, hi):
    proof, size = Proof(), hi - lo + 1
    x = proof.word("x", -TOP - 1, TOP)
    y = readers(proof)[reader](lambda ops, x: ops.wrap_once(x, lo, hi), x).look()
    proof.require(y == x.value + z3.If(x.value > hi, -size, z3.If(x.value < lo, size, 0)))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("most", [0, 2, 3, 31, 255, None])
def test_count(reader, most):
    """As often as ``y`` can be taken away, at most ``most`` times; without a limit ``y`` must be positive."""
    proof = Proof()
    x, y = proof.word("x", -TOP, TOP), proof.word("y", 1 if most is None else -TOP, TOP)
    n = readers(proof)[reader](lambda ops, x, y: ops.count(x, y, most), x, y).look()
    full = False if most is None else n == most
    fits = z3.And(n >= 0, n * y.value <= x.value, z3.Or(full, (n + 1) * y.value > x.value))
    endless = False if most is None else n == most
    proof.require(z3.If(x.value < y.value, n == 0, z3.If(y.value > 0, fits, endless)))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("k", [0, 1, 7, 29, 30, 31])
def test_shift_right(reader, k):
    proof = Proof()
    x = proof.word("x", -TOP - 1, TOP)
    y = readers(proof)[reader](lambda ops, x: ops.shift_right(x, np.asarray(k), "k"), x).look()
    proof.require(z3.And(y * 2**k <= x.value, x.value < (y + 1) * 2**k))


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_soft_reset_stays_in_range_if_the_threshold_is_positive(bits):
    """The very reset of ``IntLIF``, threshold and membrane free; with a threshold of 0 or less it leaves the range."""
    lif = int_lif(shape=(1,), decay=1, threshold=1, reset_code=1, unit=Fraction(1), state_bits=bits)
    lo, hi = lif.membrane_range()
    for lowest, holds in ((1, True), (lo, False)):
        proof = Proof()
        v, threshold = proof.word("v", lo, hi), proof.word("threshold", lowest, hi)
        after = lif.after_reset(Symbols({"threshold": threshold, "reset_code": threshold}), v).look()
        found = proof.counterexample(z3.And(after >= lo, after <= hi))
        assert (found is None) == holds
        if found is not None:
            assert found.eval(threshold.value).as_long() <= 0


@pytest.mark.parametrize(
    ("state_bits", "decay_bits", "rounding"), [*((16, 12, how) for how in ROUNDINGS), (24, 16, "floor")]
)
def test_a_whole_step(state_bits, decay_bits, rounding):
    """Reset, leak, input, saturation, test in JAX's int32: every membrane, input, decay, threshold and bias at once."""
    lif = int_lif(
        shape=(1,), decay=1, threshold=1, reset_code=1, unit=Fraction(1), state_bits=state_bits,
        decay_bits=decay_bits, rounding=rounding,
    )  # fmt: skip
    lo, hi = lif.membrane_range()
    proof = Proof()
    v, threshold = proof.word("v", lo, hi), proof.word("threshold", 1, hi)
    current, bias = proof.word("current", -(2**29), 2**29), proof.word("bias", lo, hi)
    symbols = {
        "threshold": threshold,
        "reset_code": threshold,
        "bias": bias,
        "decay": proof.word("decay", 0, 2**decay_bits),
    }
    result = lif.step(Symbols(symbols), LIFState(v), Arriving.total(current))
    fired = z3.If(v.value >= threshold.value, threshold.value, 0)
    leaked = z3.Int("leaked")
    proof.given.append(spec(rounding, (v.value - fired) * symbols["decay"].value, leaked, decay_bits))
    total = leaked + current.value + bias.value
    clipped = z3.If(total > hi, hi, z3.If(total < lo, lo, total))
    assert isinstance(result.spikes, Truth)
    proof.require(z3.And(result.v.look() == clipped, result.spikes.value == (clipped >= threshold.value)))
