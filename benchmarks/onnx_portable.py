"""What ``portable=True`` costs in onnxruntime: python benchmarks/onnx_portable.py [--runs N]

The digits network's size, 64-128-10, 25 steps of 32 samples, form scan; medians of interleaved runs in one process, one
thread. ``inline`` is the same file with exact int32 division.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parent))

from simulators import network

import lifexport as lx


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    f = network((64, 128, 10))
    x = (np.random.default_rng(0).random((25, 32, 64)) < 0.2).astype(float)
    q = lx.quantize(f, "fpga-q", calibration=x)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions, times = {}, {"inline": [], "portable": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in times:
            path = Path(folder) / f"{name}.onnx"
            lx.to_onnx(q, path, lif="inline", portable=name == "portable", verify=False)
            sessions[name] = onnxruntime.InferenceSession(str(path), options)
    codes = q.encode(x).codes.astype(np.uint8)
    for _ in range(runs + 2):
        for name, session in sessions.items():
            begun = time.perf_counter()
            session.run(None, {"x": codes})
            times[name].append(time.perf_counter() - begun)
    inline, portable = (statistics.median(times[name][2:]) for name in times)
    print(f"inline {1e3 * inline:.2f} ms, portable {1e3 * portable:.2f} ms: {portable / inline:.2f}x (of {runs} runs)")


if __name__ == "__main__":
    main()
