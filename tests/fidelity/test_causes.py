"""What differs is put down to what made it differ, and to the layer it was made in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from exact_nets import exact_network, tau
from float_nets import float_network
from random_float import random_float_network

import lifexport as lx
from lifexport.fidelity.alone import alone
from lifexport.fidelity.realised import realised
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLIF
from lifexport.nodes import InputCode
from lifexport.simulation.stepwise import run as run_stepwise


def changed(report) -> set[str]:
    assert report.causes_missing is None
    return {cause.cause for cause in report.causes if not cause.unchanged}


def test_rounded_parameters_alone():
    f, x = exact_network(FloatIAF, r=1000.0)  # no leak: nothing is ever rounded while it runs
    q = lx.quantize(f, "sinabs-iaf", calibration=x, approximate=("spikes",))
    report = lx.compare(f, q, x)
    assert changed(report) == {"parameters"}
    assert report.cause("arithmetic").unchanged and report.cause("rules").unchanged


def test_rounded_arithmetic_alone():
    """Weights, thresholds and decays that the integers hold exactly: what is left are the roundings of the leak."""
    f, x = exact_network(FloatLIF, tau=tau(0.75), r=1.0, last=127, strength=127 / 256)
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=8, state_bits=12)
    report = lx.compare(f, q, x)
    assert changed(report) == {"arithmetic"}
    assert all(20 < row.sqnr_local_db < 80 for row in report.cause("arithmetic").layers)


def test_rules_of_the_target_alone():
    f, x = exact_network(FloatLIF, tau=tau(0.875), r=1.0)
    q = lx.quantize(f, "xylo-v2", calibration=x, approximate=("decay", "spikes", "synapse", "start"))
    report = lx.compare(f, q, x)
    local = {cause.cause: [row.sqnr_local_db for row in cause.layers] for cause in report.causes}
    assert report.cause("input").unchanged
    assert all(db < 10 for db in local["rules"]) and all(db > 30 for db in local["arithmetic"] + local["parameters"])


def test_rounded_inputs_alone():
    rng = np.random.default_rng(0)
    f, x = float_network(1)
    x = x * rng.uniform(0.5, 1, x.shape)
    q = lx.quantize(f, "fpga-q", calibration=x, input_bits=3)
    report = lx.compare(f, q, x)
    inputs = report.cause("input")
    first, last = inputs.layers
    assert not inputs.unchanged and first.sqnr_local_db < 30
    assert last.sqnr_local_db is None  # nothing of what feeds it alone is an input


def test_overflow_is_arithmetic():
    f, x = float_network(1)
    wide = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, state_bits=16, membrane_range=16), x)
    tight = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, state_bits=16, membrane_range=1.05), x)
    assert sum(row.overflows for row in tight.layers) > sum(row.overflows for row in wide.layers)
    worst = [min(row.sqnr_local_db for row in r.cause("arithmetic").layers) for r in (wide, tight)]
    assert worst[1] < worst[0] - 20


@pytest.mark.parametrize("layer", ["fc0", "fc1"])
def test_a_layer_that_was_broken_is_named_by_its_local_figure(layer):
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    weight = np.array(q.nodes[layer].weight)
    weight[:, ::2] = -weight[:, ::2]
    broken = dataclasses.replace(q, nodes={**q.nodes, layer: dataclasses.replace(q.nodes[layer], weight=weight)})
    good, bad = (lx.compare(f, network, x).cause("parameters").layers for network in (q, broken))
    fed = {"fc0": "hidden", "fc1": "last"}[layer]
    for before, after in zip(good, bad, strict=True):
        if before.node == fed:
            assert after.sqnr_local_db < before.sqnr_local_db - 20
        else:
            assert after.sqnr_local_db == before.sqnr_local_db


LEAKY, HARD = {"tau": tau(0.9), "r": 1.0}, {"reset": "value", "compare": ">"}
CASES = [
    ("fpga-q", FloatLIF, {"tau": tau(0.9), "r": 1.0}, {}),
    (
        "fpga-q",
        FloatLIF,
        {"tau": tau(0.9), "r": 1.0, "reset": "value", "refractory": 3},
        {"approximate": ("refractory",)},
    ),
    ("loihi-lava", FloatLIF, {"tau": tau(0.9), "r": 1.0, "reset": "value", "compare": ">"}, {}),
    (
        "loihi-lava",
        FloatCubaLIF,
        {"tau": tau(0.9), "tau_syn": tau(0.75), "r": 1.0, "reset": "value", "compare": ">"},
        {},
    ),
    ("sinabs-iaf", FloatIAF, {"r": 1000.0}, {"approximate": ("spikes", "reset")}),
]


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("target", "kind", "fields", "more"), CASES, ids=lambda part: getattr(part, "__name__", None))
def test_without_rounding_the_integers_are_the_realised_network(target, kind, fields, more, recurrent):
    """Where a target has the rules of training, the chip in real numbers is that network, membrane for membrane."""
    f, x = exact_network(kind, recurrent=recurrent, **fields)
    if recurrent and target == "sinabs-iaf":
        more = {"approximate": (*more["approximate"], "start")}
    report = lx.compare(f, lx.quantize(f, target, calibration=x, **more), x)
    assert report.cause("rules").unchanged


def test_the_chain_ends_at_the_integers():
    for seed in range(4):
        f, x, _ = random_float_network(seed)
        q = lx.quantize(f, "fpga-q", calibration=x)
        report = lx.compare(f, q, x)
        assert [cause.cause for cause in report.causes] == ["input", "parameters", "rules", "arithmetic"]
        assert report.cause("rules").unchanged
        real = run_stepwise(q, q.encode(x).codes, ("v",), None, real=True)
        twin = lx.simulate(realised(f, q), q.encode(x).codes.astype(float), record=("v",))
        for name in q.populations:
            np.testing.assert_allclose(real.v[name], twin.v[name], rtol=1e-9, atol=1e-6)


def test_alone_is_the_whole_where_nothing_else_is():
    f, x = float_network(2)
    trace = lx.simulate(f, x, record=("v", "spikes"))
    for name in f.populations:
        np.testing.assert_array_equal(alone(f, f, name, x, trace), trace.v[name])


def test_what_cannot_be_told_apart_is_said():
    """A bias of neurons without leak behind a pool has no place in the trained network."""
    from lifexport.graph import Edge
    from lifexport.network import FloatNetwork
    from lifexport.nodes import Input, Output
    from lifexport.spatial import FloatConv, SumPool

    conv = FloatConv(weight=np.full((1, 1, 3), 0.25), bias=[0.125], size=(8,))
    iaf = FloatIAF(shape=(1, 3), dt=1e-3, r=1000.0, v_threshold=1.0, v_reset=0.0)
    nodes = {
        "in": Input(shape=(1, 8)),
        "c": conv,
        "pool": SumPool(shape=(1, 6), kernel=2),
        "n": iaf,
        "out": Output(shape=(1, 3)),
    }
    edges = [Edge("in", "c"), Edge("c", "pool"), Edge("pool", "n"), Edge("n", "out")]
    f = FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    x = (np.random.default_rng(0).random((20, 2, 1, 8)) < 0.5).astype(float)
    q = lx.quantize(f, "fpga-q", calibration=x, input=InputCode(kind="spikes"))
    report = lx.compare(f, q, x)
    assert report.causes == () and "LX401" in report.causes_missing
    assert "not told apart" in report.card() and report.to_json()["causes_missing"]
