"""Portable files in OpenVINO itself, which takes int32 division and comparison through float32."""

from __future__ import annotations

import numpy as np
import pytest
from exact_nets import exact_network
from finetuning.test_exact import CASES
from interop.test_old_onnxruntime import expected, networks

import lifexport as lx
from lifexport.errors import LifexportError
from lifexport.interop.environments import Job, interpreter, run_jobs

PLAIN_FAILS = ("random 1", "random 2", "random 8")
"""Networks of which OpenVINO computes other numbers than the simulator, unless their file is portable."""


def chips():
    """Networks of chips whose sums stay below 2**30: shift leaks, wraps, several spikes a step, inputs in order."""
    for name, (target, kind, fields, choices) in CASES.items():
        f, x = exact_network(kind, **fields)
        q = lx.quantize(f, target, calibration=x, **choices)
        yield name, q, q.encode(x).codes


def written(folder, cases, **options):
    """Jobs of files in every form, and what they must give; cases whose numbers are too large are left out."""
    jobs, right = [], []
    for i, (name, q, codes) in enumerate(cases):
        for form in ("scan", "layerwise", "step"):
            path = folder / f"{i}-{form}-{'-'.join(options)}.onnx"
            try:
                lx.to_onnx(q, path, form=form, verify=False, **options)
            except LifexportError as refused:
                late = refused.code == "LX401" and form != "step" and any(edge.delay for edge in q.edges)
                assert (refused.code == "LX302" or late) and "portable" in str(refused)
                continue
            jobs.append(Job(file=path, x=codes, dt=q.dt, reset="subtract"))
            right.append((f"{name}: {form}", expected(q, codes, path, form)))
    return jobs, right


@pytest.fixture(scope="module")
def installed():
    if interpreter("openvino") is None:
        pytest.skip("another package is not installed: openvino (benchmarks/interop_environments.sh)")


def test_portable_files_are_exact(installed, tmp_path):
    jobs, right = written(tmp_path, [*networks(), *chips()], portable=True)
    refused = []
    for ran, (name, outputs) in zip(run_jobs("openvino", jobs), right, strict=True):
        if ran.error is None:
            np.testing.assert_array_equal(ran.output, outputs, err_msg=name)
        else:  # it reads no scan within a scan, and says so
            assert "Failed operations" in ran.error and not name.endswith(": step"), f"{name}: {ran.error}"
            refused.append(name)
    print(f"{len(jobs) - len(refused)} files exact, not read: {refused}")
    assert len(jobs) - len(refused) > 60


def test_others_are_not(installed, tmp_path):
    """Where this fails, OpenVINO has become exact, and ``docs/onnx.md`` is to say so."""
    cases = [case for case in networks() if case[0] in PLAIN_FAILS]
    jobs, right = written(tmp_path, cases, lif="inline")
    ran = run_jobs("openvino", jobs)
    assert any((one.output != outputs).any() for one, (_, outputs) in zip(ran, right, strict=True))
