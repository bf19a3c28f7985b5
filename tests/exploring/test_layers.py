"""Single layers: mixed networks against the whole ones, and a search against all there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exact_nets import exact_network, tau
from float_nets import float_network
from random_float import random_float_network

import lifexport as lx
from lifexport.errors import LifexportError
from lifexport.exploring import mixing
from lifexport.exploring.hybrid import Hybrid
from lifexport.exploring.mixing import _good
from lifexport.neurons import FloatLIF


def networks():
    yield float_network(1)
    yield float_network(2, recurrent=True)
    yield from (random_float_network(seed)[:2] for seed in range(5))


@pytest.mark.parametrize("case", [*networks()], ids=range(7))
def test_no_layer_is_the_trained_network_and_every_layer_is_the_chip(case):
    f, x = case
    q = lx.quantize(f, "fpga-q", calibration=x)
    for integers, whole in (((), f), (f.populations, q)):
        hybrid, trace = Hybrid(f, q, integers), lx.simulate(whole, x, record=("spikes",))
        spikes = hybrid.run(x)
        for name in f.populations:
            np.testing.assert_array_equal(spikes[name], trace.spikes[name])
        np.testing.assert_array_equal(hybrid.prediction().labels, trace.prediction.labels)


def test_a_chip_that_delivers_later_is_mixed_in_the_time_of_training():
    f, x = exact_network(FloatLIF, tau=tau(0.9), r=1.0, reset="value", compare=">")
    q = lx.quantize(f, "loihi-lava", calibration=x)
    assert q.latency
    spikes = Hybrid(f, q, ["a"]).run(x)
    trained = lx.simulate(f, x, record=("spikes",)).spikes
    assert (spikes["a"] == trained["a"]).mean() > 0.95


def test_the_layer_that_was_made_worse_is_the_sensitive_one():
    f, x = float_network(1)
    labels = lx.simulate(f, x).prediction.labels
    for name in f.populations:
        spec = lx.QuantSpec(weight_bits=8, layers={name: {"weight_bits": 2, "state_bits": 8}})
        found = lx.sensitivity(f, "fpga-q", x, labels=labels, spec=spec)
        worst = min(found.layers, key=lambda row: row.alone.coincidence)
        assert worst.node == name
        best = max(found.layers, key=lambda row: row.spared.coincidence)
        assert best.node == name
        assert [row.alone.rate for row in found.layers] == sorted(row.alone.rate for row in found.layers)
        for row in found.layers:
            others = [other for other in f.populations if other != row.node]
            q = lx.quantize(f, "fpga-q", calibration=x, spec=spec)
            for effect, integers in ((row.alone, [row.node]), (row.spared, others)):
                hybrid = Hybrid(f, q, integers)
                hybrid.run(x)
                assert effect.accuracy.count == (hybrid.prediction().labels == labels).sum()
    assert found.trained.coincidence == 1 and found.integer.coincidence < 1
    assert found.trained.same.rate == 1 and "accuracy: trained 100.00%" in found.table()
    assert {row["node"] for row in found.to_json()["layers"]} == set(f.populations)


def trained():
    f, x = float_network(3)
    rng = np.random.default_rng(5)
    x = (rng.random((40, 60, 12)) < 0.3).astype(float)
    return f, x, lx.simulate(f, x).prediction.labels


def test_a_budget_of_memory_is_met_and_the_widths_take_effect():
    f, x, labels = trained()
    wide = lx.mixed_precision(f, "fpga-q", x, labels=labels, budget_bits=10**9)
    assert wide.met and set(wide.widths.values()) == {8} and len(wide.path) == 1
    budget = wide.row["memory_bits"] - 200
    found = lx.mixed_precision(f, "fpga-q", x, labels=labels, budget_bits=budget)
    assert found.met and found.row["memory_bits"] <= budget
    q = lx.quantize(f, "fpga-q", calibration=x, spec=found.spec)
    assert lx.cost(q, x).memory_bits == found.row["memory_bits"] and q.digest() == found.row["network"]
    assert {"fc0": q.nodes["fc0"].weight_bits, "fc1": q.nodes["fc1"].weight_bits} == {
        "fc0": found.widths["hidden"],
        "fc1": found.widths["last"],
    }
    least = lx.mixed_precision(f, "fpga-q", x, labels=labels, budget_bits=1)
    assert not least.met and set(least.widths.values()) == {2}


def test_accuracy_is_kept_and_the_greedy_way_is_near_the_best():
    f, x, labels = trained()
    found = lx.mixed_precision(f, "fpga-q", x, labels=labels, max_drop=10, candidates=(3, 4, 6, 8))
    floor = len(labels) - 0.1 * len(labels)
    assert found.met and _good(found.row) >= floor
    best = None
    for widths in itertools.product((3, 4, 6, 8), repeat=2):
        layers = {name: {"weight_bits": bits} for name, bits in zip(f.populations, widths, strict=True)}
        q = lx.quantize(f, "fpga-q", calibration=x, layers=layers)
        right = int((lx.simulate(q, x).prediction.labels == labels).sum())
        if right >= floor:
            bits = lx.cost(q, x).memory_bits
            best = bits if best is None else min(best, bits)
    assert best <= found.row["memory_bits"] <= 1.25 * best
    assert found.tried <= 2**2 * 4


@pytest.fixture
def made_up(monkeypatch):
    """Memory and accuracy as functions of the widths alone, so that every choice of the search can be told."""

    def measured(right):
        def attempt(_, choices):
            widths = [layer["weight_bits"] for layer in choices["layers"].values()]
            return {
                "choices": choices,
                "right": right[tuple(widths)],
                "same": 0,
                "samples": 100,
                "memory_bits": 10 * widths[0] + 30 * widths[1],
            }

        monkeypatch.setattr(mixing, "attempt", attempt)
        f, x = float_network(1)
        return lambda **asked: lx.mixed_precision(
            f, "fpga-q", x, labels=lx.simulate(f, x).prediction.labels, candidates=(4, 8), **asked
        )

    return measured


def test_what_loses_least_for_a_bit_goes_first(made_up):
    """The second layer saves 120 bits and loses 12 samples, the first one 40 bits and 2: fewer for a bit."""
    search = made_up({(8, 8): 100, (4, 8): 98, (8, 4): 88, (4, 4): 80})
    found = search(budget_bits=300)
    assert [step["widths"] for step in found.path] == [{"hidden": 8, "last": 8}, {"hidden": 4, "last": 8}]


def test_of_equal_losses_the_larger_saving_goes_first(made_up):
    found = made_up({(8, 8): 100, (4, 8): 100, (8, 4): 100, (4, 4): 80})(budget_bits=300)
    assert found.path[1]["widths"] == {"hidden": 8, "last": 4}


def test_just_as_much_as_may_be_lost_is_lost(made_up):
    right = {(8, 8): 6, (4, 8): 1, (8, 4): 1, (4, 4): 1}  # of the 6 samples of the trained network
    assert made_up(right)(max_drop=5).widths == {"hidden": 4, "last": 4}  # 5 points of 100 samples
    assert made_up(right)(max_drop=4.9).widths == {"hidden": 8, "last": 8}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "exactly one budget"),
        ({"budget_bits": 1, "max_drop": 1}, "exactly one budget"),
        ({"max_drop": 1, "candidates": ()}, "candidates"),
        ({"max_drop": 1, "candidates": (2.5,)}, "candidates"),
        ({"max_drop": 1, "candidates": (99,)}, "LX202"),
    ],
)
def test_searches_that_are_none(options, said):
    f, x, labels = trained()
    with pytest.raises(LifexportError, match=said):
        lx.mixed_precision(f, "fpga-q", x, labels=labels, **options)
