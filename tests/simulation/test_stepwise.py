"""The float simulator against plain Python, neuron by neuron."""

from __future__ import annotations

import math

import numpy as np
import pytest
from float_nets import DT, float_network

from lifexport.simulation import simulate


def by_hand(f, x, name, source_spikes, connection, back=None):
    """Membranes and spikes of one layer for one sample, in Python floats, written from DESIGN's text."""
    node, fc = f.nodes[name], f.nodes[connection]
    n = node.shape[0]
    v = [float(u) for u in node.v_initial]
    fired = [node.v_initial[i] >= node.v_threshold[i] for i in range(n)]
    rows, spikes = [], []
    for t in range(len(source_spikes)):
        now = []
        for i in range(n):
            if fired[i]:
                drop = node.v_threshold[i] - node.v_reset[i]
                v[i] = v[i] - drop if node.reset == "subtract" else node.v_reset[i]
            current = sum(float(w) * float(s) for w, s in zip(fc.weight[i], source_spikes[t], strict=True))
            current += 0.0 if fc.bias is None else float(fc.bias[i])
            if back is not None and t > 0:
                current += sum(float(w) * s for w, s in zip(f.nodes[back].weight[i], spikes[-1], strict=True))
            d = math.exp(-DT / node.tau[i])
            v[i] = d * v[i] + (1 - d) * (node.v_rest[i] + node.r[i] * current)
            now.append(v[i])
        fired = [now[i] >= node.v_threshold[i] for i in range(n)]
        rows.append(now)
        spikes.append([int(s) for s in fired])
    return np.array(rows), np.array(spikes)


@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("recurrent", [False, True])
def test_every_membrane(reset, recurrent):
    f, x = float_network(7, recurrent=recurrent, reset=reset)
    trace = simulate(f, x, record=("v", "spikes"))
    for sample in range(2):
        v, spikes = by_hand(f, x, "hidden", x[:, sample], "fc0", "back" if recurrent else None)
        np.testing.assert_allclose(trace.v["hidden"][:, sample], v, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(trace.spikes["hidden"][:, sample], spikes)
        v, spikes = by_hand(f, x, "last", spikes, "fc1")
        np.testing.assert_allclose(trace.v["last"][:, sample], v, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(trace.output[:, sample], spikes)
    assert 0.01 < trace.spikes["hidden"].mean() < 0.6 and trace.output.any()


def test_state_carries_on():
    f, x = float_network(7, recurrent=True)
    whole = simulate(f, x, record=("v",))
    first = simulate(f, x[:13], record=("v",))
    second = simulate(f, x[13:], record=("v",), state=first.final_state)
    np.testing.assert_array_equal(np.concatenate([first.v["last"], second.v["last"]]), whole.v["last"])


def test_greater_than_fires_later_than_greater_or_equal():
    f, _ = float_network(7, compare=">")
    node = f.nodes["last"]
    assert not node.fires(node.v_threshold).any()
    f, _ = float_network(7)
    assert f.nodes["last"].fires(node.v_threshold).all()
