"""``spinnaker1-unverified`` against a second reading of its source text, one neuron at a time in Python's integers.

Both are readings: that two of them agree says that the step does what the text was understood to say, and no more.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import RangeError
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Arriving, IntLIF, LIFState
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import NumpyOps
from lifexport.simulation import simulate
from lifexport.targets import choose_rules, load_target

TARGET = load_target("spinnaker1-unverified")
TOP = 2**31


def int32(x: int) -> int:
    """What an ARM register keeps of a sum."""
    return (x & 0xFFFFFFFF) - (2 * TOP if x & TOP else 0)


def product(x: int, y: int) -> int:
    """MULT_ROUND_NEAREST_ACCUM: bits below the 15th go, the highest of them is added, 32 bits saturate."""
    whole = x * y
    rounded = (whole >> 15) + ((whole >> 14) & 1)
    return TOP - 1 if rounded > TOP - 1 else -TOP if rounded < -TOP else rounded


@dataclass
class Neuron:
    """Fields as in the source, s16.15."""

    v: int
    exp_tc: int
    r: int
    i_offset: int = 0
    v_rest: int = 0
    v_reset: int = 0
    v_threshold: int = 0
    t_refract: int = 0
    timer: int = 0

    def step(self, exc: int, inh: int) -> bool:
        if self.timer <= 0:
            current = int32(int32(exc - inh) + self.i_offset)
            alpha = int32(product(current, self.r) + self.v_rest)
            self.v = int32(alpha - product(self.exp_tc, int32(alpha - self.v)))
        else:
            self.timer -= 1
        if self.v >= self.v_threshold:
            self.v, self.timer = self.v_reset, self.t_refract
            return True
        return False


def population(neurons: list[Neuron]) -> IntLIF:
    """The same neurons measured from their resting potential."""
    read = {name: np.array([getattr(n, name) for n in neurons]) for name in vars(neurons[0])}
    return IntLIF(
        shape=(len(neurons),),
        rules=choose_rules(TARGET),
        decay=read["exp_tc"],
        gain=read["r"],
        bias=read["i_offset"],
        threshold=read["v_threshold"] - read["v_rest"],
        reset_code=read["v_reset"] - read["v_rest"],
        refractory=read["t_refract"] + 1,
        v_initial=read["v"] - read["v_rest"],
        unit=Fraction(1, 2**15),
    )


def require_same(neurons: list[Neuron], steps: list[list[tuple[int, int]]]) -> dict[str, int]:
    """Every membrane, waiting time and spike of every step; what happened is counted."""
    node, seen = population(neurons), {"spikes": 0, "held": 0}
    neurons = [replace(n) for n in neurons]
    rest = [n.v_rest for n in neurons]
    state = LIFState(node.v_initial, (), np.array([n.timer for n in neurons]))
    for now in steps:
        seen["held"] += sum(n.timer > 0 for n in neurons)
        expected = [n.step(exc, inh) for n, (exc, inh) in zip(neurons, now, strict=True)]
        exc, inh = np.array(now).T
        state, spikes, _ = node.step(NumpyOps(), state, Arriving(((exc, -inh),)))
        assert (state.v + rest).tolist() == [n.v for n in neurons]
        assert state.waiting.tolist() == [n.timer for n in neurons]
        assert spikes.tolist() == expected
        seen["spikes"] += sum(expected)
    return seen


EDGES = [-TOP, -TOP + 1, -32769, -32768, -16385, -3, -2, -1, 0, 1, 2, 3, 16384, 32767, 32768, TOP - 2, TOP - 1]


def test_products_by_hand():
    """Half ties go up on both sides of zero; what leaves 32 bits stays at their end."""
    assert [product(x, 16384) for x in (1, 3, -1, -3)] == [1, 2, 0, -1]
    assert [product(x, 1) for x in (16383, 16384, -16384, -16385)] == [0, 1, 0, -1]
    assert product(-TOP, -TOP) == product(TOP - 1, 32769) == TOP - 1 and product(-TOP, 32769) == -TOP


def test_every_edge_from_every_edge():
    """One step from every membrane under every current, gain and decay; products tie, saturate, and sums wrap."""
    decays, gains = (0, 1, 16383, 16384, 29653, 32767, 32768), (0, 1, 16384, 32768, 32769, 20 << 15, TOP - 1)
    neurons, now, saturated, ties, wrapped = [], [], 0, 0, 0
    for v, current, decay, gain in itertools.product(EDGES, EDGES, decays, gains):
        neurons.append(Neuron(v=v, exp_tc=decay, r=gain, v_threshold=2, v_reset=-7, t_refract=3))
        now.append((max(current, 0), max(-current, 0)))
        alpha = product(current, gain)
        saturated += alpha in (-TOP, TOP - 1)
        ties += (alpha - v) * decay % 32768 == 16384 or current * gain % 32768 == 16384
        wrapped += int32(alpha - v) != alpha - v
    assert min(saturated, ties, wrapped) > 500
    assert require_same(neurons, [now])["spikes"] > 1000


@pytest.mark.parametrize("timer", [0, 1, 2, 3])
@pytest.mark.parametrize("v_reset", [-9, 0, 5, 6, 40])
def test_refractory_time_holds_the_membrane_where_the_reset_left_it(timer, v_reset):
    """Also a reset at or above the threshold, which fires in every step that it waits."""
    neurons = [
        Neuron(v=v, exp_tc=29653, r=32768, v_reset=v_reset, v_threshold=6, t_refract=wait, timer=min(timer, wait))
        for v, wait in itertools.product((-9, 0, 5, 6, 7), (0, 1, 2, 5))
    ]
    seen = require_same(neurons, [[(200, 0)] * len(neurons)] * 12)
    assert seen["held"] > 50 and seen["spikes"] > 20


def draw(rng: np.random.Generator, *, v_rest: bool, wide: bool) -> Neuron:
    """Millivolts as networks have them, or any number of 32 bits."""
    rest = int(rng.integers(-70 << 15, 0)) if v_rest else 0
    threshold = rest + int(rng.integers(1, 20 << 15))
    return Neuron(
        v=int(rng.integers(-TOP, TOP)) if wide else rest,
        exp_tc=int(rng.integers(0, 32769)),
        r=int(rng.integers(0, TOP if wide else 40 << 15)),
        i_offset=int(rng.integers(-TOP, TOP)) if wide else int(rng.integers(-1 << 15, 1 << 15)),
        v_rest=rest,
        v_reset=rest + int(rng.integers(-5 << 15, 1)),
        v_threshold=threshold,
        t_refract=int(rng.integers(0, 6)),
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("wide", "v_rest"),
    [(False, False), (False, True), (True, False)],
    ids=["millivolts", "rest elsewhere", "any 32 bits"],
)
def test_random_neurons(seed, wide, v_rest):
    """A resting potential is a shift of the origin, exactly, as long as no sum wraps."""
    rng = np.random.default_rng(seed)
    neurons = [draw(rng, v_rest=v_rest, wide=wide) for _ in range(60)]
    top = 65536 << 15 if wide else 2 << 15
    steps = [[(int(a), int(b)) for a, b in rng.integers(0, top, (60, 2))] for _ in range(80)]
    seen = require_same(neurons, steps)
    assert seen["spikes"] > 100 and seen["held"] > 300


def test_a_resting_potential_is_no_shift_where_a_sum_wraps():
    """The limit of the re-parametrisation, shown: the same neuron, with the origin at rest and not."""
    high = Neuron(v=0, exp_tc=0, r=32768, v_rest=TOP - 5, v_threshold=TOP - 1, v_reset=0)
    with pytest.raises(AssertionError):
        require_same([high], [[(10, 0)]])


def test_weights_of_two_kinds_shifted_on_their_own_arrive_a_step_later():
    rng = np.random.default_rng(3)
    shifts, weights = {"exc": 5, "inh": 3}, {name: rng.integers(0, 400, (4, 6)) for name in ("exc", "inh")}
    neurons = [replace(draw(rng, v_rest=False, wide=False), v_threshold=9000, i_offset=0) for _ in range(4)]
    nodes = {"in": IntInput(shape=(6,), code=InputCode(kind="spikes")), "lif": population(neurons)}
    edges = [Edge("lif", "out")]
    for name, shift in shifts.items():
        sign, unit = (1 if name == "exc" else -1), Fraction(2**shift, 2**15)
        nodes[name] = IntDense(weight=sign * weights[name], weight_bits=17, shift=shift, unit=unit)
        edges += [Edge("in", name, 1), Edge(name, "lif")]
    network = IntNetwork(nodes={**nodes, "out": Output(shape=(4,))}, edges=edges, dt=1e-3, target=TARGET.name)
    codes = (rng.random((60, 1, 6)) < 0.4).astype(int)
    trace = simulate(network, codes, record=("spikes", "v_post"))
    late = np.concatenate([np.zeros((1, 6), int), codes[:-1, 0]])
    for t, x in enumerate(late):
        exc, inh = (weights[name] @ x << shifts[name] for name in ("exc", "inh"))
        fired = [n.step(int(a), int(b)) for n, a, b in zip(neurons, exc, inh, strict=True)]
        assert trace.v_post["lif"][t, 0].tolist() == [n.v for n in neurons]
        assert trace.spikes["lif"][t, 0].tolist() == fired
    assert trace.spikes["lif"].sum() > 5 and network.latency == 1


def test_narrow_readers_refuse_what_they_cannot_hold():
    node = population([Neuron(v=0, exp_tc=29653, r=32768, v_threshold=9)])
    nodes = {"in": IntInput(shape=(1,), code=InputCode(kind="spikes")), "fc": IntDense(weight=[[5]])}
    nodes["fc"] = replace(nodes["fc"], unit=Fraction(1, 2**15))
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    network = IntNetwork(nodes={**nodes, "lif": node, "out": Output(shape=(1,))}, edges=edges, dt=1e-3)
    with pytest.raises(RangeError, match=r"LX302.*lif.*membrane of up to"):
        simulate(network, np.ones((3, 1, 1), int), backend="fast")
    with pytest.raises(RangeError, match=r"LX302.*lif: 32 bits that wrap"):
        lx.to_onnx(network, "never.onnx")


def test_nothing_claims_a_check():
    document = TARGET.document
    assert document["status"]["checked_against"] == []
    assert {entry["how"] for entry in document["evidence"].values()} == {"documented", "assumed"}
    assert "unverified" in document["name"] and "Nothing was checked" in document["description"]
