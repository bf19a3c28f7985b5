"""Networks that importers are given, with inputs: what the interop matrix, its tests and the models' tests run."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from lifexport.graph import Edge
from lifexport.network import FloatNetwork, IntNetwork
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.quantization import quantize
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, SumPool
from tests.exact_nets import EXACT, exact_network

DT, STEPS, BATCH = 1e-3, 500, 4

FORMS = (
    "feed-forward", "per-neuron", "shifted", "rest", "recurrent", "conv", "sum-pool", "average-pool", "integrators",
    "synapses", "merged", "ties", "grazed",
)  # fmt: skip
"""Every layer has biases. ``shifted``: rest and reset at -0.3 V; ``rest``: rest 0.1 V above reset, where the membrane
also starts; ``ties``: thresholds met exactly; ``grazed``: by weights at, and one float32 step above and below, those
with which the membrane just touches them.
"""
RESETS = ("subtract", "value")


def network(form: str, reset: str, seed: int) -> FloatNetwork:
    """A living network of a form."""
    rng = np.random.default_rng([seed, FORMS.index(form)])
    if form in ("conv", "sum-pool", "average-pool"):
        return _conv(form, rng, reset)
    if form == "ties":
        return _ties(rng, reset)
    if form == "grazed":
        return _grazed(rng, reset)
    n = 12, 9, 5
    nodes: dict[str, Any] = {
        "in": Input(shape=(n[0],)),
        "fc0": FloatDense(weight=_weights(form, rng, n[1], n[0]), bias=_biases(form, rng, n[1])),
        "hidden": _neurons(form, rng, n[1], reset),
        "fc1": FloatDense(weight=_weights(form, rng, n[2], n[1]), bias=_biases(form, rng, n[2])),
        "last": _neurons(form, rng, n[2], reset),
        "out": Output(shape=(n[2],)),
    }
    edges = [Edge("in", "fc0"), Edge("fc0", "hidden"), Edge("hidden", "fc1"), Edge("fc1", "last"), Edge("last", "out")]
    if form == "recurrent":
        nodes["wrec"] = FloatDense(weight=rng.normal(-0.5, 1.5, (n[1], n[1])), bias=rng.normal(0, 0.2, n[1]))
        edges += [Edge("hidden", "wrec", delay=1), Edge("wrec", "hidden")]
    if form == "merged":
        nodes["skip"] = FloatDense(weight=_weights(form, rng, n[2], n[0]), bias=_biases(form, rng, n[2]))
        edges += [Edge("in", "skip"), Edge("skip", "last")]
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT)


def inputs(net: FloatNetwork, seed: int, steps: int = STEPS, rate: float = 0.25) -> np.ndarray:
    """Spikes, float32 ``(time, batch, *features)``."""
    shape = net.nodes[net.input_name].shape
    if shape == (GRAZED,):
        return _grazing(seed, steps)
    return (np.random.default_rng([seed, 99]).random((steps, BATCH, *shape)) < rate).astype(np.float32)


def _weights(form: str, rng: np.random.Generator, n_out: int, n_in: int) -> np.ndarray:
    gain = {"integrators": 0.12, "synapses": 0.4, "merged": 0.7}.get(form, 1.0)
    return rng.normal(0.8, 2.2, (n_out, n_in)) * gain


def _biases(form: str, rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(0, 0.03 if form == "integrators" else 0.2, n)


def _neurons(form: str, rng: np.random.Generator, n: int, reset: str) -> Any:
    level = -0.3 if form in ("shifted", "rest") else 0.0
    rest = level + 0.1 if form == "rest" else level
    fields: dict[str, Any] = {
        "shape": (n,),
        "dt": DT,
        "v_threshold": np.full(n, level + 1.0),
        "v_reset": np.full(n, level),
        "v_rest": np.full(n, rest),
        "v_initial": np.full(n, rest),
        "reset": reset,
    }
    if form == "integrators":
        return FloatIAF(r=np.full(n, 1 / DT), **fields)
    fields |= {"tau": np.full(n, 8e-3), "r": np.full(n, 1.5)}
    if form in ("per-neuron", "rest"):
        fields |= {"tau": rng.uniform(4e-3, 20e-3, n), "r": rng.uniform(0.5, 2.0, n)}
        fields["v_threshold"] = rng.uniform(0.6, 1.4, n)
    if form == "synapses":
        return FloatCubaLIF(tau_syn=np.full(n, 3e-3), w_in=np.full(n, 0.7), **fields)
    return FloatLIF(**fields)


def _conv(form: str, rng: np.random.Generator, reset: str) -> FloatNetwork:
    """A convolution, its neurons, perhaps a pool, and a readout."""

    def neurons(*shape: int) -> Any:
        fields: dict[str, Any] = {"shape": shape, "dt": DT, "v_threshold": 1.0, "v_reset": 0.0, "reset": reset}
        return FloatIAF(r=1 / DT, **fields) if form == "sum-pool" else FloatLIF(tau=8e-3, r=1.5, **fields)

    pools = {"sum-pool": SumPool, "average-pool": FloatAvgPool}
    gain = 0.1 if form == "sum-pool" else 1.0
    shape = (3, 3, 3) if form in pools else (3, 6, 6)
    weight = rng.normal(0.4, 1.2, (3, 2, 3, 3)) * gain
    nodes: dict[str, Any] = {
        "in": Input(shape=(2, 6, 6)),
        "conv": FloatConv(weight=weight, bias=rng.normal(0, 0.1, 3) * gain, size=(6, 6), padding=1),
        "hidden": neurons(3, 6, 6),
        **({"pool": pools[form](shape=(3, 6, 6), kernel=2)} if form in pools else {}),
        "flat": Flatten(shape=shape),
        "fc": FloatDense(
            weight=rng.normal(0.2, 0.8, (4, int(np.prod(shape)))) * (3 * gain if form in pools else 1),
            bias=rng.normal(0, 0.1, 4) * gain,
        ),
        "last": neurons(4),
        "out": Output(shape=(4,)),
    }
    return FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=DT)


def _ties(rng: np.random.Generator, reset: str) -> FloatNetwork:
    """Dyadic numbers: half of the membrane is kept, weights are quarters, and thresholds are met exactly."""
    half = 1e-3 / np.log(2)

    def lif(n: int) -> FloatLIF:
        return FloatLIF(shape=(n,), dt=DT, tau=np.full(n, half), r=2.0, v_threshold=1.0, v_reset=0.0, reset=reset)

    nodes = {
        "in": Input(shape=(6,)),
        "fc0": FloatDense(weight=rng.integers(-2, 5, (8, 6)) / 4, bias=rng.integers(-1, 2, 8) / 8),
        "hidden": lif(8),
        "fc1": FloatDense(weight=rng.integers(-2, 5, (4, 8)) / 4, bias=rng.integers(-1, 2, 4) / 8),
        "last": lif(4),
        "out": Output(shape=(4,)),
    }
    return FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=DT)


GRAZED = 15
"""Inputs of a grazed network: each goes to one neuron."""


def _waits(n: int = GRAZED) -> np.ndarray:
    """Steps of bias alone before every input of a grazed network fires."""
    return 3 + np.arange(n) % 7


def _grazed(rng: np.random.Generator, reset: str) -> FloatNetwork:
    """Neurons that a bias and one input take to their threshold: one float32 step of the weight below, at, above."""

    def lif(n: int) -> FloatLIF:
        fields: dict[str, Any] = {"v_threshold": 1.0, "v_reset": 0.0, "reset": reset}
        return FloatLIF(shape=(n,), dt=DT, tau=8e-3, r=1.5, **fields)

    hidden, bias = lif(GRAZED), rng.uniform(0.05, 0.3, GRAZED)
    before = hidden.gain * bias * (1 - hidden.decay ** (_waits() + 1)) / (1 - hidden.decay)
    touching = ((1.0 - before) / hidden.gain).astype(np.float32)
    towards = np.array([-np.inf, 0.0, np.inf], np.float32)[np.arange(GRAZED) % 3]
    weight = np.where(towards == 0, touching, np.nextafter(touching, towards))
    nodes = {
        "in": Input(shape=(GRAZED,)),
        "fc0": FloatDense(weight=np.diag(weight.astype(np.float64)), bias=bias),
        "hidden": hidden,
        "fc1": FloatDense(weight=rng.normal(0.8, 2.2, (5, GRAZED)), bias=rng.normal(0, 0.2, 5)),
        "last": lif(5),
        "out": Output(shape=(5,)),
    }
    return FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=DT)


def _grazing(seed: int, steps: int) -> np.ndarray:
    """Every input as often as its neuron takes to come back, in the first sample; in others some inputs stay silent."""
    due = np.arange(1, steps + 1)[:, None] % (_waits() + 1) == 0
    heard = np.random.default_rng([seed, 98]).random((BATCH, GRAZED)) < 0.5
    heard[0] = True
    return (due[:, None] & heard).astype(np.float32)


CARRIED: dict[str, dict[str, tuple[str, ...]]] = {
    "norse": {
        "subtract": ("feed-forward", "per-neuron", "shifted", "recurrent", "conv", "synapses", "ties", "grazed"),
        "value": tuple(form for form in FORMS if form not in ("merged", "average-pool")),
    },
    "snntorch": {
        "subtract": (),
        "value": (
            "feed-forward", "per-neuron", "shifted", "conv", "average-pool", "integrators", "synapses", "merged",
            "ties", "grazed",
        ),
    },
    "spikingjelly": {
        "subtract": (),
        "value": (
            "feed-forward", "shifted", "recurrent", "conv", "average-pool", "integrators", "synapses", "merged", "ties",
            "grazed",
        ),
    },
    "sinabs": {
        "subtract": ("feed-forward", "per-neuron", "shifted", "sum-pool", "integrators", "ties", "grazed"),
        "value": ("feed-forward", "per-neuron", "shifted", "sum-pool", "integrators", "ties", "grazed"),
    },
    "rockpool": {
        "subtract": ("feed-forward", "per-neuron", "shifted", "recurrent", "synapses", "ties", "grazed"),
        "value": (),
    },
    "spyx": {
        "subtract": ("feed-forward", "per-neuron", "shifted", "recurrent", "integrators", "synapses", "ties", "grazed"),
        "value": (),
    },
}  # fmt: skip
"""Forms that every importer can be given; every other one must be refused by name."""

INTEGERS = {
    "norse": ("lava, integrators", "nengo, integrators, loop"),
    "snntorch": ("lava, integrators",),
    "spikingjelly": ("lava, integrators", "nengo, integrators, loop"),
    "sinabs": ("fpga-q, integrators", "sinabs, soft", "sinabs, zero", "lava, integrators"),
    "spyx": ("sinabs, soft",),
}
"""Networks of targets whose neurons do not leak, in codes: the packages compute exactly what the chip does."""


def quantized(form: str, reset: str, seed: int) -> tuple[IntNetwork, np.ndarray]:
    """A network in fpga-q's integers, with leaks that round, and real inputs."""
    net = network(form, reset, seed)
    x = inputs(net, seed)
    return quantize(net, "fpga-q", calibration=x, weight_bits=8, state_bits=24), x


def integers(case: str) -> tuple[IntNetwork, np.ndarray]:
    """A network in a target's integers, and codes for it."""
    target, kind, fields, choices = EXACT[case]
    f, x = exact_network(kind, **fields)
    q = quantize(f, target, calibration=x, **choices)
    return q, q.encode(x).codes
