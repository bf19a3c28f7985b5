"""Any rules, any numbers: a step in JAX's int32 is the step of the definition, membrane, current, wait and spikes."""

from __future__ import annotations

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lifexport.bounds import INT32
from lifexport.neurons import Arriving, Current, IntLIF, Leak, LIFState, Rules, Word
from lifexport.neurons.named import named_words
from lifexport.ops import OVERFLOWS, ROUNDINGS, CountingOps
from lifexport.simulation.jax_ops import JaxOps

N = 5
SEEN: dict[str, int] = {}


def words(*overflows: str) -> st.SearchStrategy:
    return st.builds(Word.signed, st.integers(4, 24), st.sampled_from(overflows or OVERFLOWS))


@st.composite
def leaks(draw, *kinds: str) -> Leak:
    kind = draw(st.sampled_from(kinds))
    product = kind in ("multiply", "toward_input")
    return Leak(
        kind=kind,
        bits=draw(st.integers(0, 16)) if product else 0,
        rounding=draw(st.sampled_from(ROUNDINGS)),
        at_least_one=kind == "shift" and draw(st.booleans()),
        gain_bits=draw(st.sampled_from([None, 3, 15])) if kind == "toward_input" else None,
    )


@st.composite
def rules(draw) -> Rules:
    leak = draw(leaks("multiply", "multiply", "shift", "linear", "none", "toward_input"))
    relaxes, late = leak.kind == "toward_input", draw(st.booleans())
    current = None
    if not relaxes and draw(st.booleans()):
        decay = draw(leaks("multiply", "shift", "linear", "none"))
        when = draw(st.sampled_from(["before_input", "after_input"]))
        current = Current(word=draw(words()), leak=decay, when=when, synapses=draw(st.integers(1, 2)))
    refractory = draw(st.booleans())
    accumulate = "sum" if relaxes else draw(st.sampled_from(["sum", "per_event"]))
    return Rules(
        membrane=draw(words()),
        leak=leak,
        leak_on_fire=relaxes or not late or draw(st.booleans()),
        accumulate=accumulate,
        sum_word=draw(st.none() | words()) if accumulate == "sum" else None,
        current=current,
        drive_word=draw(st.none() | words()) if current else None,
        increment=draw(st.none() | words()) if current and leak.kind == "shift" else None,
        compare=draw(st.sampled_from([">=", ">"])),
        max_spikes=draw(st.sampled_from([1, 1, 0, 3, 31, None])),
        judged=draw(st.sampled_from(["step_end", "next_step_start"])) if late else "step_end",
        reset=draw(st.sampled_from(["subtract", "value"])),
        reset_when="next_step" if late else "step_end",
        reset_saturates=draw(st.booleans()),
        refractory=refractory,
        waits_at=draw(st.sampled_from(["zero", "membrane"])) if refractory else "zero",
    )


def numbers(lo: int, hi: int, *shape: int) -> st.SearchStrategy:
    return arrays(np.int64, (*shape, N), elements=st.integers(lo, hi))


@st.composite
def steps(draw) -> tuple[IntLIF, LIFState, Arriving]:
    chosen = draw(rules())
    word, top, current = chosen.membrane, chosen.membrane.hi, chosen.current
    synapses = current.synapses if current else 0
    lif = IntLIF(
        shape=(N,),
        rules=chosen,
        decay=draw(numbers(0, min(chosen.leak.highest(), INT32))),
        threshold=draw(numbers(1 if chosen.max_spikes is None else -2, top)),
        reset_code=draw(numbers(-top, top)),
        bias=draw(numbers(-top, top)),
        gain=draw(numbers(0, 1 << 17)) if chosen.leak.gain_bits else 0,
        current_decay=draw(numbers(0, min(current.leak.highest(), INT32), synapses)) if current else 0,
        refractory=draw(numbers(0, 5)) if chosen.refractory else 0,
        unit=Fraction(1),
    )
    far = draw(st.sampled_from([1, top, 4 * top]))
    events = tuple([draw(numbers(-far, far)) for _ in range(2)] for _ in range(lif.synapses))
    assume(lif.step_bound(2 * far) <= INT32)
    v = draw(numbers(word.lo, word.hi))
    stored = tuple(draw(numbers(current.word.lo, current.word.hi)) for _ in range(synapses)) if current else ()
    return lif, LIFState(v, stored, np.minimum(2, lif.refractory) if chosen.refractory else None), Arriving(events)


def narrow(x: np.ndarray):
    return jnp.asarray(x, jnp.int32)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(steps())
def test_a_step_in_int32_is_the_step_of_the_definition(step):
    lif, state, arriving = step
    definition, ops = CountingOps(), JaxOps(counting=True)
    lif = named_words(lif)
    expected = lif.step(definition, state, arriving)
    definition.end_step()
    events = tuple([narrow(e) for e in port] for port in arriving.synapses)
    waiting = None if state.waiting is None else narrow(state.waiting)
    got = lif.step(ops, LIFState(narrow(state.v), tuple(map(narrow, state.current)), waiting), Arriving(events))
    np.testing.assert_array_equal(got.v, expected.v)
    np.testing.assert_array_equal(got.spikes, expected.spikes)
    np.testing.assert_array_equal(got.state.v, expected.state.v)
    for a, b in zip(got.state.current, expected.state.current, strict=True):
        np.testing.assert_array_equal(a, b)
    if waiting is not None:
        np.testing.assert_array_equal(got.state.waiting, expected.state.waiting)
    assert {word: int(left.sum()) for word, left in ops.left.items()} == definition.changed
    for name in (lif.rules.leak.kind, lif.rules.reset, lif.rules.membrane.overflow, str(lif.rules.max_spikes)):
        SEEN[name] = SEEN.get(name, 0) + 1
    SEEN["spikes"] = SEEN.get("spikes", 0) + int(expected.spikes.sum())
    SEEN["overflows"] = SEEN.get("overflows", 0) + definition.overflowed


def test_every_kind_of_rule_was_drawn():
    """Counts over the steps above; run with -s to see them."""
    if not SEEN:
        test_a_step_in_int32_is_the_step_of_the_definition()
    print(SEEN)
    kinds = ("multiply", "shift", "linear", "none", "toward_input")
    wanted = (*kinds, *OVERFLOWS, "subtract", "value", "1", "3", "31", "None", "spikes", "overflows")
    assert all(SEEN.get(name, 0) >= 5 for name in wanted), SEEN
