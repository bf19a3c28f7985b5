"""Run the networks of ``resets.py`` in snnTorch 1.0.0 and keep what they did, in ``resets.npz``.

Needs an interpreter with torch, snntorch, nir and nirtorch::

    python benchmarks/recording/record_resets.py

Kept are the spikes of both layers, ``(time, batch, neurons)``, and of the first sample the hidden layer's membrane
after the step (float32). ``RSynaptic(reset_delay=False)`` runs only where its states are passed, and its
``reset_delay`` does nothing there; it is run so.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/export/recorded"))

import numpy as np
import snntorch as snn
import torch
from resets import CASES, N_HIDDEN, N_OUT, Case, graph, inputs, parameters
from snntorch.export_nir import _extract_snntorch_module


def cells(case: Case) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Hidden and last layer, with the numbers of the graph."""
    p = {name: torch.from_numpy(value) for name, value in parameters(case).items()}
    given = {"reset_mechanism": case.mechanism, "reset_delay": case.reset_delay}
    decays = (p["alpha"], p["beta"]) if case.kind.endswith("Synaptic") else (p["beta"],)
    recurrent = {"linear_features": N_HIDDEN} if case.kind.startswith("R") else {}
    hidden = getattr(snn, case.kind)(*decays, **given, **recurrent, threshold=torch.ones(N_HIDDEN))
    if recurrent:
        hidden.recurrent.weight.data, hidden.recurrent.bias.data = p["w_rec"], p["b_rec"]
    last = snn.Leaky(p["beta_last"], reset_mechanism=case.mechanism, threshold=torch.ones(N_OUT))
    require_same(_extract_snntorch_module(hidden), graph(case).nodes["hidden"])
    return hidden, last


def require_same(theirs, ours) -> None:
    """The graph is the one that snnTorch writes of its module."""
    if hasattr(theirs, "nodes"):
        assert {(a, b) for a, b in theirs.edges} == {(a, b) for a, b in ours.edges}
        for name in ("lif", "w_rec"):
            require_same(theirs.nodes[name], ours.nodes[name])
        return
    assert type(theirs) is type(ours)
    for name, value in vars(ours).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(np.asarray(getattr(theirs, name)), value, rtol=1e-5)


@torch.no_grad()
def run(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spikes of both layers, and the hidden membrane."""
    p = {name: torch.from_numpy(value) for name, value in parameters(case).items()}
    hidden, last = cells(case)
    states = {"Leaky": 1, "RLeaky": 2, "Synaptic": 2, "RSynaptic": 3}[case.kind]
    state, m2, out = [torch.zeros(2, N_HIDDEN)] * states, torch.zeros(2, N_OUT), []
    for x in torch.from_numpy(inputs()):
        s1, *rest = hidden(torch.nn.functional.linear(x, p["w1"], p["b1"]), *state)
        state = [s1, *rest] if case.kind.startswith("R") else rest
        s2, m2 = last(torch.nn.functional.linear(s1, p["w2"], p["b2"]), m2)
        out.append((s1.numpy().copy(), s2.numpy().copy(), state[-1].numpy()[0].copy()))
    s1, s2, v = (np.array(part) for part in zip(*out, strict=True))
    return s1.astype(bool), s2.astype(bool), v.astype(np.float32)


def main() -> None:
    kept = {}
    for name, case in CASES.items():
        hidden, last, v = run(case)
        print(f"{name}: {hidden.mean():.1%} and {last.mean():.1%} spikes, membrane up to {v.max():.2f}")
        kept |= {f"{name}/hidden": hidden, f"{name}/last": last, f"{name}/v": v[:80]}
    np.savez_compressed(Path(sys.path[0]) / "resets.npz", **kept)


if __name__ == "__main__":
    main()
