"""Chunks of time steps give what one run gives, in the memory of a chunk."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from float_nets import float_network
from nets import random_network, spatial_network

import lifexport as lx
from lifexport.errors import ParameterError
from lifexport.graph import Edge
from lifexport.neurons import FloatIAF
from lifexport.nodes import FloatDense, Input, Output


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("cuts", [(1, 2), (7,), (3, 3, 3)])
def test_chunks_are_the_whole(backend, cuts):
    for network, codes in (random_network(3, recurrent=True), spatial_network(1)):
        whole = lx.simulate(network, codes, record=("v", "spikes", "overflows"), backend=backend)
        parts = list(
            lx.stream(network, np.split(codes, np.cumsum(cuts)), record=("v", "spikes", "overflows"), backend=backend)
        )
        assert len(parts) == len(cuts) + 1
        for name in network.populations:
            np.testing.assert_array_equal(np.concatenate([part.v[name] for part in parts]), whole.v[name])
            assert sum(part.overflowed(name) for part in parts) == whole.overflowed(name)
        for name, state in whole.final_state.populations.items():
            np.testing.assert_array_equal(parts[-1].final_state.populations[name].v, state.v)


def test_trained_networks_too():
    f, x = float_network(0, recurrent=True)
    parts = [part.output for part in lx.stream(f, [x[:9], x[9:]])]
    np.testing.assert_array_equal(np.concatenate(parts), lx.simulate(f, x).output)


def test_memory_is_that_of_a_chunk():
    """Forty chunks that do not fit together are made, run and dropped one by one."""
    iaf = FloatIAF(shape=(1,), dt=1.0, r=1.0, v_threshold=3.0, v_reset=0.0)
    nodes = {"in": Input(shape=(2000,)), "fc": FloatDense(weight=np.ones((1, 2000))), "iaf": iaf}
    edges = [Edge("in", "fc"), Edge("fc", "iaf"), Edge("iaf", "out")]
    f = lx.FloatNetwork(nodes=nodes | {"out": Output(shape=(1,))}, edges=edges, dt=1.0)
    size = 100 * 2000 * 8
    tracemalloc.start()
    steps = sum(len(trace.output) for trace in lx.stream(f, (np.zeros((100, 1, 2000)) for _ in range(40))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert steps == 4000 and peak < 6 * size


def test_bad_chunks():
    network, codes = random_network(0)
    with pytest.raises(ParameterError, match=r"LX006.*chunks: one array"):
        lx.stream(network, codes)
    with pytest.raises(ParameterError, match=r"LX304"):
        list(lx.stream(network, [codes, codes[:, :1]]))
