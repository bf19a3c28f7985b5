"""Trained networks drawn at random, dense, recurrent and convolutional, with choices to quantize them by."""

from __future__ import annotations

from typing import Any

import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.ops import ROUNDINGS
from lifexport.spatial import Flatten, FloatConv, SumPool

ALIVE = (0.01, 0.6)


def random_float_network(seed: int) -> tuple[lx.FloatNetwork, np.ndarray, dict[str, Any]]:
    """A network, codes of inputs, and choices for ``fpga-q`` with which every layer fires at 1..60 % of its steps."""
    for attempt in range(100):
        rng = np.random.default_rng([seed, attempt])
        f, codes, choices = _draw(rng, conv=seed % 4 == 3)
        try:
            q = lx.quantize(f, "fpga-q", **choices)
        except lx.errors.LifexportError:
            continue
        fired = lx.simulate(q, codes, record=("spikes",), backend="reference").spikes
        if all(ALIVE[0] <= spikes.mean() <= ALIVE[1] for spikes in fired.values()):
            return f, codes, choices
    raise AssertionError(f"seed {seed}: no living network found")


def _draw(rng: np.random.Generator, *, conv: bool):
    bits = int(rng.choice([1, 1, 4, 8]))
    code = InputCode(kind="spikes") if bits == 1 else InputCode(kind="counts", bits=bits)
    nodes: dict[str, Any] = {}
    edges: list[Edge] = []
    before, size = "in", (2, 8, 8) if conv else (int(rng.integers(4, 24)),)
    nodes["in"] = Input(shape=size)

    def add(name: str, node: Any) -> None:
        nonlocal before, size
        nodes[name], size = node, node.out_shape
        edges.append(Edge(before, name))
        before = name

    def strength(inputs: int, codes: int) -> float:
        return float(rng.uniform(0.6, 1.6) / np.sqrt(inputs) / codes)

    if conv:
        kernel = rng.normal(0.1, 1.0, (4, 2, 3, 3)) * strength(18, 1 << (bits - 1))
        bias = rng.normal(0, 0.1, 4) if rng.integers(2) else None
        add("conv", FloatConv(weight=kernel, bias=bias, size=(8, 8), stride=int(rng.integers(1, 3)), padding=1))
        add("fire", _lif(rng, size, per_neuron=False))
        add("pool", SumPool(shape=size, kernel=2))
        add("flat", Flatten(shape=size))
    for layer in range(int(rng.integers(1, 4 - conv))):
        n_in, n_out = size[0], int(rng.integers(4, 24))
        weight = rng.normal(0.1, 1.0, (n_out, n_in)) * strength(n_in, 1 if layer or conv else 1 << (bits - 1))
        bias = rng.normal(0, 0.05, n_out) if rng.integers(2) else None
        add(f"fc{layer}", FloatDense(weight=weight, bias=bias))
        add(f"lif{layer}", _lif(rng, size, per_neuron=bool(rng.integers(2))))
        if rng.integers(2):
            nodes[f"back{layer}"] = FloatDense(weight=rng.normal(0, 1.0, (n_out, n_out)) * strength(n_out, 1))
            edges.extend([Edge(f"lif{layer}", f"back{layer}", 1), Edge(f"back{layer}", f"lif{layer}")])
    edges.append(Edge(before, "out"))
    nodes["out"] = Output(shape=size)
    choices = {
        "input": code,
        "weight_bits": int(rng.integers(2, 9)),
        "state_bits": int(rng.integers(8, 25)),
        "decay_bits": int(rng.integers(4, 13)),
        "rounding": ROUNDINGS[rng.integers(4)],
        "overflow": ("saturate", "wrap")[rng.integers(2)],
        "scale": ("tensor", "channel")[rng.integers(2)],
        "membrane_range": float(rng.uniform(1.5, 4)),
    }
    f = lx.FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    shape = (int(rng.integers(20, 60)), 4, *nodes["in"].shape)
    codes = rng.integers(0, code.format.hi + 1, shape) * (rng.random(shape) < rng.uniform(0.2, 0.6))
    return f, codes, choices


def _lif(rng: np.random.Generator, shape: tuple[int, ...], *, per_neuron: bool) -> FloatLIF:
    some = shape if per_neuron else ()
    soft = bool(rng.integers(2))
    tau = -1e-3 / np.log(rng.uniform(0.6, 0.95, some))
    return FloatLIF(
        shape=shape,
        dt=1e-3,
        tau=tau,
        r=1 / (1 - np.exp(-1e-3 / tau)),  # a unit of input adds a volt
        v_threshold=rng.uniform(0.8, 1.2, some),
        v_reset=-0.2 if rng.integers(2) else 0.0,
        v_initial=float(rng.uniform(-0.3, 0.3)),
        reset="subtract" if soft else "value",
    )
