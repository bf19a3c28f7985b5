"""ONNX files in onnxruntime against JAX, side by side in one process on one core.

    python benchmarks/onnx_runtimes.py [--runs 15]

784-256-10 and 784-256-10 with a hidden layer that feeds itself, w8/v16 on fpga-q, 5 % input spikes, T=100. The base is
one ``jax.lax.scan`` of the same integers: int32 states, float32 products. Every method runs in turn; medians of wall
times. Outputs are compared first. Then 784-512-10: time of an export without verification, of loading a session, bytes.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
from simulators import MLP, network, spikes

import lifexport as lx
from lifexport.nodes import InputCode

CHOICES = {"input": InputCode(kind="spikes"), "weight_bits": 8, "state_bits": 16}


def jax_scan(q: lx.IntNetwork, batch: int) -> Callable[[np.ndarray], np.ndarray]:
    """Output spikes of an fpga-q network with a floor, as one would write it by hand."""
    layers = range(len(q.populations))
    nodes = [q.nodes[f"lif{i}"] for i in layers]
    weights = [jnp.asarray(q.nodes[f"fc{i}"].weight.T << q.nodes[f"fc{i}"].shift, jnp.float32) for i in layers]
    backs = [q.nodes.get(f"back{i}") for i in layers]
    backs = [None if b is None else jnp.asarray(b.weight.T << b.shift, jnp.float32) for b in backs]
    rows = [[jnp.asarray(n, jnp.int32) for n in (v.threshold, v.reset_code, v.decay, v.bias)] for v in nodes]

    def step(states, now):
        after, now = [], now.astype(jnp.float32)
        for v, node, w, back, row in zip(states, nodes, weights, backs, rows, strict=True):
            threshold, reset, decay, bias = row
            fired = v >= threshold
            current = now @ w if back is None else now @ w + fired.astype(jnp.float32) @ back
            left = ((v - fired * reset) * decay) >> node.rules.leak.bits
            v = jnp.clip(left + current.astype(jnp.int32) + bias, node.rules.membrane.lo, node.rules.membrane.hi)
            after.append(v)
            now = (v >= threshold).astype(jnp.float32)
        return after, now

    start = [jnp.broadcast_to(jnp.asarray(v.v_initial, jnp.int32), (batch, *v.shape)) for v in nodes]
    run = jax.jit(lambda x: jax.lax.scan(step, start, x)[1])
    return lambda x: np.asarray(run(x))


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def medians(methods: dict[str, Callable], runs: int) -> dict[str, float]:
    """Median of the seconds a method takes, by name; every method runs in turn."""
    times: dict[str, list[float]] = {method: [] for method in methods}
    for _ in range(runs):
        for method, run in methods.items():
            began = time.perf_counter()
            run()
            times[method].append(time.perf_counter() - began)
    return {method: statistics.median(values) for method, values in times.items()}


def compare(q: lx.IntNetwork, name: str, batch: int, runs: int, folder: Path) -> None:
    codes = spikes(100, batch, MLP[0], 0.05).astype(np.uint8)
    scan = session(lx.to_onnx(q, folder / "scan.onnx", verify=False).path)
    layers = session(lx.to_onnx(q, folder / "layers.onnx", form="layerwise", verify=False).path)
    stream = lx.OnnxStream(lx.to_onnx(q, folder / "step.onnx", form="step", verify=False).path, batch=batch)
    base = jax_scan(q, batch)
    methods = {
        "jax scan": lambda: base(codes),
        "onnx scan": lambda: scan.run(["spikes"], {"x": codes})[0],
        "layerwise": lambda: layers.run(["spikes"], {"x": codes})[0],
        "onnx stream": lambda: np.stack([stream.step(x) for x in codes]),
    }
    expected = lx.simulate(q, codes, backend="reference").output
    for method, run in methods.items():
        stream.reset()
        assert (run() == expected).all(), f"{method}: spikes differ from the reference"
    middle = medians(methods, runs)
    print(f"\n{name}, B={batch}, T=100; the output fires {expected.mean():.1%}")
    for method, seconds in middle.items():
        print(f"  {method:12} {1e6 * seconds / 100:8.1f} us a step, {middle['jax scan'] / seconds:.2f}x the JAX scan")


def written(folder: Path, runs: int) -> None:
    q = lx.quantize(network((784, 512, 10)), "fpga-q", **CHOICES)
    export, load = [], []
    for _ in range(runs):
        began = time.perf_counter()
        result = lx.to_onnx(q, folder / "m.onnx", verify=False)
        export.append(time.perf_counter() - began)
        began = time.perf_counter()
        session(result.path)
        load.append(time.perf_counter() - began)
    weights = 784 * 512 + 512 * 10
    print(f"\n784-512-10: export {1e3 * statistics.median(export):.1f} ms, load {1e3 * statistics.median(load):.1f} ms")
    print(f"  {result.size} bytes, {result.size / (4 * weights):.2f}x of its weights as float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"  # read when the first array is made
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"jax {jax.__version__}, onnxruntime {onnxruntime.__version__}, one core")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recurrent in (False, True):
            f = network((784, 256, 10), recurrent=recurrent)
            q = lx.quantize(f, "fpga-q", **CHOICES)
            for batch in (32, 1):
                compare(q, "784-256-10" + (", recurrent" if recurrent else ""), batch, runs, folder)
        written(folder, runs)


if __name__ == "__main__":
    main()
