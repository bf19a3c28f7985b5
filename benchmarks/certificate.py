"""Certificates: CPU time, neurons proved free of saturation, and how tight the bounds are.

    python benchmarks/certificate.py [--runs 7]

Times are medians of CPU time (all threads) of the whole of ``lx.certify``, the second analysis for the smallest safe
width included. Weights are uniform up to one over the root of the inputs; decay 1 - 1/64 is exact in 12 bits.
Tightness: the share of bounds (membranes before and after overflow and after reset, currents, of every neuron) that are
at most twice what an adversary reaches in 200 steps, over random networks and every shipped target's rules.
"""

import argparse
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.targets import target_names

sys.path[:0] = [str(root := Path(__file__).resolve().parent.parent), str(root / "tests")]

from nets import random_network  # noqa: E402

from tests.certificate.adversary import drive, free  # noqa: E402
from tests.certificate.chips import chip_rules, network  # noqa: E402
from tests.certificate.test_tight import STEPS, held  # noqa: E402

DT = 1e-3


def float_network(sizes: tuple[int, ...], decay: float) -> lx.FloatNetwork:
    """A layer's input gain is 1 - decay: held inputs drive the membrane to their weighted sum."""
    rng, tau = np.random.default_rng(0), -DT / np.log(decay)
    nodes = {"in": Input(shape=sizes[:1])}
    for i, (n_in, n) in enumerate(pairwise(sizes)):
        nodes[f"fc{i}"] = FloatDense(weight=rng.uniform(-1, 1, (n, n_in)) / np.sqrt(n_in))
        nodes[f"lif{i}"] = FloatLIF(shape=(n,), dt=DT, tau=tau, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes["out"] = Output(shape=sizes[-1:])
    return lx.FloatNetwork(nodes=nodes, edges=[Edge(*pair) for pair in pairwise(nodes)], dt=DT)


def timed(sizes: tuple[int, ...], widths: dict, runs: int) -> None:
    q = lx.quantize(float_network(sizes, 1 - 1 / 64), "fpga-q", input=InputCode(kind="spikes"), **widths)
    times = []
    for _ in range(runs):
        began = time.process_time()
        certificate = lx.certify(q)
        times.append(time.process_time() - began)
    safe = np.concatenate([p.safe for p in certificate.populations.values()])
    needs = ", ".join(f"{p.node} {p.safe_bits}" for p in certificate.populations.values())
    print(
        f"{'-'.join(map(str, sizes)):15} {widths} {1e3 * statistics.median(times):7.1f} ms"
        f"; {safe.mean():7.2%} of neurons cannot saturate; safe bits: {needs}"
    )


def tightness() -> None:
    cases = {f"random {seed}": [(random_network(seed)[0], seed)] for seed in range(20)}
    for target in target_names():
        cases[target] = [
            (network(chip_rules(target), np.random.default_rng(seed), share=share), seed)
            for share in (6, 60, 400)
            for seed in range(3)
        ]
    counts = {"random": np.zeros(2, int)}
    for name, nets in cases.items():
        for q, seed in nets:
            for lif in q.populations:
                count = held(q, lif, free(q, lif), drive(q, lif, STEPS, seed))
                counts[name.split()[0]] = counts.get(name.split()[0], np.zeros(2, int)) + count
    for name, (loose, total) in counts.items():
        print(f"{name:15} {total - loose} of {total} bounds at most twice what was reached")
    loose, total = np.sum([*counts.values()], axis=0)
    print(f"{'all':15} {(total - loose) / total:.2%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    for membrane_range in (4, 16):
        for weight_bits in (4, 8):
            widths = {"weight_bits": weight_bits, "state_bits": 16, "membrane_range": membrane_range}
            timed((784, 512, 10), widths, runs)
    for weight_bits in (4, 8):
        timed((2048, 4096, 1024), {"weight_bits": weight_bits, "state_bits": 16, "membrane_range": 4}, runs)
    tightness()


if __name__ == "__main__":
    main()
