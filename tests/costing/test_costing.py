"""Counts against nested loops over every event and every weight."""

from __future__ import annotations

import dataclasses
import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from nets import random_network, spatial_network

import lifexport as lx
from lifexport import schemas
from lifexport.costing import memory
from lifexport.costing.costing import fan_outs
from lifexport.errors import FileError
from lifexport.graph import Edge
from lifexport.neurons import IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, IntWeights, Output
from lifexport.spatial import IntConv
from lifexport.targets import Target, target_names


def slow_fan_out(node, index):
    """Outputs that a weight of ones delivers to for a single input: every one is a weight it met."""
    one = np.zeros((1, *node.in_shape), np.int64)
    one[(0, *index)] = 1
    ones = dataclasses.replace(node, weight=np.ones_like(node.weight), shift=0, drop=0)
    return int(ones.apply(one).sum())


@pytest.mark.parametrize("seed", range(6))
def test_fan_outs_are_the_weights_an_input_meets(seed):
    network, _ = spatial_network(seed)
    for node in network.connections.values():
        if isinstance(node, IntWeights):
            counted = fan_outs(node)
            for index in itertools.product(*map(range, node.in_shape)):
                assert counted[index] == slow_fan_out(node, index)


def test_borders_strides_and_groups():
    weight = np.ones((4, 1, 3), np.int64)
    conv = IntConv(weight=weight, size=(7,), stride=2, padding=1, groups=2)
    assert fan_outs(conv).tolist() == [[2, 4, 2, 4, 2, 4, 2]] * 2
    assert fan_outs(conv).sum() == 2 * np.prod(conv.out_shape) * 3 / 2 - 2 * 4


@pytest.mark.parametrize("make", [random_network, spatial_network])
def test_work_is_counted_event_by_event(make):
    q, codes = make(1)
    found = lx.cost(q, codes)
    trace = lx.simulate(q, codes, record=("spikes",))
    for row in found.work:
        (edge,) = q.incoming(row.node)
        rows = codes if q.nodes[edge.source].role == "input" else trace.spikes.get(edge.source)
        if rows is None:
            continue  # behind a pool
        counted = fan_outs(q.nodes[row.node])
        flat = rows.reshape(-1, *q.nodes[row.node].in_shape)
        events = [index[1:] for index in np.argwhere(flat != 0)]
        assert row.events == len(events)
        assert row.operations == sum(int(counted[tuple(index)]) for index in events)
        assert row.operations <= row.dense
    for row in found.activity:
        assert row.spikes == trace.spikes[row.node].sum() and row.updates == trace.spikes[row.node].size
    assert schemas.violations("cost", json.loads(json.dumps(found.to_json())), code="LX003") == []


def test_real_inputs_are_their_codes(seed=2):
    q, codes = random_network(seed)
    x = codes * float(q.input_code.unit)
    assert lx.cost(q, x) == lx.cost(q, codes)


def test_memory_of_numbers_that_are_shared():
    q, _ = random_network(3)
    name, node = next(iter(q.populations.items()))
    size, word = node.threshold.size, node.rules.membrane.bits
    row = next(row for row in memory(q) if row.node == name)
    assert row.state >= size * word
    one = dataclasses.replace(node, threshold=node.threshold * 0 + 100, reset_code=node.reset_code * 0 + 100)
    shared = next(r for r in memory(dataclasses.replace(q, nodes={**q.nodes, name: one})) if r.node == name)
    assert shared.thresholds == word - node.threshold_shift
    assert shared.resets == (word if node.rules.reset == "value" else 0)
    for row in memory(q):
        kind = q.nodes[row.node]
        if isinstance(kind, IntWeights):
            assert row.bits - row.delays == kind.weight.size * kind.weight_bits


def one_population(**fields):
    rules = Rules(membrane=Word.signed(16), leak=Leak(bits=4), max_spikes=4)
    fixed = {"shape": (2,), "rules": rules, "decay": 15, "threshold": 16, "reset_code": 16, "unit": 1}
    nodes = {"in": IntInput(shape=(1,), code=InputCode(kind="counts", bits=6)), "out": Output(shape=(2,))}
    nodes |= {"fc": IntDense(weight=np.array([[8], [3]])), "lif": IntLIF(**{**fixed, **fields})}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    return lx.IntNetwork(nodes=nodes, edges=edges, dt=1e-3)


def test_several_spikes_of_a_step_all_count():
    q, codes = one_population(), np.full((5, 2, 1), 7)
    spikes = lx.simulate(q, codes, record=("spikes",)).spikes["lif"]
    assert spikes.max() > 1
    found = lx.cost(q, codes)
    assert found.spikes == spikes.sum() > (spikes > 0).sum()


def test_low_bits_that_are_always_zero_are_not_stored():
    plain, shifted = (memory(one_population(threshold_shift=shift))[-1] for shift in (0, 3))
    assert (plain.thresholds, shifted.thresholds) == (16, 13)


def test_a_target_with_one_threshold_for_a_layer_stores_one():
    apart = one_population(threshold=[16, 32], reset_code=[16, 32])
    assert memory(apart)[-1].thresholds == 2 * 16
    layered = next(n for n in target_names() if lx.load_target(n).document["threshold"].get("per") == "layer")
    assert memory(dataclasses.replace(apart, target=layered))[-1].thresholds == 16


def test_late_edges_hold_what_is_under_way():
    q, _ = random_network(1, recurrent=True)
    late = [edge for edge in q.edges if edge.delay]
    rows = {row.node: row.delays for row in memory(q)}
    for edge in late:
        size = int(np.prod(q.nodes[edge.source].out_shape))
        bits = max(1, int(q.nodes[edge.source].max_spikes or 255).bit_length())
        assert rows[edge.source] == edge.delay * size * bits


def test_no_energy_without_coefficients():
    q, codes = random_network(1)
    found = lx.cost(q, codes)
    assert found.energy is None and "no energy is given" in found.said


def test_energy_from_the_coefficients_of_a_target():
    document = lx.load_target("fpga-q").document
    document["energy"] = {
        "per_synaptic_operation": {"num": 5, "den": 2},
        "per_neuron_update": {"num": 1, "den": 1},
        "per_spike": {"num": 0, "den": 1},
    }
    document["sources"]["bench"] = "a bench, by hand"
    document["evidence"]["energy"] = {"how": "measured", "source": "bench"}
    q, codes = random_network(1)
    found = lx.cost(q, codes, target=Target(document))
    updates = sum(row.updates for row in found.activity)
    assert found.energy.total == (Fraction(5, 2) * found.operations + updates) / 10**12
    assert "measured (a bench, by hand)" in found.said
    assert schemas.violations("cost", found.to_json(), code="LX003") == []
    del document["evidence"]["energy"]
    with pytest.raises(FileError, match=r"evidence\.energy"):
        Target(document)
