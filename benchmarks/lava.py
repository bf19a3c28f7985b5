"""The simulators against lava-nc's bit-accurate CUBA LIF, one sample at a time, CPU time per step.

    python3.10 -m venv lava && lava/bin/pip install lava-nc
    python benchmarks/lava.py lava/bin/python [--runs 3]

784-512-10, hard reset, 5 % input spikes, B=1: the network is quantized for ``loihi-lava`` and the same integers run in
lava-nc (Dense, LIF, fixed point), in an interpreter of its own, for its pins clash. Time is CPU time of all processes
for each further step: runs of two lengths are subtracted, so that neither start pays for compiling. Spikes of the last
layer are compared first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from simulators import MLP, network, spikes

import lifexport as lx
from lifexport.nodes import InputCode

SHORT, LONG = 100, 1100

WORKER = """
import json, resource, sys, time
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF

given = np.load(sys.argv[1])
steps = int(sys.argv[2])

def used():
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(r.ru_utime + r.ru_stime for r in both)

codes = given["codes"][:steps]
source = Source(data=codes.T.astype(np.int32))
before, layers = source.s_out, []
for i in range(2):
    dense = Dense(weights=given[f"w{i}"], weight_exp=int(given[f"e{i}"]), num_weight_bits=8)
    lif = LIF(shape=(len(given[f"w{i}"]),), vth=int(given[f"t{i}"]), du=4095, dv=int(given[f"d{i}"]))
    before.connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    before = lif.s_out
    layers += [dense, lif]
sink = Sink(shape=(len(given["w1"]),), buffer=steps)
before.connect(sink.a_in)
config = Loihi2SimCfg(select_tag="fixed_pt")
lif.run(condition=RunSteps(num_steps=steps), run_cfg=config)
data = sink.data.get().astype(int).tolist()
lif.stop()
print(json.dumps({"cpu": used(), "spikes": data}))
"""


def lava(python: str, folder: Path, steps: int) -> dict:
    (folder / "worker.py").write_text(WORKER)
    command = [python, str(folder / "worker.py"), str(folder / "net.npz"), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def numbers(q: lx.IntNetwork, codes: np.ndarray) -> dict[str, np.ndarray]:
    found: dict = {"codes": codes[:, 0]}
    for i in range(2):
        dense, lif = q.nodes[f"fc{i}"], q.nodes[f"lif{i}"]
        found |= {f"w{i}": dense.weight, f"e{i}": dense.shift - dense.drop - 6}
        found |= {f"t{i}": lif.threshold.flat[0] >> 6, f"d{i}": 4096 - lif.decay.flat[0]}
    return found


def per_step(q: lx.IntNetwork, codes: np.ndarray, backend: str, runs: int) -> float:
    took = {}
    for steps in (SHORT, LONG):
        lx.simulate(q, codes[:steps], backend=backend)
        times = []
        for _ in range(runs):
            began = time.process_time()
            lx.simulate(q, codes[:steps], backend=backend)
            times.append(time.process_time() - began)
        took[steps] = statistics.median(times)
    return (took[LONG] - took[SHORT]) / (LONG - SHORT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="an interpreter that has lava-nc")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    f = network(MLP, reset="value")
    q = lx.quantize(f, "loihi-lava", input=InputCode(kind="spikes"))
    codes = spikes(LONG, 1, MLP[0], 0.05)
    expected = lx.simulate(q, codes, backend="reference").output[:, 0].T
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "net.npz", **numbers(q, codes))
        times, differ = [], 0
        for _ in range(given.runs):
            short, long = (lava(given.python, folder, steps) for steps in (SHORT, LONG))
            differ += int((np.array(long["spikes"]) != expected).sum())
            times.append((long["cpu"] - short["cpu"]) / (LONG - SHORT))
    theirs = statistics.median(times)
    print(f"{int(expected.sum())} output spikes, {differ} differ; lava-nc {1e6 * theirs:.0f} us CPU a step")
    for backend in ("event", "fast", "reference"):
        ours = per_step(q, codes, backend, given.runs)
        print(f"  {backend:9} {1e6 * ours:8.2f} us CPU a step, {theirs / ours:6.0f}x lava-nc")


if __name__ == "__main__":
    main()
