"""ONNX files in onnxruntime on the CPU against the fast simulator on whatever device JAX finds, number by number.

    python benchmarks/onnx_device.py

40 random networks and one of every case of the targets that step in time (those of the tests), forms scan and
layerwise: membranes and spikes of all layers at all steps. Prints the device, and how many differ.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from exact_nets import exact_network
from finetuning.test_exact import CASES
from nets import random_network

import lifexport as lx
from lifexport.errors import RangeError
from lifexport.export.onnx_running import in_onnxruntime
from lifexport.export.onnx_step import input_dtype


def networks():
    for seed in range(40):
        yield random_network(seed)
    for target, kind, fields, choices in CASES.values():
        f, x = exact_network(kind, **fields)
        q = lx.quantize(f, target, calibration=x, **choices)
        yield q, q.encode(x).codes


def main() -> None:
    values = differ = held = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for q, codes in networks():
            try:
                trace = lx.simulate(q, codes, record=("v", "spikes"), backend="fast")
            except RangeError:
                refused += 1
                continue
            held += 1
            for form in ("scan", "layerwise"):
                path = lx.to_onnx(q, Path(folder) / "m.onnx", form=form, outputs="trace", verify=False).path
                got = in_onnxruntime(onnx.load(path))({"x": codes.astype(input_dtype(q))})
                for name in q.populations:
                    for ours, right in (("V_trace", trace.v[name]), ("spikes", trace.spikes[name])):
                        values += right.size
                        differ += int(np.sum(got[f"{name}.{ours}"] != right))
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}, onnxruntime {onnxruntime.__version__}")
    print(f"{held} networks, {refused} refused by the fast simulator; {values} values, {differ} differ")


if __name__ == "__main__":
    main()
