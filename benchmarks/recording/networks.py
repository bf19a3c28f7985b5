"""Networks of several layers for every target whose simulator can be run, and what they are fed with.

Weights, thresholds and biases are drawn so that membranes stand at thresholds and at the ends of their words; delays
are those of the target's ``delivery``. One network a target is quantized from a trained one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, IntNetwork
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLIF, IntLIF
from lifexport.nodes import FloatDense, Input, InputCode, IntDense, IntInput, Output
from lifexport.targets import choose_rules, load_target

DT = 1e-3
SIZES = (12, 9, 7, 5)
LAYERS = ("l0", "l1", "l2")
SPIKES = InputCode(kind="spikes")


class Recorded(NamedTuple):
    """A case's name, its network, and the codes it is fed with: ``(time, samples, n)``."""

    name: str
    network: IntNetwork
    codes: np.ndarray


class Drawn:
    """A network drawn at random for a target."""

    def __init__(self, target: str, seed: int, code: InputCode = SPIKES, **rules: Any):
        self.target, self.rng, self.rules = load_target(target), np.random.default_rng(seed), rules
        self.delivery = self.target.document["delivery"]
        self.nodes: dict[str, Any] = {"in": IntInput(shape=(SIZES[0],), code=code)}
        self.edges: list[Edge] = []

    def integers(self, low: int, high: int, n: int) -> np.ndarray:
        return self.rng.integers(low, high, n)

    def population(self, name: str, n: int, **fields: Any) -> None:
        rules = self.rules | {key: fields.pop(key) for key in ("max_spikes",) if key in fields}
        self.nodes[name] = IntLIF(shape=(n,), rules=choose_rules(self.target, **rules), unit=Fraction(1), **fields)

    def connect(self, name: str, ends: str, bits: int, *, extra: int = 0, step: int = 1, shift: int = 0, drop: int = 0):
        """Random weights; a spike is ``extra`` steps later than it arrives by itself."""
        source, target = ends.split()
        largest = (2 ** (bits - 1) - 1) // step
        weight = self.rng.integers(-largest, largest + 1, (*self.nodes[target].shape, *self.nodes[source].shape)) * step
        weight[self.rng.random(weight.shape) < 0.15] = 0
        weight[0, 0] = largest * step
        unit = Fraction(2) ** (shift - drop)
        self.nodes[name] = IntDense(weight=weight, weight_bits=bits, shift=shift, drop=drop, unit=unit)
        way = "input" if source == "in" else "recurrent" if source == target else "feedforward"
        self.edges += [Edge(source, name, self.delivery.get(way, 0) + extra), Edge(name, target)]

    def recorded(self, name: str, steps: int, shares: tuple[float, float] = (0.1, 0.4)) -> Recorded:
        nodes = self.nodes | {"out": Output(shape=self.nodes["l2"].shape)}
        chip = {"target": self.target.name, "target_digest": self.target.digest}
        network = IntNetwork(nodes=nodes, edges=[*self.edges, Edge("l2", "out")], dt=DT, **chip)
        return Recorded(name, network, fed(network, self.rng, steps, shares))


def fed(network: IntNetwork, rng: np.random.Generator, steps: int, shares: tuple[float, float]) -> np.ndarray:
    """Codes of one sample for each share: silence, sparse and dense stretches, the largest code everywhere."""
    (n,), lo, hi = network.nodes["in"].shape, network.input_code.format.lo, network.input_code.format.hi
    pace = np.repeat(rng.choice([0.0, 0.5, 1.0, 2.0], steps // 10 + 1), 10)[:steps, None]
    samples = []
    for share in shares:
        values = np.where(rng.random((steps, n)) < share * pace, rng.integers(1, hi + 1, (steps, n)), 0)
        values *= np.where((rng.random((steps, n)) < 0.5) & (lo < 0), -1, 1)
        values[steps // 2 : steps // 2 + 3] = hi
        samples.append(values)
    return np.stack(samples, axis=1)


def quantized(
    target: str, neuron: Any, *, steps: int = 200, skip: bool = False, mean: float = 0.4, **choices: Any
) -> Recorded:
    """A trained network of three layers, and one past the second where ``skip``."""
    rng, pairs = np.random.default_rng(7), [("in", "l0"), ("l0", "l1"), ("l1", "l2")] + [("l0", "l2")] * skip
    sizes = dict(zip(("in", *LAYERS), SIZES, strict=True))
    nodes: dict[str, Any] = {"in": Input(shape=(SIZES[0],)), "out": Output(shape=(SIZES[-1],))}
    nodes |= {name: neuron(sizes[name]) for name in LAYERS}
    edges = [Edge("l2", "out")]
    for before, after in pairs:
        name = f"{before}_{after}"
        nodes[name] = FloatDense(weight=rng.normal(mean, 1.5, (sizes[after], sizes[before])))
        edges += [Edge(before, name), Edge(name, after)]
    f = FloatNetwork(nodes=nodes, edges=edges, dt=DT)
    x = (rng.random((steps, 2, SIZES[0])) < 0.25).astype(float)
    q = lx.quantize(f, target, calibration=x, input=SPIKES, **choices)
    return Recorded("quantized", q, fed(q, rng, steps, (0.2, 0.5)))


def leaky(kind: Any, power: int, **fields: Any):
    """A maker of layers whose decay is ``1 - 2**-power``."""
    tau = -DT / np.log(1 - 2.0**-power)
    return lambda n: kind(shape=(n,), dt=DT, tau=tau, r=1.0, v_threshold=1.0, v_reset=0.0, **fields)


def loihi_lava() -> list[Recorded]:
    found = []
    wide = {"bits": 9, "step": 2}
    for seed, name in enumerate(("chain", "skip", "recurrent", "rails")):
        rails, grid = name == "rails", name == "skip"  # on a grid, membranes meet thresholds exactly
        graded = name == "recurrent"
        drawn = Drawn("loihi-lava", seed, InputCode(kind="graded", bits=4, signed=False) if graded else SPIKES)
        for layer, n in zip(LAYERS, SIZES[1:], strict=True):
            drawn.population(
                layer,
                n,
                decay=4096 if grid else 4095 if rails else 3700,
                current_decay=0 if grid else 4080 if rails else 3600,
                threshold=131071 << 6 if rails else int(drawn.integers(12, 20, 1)[0]) << 9,
                threshold_shift=6,
                reset_code=0,
                bias=np.full(n, 4095 << 7) if rails else drawn.integers(-3, 6, n) << 7,
                bias_shift=7,
            )
        shifts = (13, 13, 13) if rails else (6, 8, 9) if graded else (7, 8, 9)
        for i, ends in enumerate(("in l0", "l0 l1", "l1 l2")):
            drawn.connect(f"w{i}", ends, shift=shifts[i], drop=2 if graded and i == 0 else 0, **wide)
        if name == "skip":
            drawn.connect("s1", "in l2", extra=2, shift=6, **wide)
            drawn.connect("s2", "l0 l2", extra=1, shift=7, **wide)
        if name == "recurrent":
            drawn.connect("r0", "l0 l0", shift=6, **wide)
            drawn.connect("r1", "l1 l1", shift=6, **wide)
        found.append(drawn.recorded(name, 300, (0.3, 0.9) if rails else (0.1, 0.4)))
    hard = leaky(FloatLIF, 3, reset="value")
    return [*found, quantized("loihi-lava", hard, skip=True, mean=2.0)]


def loihi1_nengo() -> list[Recorded]:
    found = []
    for seed, name in enumerate(("chain", "skip", "recurrent", "rails")):
        rails, grid = name == "rails", name == "skip"
        drawn = Drawn("loihi1-nengo", 10 + seed, **({"state_lo": -2097151, "state_hi": 2097151} if rails else {}))
        for layer, n in zip(LAYERS, SIZES[1:], strict=True):
            drawn.population(
                layer,
                n,
                decay=4096 if grid else drawn.integers(3000, 4097, n),
                current_decay=0 if grid else drawn.integers(0, 4080, n),
                threshold=drawn.integers(*((20000, 32767) if rails else (60, 200)), n) << 6,
                threshold_shift=6,
                reset_code=0,
                bias=drawn.integers(-3, 6, n) << 7,
                bias_shift=7,
                refractory=drawn.integers(1, 4, n),
            )
        for i, ends in enumerate(("in l0", "l0 l1", "l1 l2")):
            drawn.connect(f"w{i}", ends, 8, shift=12 if rails else 6 + i)
        if name == "skip":
            drawn.connect("s1", "in l2", 8, shift=6)
            drawn.connect("s2", "l0 l2", 8, shift=6)
        if name == "recurrent":
            drawn.connect("r0", "l0 l0", 8, shift=4)
            drawn.connect("r2", "l2 l2", 8, shift=5)
        found.append(drawn.recorded(name, 250))
    return [*found, quantized("loihi1-nengo", leaky(FloatLIF, 3, reset="value", refractory=2), mean=3.0)]


def xylo(target: str, first: int) -> list[Recorded]:
    found = []
    for seed, name in enumerate(("chain", "skip", "recurrent", "rails"), first):
        rails = name == "rails"
        drawn = Drawn(target, seed, InputCode(kind="counts", bits=2))
        for layer, n in zip(LAYERS, SIZES[1:], strict=True):
            threshold = drawn.integers(*((20000, 32767) if rails else (200, 900)), n)
            drawn.population(
                layer,
                n,
                decay=drawn.integers(2, 6, n),
                current_decay=drawn.integers(1, 5, n)[None],
                threshold=threshold,
                reset_code=threshold,
                bias=drawn.integers(-30, 40, n) if target == "xylo-v2" else 0,
                **({"max_spikes": 1} if layer == "l2" else {}),
            )
        shift = 7 if rails else 1
        for i, ends in enumerate(("in l0", "l0 l1", "l1 l2")):
            drawn.connect(f"w{i}", ends, 8, shift=shift)
        if name == "skip":
            drawn.connect("a1", "in l1", 8, shift=shift)  # inputs are added before spikes: in order of name
            drawn.connect("s2", "l0 l2", 8, shift=shift)
        if name in ("recurrent", "rails"):
            drawn.connect("x0", "l0 l0", 7, shift=shift)
            drawn.connect("x1", "l1 l1", 7, shift=shift)
        found.append(drawn.recorded(name, 200, (0.1, 0.3)))
    filtered = leaky(FloatCubaLIF, 3, tau_syn=-DT / np.log(1 - 2.0**-2))
    return [*found, quantized(target, filtered, approximate=("spikes",))]


def spikerplus() -> list[Recorded]:
    found = []
    plans = (("chain", 16, 8, "value", 3), ("soft", 12, 6, "subtract", 4), ("lateral", 16, 8, "value", 2))
    for seed, (name, bits, weight_bits, reset, decay) in enumerate((*plans, ("rails", 8, 6, "subtract", 5)), 30):
        drawn = Drawn("spikerplus", seed, state_bits=bits, reset=reset)
        largest, most = 2 ** (weight_bits - 1) - 1, 2 ** (bits - 1) - 1
        for layer, n in zip(LAYERS, SIZES[1:], strict=True):
            high = name == "rails" and layer != "l2"
            threshold = drawn.integers(*((most - 30, most) if high else (largest // 3, largest)), n)
            reset_code = threshold if reset == "subtract" else drawn.integers(0, 9, n)
            drawn.population(layer, n, decay=decay, threshold=threshold, reset_code=reset_code)
        for i, ends in enumerate(("in l0", "l0 l1", "l1 l2")):
            drawn.connect(f"w{i}", ends, weight_bits)
        for layer in LAYERS if name in ("lateral", "rails") else ():
            drawn.connect(f"x_{layer}", f"{layer} {layer}", weight_bits - 1)
        found.append(drawn.recorded(name, 200, (0.2, 0.5)))
    return [*found, quantized("spikerplus", leaky(FloatLIF, 3, reset="value"), mean=2.0, weight_bits=6, state_bits=10)]


def sinabs_iaf() -> list[Recorded]:
    found = []
    plans = (
        ("chain", None, "subtract", None),
        ("skip", 1, "value", -500),
        ("recurrent", 1, "subtract", -900),
        ("rails", None, "subtract", -1),
    )
    for seed, (name, most, reset, lowest) in enumerate(plans, 40):
        code = InputCode(kind="graded", bits=3, signed=name == "skip")
        drawn = Drawn("sinabs-iaf", seed, code, max_spikes=most, reset=reset, state_lo=lowest)
        for layer, n in zip(LAYERS, SIZES[1:], strict=True):
            threshold = int(drawn.integers(150, 400, 1)[0])
            reset_code = threshold if reset == "subtract" else 0
            bias = drawn.integers(-20, 30, n)
            drawn.population(layer, n, decay=0, threshold=threshold, reset_code=reset_code, bias=bias)
        for i, ends in enumerate(("in l0", "l0 l1", "l1 l2")):
            drawn.connect(f"w{i}", ends, 7 if i else 8)
        if name == "skip":
            drawn.connect("s1", "in l2", 8)
            drawn.connect("s2", "l0 l2", 8)
        if name == "recurrent":
            drawn.connect("x0", "l0 l0", 7)
            drawn.connect("x2", "l2 l2", 7)
        found.append(drawn.recorded(name, 300))
    integrator = lambda n: FloatIAF(shape=(n,), dt=DT, r=0.2 / DT, v_threshold=1.0, v_reset=0.0)  # noqa: E731
    return [*found, quantized("sinabs-iaf", integrator, skip=True)]
