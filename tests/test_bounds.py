"""The bounds are never exceeded, and not idle."""

from __future__ import annotations

import numpy as np
import pytest
from nets import edge_network, random_network

from lifexport.bounds import largest_input, membrane_bound, product_bound
from lifexport.ops import CountingOps
from lifexport.simulation import simulate, stepwise


class Watching(CountingOps):
    """Remembers the largest value that reached an overflow rule."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def saturate(self, x, lo, hi):
        self.largest = max(self.largest, int(np.abs(x).max()))
        return super().saturate(x, lo, hi)

    def wrap(self, x, lo, hi):
        self.largest = max(self.largest, int(np.abs(x).max()))
        return super().wrap(x, lo, hi)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("maker", [random_network, edge_network])
def test_no_run_exceeds_the_bound(seed, maker, monkeypatch):
    network, codes = maker(seed)
    watches = []
    monkeypatch.setattr(stepwise, "CountingOps", lambda: watches.append(Watching()) or watches[-1])
    fmt = network.input_code.format
    extreme = np.where(np.random.default_rng(seed).random(codes.shape) < 0.5, fmt.lo, fmt.hi)
    for x in (codes, extreme):
        simulate(network, x, backend="reference")
    assert len(watches) == 2 * len(network.populations)
    for name, watch in zip([*network.populations] * 2, watches, strict=True):
        assert 0 < watch.largest <= membrane_bound(network, name)


def test_products_by_hand():
    network, _ = edge_network(0)
    fc = network.nodes["fc"]
    assert largest_input(network, "fc") == 128
    assert product_bound(network, "fc") == 254 * 128
    node = network.nodes["lif"]
    assert membrane_bound(network, "lif") >= (254 * 128 << fc.shift) + abs(int(node.bias.max()))
