"""The digits job: seconds for the report, the page, a bundle and its verification. Run me: python benchmarks/report.py

Training is left out. ``compare`` and the page are medians of several runs in this process, after one that loads what
they need; export and verify are runs of the command line, each in a process of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import brainunit as u
import numpy as np

import lifexport as lx
from lifexport.demo.training import constant_current, load_digits, train_digits
from lifexport.reporting import html_report

CLI = "from lifexport.cli import main; import sys; sys.argv[0] = 'lifexport'; main()"


def median(job, runs: int = 5) -> float:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        job()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def command(*args: object) -> None:
    subprocess.run([sys.executable, "-c", CLI, *map(str, args)], check=True, capture_output=True)


def main() -> None:
    digits = load_digits()
    x = np.asarray(constant_current(digits.x_test))
    f = lx.capture(train_digits(seed=0), dt=1 * u.ms, in_size=64)
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=4)
    report, proof = lx.compare(f, q, x, labels=digits.y_test), lx.certify(q)
    page = html_report(f, q, x, report, certificate=proof)
    print(f"compare: {median(lambda: lx.compare(f, q, x, labels=digits.y_test)):.2f} s")
    print(
        f"HTML page: {median(lambda: html_report(f, q, x, report, certificate=proof)):.2f} s, {len(page) / 1e3:.0f} kB"
    )
    with tempfile.TemporaryDirectory() as folder:
        model, inputs, out = (Path(folder) / name for name in ("model.nir", "x.npz", "out"))
        lx.to_nir(f, model)
        np.savez(inputs, x=x, labels=digits.y_test)
        export = ("export", model, "--target", "fpga-q", "--inputs", inputs, "--out", out)
        print(f"lifexport export to a bundle: {median(lambda: command(*export), 3):.1f} s")
        print(f"lifexport verify: {median(lambda: command('verify', out), 3):.1f} s")


if __name__ == "__main__":
    main()
