"""Bundles written on one machine and verified on another: python benchmarks/bundles.py write|verify FOLDER

``write`` makes 20 bundles of networks of the tests; ``verify`` prints where it runs, how many golden numbers were
replayed and how many bundles do not hold. The fast simulator runs on whatever device JAX finds.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import lifexport as lx


def write(folder: Path) -> None:
    from nets import random_network, spatial_network
    from random_float import random_float_network

    for make, count in ((random_network, 12), (spatial_network, 4)):
        for seed in range(count):
            lx.save(make(seed)[0], folder / f"{make.__name__}{seed}", golden_samples=4)
    for seed in range(4):
        f, x, _ = random_float_network(seed)
        lx.save(lx.quantize(f, "fpga-q", calibration=x), folder / f"trained{seed}", trained=f, inputs=x)


def verify(folder: Path) -> int:
    import jax
    import onnxruntime

    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, onnxruntime {onnxruntime.__version__}")
    numbers, failed = 0, 0
    for path in sorted(folder.iterdir()):
        found = lx.verify(path)
        failed += not found.ok
        for check in found.checks:
            if check.name == "simulators" and check.holds:
                numbers += int(re.search(r"(\d+) numbers", check.said)[1])
            if check.name == "nir" and "simulated again" in check.said:
                print(f"{path.name}: {check.said.split('; ')[-1]}")
            for finding in check.findings:
                print(f"{path.name}: {finding}")
    print(f"{numbers} golden numbers replayed, {failed} bundles do not hold")
    return failed


if __name__ == "__main__":
    verb, name = sys.argv[1:]
    sys.exit({"write": write, "verify": verify}[verb](Path(name)))
