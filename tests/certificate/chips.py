"""Networks under every shipped target's rules, and under rules that hypothesis draws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Current, IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.targets import choose_rules, load_target

ONE = Fraction(1)


def chip_rules(target: str) -> Rules:
    """Rules of a target, with a membrane that small nets can fill."""
    more = {
        "fpga-q": {"state_bits": 10},
        "spikerplus": {"state_bits": 10},
        "loihi1-nengo": {"state_lo": -127, "state_hi": 2**13 - 1},
        "xylo-v1": {"synapses": 2},
        "xylo-v2": {"synapses": 2},
    }
    return choose_rules(load_target(target), **more.get(target, {}))


def network(
    rules: Rules, rng: np.random.Generator, *, n: int = 6, n_in: int = 8, alias: bool = False, share: int = 6
) -> IntNetwork:
    """One layer, a connection and one that comes back for every port; a weight is up to ``1/share`` of the membrane."""
    top = max(8, min(rules.membrane.hi, 4000))
    weight_hi = max(2, min(127, top // share))
    shift = {True: 6, False: 0}[rules.membrane.hi > 100_000]
    nodes: dict = {
        "in": IntInput(shape=(n_in,), code=InputCode(kind="counts", bits=2)),
        "lif": population(rules, rng, n, top << shift, alias=alias),
        "out": Output(shape=(n,)),
    }
    edges = [Edge("lif", "out")]
    for port in range(rules.synapses):
        for name, size in ((f"fc{port}", n_in), (f"back{port}", n)):
            weight = rng.integers(-weight_hi, weight_hi + 1, (n, size))
            more = {"shift": shift, "unit": Fraction(1 << shift), "synapse": port}
            nodes[name] = IntDense(weight=weight, **more)
            edges += [Edge("in", name) if size == n_in else Edge("lif", name, 1), Edge(name, "lif")]
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3)


def population(rules: Rules, rng: np.random.Generator, n: int, top: int, *, alias: bool = False) -> IntLIF:
    top = min(top, rules.membrane.hi)
    synapses = (0 if rules.current is None else rules.synapses, n)
    return IntLIF(
        shape=(n,),
        rules=rules,
        decay=_amount(rules.leak, rng, (n,), top),
        threshold=(threshold := rng.integers(1, max(2, top // 2), n)),
        reset_code=threshold if rng.integers(2) else rng.integers(-top // 2, top // 2, n),
        bias=rng.integers(-top // 8, top // 8 + 1, n),
        v_initial=rng.integers(max(-top, rules.membrane.lo), top + 1, n),
        current_decay=0 if rules.current is None else _amount(rules.current.leak, rng, synapses, top),
        refractory=rng.integers(0, 4, n) if rules.refractory else 0,
        alias=rng.integers(-1, n, n) if alias and rules.max_spikes is not None else None,
        unit=ONE,
    )


def _amount(leak: Leak, rng: np.random.Generator, shape, top: int) -> np.ndarray:
    most = {
        "multiply": 1 << leak.bits,
        "toward_input": 1 << leak.bits,
        "shift": 8,
        "linear": max(top // 8, 1),
        "none": 0,
    }[leak.kind]
    return rng.integers(0, most + 1, shape)


@st.composite
def words(draw, *, bits=(4, 10)) -> Word:
    width, how = draw(st.integers(*bits)), draw(st.sampled_from(OVERFLOWS))
    off = draw(st.integers(-2, 2))  # ranges need not be those of two's complement
    return Word(lo=-(1 << (width - 1)) + off, hi=(1 << (width - 1)) - 1 + off, overflow=how)


@st.composite
def leaks(draw) -> Leak:
    kind = draw(st.sampled_from(["multiply", "shift", "linear", "none"]))
    bits = draw(st.integers(0, 6)) if kind == "multiply" else 0
    rounding = draw(st.sampled_from(ROUNDINGS))
    return Leak(kind=kind, bits=bits, rounding=rounding, at_least_one=kind == "shift" and draw(st.booleans()))


@st.composite
def any_rules(draw) -> Rules:
    leak, current = draw(leaks()), None
    if draw(st.booleans()):
        when, synapses = draw(st.sampled_from(["before_input", "after_input"])), draw(st.integers(1, 2))
        current = Current(word=draw(words(bits=(6, 10))), leak=draw(leaks()), when=when, synapses=synapses)
    accumulate = draw(st.sampled_from(["sum", "per_event"]))
    optional = st.none() | words()
    increment = draw(optional) if leak.kind == "shift" and current is not None else None
    judged = draw(st.sampled_from(["step_end", "next_step_start"]))
    return Rules(
        membrane=draw(words()),
        leak=leak,
        leak_on_fire=draw(st.booleans()),
        accumulate=accumulate,
        sum_word=draw(optional) if accumulate == "sum" else None,
        current=current,
        drive_word=draw(optional) if current is not None else None,
        increment=increment,
        compare=draw(st.sampled_from([">=", ">"])),
        max_spikes=draw(st.sampled_from([1, 1, 3, None])),
        judged=judged,
        reset=draw(st.sampled_from(["subtract", "value"])),
        reset_when="next_step" if judged == "next_step_start" else draw(st.sampled_from(["next_step", "step_end"])),
        reset_saturates=draw(st.booleans()),
        refractory=draw(st.booleans()),
    )
