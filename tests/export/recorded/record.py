"""Run the graphs of ``graphs.py`` in norse 1.1.0 and snnTorch 1.0.0 and keep what they did, in ``spikes.npz``.

Needs an interpreter with torch, norse, snntorch, nir and nirtorch::

    python tests/export/recorded/record.py

Kept are the spikes of the last layer, ``(time, batch, neurons)``, and where the tool shows it the membrane after the
step (float32), of the first sample.
"""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import torch
from graphs import CASES, N_HIDDEN, N_IN, N_OUT, graph, inputs


def norse_read(name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """``norse.torch.from_nir`` of the graph, step by step."""
    from norse.torch import from_nir
    from norse.torch.functional import reset

    method = {"subtract": reset.reset_subtract}.get(CASES[name].reset or "", reset.reset_value)
    net, state, out = from_nir(graph(name), ignore_warnings=True, reset_method=method, dt=CASES[name].dt), None, []
    for x in torch.from_numpy(inputs(name)):
        spikes, state = net(x, state)
        out.append(spikes.detach().numpy())
    return np.array(out), None


def norse_own(name: str) -> tuple[np.ndarray, np.ndarray]:
    """LIFBoxCells of norse itself, which its ``to_nir`` turns into the graph."""
    from norse.torch.functional import reset
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.module.lif_box import LIFBoxCell
    from norse.torch.utils.export_nir import _extract_norse_module

    case, nodes = CASES[name], graph(name).nodes
    method = {"subtract": reset.reset_subtract}.get(case.reset or "", reset.reset_value)
    cells, layers = {}, {}
    for key in ("hidden", "last"):
        node = nodes[key]
        tau_inv = 1 / (torch.from_numpy(node.tau) / case.dt)
        given = {"v_th": torch.from_numpy(node.v_threshold), "v_leak": torch.from_numpy(node.v_leak)}
        cells[key] = LIFBoxCell(LIFBoxParameters(tau_mem_inv=tau_inv, reset_method=method, **given), dt=case.dt)
        again = _extract_norse_module(cells[key], dt=case.dt)
        assert isinstance(again, nir.LIF) and torch.allclose(again.tau, torch.from_numpy(node.tau))
    for key in ("fc1", "fc2"):
        layers[key] = (torch.from_numpy(nodes[key].weight), torch.from_numpy(nodes[key].bias))
    states, out, v = {"hidden": None, "last": None}, [], []
    for x in torch.from_numpy(inputs(name)):
        for fc, key in (("fc1", "hidden"), ("fc2", "last")):
            x, states[key] = cells[key](torch.nn.functional.linear(x, *layers[fc]), states[key])
        out.append(x.detach().numpy())
        v.append(states["last"].v.detach().numpy()[0])
    return np.array(out), np.array(v)


def snntorch_read(name: str) -> tuple[np.ndarray, None]:
    """``import_from_nir`` of the graph."""
    from snntorch.import_nir import import_from_nir

    net, state, out = import_from_nir(graph(name)), None, []
    for x in torch.from_numpy(inputs(name)):
        spikes, state = net(x, state)
        out.append(spikes.detach().numpy())
    return np.array(out), None


def snntorch_own(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Layers of snnTorch itself with its default ``reset_delay``, which ``export_to_nir`` turns into the graph."""
    import snntorch as snn
    from snntorch.export_nir import _extract_snntorch_module

    case, nodes = CASES[name], graph(name).nodes
    mechanism = "subtract" if case.reset == "subtract" else "zero"
    cells, states = {}, {}
    for key, size in (("hidden", N_HIDDEN), ("last", N_OUT)):
        node = nodes[key]
        given = {"threshold": torch.from_numpy(node.v_threshold), "reset_mechanism": mechanism}
        if isinstance(node, nir.LIF):
            cells[key] = snn.Leaky(beta=torch.from_numpy(1 - case.dt / node.tau), **given)
            states[key] = (torch.zeros(3, size),)
            assert np.allclose(_extract_snntorch_module(cells[key]).r, node.r)
        else:
            decays = [torch.from_numpy(1 - case.dt / tau) for tau in (node.tau_syn, node.tau_mem)]
            cells[key] = snn.Synaptic(*decays, **given)
            states[key] = (torch.zeros(3, size), torch.zeros(3, size))
            assert np.allclose(_extract_snntorch_module(cells[key]).w_in, node.w_in)
    out, v = [], []
    for x in torch.from_numpy(inputs(name)):
        for fc, key in (("fc1", "hidden"), ("fc2", "last")):
            current = torch.nn.functional.linear(x, *map(torch.from_numpy, (nodes[fc].weight, nodes[fc].bias)))
            x, *states[key] = cells[key](current, *states[key])
        out.append(x.detach().numpy())
        v.append(states["last"][-1].detach().numpy()[0])
    return np.array(out), np.array(v)


def main() -> None:
    assert inputs("norse-lif").shape[2] == N_IN
    kept = {}
    for name in CASES:
        run = {"norse-export": norse_own, "norse": norse_read, "snntorch-import": snntorch_read}
        chosen = next((f for start, f in run.items() if name.startswith(start)), snntorch_own)
        spikes, v = chosen(name)
        print(f"{name}: {spikes.mean():.1%} spikes")
        kept[f"{name}/spikes"] = spikes.astype(bool)
        if v is not None:
            kept[f"{name}/v"] = v.astype(np.float32)
    np.savez_compressed(Path(__file__).with_name("spikes.npz"), **kept)


if __name__ == "__main__":
    main()
