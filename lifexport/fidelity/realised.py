"""The trained network with the numbers that its integers stand for: nothing else is changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..export.nir_integers import real_weights
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from ..neurons import FloatCubaLIF, FloatIAF, FloatLI, FloatLIF, IntLIF
from ..neurons.membrane import FloatMembrane, Spiking
from ..nodes import FloatDense, IntWeights
from ..spatial import FloatConv

SHARES = ("multiply", "shift", "none")
"""Leaks that keep a share of the membrane, as a trained one does."""
FOREVER = 2.0**60
"""Steps of a time constant of which ``1 - dt / tau`` is 1 in float64."""


def realised(f: FloatNetwork, q: IntNetwork) -> FloatNetwork:
    """Trained network whose weights, biases, decays, thresholds, resets and initial potentials are those of integers.

    Equations, order, kind of reset, delays and refractory times stay as they were trained; what a chip does otherwise
    is a rule, not a number. Numbers that its rules leave without a counterpart (a linear leak keeps no share of the
    membrane; a hard reset has no difference) stay as trained too.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
        Trained, and quantized from it.

    Returns
    -------
    FloatNetwork
        Nodes and edges of ``f``. Potentials count codes of ``q`` from rest, inputs are its codes: in this unit every
        number is exact, and rounding in float64 makes no difference of its own.

    Raises
    ------
    ParameterError
        LX105 if a threshold's code is not above that of the reset.
    UnsupportedError
        LX401 for the bias of neurons without leak behind a pool, and for neurons that are never reset.
    """
    nodes: dict[str, Any] = {}
    for name, node in f.nodes.items():
        if isinstance(node, FloatMembrane):
            nodes[name] = _population(node, q.nodes[name])
        elif node.role == "connection":
            integers = q.nodes[name]
            nodes[name] = real_weights(integers) if isinstance(integers, IntWeights) else integers
        else:
            nodes[name] = node
    for name in f.populations:
        _put_bias(nodes, q, name)
    return dataclasses.replace(f, nodes=nodes)


def _population(node: FloatMembrane, q: IntLIF) -> FloatMembrane:
    kept = np.broadcast_to(q.rules.leak.realised(q.decay), node.shape)
    kept = kept if q.rules.leak.kind in SHARES else node.decay
    fields: dict[str, Any] = {
        "shape": node.shape,
        "dt": node.dt,
        "tau": _time_constant(kept, node.dt),
        "r": 1.0,
        "discretisation": "euler_direct",
        "v_initial": q.v_initial.astype(float),
    }
    if isinstance(node, FloatLI):
        return FloatLI(**fields)
    assert isinstance(node, Spiking)
    fields |= {"reset": node.reset, "refractory": node.refractory, "compare": ">=", **_levels(node, q)}
    if isinstance(node, FloatCubaLIF):
        fields |= _current(node, q)
        return FloatCubaLIF(**fields)
    assert isinstance(node, FloatLIF | FloatIAF)
    return FloatLIF(**fields)


def _levels(node: Spiking, q: IntLIF) -> Mapping[str, np.ndarray]:
    """Threshold and reset level, codes from rest."""
    threshold = q.fires_at()[0].astype(float)
    if node.reset == "none":
        found, fix = "'none': no chip's neuron goes on without a reset", "train with a reset"
        raise error("LX401", field="reset", found=found, fix=fix)
    if node.reset == "subtract":
        drop = q.reset_code if q.rules.reset == "subtract" else (node.v_threshold - node.v_reset) / q.volt
        return {"v_threshold": threshold, "v_reset": threshold - drop}
    low = q.reset_code.astype(float) if q.rules.reset == "value" else (node.v_reset - node.v_rest) / q.volt
    return {"v_threshold": threshold, "v_reset": low}


def _current(node: FloatCubaLIF, q: IntLIF) -> Mapping[str, np.ndarray]:
    rule = q.rules.current
    if rule is None or rule.leak.kind not in SHARES:
        return {"tau_syn": _time_constant(node.current_decay, node.dt), "w_in": np.ones(node.shape)}
    kept = np.broadcast_to(rule.leak.realised(q.current_decay[0]), node.shape)
    w_in = kept if rule.when == "after_input" else np.ones(node.shape)
    return {"tau_syn": _time_constant(kept, node.dt), "w_in": w_in, "i_initial": q.current_initial[0].astype(float)}


def _time_constant(decay: np.ndarray, dt: float) -> np.ndarray:
    """``tau`` of which ``1 - dt / tau`` is ``decay``, in float64, bit for bit where there is one."""
    tau = np.where(decay < 1, dt / np.maximum(1 - decay, 1 / FOREVER), dt * FOREVER)
    for towards in (np.inf, 0.0):
        other = np.nextafter(tau, towards)
        tau = np.where((1 - dt / tau != decay) & (1 - dt / other == decay), other, tau)
    return tau


def _put_bias(nodes: dict[str, Any], q: IntNetwork, name: str) -> None:
    """Let the constant input of a population act where the trained network has one: behind its weights.

    Behind pools, or a synaptic current, no weights have a place for it. There the resting potential moves: a leaky
    membrane with bias ``b`` and rest 0 does what one without and rest ``b / (1 - decay)`` does.
    """
    bias, node = q.nodes[name].bias, nodes[name]
    if not bias.any():
        return
    for edge in q.incoming(name):
        source = nodes[edge.source]
        if isinstance(node, FloatCubaLIF) or edge.delay:
            continue
        rows = bias.reshape(len(bias), -1) if bias.ndim else bias.reshape(1, 1)
        if isinstance(source, FloatDense) or (isinstance(source, FloatConv) and (rows == rows[:, :1]).all()):
            values = bias if isinstance(source, FloatDense) else rows[:, 0]
            nodes[edge.source] = dataclasses.replace(source, bias=values.astype(float))
            return
    if (node.decay == 1).any():
        found, fix = "of neurons without leak behind a pool", "put the weights directly before them"
        raise error("LX401", node=name, field="bias", found=found, fix=fix)
    nodes[name] = dataclasses.replace(node, v_rest=bias / (1 - node.decay))
