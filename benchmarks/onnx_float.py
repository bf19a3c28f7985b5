"""Trained digits as float32 ONNX files against the float64 simulator, on the whole test set, for several seeds.

    python benchmarks/onnx_float.py [--seeds 3]

Prints what the export proves of every step, and how whole runs agree: output spikes, predictions, accuracy.
"""

import argparse
import tempfile
from pathlib import Path

import brainunit as u
import numpy as np
import onnxruntime

import lifexport as lx
from lifexport.demo.training import STEPS, load_digits, train_digits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    digits = load_digits()
    x = np.repeat(digits.x_test[None], STEPS, axis=0)
    for seed in range(parser.parse_args().seeds):
        f = lx.capture(train_digits(seed), dt=1 * u.ms, in_size=64)
        with tempfile.TemporaryDirectory() as folder:
            result = lx.to_onnx(f, Path(folder) / "digits.onnx", inputs=x)
            session = onnxruntime.InferenceSession(result.path, providers=["CPUExecutionProvider"])
            spikes, labels = session.run(["spikes", "prediction"], {"x": x.astype(np.float32)})
        trace = lx.simulate(f, x)
        right = [float((found == digits.y_test).mean()) for found in (labels, trace.prediction.labels)]
        print(f"seed {seed}: accuracy {right[0]:.2%} in ONNX, {right[1]:.2%} in float64")
        print(f"  predictions: {int((labels != trace.prediction.labels).sum())} of {len(labels)} differ")
        print(f"  output spikes: {int((spikes != trace.output).sum())} of {spikes.size} differ")
        print(f"  {result.proofs[1]}")


if __name__ == "__main__":
    main()
