"""Integer networks that live: layers fire at 1..60 % of their steps, some saturate, some hit the threshold exactly."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.simulation import simulate
from lifexport.spatial import Flatten, IntConv, SumPool

ALIVE = (0.01, 0.60)


def random_network(seed: int, *, recurrent: bool | None = None) -> tuple[IntNetwork, np.ndarray]:
    """A network with 1..3 populations, every rule and width drawn at random, and input codes that make it live."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        network, codes = _draw(rng, bool(rng.integers(2)) if recurrent is None else recurrent)
        rates = simulate(network, codes, record=("spikes",), backend="reference").spikes
        if all(ALIVE[0] <= spikes.mean() <= ALIVE[1] for spikes in rates.values()):
            return network, codes
    raise AssertionError(f"seed {seed}: no living network found")


def _draw(rng: np.random.Generator, recurrent: bool) -> tuple[IntNetwork, np.ndarray]:
    bits = int(rng.choice([1, 1, 4, 8]))
    signed = bool(bits > 1 and rng.integers(2))
    kind = "spikes" if bits == 1 else "graded" if signed else "counts"
    code = InputCode(kind=kind, bits=bits, signed=signed)
    sizes = [int(n) for n in rng.integers(3, 20, rng.integers(2, 5))]
    nodes: dict = {"in": IntInput(shape=(sizes[0],), code=code), "out": Output(shape=(sizes[-1],))}
    edges, before = [], "in"
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        shift, weight_bits = int(rng.integers(0, 4)), int(rng.integers(2, 9))
        nodes[f"fc{layer}"] = _dense(rng, n_out, n_in, weight_bits, shift)
        nodes[f"lif{layer}"] = population(
            rng, n_out, drive=1 << (weight_bits + shift + (bits if layer == 0 else 1) - 1)
        )
        edges += [Edge(before, f"fc{layer}"), Edge(f"fc{layer}", f"lif{layer}")]
        if recurrent:
            nodes[f"back{layer}"] = _dense(rng, n_out, n_out, weight_bits, int(rng.integers(0, 2)))
            edges += [Edge(f"lif{layer}", f"back{layer}", delay=1), Edge(f"back{layer}", f"lif{layer}")]
        before = f"lif{layer}"
    fmt = code.format
    codes = rng.integers(fmt.lo, fmt.hi + 1, (int(rng.integers(15, 40)), 4, sizes[0]))
    network = IntNetwork(nodes=nodes, edges=(*edges, Edge(before, "out")), dt=1e-3)
    return network, codes


def _dense(rng: np.random.Generator, n_out: int, n_in: int, bits: int, shift: int) -> IntDense:
    hi = (1 << (bits - 1)) - 1
    weight = rng.integers(-hi, hi + 1, (n_out, n_in))
    return IntDense(weight=weight, weight_bits=bits, shift=shift, unit=Fraction(2) ** shift)


def int_lif(**given) -> IntLIF:
    """``IntLIF`` from its own fields and those of its rules, side by side."""
    return IntLIF(rules=_rules(Rules(membrane=Word.signed(16)), given), **given)


def with_fields(node: IntLIF, **given) -> IntLIF:
    """The same neurons with other fields, of their own or of their rules."""
    return replace(node, rules=_rules(node.rules, given), **given)


def _rules(rules: Rules, given: dict) -> Rules:
    """Rules with what ``given`` says of them, which is taken out of it."""
    leak = {name: given.pop(old) for old, name in (("decay_bits", "bits"), ("rounding", "rounding")) if old in given}
    overflow = given.pop("overflow", rules.membrane.overflow)
    word = Word.signed(given.pop("state_bits", rules.membrane.bits), overflow)
    chosen = {f.name: given.pop(f.name) for f in fields(Rules) if f.name in given}
    return replace(rules, **{"membrane": word, "leak": replace(rules.leak, **leak), **chosen})


def population(rng: np.random.Generator, n: int, *, drive: int, **fixed) -> IntLIF:
    """Neurons with every rule drawn at random; thresholds of the size of ``drive``."""
    state_bits = int(rng.integers(8, 25))
    decay_bits, hi = int(rng.integers(4, 17)), (1 << (state_bits - 1)) - 1
    size = () if rng.integers(2) else (n,)
    top = int(min(hi, max(2, drive)))
    threshold = rng.integers(1, top + 1, size)
    soft = bool(rng.integers(2))
    reset_code = rng.integers(1, top + 1, size) if soft else rng.integers(-top, threshold, size)
    return int_lif(
        **{
            "shape": (n,),
            "decay": rng.integers(0, (1 << decay_bits) + 1, size),
            "decay_bits": decay_bits,
            "rounding": ROUNDINGS[rng.integers(4)],
            "threshold": threshold,
            "reset": "subtract" if soft else "value",
            "reset_code": reset_code,
            "bias": rng.integers(-top // 4, top // 4 + 1, size),
            "v_initial": rng.integers(-top, top + 1, size),
            "state_bits": state_bits,
            "overflow": OVERFLOWS[rng.integers(2)],
            "unit": Fraction(1),
            **fixed,
        }
    )


def edge_values(node: IntLIF) -> np.ndarray:
    """Membranes where rules change: rails, thresholds, zero, each also one more and one less."""
    lo, hi = node.membrane_range()
    points = [lo, hi, 0, -(half := 1 << (node.rules.leak.bits - 1)), half, 2 * half]
    points += [int(node.threshold.min()), int(node.threshold.max()), int(node.reset_code.min())]
    near = {value + offset for value in points for offset in (-1, 0, 1)}
    return np.array(sorted(value for value in near if lo <= value <= hi))


def edge_network(seed: int, **fixed) -> tuple[IntNetwork, np.ndarray]:
    """One population fed by a wide input, started at and driven to every edge value.

    Batch row ``b`` starts all neurons at edge value ``b``; the input covers currents from far below to far above the
    rails, so that saturation, wrapping and exact ties all occur. A membrane that wraps once is not driven beyond a
    size of its range, where it would stay outside.
    """
    rng = np.random.default_rng(seed)
    node = population(rng, 6, drive=200, **fixed)
    code = InputCode(kind="graded", bits=8, signed=True)
    once = node.rules.membrane.overflow == "wrap_once"
    few = min(127, max(1, (node.rules.membrane.hi - 200) // 256)) if once else 127
    weight = np.array([[1, 0], [0, 1], [few, few], [-few, -few], [1, 1], [min(few, 16), -min(few, 16)]])
    if once and few == 1:
        weight = weight * [1, 0]
    nodes = {
        "in": IntInput(shape=(2,), code=code),
        "fc": IntDense(weight=weight, weight_bits=8, shift=0 if once else int(rng.integers(0, 3)), unit=Fraction(1)),
        "lif": node,
        "out": Output(shape=(6,)),
    }
    nodes["fc"] = replace(nodes["fc"], unit=Fraction(2) ** nodes["fc"].shift)
    edges = (Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out"))
    codes = rng.choice([-128, -127, -1, 0, 1, 2, 127], (24, len(edge_values(node)), 2))
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def relaxing_network(rounding, overflow, gain_bits, waits_at, **fixed) -> tuple[IntNetwork, np.ndarray]:
    """``edge_network`` whose neurons relax towards their input, with refractory times, in a width that int32 holds."""
    rng = np.random.default_rng(len(rounding) + len(overflow))
    leak = Leak(kind="toward_input", bits=8, rounding=rounding, gain_bits=gain_bits)
    rules = Rules(membrane=Word.signed(14, overflow), leak=leak, reset="value", reset_when="step_end", refractory=True)
    node = IntLIF(
        shape=(6,),
        rules=replace(rules, waits_at=waits_at),
        decay=rng.integers(0, 257, 6),
        gain=rng.integers(0, 200, 6) if gain_bits else 0,
        threshold=rng.integers(20, 100, 6),
        reset_code=rng.integers(-90, 20, 6),
        refractory=np.array([0, 1, 2, 3, 1, 2]),
        bias=rng.integers(-20, 20, 6),
        unit=Fraction(1),
        **fixed,
    )
    network, codes = edge_network(3, overflow=overflow, state_bits=14)
    fc = replace(network.nodes["fc"], unit=Fraction(1 << network.nodes["fc"].shift))
    return replace(network, nodes={**network.nodes, "lif": node, "fc": fc}), codes


def spatial_network(seed: int) -> tuple[IntNetwork, np.ndarray]:
    """Convolutions, pools, a late branch that skips a layer, a loop through a convolution, and integrators at the end.

    Populations draw every rule at random; the last one's neurons never spike.
    """
    rng = np.random.default_rng(seed)
    code = InputCode(kind="counts", bits=2)
    one = {"unit": Fraction(1), "weight_bits": 5}

    def neurons(shape: tuple[int, ...], drive: int, **fixed) -> IntLIF:
        return population(rng, 1, drive=drive, shape=shape, **fixed)

    nodes = {
        "in": IntInput(shape=(2, 7, 6), code=code),
        "c0": IntConv(weight=rng.integers(-9, 16, (4, 1, 3, 3)), size=(7, 6), groups=2, padding="same", **one),
        "a": neurons((4, 7, 6), 40),
        "again": IntConv(weight=rng.integers(-9, 9, (4, 4, 1, 1)), size=(7, 6), **one),
        "p": SumPool(shape=(4, 7, 6), kernel=(2, 3), stride=2),
        "c1": IntConv(
            weight=rng.integers(-9, 16, (3, 4, 2, 1)), size=(3, 2), dilation=2, padding=((1, 1), (0, 0)), **one
        ),
        "b": neurons((3, 3, 2), 60),
        "flat": Flatten(shape=(3, 3, 2)),
        "fc": IntDense(weight=rng.integers(-9, 16, (5, 18)), **one),
        "skip": SumPool(shape=(2, 7, 6), kernel=(7, 6)),
        "line": Flatten(shape=(2, 1, 1)),
        "fs": IntDense(weight=rng.integers(-3, 4, (5, 2)), **one),
        "li": neurons((5,), 60, max_spikes=0),
        "out": Output(shape=(5,)),
    }
    pairs = [
        "in c0",
        "c0 a",
        "again a",
        "a p",
        "p c1",
        "c1 b",
        "b flat",
        "flat fc",
        "fc li",
        "line fs",
        "fs li",
        "li out",
    ]
    late = [Edge("a", "again", 1), Edge("in", "skip", 2)]
    edges = [*(Edge(*pair.split()) for pair in pairs), *late, Edge("skip", "line")]
    network = IntNetwork(nodes=nodes, edges=edges, dt=1e-3, readout="membrane_last")
    return network, rng.integers(0, 2, (12, 3, 2, 7, 6))
