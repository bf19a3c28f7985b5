"""How long a 784-512-10 network takes to be written as NIR, and how large it is: unverified, median of some runs."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output

SIZES = 784, 512, 10


def network() -> FloatNetwork:
    rng, dt = np.random.default_rng(0), 1e-3
    nodes = {"in": Input(shape=(SIZES[0],)), "out": Output(shape=(SIZES[-1],))}
    edges, before = [], "in"
    for i, (n_in, n_out) in enumerate(pairwise(SIZES)):
        nodes[f"fc{i}"] = FloatDense(weight=rng.normal(0, 0.1, (n_out, n_in)))
        nodes[f"lif{i}"] = FloatLIF(shape=(n_out,), dt=dt, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
        edges += [Edge(before, f"fc{i}"), Edge(f"fc{i}", f"lif{i}")]
        before = f"lif{i}"
    return FloatNetwork(nodes=nodes, edges=[*edges, Edge(before, "out")], dt=dt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    f = network()
    x = (np.random.default_rng(1).random((20, 4, SIZES[0])) < 0.1).astype(float)
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=8)
    cases = {
        "float64, plain": (f, {}),
        "float32, for norse": (f, {"profile": "norse"}),
        "int8, plain": (q, {}),
        "int8, plain, compressed": (q, {"compress": True}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (net, options) in cases.items():
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                result = lx.to_nir(net, Path(folder) / "m.nir", verify=False, **options)
                times.append(time.perf_counter() - start)
            print(f"{name:24} {statistics.median(times) * 1e3:6.1f} ms  {result.size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
