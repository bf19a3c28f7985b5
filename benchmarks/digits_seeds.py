"""Five seeds of the digits network, paired on the same test set: float and integer accuracy, and what differs.

    python benchmarks/digits_seeds.py [--weight-bits 8] [--state-bits 16] [--seeds 5]

Prints one line a seed and the mean with a 95 % interval (Student's t over seeds). "differ" counts membranes and
spikes of every layer, step and test image that are not equal to the reference simulator's, in the fast simulator,
in onnxruntime and in onnx.reference.
"""

import argparse
import tempfile
from pathlib import Path

import brainunit as u
import numpy as np
from scipy import stats

import lifexport as lx
from lifexport.demo.training import constant_current, load_digits, train_digits
from lifexport.export.onnx_file import read_model
from lifexport.export.onnx_verify import in_onnxruntime, in_reference


def differing(q: lx.IntNetwork, codes: np.ndarray, path: Path) -> dict[str, int]:
    """Values of V and spikes that differ from the reference simulator, by who computed them."""
    reference = lx.simulate(q, codes, record=("v", "spikes"), backend="reference")
    fast = lx.simulate(q, codes, record=("v", "spikes"), backend="fast")
    lx.to_onnx(q, path, outputs="trace", verify=False)
    found = {"fast": sum(int((t[n] != r[n]).sum()) for t, r in pairs(fast, reference) for n in q.populations)}
    for name, runner in (("onnxruntime", in_onnxruntime), ("onnx.reference", in_reference)):
        got = runner(read_model(path))({"x": codes.astype(np.uint8)})
        found[name] = sum(int((got[f"{n}.V_trace"] != reference.v[n]).sum()) for n in q.populations)
        found[name] += sum(int((got[f"{n}.spikes"] != reference.spikes[n]).sum()) for n in q.populations)
    return found


def pairs(a, b):
    return (a.v, b.v), (a.spikes, b.spikes)


def interval(values: list[float]) -> str:
    mean = np.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{100 * mean:+.2f} [{100 * (mean - half):+.2f}, {100 * (mean + half):+.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--state-bits", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    digits = load_digits()
    x, calibration = (np.asarray(constant_current(part)) for part in (digits.x_test, digits.x_train))
    rows = []
    for seed in range(options.seeds):
        f = lx.capture(train_digits(seed), dt=1 * u.ms, in_size=64)
        widths = {"weight_bits": options.weight_bits, "state_bits": options.state_bits}
        q = lx.quantize(f, "fpga-q", calibration=calibration, **widths)
        report = lx.compare(f, q, x, labels=digits.y_test)
        with tempfile.TemporaryDirectory() as folder:
            counts = differing(q, q.encode(x).codes, Path(folder) / "m.onnx")
        rows.append((report.accuracy_float.rate, report.accuracy_integer.rate))
        print(f"seed {seed}: float {rows[-1][0]:.2%}, integer {rows[-1][1]:.2%}, differ {counts}", flush=True)
    floats, integers = (list(column) for column in zip(*rows, strict=True))
    print(f"mean float {np.mean(floats):.2%}, mean integer {np.mean(integers):.2%}")
    print(f"paired change, points: {interval([b - a for a, b in rows])}")


if __name__ == "__main__":
    main()
