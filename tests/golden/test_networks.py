"""Networks of several layers as vendors' tools ran them: what they show of a target's delays."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.simulation import simulate
from lifexport.targets import Target, load_target, topologies
from lifexport.vectors.networks import differences
from tests.golden.recorded import RUNS, Run

NETWORKS = [run for run in RUNS if run.layout == "network"]
CHAINS = [run for run in NETWORKS if run.case.name.endswith("_chain")]


def described(name: str, **delivery: int) -> Target:
    document = load_target(name).document
    return Target(document | {"delivery": document["delivery"] | delivery})


@pytest.mark.parametrize("run", NETWORKS, ids=[run.id for run in NETWORKS])
def test_rules_and_delays_are_those_of_the_target(run: Run):
    q = run.network
    assert differences(q, load_target(run.target), "case") == []
    assert len(q.populations) == 3
    late = 1 - load_target(run.target).document["delivery"]["feedforward"]
    (found,) = differences(q, described(run.target, feedforward=late), "case")
    assert found.code == "LX607" and "feedforward: " in found.found


@pytest.mark.parametrize("run", CHAINS, ids=[run.id for run in CHAINS])
def test_a_delivery_in_other_steps_is_seen(run: Run):
    """What the tool recorded is not what a network gives whose spikes take a step more, or less."""
    q, recorded = run.network, run.case.recorded
    for steps in (1, -1):
        edges = [
            Edge(e.source, e.target, e.delay + steps)
            if q.nodes[e.source].role == "population" and e.target != "out"
            else e
            for e in q.edges
        ]
        if any(edge.delay < 0 for edge in edges):
            continue
        other: IntNetwork = dataclasses.replace(q, edges=tuple(edges))
        spikes = simulate(other, run.case.given["codes"], record=("spikes",)).spikes
        assert (spikes["l0"] == recorded["l0.spikes"]).all()
        assert (spikes["l1"] != recorded["l1.spikes"]).sum() > 20


def test_what_a_target_claims_was_recorded():
    """Ways of spikes that a description says were seen are those of its recorded networks."""
    seen: dict[str, set[str]] = {}
    for run in NETWORKS:
        seen.setdefault(run.target, set()).update(topologies(run.network))
    for name, kinds in seen.items():
        assert set(load_target(name).seen_across_layers) == kinds, name


def test_every_recorded_network_says_something():
    """States at thresholds and at both ends of words, spikes in every layer, two samples, hundreds of steps."""
    numbers, spikes, edges = Counter(), Counter(), Counter()
    for run in NETWORKS:
        q, codes = run.network, run.case.given["codes"]
        v = simulate(q, codes, record=("v",), backend="reference").v
        assert codes.shape[0] >= 200 and codes.shape[1] == 2
        numbers[run.target] += sum(values.size for values in run.case.recorded.values())
        for name, node in q.populations.items():
            fired = int(run.case.recorded[f"{name}.spikes"].sum())
            assert fired > 10, (run.id, name)
            spikes[run.target] += fired
            edges[run.target, "threshold"] += int((v[name] == node.threshold).sum())
            edges[run.target, "lowest"] += int((v[name] == node.rules.membrane.lo).sum())
            edges[run.target, "highest"] += int((v[name] == node.rules.membrane.hi).sum())
    print(dict(numbers), dict(spikes), dict(edges))
    for name in numbers:
        assert numbers[name] > 70_000 and spikes[name] > 2_000 and edges[name, "threshold"] > 0
        assert edges[name, "lowest"] > 20 and (edges[name, "highest"] > 20 or name == "sinabs-iaf")
