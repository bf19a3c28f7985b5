"""Our ONNX files against those of spyx (spyx.experimental.onnx, by jax2onnx), side by side in onnxruntime on one core.

    pip install spyx==1.0.0 jax2onnx==0.17.1      # beside lifexport
    python benchmarks/onnx_spyx.py [--runs 15]

784-256-10, 5 % input spikes, T=100, the same weights and decays. spyx has float32 states and products and takes the
threshold off after the leak; lifexport's files are the trained network in float32 and the same quantized to fpga-q,
w8/v16. The networks are equally large, not equal; the share of output spikes is printed. All files hold the whole
sequence. Medians of wall times; the first layer's product by itself, in float32, is timed too.
"""

import argparse
import os
import tempfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import onnxruntime
from flax import nnx
from onnx import TensorProto, helper, numpy_helper
from onnx_runtimes import CHOICES, medians, session
from simulators import DT, TAU, network, spikes
from spyx import nn
from spyx.experimental import onnx as spyx_onnx

import lifexport as lx

SIZES, STEPS = (784, 256, 10), 100


def of_spyx(f: lx.FloatNetwork, batch: int, path: Path) -> onnxruntime.InferenceSession:
    rngs, decay, layers = nnx.Rngs(0), float(np.exp(-DT / TAU)), []
    for i, size in enumerate(SIZES[1:]):
        linear = nnx.Linear(SIZES[i], size, rngs=rngs)
        linear.kernel[...] = jnp.asarray((1 - decay) * f.nodes[f"fc{i}"].weight.T, jnp.float32)
        layers += [linear, nn.LIF((size,), beta=decay, rngs=rngs)]
    model = nn.Sequential(*layers)
    path.write_bytes(spyx_onnx.to_onnx(model, SIZES[:1], batch=batch, sequence_length=STEPS))
    return session(path)


def product(path: Path) -> onnxruntime.InferenceSession:
    """The first layer's product in float32, and nothing else."""
    x, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", k]) for n, k in zip("xy", SIZES, strict=False)
    )
    weight = numpy_helper.from_array(np.ones(SIZES[:2], np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "product", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return session(path)


def compare(batch: int, runs: int, folder: Path) -> None:
    f, codes = network(SIZES), spikes(STEPS, batch, SIZES[0], 0.05).astype(np.uint8)
    q = lx.quantize(f, "fpga-q", **CHOICES)
    theirs = of_spyx(f, batch, folder / "spyx.onnx")
    feed = {value.name: np.zeros(value.shape, np.float32) for value in theirs.get_inputs()[1:]}
    feed[theirs.get_inputs()[0].name] = codes.astype(np.float32)
    methods = {"spyx": lambda: theirs.run(None, feed)[0]}
    for arithmetic, net, x in (("int", q, codes), ("float", f, codes.astype(np.float32))):
        for form in ("scan", "layerwise"):
            ours = session(lx.to_onnx(net, folder / f"{arithmetic}.onnx", form=form, verify=False).path)
            methods[f"{arithmetic}, {form}"] = lambda s=ours, x=x: s.run(["spikes"], {"x": x})[0]
        expected = lx.simulate(net, x.astype(np.int64) if arithmetic == "int" else x).output
        agreement = [float((methods[f"{arithmetic}, {form}"]() == expected).mean()) for form in ("scan", "layerwise")]
        assert min(agreement) >= (1 if arithmetic == "int" else 0.999), agreement
    fired = ", ".join(f"{name} {run().mean():.1%}" for name, run in methods.items())
    print(f"\nB={batch}: the output fires: {fired}")
    alone, first = product(folder / "product.onnx"), codes.astype(np.float32)
    methods["first product alone"] = lambda: [alone.run(None, {"x": now}) for now in first]
    middle = medians(methods, runs)
    for name, seconds in middle.items():
        print(f"  {name:19} {1e6 * seconds / STEPS:8.1f} us a step, {middle['spyx'] / seconds:.2f}x spyx's file")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"onnxruntime {onnxruntime.__version__}, one core")
    with tempfile.TemporaryDirectory() as name:
        for batch in (32, 1):
            compare(batch, runs, Path(name))


if __name__ == "__main__":
    main()
