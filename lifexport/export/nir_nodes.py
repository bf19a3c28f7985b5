"""Nodes of a float network as NIR nodes: the parameters of the ODE, as far as NIR can say them."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import nir  # noqa: TID251
import numpy as np

from .. import arrays
from ..findings import error
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF
from ..nodes import FloatDense, Input, Output
from ..spatial import Flatten, FloatAvgPool, FloatConv, Pool, SumPool
from .nir_conv import convolution, moves

PLACES: dict[str, dict[str, str]] = {
    "Dense": {"weight": "weight", "bias": "bias"},
    "Conv": {"weight": "weight", "bias": "bias"},
    "LIF": {"tau": "tau", "r": "r", "v_rest": "v_leak", "v_threshold": "v_threshold", "v_reset": "v_reset"},
    "IAF": {"r": "r", "v_threshold": "v_threshold", "v_reset": "v_reset"},
    "LI": {"tau": "tau", "r": "r", "v_rest": "v_leak"},
    "CubaLIF": {
        "tau_syn": "tau_syn",
        "tau": "tau_mem",
        "r": "r",
        "v_rest": "v_leak",
        "v_threshold": "v_threshold",
        "v_reset": "v_reset",
    },
}
"""Where NIR has a place for an array of a node kind, bit for bit; the record keeps the others."""

WRITTEN_AS: dict[str, tuple[str, ...]] = {
    "Input": ("Input",),
    "Output": ("Output",),
    "Linear": ("Dense",),
    "Affine": ("Dense",),
    "Conv1d": ("Conv", "SumPool", "AvgPool"),
    "Conv2d": ("Conv",),
    "SumPool2d": ("SumPool",),
    "AvgPool2d": ("AvgPool",),
    "Flatten": ("Flatten",),
    "LIF": ("LIF",),
    "IF": ("IAF",),
    "LI": ("LI",),
    "CubaLIF": ("CubaLIF",),
}
"""Node kinds of a network that a NIR kind stands for in lifexport's own files."""


@functools.singledispatch
def written(node: object) -> nir.NIRNode:
    """NIR node that says the same, as far as NIR can."""
    raise error(
        "LX401",
        found=f"{type(node).__name__}; profile 'plain' has no node for it",
        fix=f"use nodes that become one of these NIR kinds: {', '.join(WRITTEN_AS)}",
    )


@written.register
def _(node: Input) -> nir.NIRNode:
    return nir.Input(input_type={"input": np.array(node.shape, np.int64)})


@written.register
def _(node: Output) -> nir.NIRNode:
    return nir.Output(output_type={"output": np.array(node.shape, np.int64)})


@written.register
def _(node: FloatDense) -> nir.NIRNode:
    return nir.Linear(node.weight) if node.bias is None else nir.Affine(node.weight, node.bias)


@written.register
def _(node: FloatConv) -> nir.NIRNode:
    return convolution(node)


@written.register
def _(node: SumPool) -> nir.NIRNode:
    return _pool(node, nir.SumPool2d, 1.0)


@written.register
def _(node: FloatAvgPool) -> nir.NIRNode:
    return _pool(node, nir.AvgPool2d, 1 / node.area)


def _pool(node: Pool, kind: Any, share: float) -> nir.NIRNode:
    """NIR's pools have two axes of space; over one a pool is a convolution that keeps channels apart."""
    if len(node.shape) == 2:
        weight = np.full((node.shape[0], 1, *node.kernel), share)  # type: ignore[misc]
        pad = {"stride": node.stride, "padding": node.padding, "groups": node.shape[0]}
        return convolution(FloatConv(weight=weight, size=node.shape[1:], **pad))  # type: ignore[arg-type]
    stride, padding, _ = moves(node.windows)
    return kind(np.array(node.kernel), np.array(stride), np.array(padding))


@written.register
def _(node: Flatten) -> nir.NIRNode:
    return nir.Flatten(input_type={"input": np.array(node.shape, np.int64)}, start_dim=0, end_dim=-1)


def _placed(node: Any) -> dict[str, Any]:
    """Arrays that have a place in NIR; ``[()]``: h5py cannot compress an array of no dimension, but a scalar."""
    return {there: getattr(node, here)[()] for here, there in PLACES[node.kind].items()}


@written.register
def _(node: FloatLIF) -> nir.NIRNode:
    return nir.LIF(**_placed(node))


@written.register
def _(node: FloatIAF) -> nir.NIRNode:
    return nir.IF(**_placed(node))


@written.register
def _(node: FloatLI) -> nir.NIRNode:
    return nir.LI(**_placed(node))


@written.register
def _(node: FloatCubaLIF) -> nir.NIRNode:
    # NIR's w_in drives an ODE: of a constant input, 1 - decay of it arrives in a step.
    w_in = node.w_in / -np.expm1(-node.dt / node.tau_syn)
    return nir.CubaLIF(**_placed(node), w_in=w_in[()])


def unplaced(node: Any) -> dict[str, np.ndarray]:
    """Arrays of a node that NIR has no place for, and that are not what a reader would assume."""
    found = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if not isinstance(value, np.ndarray) or field.name in PLACES.get(node.kind, {}):
            continue
        if not arrays.same(value, assumed(node, field.name, value)):
            found[field.name] = value
    return found


def assumed(node: Any, field: str, like: np.ndarray) -> np.ndarray | None:
    """What an array that is neither in the graph nor in the record is: a start at rest, everything else zero.

    ``node`` is anything with an attribute ``v_rest``, ``like`` an array of the wanted shape and dtype.
    """
    if field == "w_in":
        return None
    if field == "v_initial":
        return node.v_rest
    return np.zeros(like.shape, like.dtype)
