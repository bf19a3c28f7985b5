"""Bounds are of use: with its input free, a layer is certified for at most twice what an adversary reaches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from nets import random_network

import lifexport as lx
from lifexport.certificate.analysis import Reached
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.targets import target_names
from tests.certificate.adversary import Driven, drive, free
from tests.certificate.chips import chip_rules, network

pytestmark = pytest.mark.thorough

STEPS = 200


def held(q: IntNetwork, name: str, found: Reached, driven: Driven) -> tuple[int, int]:
    """Bounds of single neurons above twice the largest magnitude reached, and all; none of them is passed."""
    pairs = [(found.v, driven.v), (found.v_post, driven.v_post)]
    same = [w for w in found.ops.words.values() if (w.least, w.most) == q.nodes[name].membrane_range()]
    pairs += [(same[0], driven.before)] if len(same) == 1 else []
    pairs += [(Currents(found), driven.current)] if found.state.current else []
    loose = total = 0
    for bounds, (lo, hi) in pairs:
        assert (lo >= bounds.lo).all() and (hi <= bounds.hi).all()
        reached, certified = np.maximum(-lo, hi), np.maximum(-bounds.lo, bounds.hi)
        loose, total = loose + int((certified > 2 * reached).sum()), total + reached.size
    return loose, total


class Currents:
    """Bounds of all currents as one array."""

    def __init__(self, found: Reached):
        self.lo, self.hi = (np.stack([getattr(c, end) for c in found.state.current]) for end in ("lo", "hi"))


@pytest.mark.parametrize("share", [6, 60])
@pytest.mark.parametrize("target", target_names())
def test_every_target(target, share):
    counts = []
    for seed in range(2):
        q = network(chip_rules(target), np.random.default_rng(seed), share=share)
        counts.append(held(q, "lif", free(q, "lif"), drive(q, "lif", STEPS, seed)))
    loose, total = np.sum(counts, axis=0)
    print(f"{target}: {loose} of {total} bounds above twice what was reached")
    assert loose == 0 and total >= 24


@pytest.mark.parametrize("seed", range(8))
def test_random_networks(seed):
    q, _ = random_network(seed, recurrent=bool(seed % 2))
    counts = [held(q, name, free(q, name), drive(q, name, STEPS, seed)) for name in q.populations]
    loose, total = np.sum(counts, axis=0)
    print(f"{loose} of {total} bounds above twice what was reached")
    assert loose == 0


def float_network(sizes, seed: int) -> lx.FloatNetwork:
    """Weights as layers are commonly initialised, uniform up to one over the root of the inputs."""
    rng, nodes = np.random.default_rng(seed), {"in": Input(shape=sizes[:1])}
    for i, (n_in, n) in enumerate(pairwise(sizes)):
        nodes[f"fc{i}"] = FloatDense(weight=rng.uniform(-1, 1, (n, n_in)) / np.sqrt(n_in))
        nodes[f"lif{i}"] = FloatLIF(shape=(n,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes["out"] = Output(shape=sizes[-1:])
    names = list(nodes)
    return lx.FloatNetwork(nodes=nodes, edges=[Edge(*pair) for pair in pairwise(names)], dt=1e-3)


@pytest.mark.parametrize(("membrane_range", "least"), [(4, 0.95), (16, 1.0)])
def test_neurons_proved_free_of_saturation(membrane_range, least):
    """The worst inputs take these neurons some 7 thresholds below rest; the unit is up to twice what the range says."""
    widths = {"weight_bits": 4, "state_bits": 16, "membrane_range": membrane_range}
    q = lx.quantize(float_network((784, 512, 10), 0), "fpga-q", input=InputCode(kind="spikes"), **widths)
    certificate = lx.certify(q)
    safe = np.concatenate([p.safe for p in certificate.populations.values()])
    print(f"membrane_range {membrane_range}: {safe.mean():.1%} of {safe.size} neurons cannot saturate")
    assert safe.mean() >= least
