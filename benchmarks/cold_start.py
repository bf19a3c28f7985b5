"""Cold start: `import lifexport` and `lifexport check` in a new process, less a bare interpreter, interleaved.

python benchmarks/cold_start.py [--runs 15]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output

CLI = "from lifexport.cli import main; import sys; sys.argv[0] = 'lifexport'; main()"


def network() -> lx.FloatNetwork:
    rng = np.random.default_rng(0)
    lif = {"dt": 1e-3, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
    nodes = {
        "in": Input(shape=(64,)),
        "fc0": FloatDense(weight=rng.normal(0, 1, (128, 64))),
        "hidden": FloatLIF(shape=(128,), **lif),
        "fc1": FloatDense(weight=rng.normal(0, 1, (10, 128))),
        "last": FloatLIF(shape=(10,), **lif),
        "out": Output(shape=(10,)),
    }
    return lx.FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        f = network()
        nir, onnx = Path(folder) / "m.nir", Path(folder) / "m.onnx"
        lx.to_nir(f, nir)
        lx.to_onnx(lx.quantize(f, "fpga-q", calibration=np.ones((2, 1, 64))), onnx)
        commands = {
            "python -c pass": ["-c", "pass"],
            "import lifexport": ["-c", "import lifexport"],
            "import numpy": ["-c", "import numpy"],
            "lifexport --help": ["-c", CLI, "--help"],
            "lifexport check model.nir": ["-c", CLI, "check", str(nir)],
            "lifexport check model.onnx": ["-c", CLI, "check", str(onnx)],
        }
        times = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
                times[name].append(time.perf_counter() - start)
    for name, seconds in times.items():
        print(f"{name:28} {statistics.median(seconds):.3f} s (median of {runs}, least {min(seconds):.3f})")


if __name__ == "__main__":
    main()
