"""Nodes of a float network as NIR nodes: the parameters of the ODE, as far as NIR can say them."""

from __future__ import annotations

import functools

import nir  # noqa: TID251
import numpy as np

from ..findings import error
from ..neurons import FloatLIF
from ..nodes import FloatDense, Input, Output
from .nir_survey import FIELDS


@functools.singledispatch
def written(node: object) -> nir.NIRNode:
    """NIR node that says the same, as far as NIR can."""
    raise error(
        "LX401",
        found=f"{type(node).__name__}; profile 'plain' has no node for it",
        fix=f"use nodes of these NIR kinds: {', '.join(FIELDS)}",
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
def _(node: FloatLIF) -> nir.NIRNode:
    if node.refractory.any():
        found, fix = f"up to {node.refractory.max()} steps", "train without a refractory time"
        raise error("LX401", field="refractory", found=found, fix=fix)
    return nir.LIF(
        tau=node.tau[()],  # [()]: h5py cannot compress an array of no dimension, but takes the scalar it holds
        r=node.r[()],
        v_leak=node.v_rest[()],
        v_threshold=node.v_threshold[()],
        v_reset=node.v_reset[()],
    )
