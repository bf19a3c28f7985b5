"""Files of the QONNX dialect in qonnx and hls4ml themselves: every spike and membrane, at every step."""

from __future__ import annotations

import shutil
from fractions import Fraction

import numpy as np
import pytest

import lifexport as lx
from lifexport.export.onnx_qonnx import precision
from lifexport.export.onnx_step import edge_names, state_tensors
from lifexport.graph import Edge
from lifexport.interop.environments import Job, interpreter, run_jobs
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output

STEPS, BATCH = 60, 2
CASES = {
    "floor, subtract": {},
    "half up, value": {"rounding": "half_up", "reset": "value"},
    "half even, recurrent": {"rounding": "half_even", "recurrent": True},
    "graded input, low bits dropped": {"graded": True, "drop": 1},
    "at the rails": {"strength": 6.0, "bits": 9},
    "reset at once": {"reset_when": "step_end"},
}


def network(
    *,
    rounding="floor",
    reset="subtract",
    recurrent=False,
    graded=False,
    strength=1.0,
    bits=12,
    reset_when="next_step",
    drop=0,
) -> tuple[IntNetwork, np.ndarray]:
    """Dense 20-16-5 with biases of its own and inputs that make every layer fire."""
    rng = np.random.default_rng(3)
    code = InputCode(kind="graded", bits=4, signed=True) if graded else InputCode(kind="spikes")
    rules = Rules(membrane=Word.signed(bits), leak=Leak(bits=8, rounding=rounding), reset=reset, reset_when=reset_when)

    def lif(n: int) -> IntLIF:
        reset_code = rng.integers(60, 120, n) if reset == "subtract" else rng.integers(-20, 20, n)
        numbers = {"decay": rng.integers(180, 257, n), "threshold": rng.integers(60, 120, n)}
        return IntLIF(shape=(n,), rules=rules, reset_code=reset_code, bias=rng.integers(-5, 6, n), unit=1, **numbers)

    def dense(n_out: int, n_in: int, mean: float) -> IntDense:
        weight = np.clip(np.rint(rng.normal(mean, 9 * strength, (n_out, n_in))), -31, 31).astype(int)
        return IntDense(weight=weight, weight_bits=6, shift=1, drop=drop, unit=Fraction(2, 1 << drop))

    nodes = {
        "in": IntInput(shape=(20,), code=code),
        "fc0": dense(16, 20, 1.0),
        "lif.0": lif(16),
        "fc1": dense(5, 16, 2.0),
        "lif.1": lif(5),
        "out": Output(shape=(5,)),
    }
    edges = [Edge("in", "fc0"), Edge("fc0", "lif.0"), Edge("lif.0", "fc1"), Edge("fc1", "lif.1"), Edge("lif.1", "out")]
    if recurrent:
        nodes["back"] = dense(16, 16, 0.0)
        edges += [Edge("lif.0", "back", 1), Edge("back", "lif.0")]
    codes = rng.integers(-8, 8, (STEPS, BATCH, 20)) if graded else (rng.random((STEPS, BATCH, 20)) < 0.4).astype(int)
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def expected(q: IntNetwork, codes: np.ndarray) -> np.ndarray:
    """Spikes and then every part of the state after each step, side by side, as the file orders them."""
    state, rows = None, []
    for now in codes:
        trace = lx.simulate(q, now[None], backend="reference", state=state)
        state = trace.final_state
        tensors = state_tensors(q, state)
        names = [name for name in tensors if "->" not in name]
        names += [name for edge in q.edges if edge.delay for name in edge_names(q, edge)]
        rows.append(np.concatenate([trace.output[0], *(tensors[name] for name in names)], axis=1))
    return np.stack(rows)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qonnx")
    made = {}
    for i, (name, options) in enumerate(CASES.items()):
        q, codes = network(**options)
        path = lx.to_onnx(q, folder / f"{i}.onnx", dialect="qonnx", verify=False).path
        job = Job(file=path, x=codes, dt=q.dt, reset="subtract", settings=(precision(q),))
        made[name] = job, expected(q, codes), lx.simulate(q, codes, record=("spikes", "overflows"))
    return made


def test_the_cases_live(jobs):
    for name, (_, _, trace) in jobs.items():
        for spikes in trace.spikes.values():
            assert 0.01 < spikes.mean() < 0.9, name
    assert all(map(jobs["at the rails"][2].overflowed, jobs["at the rails"][2].overflows))


@pytest.mark.parametrize("tool", ["qonnx", "hls4ml"])
def test_every_number_is_the_simulators(jobs, tool):
    if interpreter(tool) is None or shutil.which("g++") is None:
        pytest.skip(f"another package is not installed: {tool} (benchmarks/interop_environments.sh)")
    for name, ran in zip(jobs, run_jobs(tool, [job for job, _, _ in jobs.values()]), strict=True):
        assert ran.error is None, f"{name}: {ran.error}"
        np.testing.assert_array_equal(ran.output, jobs[name][1], err_msg=name)
