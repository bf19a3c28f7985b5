"""NIR graphs of snnTorch's four neurons under each reset, with inputs that make them fire: needs nir and numpy only.

``benchmarks/recording/record_resets.py`` runs them in snnTorch, ``test_nir_resets.py`` in lifexport.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import nir
import numpy as np

DT, N_IN, N_HIDDEN, N_OUT = 1e-4, 6, 5, 4
KINDS = ("Leaky", "RLeaky", "Synaptic", "RSynaptic")
MECHANISMS = ("subtract", "zero", "none")


class Case(NamedTuple):
    """Neurons of the hidden layer; the last layer is always Leaky with the same reset, late."""

    kind: str
    mechanism: str
    reset_delay: bool


CASES = {
    f"{k}-{m}-{'late' if d else 'now'}": Case(k, m, d)
    for k, m, d in itertools.product(KINDS, MECHANISMS, (True, False))
}


def f32(values) -> np.ndarray:
    return np.asarray(values, np.float32)


def inputs() -> np.ndarray:
    """Spikes, float32 ``(time, batch, features)``."""
    return (np.random.default_rng(3).random((250, 2, N_IN)) < 0.35).astype(np.float32)


def parameters(case: Case) -> dict[str, np.ndarray]:
    """Decays, weights and biases of a case, float32; strong enough that membranes pass two thresholds."""
    rng = np.random.default_rng(KINDS.index(case.kind))
    gain = {"Leaky": 1.0, "RLeaky": 1.0, "Synaptic": 0.6, "RSynaptic": 0.6}[case.kind]
    gain *= 0.35 if case.mechanism == "none" else 1.0
    return {
        "beta": f32(rng.uniform(0.6, 0.95, N_HIDDEN)),
        "alpha": f32(rng.uniform(0.2, 0.6, N_HIDDEN)),
        "w1": f32(rng.normal(0.3, 0.8, (N_HIDDEN, N_IN)) * gain),
        "b1": f32(rng.normal(0.05, 0.2, N_HIDDEN) * gain),
        "w_rec": f32(rng.normal(0, 0.4, (N_HIDDEN, N_HIDDEN)) + np.diag([1, 0, 0.5, 0, -1])) * f32(gain),
        "b_rec": f32(rng.normal(0, 0.1, N_HIDDEN) * gain),
        "beta_last": f32(rng.uniform(0.6, 0.95, N_OUT)),
        "w2": f32(rng.normal(0.3, 0.7, (N_OUT, N_HIDDEN))) * f32(0.5 if case.mechanism == "none" else 1.0),
        "b2": f32(rng.normal(0, 0.1, N_OUT)),
    }


def lif(beta: np.ndarray) -> nir.LIF:
    """What ``export_to_nir`` makes of ``Leaky(beta)``."""
    tau, zero, one = DT / (1 - beta), np.zeros_like(beta), np.ones_like(beta)
    return nir.LIF(tau=tau, r=tau / DT, v_leak=zero, v_threshold=one, v_reset=zero)


def cuba(alpha: np.ndarray, beta: np.ndarray) -> nir.CubaLIF:
    """What ``export_to_nir`` makes of ``Synaptic(alpha, beta)``."""
    syn, mem, zero, one = DT / (1 - alpha), DT / (1 - beta), np.zeros_like(beta), np.ones_like(beta)
    return nir.CubaLIF(tau_syn=syn, tau_mem=mem, r=mem / DT, v_leak=zero, v_threshold=one, v_reset=zero, w_in=syn / DT)


def graph(case: Case) -> nir.NIRGraph:
    """The whole network; a recurrent layer is a graph of its own, as snnTorch writes it."""
    p = parameters(case)
    neurons = cuba(p["alpha"], p["beta"]) if case.kind.endswith("Synaptic") else lif(p["beta"])
    hidden = neurons
    if case.kind.startswith("R"):
        inner = {"input": nir.Input(np.array([N_HIDDEN])), "lif": neurons, "w_rec": nir.Affine(p["w_rec"], p["b_rec"])}
        inner["output"] = nir.Output(np.array([N_HIDDEN]))
        hidden = nir.NIRGraph(inner, [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")])
    nodes = {
        "input": nir.Input(np.array([N_IN])),
        "fc1": nir.Affine(p["w1"], p["b1"]),
        "hidden": hidden,
        "fc2": nir.Affine(p["w2"], p["b2"]),
        "last": lif(p["beta_last"]),
        "output": nir.Output(np.array([N_OUT])),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(itertools.pairwise(names)), type_check=False)
