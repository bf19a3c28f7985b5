"""A network whose numbers are more than protobuf's 2 GiB, as an ONNX file with a data file beside it.

    python benchmarks/onnx_large.py [--inputs 23200] [--neurons 23300]

One dense float32 layer, 2.2 GB by default; takes some 20 GB of memory and 5 GB of disk. It is exported without the
proof, which would hold it several times, run in onnxruntime from the file, and its membranes are held against numpy's;
then it is restored and compared with what was written.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import lifexport as lx
from lifexport.graph import Edge
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense, Input, Output

ACTIVE, STEPS = 50, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=23200)
    parser.add_argument("--neurons", type=int, default=23300)
    sizes = parser.parse_args()
    rng = np.random.default_rng(0)
    fc = FloatDense(weight=rng.standard_normal((sizes.neurons, sizes.inputs), np.float32).astype(np.float64))
    lif = FloatLIF(shape=(sizes.neurons,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes = {"in": Input(shape=(sizes.inputs,)), "fc": fc, "lif": lif, "out": Output(shape=(sizes.neurons,))}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    f = lx.FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    x = np.zeros((STEPS, 1, sizes.inputs), np.float32)
    x[:, 0, rng.choice(sizes.inputs, ACTIVE, replace=False)] = 1
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        result = lx.to_onnx(f, Path(folder) / "large.onnx", lif="inline", verify=False)
        files = {path.name: path.stat().st_size for path in sorted(Path(folder).iterdir())}
        print(f"written in {time.perf_counter() - began:.0f} s: {files}")
        session = onnxruntime.InferenceSession(result.path, providers=["CPUExecutionProvider"])
        v = session.run(["lif.V_final"], {"x": x})[0]
        del session
        right = lx.simulate(f, x, record=("v",)).v["lif"][-1]
        print(
            f"onnxruntime {onnxruntime.__version__}: largest difference of a membrane {np.abs(v - right).max():.2g} V"
        )
        began = time.perf_counter()
        same = lx.from_onnx(result.path).digest() == f.digest()
        print(f"restored in {time.perf_counter() - began:.0f} s: {'the same' if same else 'ANOTHER'} network")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB of memory")


if __name__ == "__main__":
    main()
