"""Float networks of every node kind, drawn at random, to be written as NIR."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from lifexport.neurons.discretisation import DISCRETISATIONS
from lifexport.nodes import FloatDense
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, SumPool

SPIKING = (FloatLIF, FloatIAF, FloatCubaLIF)


@st.composite
def networks(draw) -> FloatNetwork:
    """A chain of connections and populations over one or two axes of space, flattened, with loops and branches."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dt = draw(st.sampled_from([1e-3, 1e-4, 1 / 3]))
    nodes: dict[str, Any] = {}
    edges: list[Edge] = []
    before, shape = "in", (int(rng.integers(1, 4)), *(int(n) for n in rng.integers(3, 8, draw(st.integers(0, 2)))))
    nodes["in"] = Input(shape=shape)

    def add(name: str, node: Any, delay: int = 0) -> None:
        nonlocal before, shape
        nodes[name], shape = node, node.out_shape
        edges.append(Edge(before, name, delay))
        before = name

    for layer in range(draw(st.integers(1, 3))):
        if len(shape) > 1:
            add(f"conv.{layer}", conv(draw, rng, shape))
            if draw(st.booleans()):
                add(f"pool{layer}", pool(draw, rng, shape))
        else:
            add(f"fc{layer}", dense(draw, rng, int(rng.integers(1, 5)), shape[0]), draw(st.sampled_from([0, 0, 2])))
        add(f"pop{layer}", population(draw, rng, draw(st.sampled_from(SPIKING)), shape, dt))
        if draw(st.booleans()) and len(shape) == 1:
            nodes[f"back{layer}"] = dense(draw, rng, shape[0], shape[0])
            late = draw(st.sampled_from([0, 1]))
            edges += [Edge(before, f"back{layer}", late), Edge(f"back{layer}", before, 1 - late)]
        if len(shape) > 1 and draw(st.booleans()):
            add(f"flat{layer}", Flatten(shape=shape))
    silent = draw(st.booleans())
    if nodes[before].role != "population" or silent:
        add("last", population(draw, rng, FloatLI if silent else FloatLIF, shape, dt))
    readout = "membrane_max" if silent else draw(st.sampled_from(["count", "membrane_last"]))
    add("out", Output(shape=shape))
    return FloatNetwork(nodes=nodes, edges=tuple(edges), dt=dt, readout=readout)


def dense(draw, rng: np.random.Generator, n_out: int, n_in: int) -> FloatDense:
    bias = rng.normal(size=n_out) if draw(st.booleans()) else None
    return FloatDense(weight=rng.normal(size=(n_out, n_in)), bias=bias)


def conv(draw, rng: np.random.Generator, shape: tuple[int, ...]) -> FloatConv:
    """Sides of a kernel are both odd or both even: the others nir takes for another shape, mostly."""
    axes, odd = len(shape) - 1, draw(st.booleans()) or min(shape[1:]) < 2
    kernel = [int(min(k, n)) if n != 2 else 1 for k, n in zip(rng.choice([1, 3], axes), shape[1:], strict=True)]
    kernel = kernel if odd else [2] * axes
    groups = draw(st.sampled_from([1, shape[0]]))
    weight = rng.normal(size=(groups * int(rng.integers(1, 3)), shape[0] // groups, *kernel))
    bias = rng.normal(size=len(weight)) if draw(st.booleans()) else None
    if draw(st.booleans()):
        moves: dict[str, Any] = {"padding": "same"}
    else:
        moves = {"padding": tuple(int(p) for p in rng.integers(0, 3, axes))}
        moves |= {"stride": tuple(int(s) for s in rng.integers(1, 3, axes))}
    return FloatConv(weight=weight, bias=bias, size=shape[1:], groups=groups, **moves)


def pool(draw, rng: np.random.Generator, shape: tuple[int, ...]) -> SumPool | FloatAvgPool:
    kernel = tuple(int(rng.integers(1, min(n, 2) + 1)) for n in shape[1:])
    stride = tuple(int(n) for n in rng.integers(1, 3, len(kernel)))
    padding = tuple(int(n) for n in rng.integers(0, 2, len(kernel)))
    return draw(st.sampled_from([SumPool, FloatAvgPool]))(shape=shape, kernel=kernel, stride=stride, padding=padding)


def population(draw, rng: np.random.Generator, kind: type, shape: tuple[int, ...], dt: float) -> Any:
    """A population whose every array is one number, or one for each neuron, or what it is when not given."""

    def numbers(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, shape if draw(st.booleans()) else ())

    fields: dict[str, Any] = {"shape": shape, "dt": dt, "v_rest": numbers(-1, 1) if draw(st.booleans()) else 0.0}
    fields["v_initial"] = draw(st.sampled_from([fields["v_rest"], -0.0, 0.25]))
    if kind is not FloatIAF:
        fields |= {"tau": numbers(dt, 20 * dt), "discretisation": draw(st.sampled_from([*DISCRETISATIONS]))}
    fields["r"] = numbers(-2, 2)
    if kind is FloatCubaLIF:
        fields |= {"tau_syn": numbers(dt, 20 * dt), "w_in": numbers(0, 2), "i_initial": draw(st.sampled_from([0, 0.5]))}
    if kind is not FloatLI:
        fields |= {"v_threshold": numbers(0.5, 2), "v_reset": numbers(-2, 0.25)}
        fields |= {"reset": draw(st.sampled_from(["subtract", "value"])), "compare": draw(st.sampled_from([">=", ">"]))}
        fields["refractory"] = draw(st.sampled_from([0, 0, 3]))
    return kind(**fields)
