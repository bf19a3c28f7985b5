"""A sweep of 60 configurations on the digits network: seconds on this machine, training left out.

Run me: python benchmarks/sweep.py
"""

from __future__ import annotations

import os
import time

import brainunit as u
import numpy as np

import lifexport as lx
from lifexport.demo.training import constant_current, load_digits, train_digits

GRID = {"weight_bits": [2, 3, 4, 6, 7, 8], "state_bits": [8, 10, 12, 16, 20], "decay_bits": [6, 12]}


def main() -> None:
    digits = load_digits()
    x = np.asarray(constant_current(digits.x_test))
    f = lx.capture(train_digits(seed=0), dt=1 * u.ms, in_size=64)
    for workers in (1, os.cpu_count()):
        begun = time.perf_counter()
        found = lx.sweep(f, "fpga-q", x, labels=digits.y_test, grid=GRID, workers=workers)
        seconds = time.perf_counter() - begun
        print(f"{len(found.rows)} configurations, 450 samples of 25 steps, {workers} processes: {seconds:.1f} s")
    print(found.table())


if __name__ == "__main__":
    main()
