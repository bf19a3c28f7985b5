"""A recorded layer of lava-dl, larger than the golden vectors: 2000 steps of 256 neurons fed by 200 inputs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF
from lifexport.nodes import Output
from lifexport.simulation import simulate
from lifexport.targets import choose_rules, load_target
from lifexport.vectors.building import dense, spikes
from tests.data import DATA, needs


@needs("loihi_cuba_dense_reference.npz")
@pytest.mark.parametrize("backend", ["reference", "fast", "event"])
def test_every_output_spike_of_the_loihi_layer(backend):
    if backend == "event":
        pytest.importorskip("lifexport.simulation.event")
    with np.load(DATA / "loihi_cuba_dense_reference.npz", allow_pickle=False) as stored:
        weight = stored["weight"].astype(np.int64)
        given, recorded = (np.unpackbits(stored[f"spikes_{way}"], axis=1)[:, :2000].T for way in ("in", "out"))
    n, n_in = weight.shape
    lif = IntLIF(
        shape=(n,),
        rules=choose_rules(load_target("loihi-lava")),
        decay=4096 - 415,
        current_decay=4096 - 4096,
        threshold=6 << 6,
        threshold_shift=6,
        reset_code=0,
        unit=Fraction(1),
    )
    nodes = {"in": spikes(n_in), "fc": dense(weight, shift=6), "lif": lif, "out": Output(shape=(n,))}
    edges = [Edge("in", "fc", 1), Edge("fc", "lif"), Edge("lif", "out")]
    network = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    output = simulate(network, given[:, None].astype(np.int64), backend=backend).output[:, 0]
    assert recorded.size == 512_000 and recorded.sum() > 1000
    assert (output != recorded).sum() == 0
