"""NIR graphs as tools write or read them, with inputs that make them fire: needs nir and numpy only.

``record.py`` runs them in the tools, ``test_nir_sources.py`` in lifexport.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import nir
import numpy as np

N_IN, N_HIDDEN, N_OUT = 6, 5, 4


class Case(NamedTuple):
    """A graph, how lifexport reads it, and the strength of inputs it was made for."""

    graph: Callable[[np.random.Generator, float], nir.NIRGraph]
    source: str
    dt: float
    reset: str | None = None
    reset_delay: bool | None = None


def inputs(name: str, steps: int = 80, batch: int = 3) -> np.ndarray:
    """Spikes, float32 ``(time, batch, features)``."""
    rng = np.random.default_rng(sum(name.encode()))
    return (rng.random((steps, batch, N_IN)) < 0.4).astype(np.float32)


def f32(values) -> np.ndarray:
    return np.asarray(values, np.float32)


def weights(rng: np.random.Generator, n_out: int, n_in: int, gain: float) -> np.ndarray:
    return f32(rng.normal(0.25, 0.6, (n_out, n_in)) * gain)


def chain(rng: np.random.Generator, neurons: Callable[[int], nir.NIRNode], gain: float, *, back=None) -> nir.NIRGraph:
    """Two layers, with biases, and a connection back to the first where one is given."""
    nodes = {
        "input": nir.Input(np.array([N_IN])),
        "fc1": nir.Affine(weights(rng, N_HIDDEN, N_IN, gain), f32(rng.normal(0, 0.05, N_HIDDEN) * gain)),
        "hidden": neurons(N_HIDDEN),
        "fc2": nir.Affine(weights(rng, N_OUT, N_HIDDEN, gain), f32(rng.normal(0, 0.05, N_OUT) * gain)),
        "last": neurons(N_OUT),
        "output": nir.Output(np.array([N_OUT])),
    }
    names = list(nodes)
    edges = list(pairwise(names))
    if back is not None:  # before what leads on: nirtorch takes the node it runs last for the output
        nodes = {**dict(list(nodes.items())[:3]), "back": back, **dict(list(nodes.items())[3:])}
        edges = [*edges[:2], ("hidden", "back"), ("back", "hidden"), *edges[2:]]
    return nir.NIRGraph(nodes, edges)


def norse_lif(rng, dt):
    def neurons(n):
        tau, leak = f32(rng.uniform(2, 8, n) * dt), f32(rng.uniform(-0.2, 0.2, n))
        return nir.LIF(tau, f32(np.ones(n)), leak, f32(rng.uniform(0.5, 1, n)), f32(np.zeros(n)))

    return chain(rng, neurons, 4.0)


def norse_cuba(rng, dt):
    def neurons(n):
        mem, syn = f32(rng.uniform(2, 8, n) * dt), f32(rng.uniform(1.5, 4, n) * dt)
        fields = {"r": f32(rng.uniform(0.5, 2, n)), "v_leak": f32(np.zeros(n)), "w_in": f32(rng.uniform(0.5, 2, n))}
        return nir.CubaLIF(syn, mem, v_threshold=f32(rng.uniform(0.5, 1, n)), v_reset=f32(np.zeros(n)), **fields)

    return chain(rng, neurons, 3.0)


def norse_recurrent(rng, dt):
    back = nir.Affine(weights(rng, N_HIDDEN, N_HIDDEN, 2.0), f32(rng.normal(0, 2, N_HIDDEN)))

    def neurons(n):
        tau = f32(rng.uniform(2, 8, n) * dt)
        return nir.LIF(tau, f32(np.ones(n)), f32(np.zeros(n)), f32(np.ones(n)), f32(np.zeros(n)))

    return chain(rng, neurons, 4.0, back=back)


def norse_if(rng, dt):
    return chain(rng, lambda n: nir.IF(f32(np.ones(n)), f32(rng.uniform(0.5, 1.5, n)), f32(np.zeros(n))), 0.8)


def norse_export(rng, dt):
    """What norse's own ``to_nir`` makes of LIFBoxCells whose time constants are 2 to 8 steps."""

    def neurons(n):
        tau = f32(rng.uniform(2, 8, n) * dt)
        leak = f32(rng.uniform(-0.2, 0.2, n))
        return nir.LIF(f32(tau * dt), f32(np.ones(n)), leak, f32(rng.uniform(0.5, 1, n)), f32(np.zeros(n)))

    return chain(rng, neurons, 4.0)


def snntorch_leaky(rng, dt):
    """What ``export_to_nir`` makes of ``Leaky(beta)`` layers."""

    def neurons(n):
        beta = f32(rng.uniform(0.6, 0.95, n))
        tau = dt / (1 - beta)
        return nir.LIF(tau, tau / dt, f32(np.zeros(n)), f32(np.ones(n)), f32(np.zeros(n)))

    return chain(rng, neurons, 1.0)


def snntorch_scaled(rng, dt):
    """LIF neurons with ``r = 1``, whose thresholds snnTorch divides by ``dt / tau``."""

    def neurons(n):
        tau = f32(np.full(n, 5 * dt))
        return nir.LIF(tau, f32(np.ones(n)), f32(np.zeros(n)), f32(np.ones(n)), f32(np.zeros(n)))

    return chain(rng, neurons, 4.0)


def snntorch_synaptic(rng, dt):
    """What ``export_to_nir`` makes of ``Synaptic(alpha, beta)`` layers."""

    def neurons(n):
        alpha, beta = f32(rng.uniform(0.2, 0.6, n)), f32(rng.uniform(0.6, 0.95, n))
        syn, mem = dt / (1 - alpha), dt / (1 - beta)
        return nir.CubaLIF(syn, mem, mem / dt, f32(np.zeros(n)), f32(np.ones(n)), f32(np.zeros(n)), syn / dt)

    return chain(rng, neurons, 0.6)


CASES: dict[str, Case] = {
    "norse-lif": Case(norse_lif, "norse", 1e-3),
    "norse-cuba-value": Case(norse_cuba, "norse", 1e-3, "value"),
    "norse-cuba-subtract": Case(norse_cuba, "norse", 1e-3, "subtract"),
    "norse-recurrent": Case(norse_recurrent, "norse", 1e-3),
    "norse-if": Case(norse_if, "norse", 1e-3),
    "norse-export-value": Case(norse_export, "norse-export", 1e-3, "value"),
    "norse-export-subtract": Case(norse_export, "norse-export", 1e-3, "subtract"),
    "snntorch-import": Case(snntorch_leaky, "snntorch", 1e-4, "value"),
    "snntorch-import-scaled": Case(snntorch_scaled, "snntorch", 1e-4, "value"),
    "snntorch-import-synaptic": Case(snntorch_synaptic, "snntorch", 1e-4, "value", reset_delay=False),
    "snntorch-leaky-zero": Case(snntorch_leaky, "snntorch", 1e-4, "value"),
    "snntorch-leaky-subtract": Case(snntorch_leaky, "snntorch", 1e-4, "subtract"),
    "snntorch-synaptic-zero": Case(snntorch_synaptic, "snntorch", 1e-4, "value_held"),
    "snntorch-synaptic-subtract": Case(snntorch_synaptic, "snntorch", 1e-4, "subtract"),
}


def graph(name: str) -> nir.NIRGraph:
    """Graph of a case, the same every time."""
    case = CASES[name]
    return case.graph(np.random.default_rng(7), case.dt)
