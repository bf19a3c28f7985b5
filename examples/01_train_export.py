"""The main job: train, quantize, export, read back, prove. Run me: python examples/01_train_export.py [folder]."""

import sys
from pathlib import Path

import brainunit as u
import numpy as np

import lifexport as lx
from lifexport.demo.training import constant_current, load_digits, train_digits


def main(folder: Path) -> lx.FidelityReport:
    digits = load_digits()
    seen, x = (np.asarray(constant_current(part)) for part in (digits.x_train, digits.x_test))  # (time, batch, 64)

    net = train_digits(seed=0)  # lx.Sequential of lx.Linear and lx.LIF: plain brainstate, any optimizer
    f = lx.capture(net, dt=1 * u.ms, in_size=64)  # numbers in SI units, dt fixed
    q = lx.quantize(f, "fpga-q", calibration=seen, weight_bits=8, state_bits=16)

    nir = lx.to_nir(f, folder / "model.nir")  # read back before it gets its name
    onnx = lx.to_onnx(q, folder / "model.onnx")  # run in two runtimes before it gets its name
    assert lx.same(lx.from_nir(nir.path), f)

    trace = lx.simulate(q, x, record=("spikes", "v"))
    print("hidden layer fires at", f"{trace.spikes['hidden'].mean():.1%} of its steps")
    print(*nir.proofs, *onnx.proofs, sep="\n")

    report = lx.compare(f, q, x, labels=digits.y_test)
    print(report.card())
    return report


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out_01_train_export")
    folder.mkdir(parents=True, exist_ok=True)
    main(folder)
