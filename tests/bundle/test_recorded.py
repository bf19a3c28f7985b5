"""Recordings: aligned, compared, and the first difference named."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from float_nets import float_network
from nets import random_network, spatial_network

import lifexport as lx
from lifexport import schemas
from lifexport.bundle.naming import file_names, node_called
from lifexport.errors import FileError, LifexportError
from lifexport.graph import Edge
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output


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
        ({f"{name}.spike": trace.v[name]}, f"no array of this network; fix: known: {name}.spikes"),
        ({f"{name}.v": trace.v[name], f"node{[*q.nodes].index(name)}.v": trace.v[name]}, "a second array"),
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


def small() -> tuple[lx.IntNetwork, np.ndarray, lx.Trace]:
    """Two layers of two neurons that live: some 9 spikes in 80."""
    rules = Rules(membrane=Word.signed(16), leak=Leak(bits=2))
    lif = {"rules": rules, "decay": 3, "threshold": 7, "reset_code": 7, "unit": 1}
    nodes = {
        "in": IntInput(shape=(2,), code=InputCode(kind="spikes")),
        "fc": IntDense(weight=np.array([[3, 2], [1, -2]])),
        "lif": IntLIF(shape=(2,), **lif),
        "fc2": IntDense(weight=np.array([[6, 3], [5, 2]])),
        "last": IntLIF(shape=(2,), **lif),
        "out": Output(shape=(2,)),
    }
    edges = [Edge(a, b) for a, b in itertools.pairwise(nodes)]
    q = lx.IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    codes = np.random.default_rng(0).integers(0, 2, (40, 1, 2))
    return q, codes, lx.simulate(q, codes, record=("v", "v_post", "spikes"), backend="reference")


Q, CODES, TRACE = small()
V, SPIKES = TRACE.v["lif"].astype(int), TRACE.spikes["lif"].astype(int)
ORDER = np.random.default_rng(1).permutation(40)
EXPLAINED = {
    "offset": ({"lif.v": V + 1}, 80, "constant offset of +1"),
    "sign": ({"lif.v": -V}, int((V != 0).sum()), "sign: every number is the negative"),
    "sign and offset": ({"lif.v": ~V}, 80, "sign: every number is the negative, and a constant offset of -1"),
    "silent": ({"lif.spikes": 0 * SPIKES}, int(SPIKES.sum()), "silent: nothing but zeros was recorded"),
    "stuck": ({"lif.v": 0 * V + 3}, int((V != 3).sum()), "stuck: every number recorded is 3"),
    "inverted": ({"lif.spikes": 1 - SPIKES}, 80, "inverted: 1 where there is no spike"),
    "scale": ({"lif.v": 4 * V}, int((V != 0).sum()), "scale: every number is 4 of the simulated one"),
    "neurons": ({"lif.spikes": SPIKES[..., ::-1]}, 18, "neurons permuted as [1, 0]: recorded neuron i is"),
    "offsets": ({"lif.v": V + np.array([1, -2])}, 80, "constant offset of each neuron: [1, -2]"),
    "backwards": ({"lif.v": V[::-1]}, int((V[::-1] != V).sum()), "steps in another order: the last comes first"),
    "steps": ({"lif.v": V[ORDER]}, int((V[ORDER] != V).sum()), "steps in another order, ["),
    "no sign": ({"lif.v": V % 256}, int((V < 0).sum()), "read without sign: every number is the simulated one modulo"),
    "after reset": ({"lif.v": TRACE.v_post["lif"]}, int((SPIKES > 0).sum()), "membranes after their reset"),
    "another population": ({"lif.v": TRACE.v["last"]}, int((TRACE.v["last"] != V).sum()), "the numbers of 'last'"),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_explains_every_difference_is_named_at_lag_0(name):
    recorded, differing, said = EXPLAINED[name]
    found = lx.compare_recorded(Q, recorded, CODES)
    (part,) = found.parts
    assert (found.lag, found.lags, part.differing, part.compared) == (0, (0,), differing, 80)
    assert not found.ok and said in part.explained and part.explained in found.findings[0].found
    assert [finding.code for finding in found.findings] == ["LX606", "LX610"]
    assert schemas.violations("recording", found.to_json(), code="LX003") == []


def test_what_nothing_explains_is_not_explained():
    wrong = V.copy()
    wrong[10, 0, 1] += 1
    found = lx.compare_recorded(Q, {"lif.v": wrong + 1}, CODES)
    assert (found.lag, found.parts[0].differing, found.parts[0].explained) == (0, 80, "")
    noise = np.random.default_rng(2).integers(-5, 9, V.shape)
    assert lx.compare_recorded(Q, {"lif.v": noise}, CODES).lag == 0


def test_samples_in_another_order_are_named():
    codes = np.random.default_rng(3).integers(0, 2, (40, 3, 2))
    v = lx.simulate(Q, codes, record=("v",)).v["lif"]
    (part,) = lx.compare_recorded(Q, {"lif.v": v[:, [2, 0, 1]]}, codes).parts
    assert part.explained.startswith("samples permuted as [2, 0, 1]")


def test_a_rule_is_found_behind_a_lag():
    found = lx.compare_recorded(Q, {"lif.v": np.concatenate([V[:3], V]) + 5}, CODES)
    assert found.lag == 3 and found.parts[0].explained == "constant offset of +5"


def test_every_population_has_its_own_lag():
    last = TRACE.v["last"]
    found = lx.compare_recorded(Q, {"last.v": late(last, 1), "lif.v": V, "lif.spikes": SPIKES}, CODES)
    assert [(part.node, part.lag, part.differing) for part in found.parts] == [
        ("lif", 0, 0),
        ("lif", 0, 0),
        ("last", 1, 0),
    ]
    (finding,) = found.findings
    assert (finding.code, found.lag, found.ok) == ("LX611", 0, False) and "lif +0, last +1" in finding.found
    assert lx.compare_recorded(Q, {"last.v": late(last, 1), "lif.v": V}, CODES, lag={"last": 1}).ok
    with pytest.raises(LifexportError, match=r"LX006.*population 'lost'; fix: known: lif, last"):
        lx.compare_recorded(Q, {"lif.v": V}, CODES, lag={"lost": 1})


def test_a_population_has_one_name(tmp_path):
    lx.save(Q, tmp_path / "out", inputs=CODES, hdl=True)
    golden = np.load(tmp_path / "out" / "golden.npz")
    recorded = {key: golden[key] for key in golden.files if key.rpartition(".")[2] in ("v", "spikes")}
    assert {*recorded} == {"lif.v", "lif.spikes", "last.v", "last.spikes"}
    assert (tmp_path / "out" / "hdl" / "lif.threshold.mem").exists()
    assert (tmp_path / "out" / "hdl" / "expected.last.v.mem").exists()
    assert lx.compare_recorded(Q, recorded, golden["input"]).ok
    older = {f"node{[*Q.nodes].index(key.split('.')[0])}.{key.split('.')[1]}": rows for key, rows in recorded.items()}
    found = lx.compare_recorded(Q, older, golden["input"])
    assert found.ok and {part.node for part in found.parts} == {"lif", "last"}


@pytest.mark.parametrize("name", ["../lif", "膜", "a b", "CON/x", "Lif"])
def test_a_name_that_is_none_for_a_file_is_a_number(name):
    nodes = dict(Q.nodes)
    names = {"fc2": "LIF"} if name == "Lif" else {}
    names |= {"lif": name} if "/" not in name else {"lif": name.replace("/", "\\")}
    renamed = {names.get(key, key): node for key, node in nodes.items()}
    edges = [Edge(a, b) for a, b in itertools.pairwise(renamed)]
    q = dataclasses.replace(Q, nodes=renamed, edges=edges)
    node = names["lif"]
    assert file_names(q)[node] == f"node{[*q.nodes].index(node)}" and node_called(q, file_names(q)[node]) == node
    assert lx.compare_recorded(q, {f"{node}.v": V}, CODES).ok


def test_a_number_is_no_name_that_is_taken():
    renamed = {"lif": "a b", "last": "node2"}
    nodes = {renamed.get(key, key): node for key, node in Q.nodes.items()}
    q = dataclasses.replace(Q, nodes=nodes, edges=[Edge(a, b) for a, b in itertools.pairwise(nodes)])
    assert [*q.nodes].index("a b") == 2 and file_names(q)["a b"] == "node2_" and node_called(q, "node2") == "node2"
