"""The bounds are never exceeded, and not idle."""

from __future__ import annotations

import numpy as np
import pytest
from nets import edge_network, random_network

from lifexport.bounds import largest_input, membrane_bound, product_bound
from lifexport.ops import NumpyOps
from lifexport.simulation import simulate, stepwise


class Watching(NumpyOps):
    """Remembers the largest value that reached an overflow rule."""

    def __init__(self):
        self.largest, self.overflowed = 0, 0

    def saturate(self, x, bits):
        self.largest = max(self.largest, int(np.abs(x).max()))
        return super().saturate(x, bits)

    def wrap(self, x, bits):
        self.largest = max(self.largest, int(np.abs(x).max()))
        return super().wrap(x, bits)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("maker", [random_network, edge_network])
def test_no_run_exceeds_the_bound(seed, maker, monkeypatch):
    network, codes = maker(seed)
    watches = {}
    original = stepwise._step

    def watched(node, ops, state, current):
        watch = watches.setdefault(id(node), Watching())
        return original(node, watch, state, current)

    monkeypatch.setattr(stepwise, "_step", watched)
    fmt = network.input_code.format
    extreme = np.where(np.random.default_rng(seed).random(codes.shape) < 0.5, fmt.lo, fmt.hi)
    for x in (codes, extreme):
        simulate(network, x, backend="reference")
    for name, node in network.populations.items():
        assert watches[id(node)].largest <= membrane_bound(network, name)


def test_products_by_hand():
    network, _ = edge_network(0)
    fc = network.nodes["fc"]
    assert largest_input(network, "fc") == 128
    assert product_bound(network, "fc") == 254 * 128
    node = network.nodes["lif"]
    assert membrane_bound(network, "lif") >= (254 * 128 << fc.shift) + abs(int(node.bias.max()))
