"""Recordings: aligned, compared, and the first difference named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from float_nets import float_network
from nets import random_network, spatial_network

import lifexport as lx
from lifexport import schemas
from lifexport.errors import FileError, LifexportError


@pytest.fixture(scope="module", params=[random_network, spatial_network])
def run(request):
    q, codes = request.param(2)
    trace = lx.simulate(q, codes, record=("v", "v_post", "spikes"), backend="reference")
    name = next(iter(q.populations))
    return q, codes, name, trace


def late(rows, steps):
    if steps < 0:
        return rows[-steps:]
    return np.concatenate([np.zeros_like(rows[:1]).repeat(steps, axis=0), rows])


@pytest.mark.parametrize("steps", [0, 1, 5, -2])
def test_an_equal_recording_however_late(run, steps):
    q, codes, name, trace = run
    recorded = {f"{name}.v": late(trace.v[name], steps), f"{name}.spikes": late(trace.spikes[name], steps)}
    found = lx.compare_recorded(q, recorded, codes)
    assert found.ok and found.lag == steps and found.lags == (steps,)
    assert found.steps == len(codes) + min(0, steps) and all(part.differing == 0 for part in found.parts)
    assert schemas.violations("recording", found.to_json(), code="LX003") == []


def test_the_first_difference_in_time_is_named(run):
    q, codes, name, trace = run
    last = [*q.populations][-1]
    v, spikes = trace.v_post[name].copy(), trace.spikes[last].copy()
    v[7, 1].flat[2] += 1
    v[9, 0].flat[0] += 5
    spikes[8, 0].flat[0] ^= 1
    found = lx.compare_recorded(q, {f"{last}.spikes": late(spikes, 3), f"{name}.v_post": late(v, 3)}, codes)
    assert not found.ok and found.lag == 3
    (finding,) = found.findings
    index = (7, 1, *(int(i) for i in np.unravel_index(2, q.populations[name].shape)))
    assert (finding.code, finding.node, finding.field, finding.index) == ("LX606", name, "v_post", index)
    assert f"{v[index]} recorded, {v[index] - 1} simulated; 3 of " in finding.found
    assert schemas.violations("recording", found.to_json(), code="LX003") == []


def test_other_layouts(run):
    q, codes, name, trace = run
    flat = trace.v[name].reshape(*trace.v[name].shape[:2], -1)
    assert lx.compare_recorded(q, {f"{name}.v": flat.astype(np.int32)}, codes).ok
    assert lx.compare_recorded(q, {f"{name}.v": flat.astype(np.float32), "input": codes}, codes[:0]).ok
    one = lx.simulate(q, codes[:, :1], record=("spikes",)).spikes[name]
    assert lx.compare_recorded(q, {f"{name}.spikes": one[:, 0]}, codes[:, :1]).ok
    longer = lx.simulate(q, np.concatenate([codes, 0 * codes]), record=("v",)).v[name]
    assert lx.compare_recorded(q, {f"{name}.v": longer}, codes).ok


def test_a_wrong_lag_is_not_corrected(run):
    q, codes, name, trace = run
    assert not lx.compare_recorded(q, {f"{name}.v": late(trace.v[name], 2)}, codes, lag=1).ok
    assert lx.compare_recorded(q, {f"{name}.v": late(trace.v[name], 2)}, codes, lag=2).ok
    silence = lx.compare_recorded(q, {f"{name}.spikes": np.zeros_like(trace.spikes[name])}, codes)
    assert not silence.ok


def test_what_tells_no_time_says_so():
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    name, node = next(iter(q.populations.items()))
    still = dataclasses.replace(node, bias=0 * node.bias, v_initial=0 * node.v_initial)
    q = dataclasses.replace(q, nodes={**q.nodes, name: still})
    quiet = np.zeros((30, 2, 12), np.int64)
    spikes = lx.simulate(q, quiet, record=("spikes",)).spikes[name]
    assert not spikes.any()
    found = lx.compare_recorded(q, {f"{name}.spikes": spikes}, quiet)
    assert found.ok and found.lag == 0 and len(found.lags) > 1


def test_what_is_no_recording_of_the_network(run):
    q, codes, name, trace = run
    for recorded, said in (
        ({}, "no recorded array"),
        ({f"{name}.spike": trace.v[name]}, f"did you mean '{name}.spikes'"),
        ({"other.v": trace.v[name]}, "no array of this network"),
        ({f"{name}.v": trace.v[name][:, :, ..., :-1]}, "shape"),
        ({f"{name}.v": trace.v[name] + 0.5}, "fractions"),
        ({f"{name}.v": np.int64(3)}, "shape"),
        ({f"{name}.v": trace.v[name], "input": codes + 1000}, "LX301"),
    ):
        with pytest.raises(LifexportError, match=said):
            lx.compare_recorded(q, recorded, codes)
    with pytest.raises(FileError, match="at least half"):
        lx.compare_recorded(q, {f"{name}.v": trace.v[name]}, codes, lag=1000)
