"""Saved files in the oldest onnxruntime that is promised, and in one whose int64 ``Clip`` is wrong."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import onnx
import pytest
from exact_nets import exact_network
from finetuning.test_exact import CASES
from float_nets import float_network
from nets import edge_network, random_network

import lifexport as lx
from lifexport.export.onnx_step import typed
from lifexport.interop.environments import Job, interpreter, run_jobs
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.simulation.stepwise import initial_state

WAYS = [
    (form, lif, opset) for form in ("scan", "layerwise", "step") for lif in ("function", "inline") for opset in (21, 17)
]


VERSIONS = {"onnxruntime_1_18": "onnxruntime 1.18.1", "onnxruntime_1_23": "onnxruntime 1.23.2"}


def networks():
    for seed in range(12):
        yield f"random {seed}", *random_network(seed)
    for rounding in ROUNDINGS:
        for overflow in OVERFLOWS:
            rules = {"rounding": rounding, "overflow": overflow, "reset": "value", "reset_code": -5, "threshold": 90}
            numbers = {"decay": np.arange(6) * 800, "decay_bits": 12, "state_bits": 24, "v_initial": 0}
            yield f"{rounding}, {overflow}", *edge_network(0, **rules, **numbers)

    for case in ("sinabs, soft", "sinabs, loop", "start above the threshold"):
        target, kind, fields, choices = next(CASES[name] for name in CASES if case in name)
        f, x = exact_network(kind, **fields)
        q = lx.quantize(f, target, calibration=x, **choices)
        yield f"floor, {case}", at_the_rails(q), q.encode(x).codes
    wide, codes = edge_network(0, state_bits=31, decay_bits=4, decay=11, rounding="floor", overflow="saturate")
    fc = dataclasses.replace(wide.nodes["fc"], shift=16, unit=Fraction(2) ** 16)
    yield "floor, beyond int32", dataclasses.replace(wide, nodes=wide.nodes | {"fc": fc}), codes


def at_the_rails(q):
    """A network whose first population starts near the highest membrane, so that sums leave 32 bits."""
    name, node = next(iter(q.populations.items()))
    high = dataclasses.replace(node, v_initial=np.full(node.shape, node.membrane_range()[1] - 5))
    return dataclasses.replace(q, nodes=q.nodes | {name: high})


def installed(tool: str) -> str:
    if interpreter(tool) is None:
        pytest.skip(f"another package is not installed: {VERSIONS[tool]} (benchmarks/interop_environments.sh)")
    return tool


def expected(q, codes, path, form: str) -> np.ndarray:
    """All outputs of a file, flat, in its order, as the runner gives them."""
    names = [value.name for value in onnx.load(path).graph.output]
    if form == "step":
        state, rows = zeroed(q, codes.shape[1]), []
        for now in codes:
            trace = lx.simulate(q, now[None], backend="reference", state=state)
            state = trace.final_state
            parts = {"spikes": trace.output[0]} | {f"{name}_next": value for name, value in typed(q, state).items()}
            rows.append(np.concatenate([parts[name].reshape(codes.shape[1], -1) for name in names], axis=1))
        flat = np.stack(rows).ravel().astype(np.int64)
    else:
        trace = lx.simulate(q, codes, backend="reference")
        parts = {"spikes": trace.output, "scores": trace.scores, "prediction": trace.prediction.labels}
        parts |= {f"{name}_final": value for name, value in typed(q, trace.final_state).items()}
        flat = np.concatenate([np.ravel(parts[name]) for name in names]).astype(np.int64)
    return np.stack([flat >> 16, flat & 0xFFFF])


def zeroed(q, batch: int):
    """The state a runner starts from."""
    start = initial_state(q, batch)
    parts = {name: state._replace(v=np.zeros_like(state.v)) for name, state in start.populations.items()}
    return type(start)(populations=parts, delayed=start.delayed)


@pytest.mark.parametrize("tool", VERSIONS)
def test_every_output_is_the_simulators(tmp_path, tool):
    jobs, right = [], []
    installed(tool)
    for i, (name, q, codes) in enumerate(networks()):
        for k, (form, lif, opset) in enumerate(WAYS):
            if (i + k) % 2 and not name.startswith("floor"):
                continue
            path = lx.to_onnx(q, tmp_path / f"{i}-{k}.onnx", form=form, lif=lif, opset=opset, verify=False).path
            jobs.append(Job(file=path, x=codes, dt=q.dt, reset="subtract"))
            right.append((f"{name}: {form}, {lif}, opset {opset}", expected(q, codes, path, form)))
    for ran, (name, outputs) in zip(run_jobs(tool, jobs), right, strict=True):
        assert ran.error is None and ran.importer == VERSIONS[tool], f"{name}: {ran.importer} {ran.error}"
        np.testing.assert_array_equal(ran.output, outputs, err_msg=name)


@pytest.mark.parametrize("tool", VERSIONS)
def test_float_graphs_run_there(tmp_path, tool):
    installed(tool)
    f, x = float_network(1, recurrent=True)
    jobs = []
    for k, (form, lif, opset) in enumerate(way for way in WAYS if way[0] != "step"):
        path = lx.to_onnx(f, tmp_path / f"{k}.onnx", form=form, lif=lif, opset=opset).path
        jobs.append(Job(file=path, x=x, dt=f.dt, reset="subtract"))
    trace = lx.simulate(f, x)
    for ran in run_jobs(tool, jobs):
        assert ran.error is None, ran.error
        spikes = ran.output[0][: trace.output.size].reshape(trace.output.shape)
        assert (spikes == trace.output).mean() > 0.99
