r"""Batch normalisation as part of the weights before it.

With :math:`a = \gamma / \sqrt{\sigma^2 + \epsilon}`, a factor for each output,

.. math:: a (W x + b - \mu) + \beta = (a W) x + a (b - \mu) + \beta,

computed in float64. The running statistics are what counts; no training step may be running.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from ..findings import error
from ..nodes import FloatDense
from ..spatial import FloatConv
from ..train.parameters import require_unit
from .flow import Flow
from .reading import home, number


class Affine(NamedTuple):
    """Per channel, in SI: ``factor * (x - mean) + shift``."""

    factor: np.ndarray
    mean: np.ndarray
    shift: np.ndarray


def affine(layer: Any, channels: int) -> Affine:
    """What a normalisation does outside of training, one number for each of ``channels``."""
    ours = home(layer) == "lifexport"
    if not ours:
        if not layer.track_running_stats:
            found, fix = "no running statistics: it depends on the batch", "use track_running_stats=True"
            raise error("LX110", field="track_running_stats", found=found, fix=fix)
        if (
            layer.feature_axes not in ((0,), (len(layer.in_size) - 1,))
            or number(layer.running_mean.value).size != channels
        ):
            found, fix = f"{layer.feature_axes} of {layer.in_size}", "normalise along the channels' axis alone"
            raise error("LX110", field="feature_axes", found=found, fix=fix)
    unit = float(require_unit(layer.unit, node=None).magnitude) if ours else 1.0
    value = layer.weight.value if layer.weight is not None else {"scale": np.ones(channels), "bias": np.zeros(channels)}
    scale, bias, mean, var = (
        number(found).ravel()
        for found in (value["scale"], value["bias"], layer.running_mean.value, layer.running_var.value)
    )
    deviation = np.sqrt(var + float(number(layer.epsilon)))
    # Our numbers are counted in the unit: a unit in and the unit out again, so that the factor has none.
    return Affine(scale / deviation, mean * unit, bias * unit)


def fold(layer: Any, flow: Flow, nodes: Mapping[str, Any]) -> dict[str, Any]:
    """Connections before a normalisation, with it inside.

    Raises
    ------
    UnsupportedError
        LX110: it does not stand directly behind a connection with weights, or something else takes what that gives.
    """
    before = {name: nodes.get(name) for name, _ in flow.sources}
    for name, node in before.items():
        if not isinstance(node, FloatDense | FloatConv):
            fix = "put it directly behind a Linear or a convolution, into whose weights it is folded"
            raise error("LX110", found=f"a normalisation behind {name!r}", fix=fix)
    if not flow.alone:
        found = f"a normalisation of {flow.giver!r}, which feeds others too"
        raise error("LX110", found=found, fix="give each branch a connection of its own")
    channels = len(next(iter(before.values())).weight)  # type: ignore[union-attr]
    by = affine(layer, channels)
    folded = {}
    for i, (name, node) in enumerate(before.items()):
        weight = node.weight * by.factor.reshape(-1, *(1,) * (node.weight.ndim - 1))  # type: ignore[union-attr]
        bias = np.zeros(channels) if node.bias is None else node.bias  # type: ignore[union-attr]
        shifted = by.factor * (bias - by.mean) + by.shift if i == 0 else by.factor * bias
        keep = i == 0 or node.bias is not None  # type: ignore[union-attr]
        folded[name] = dataclasses.replace(node, weight=weight, bias=shifted if keep else None)  # type: ignore[type-var]
    return folded


def norm_unit(layer: Any) -> u.Unit:
    """Unit that a normalisation takes and gives."""
    return layer.unit if home(layer) == "lifexport" else u.UNITLESS
