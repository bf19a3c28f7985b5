"""Runs of other people's chip simulators, replayed: every recorded state and spike of every step must be the same."""

from __future__ import annotations

from collections import Counter

import pytest

from lifexport.targets import target_names
from tests.golden.recorded import RUNS, Run, require_equal


@pytest.mark.parametrize("run", RUNS, ids=[run.id for run in RUNS])
def test_every_state_and_spike_is_the_recorded_one(run: Run):
    require_equal(run, run.replayed("reference"))


def test_every_simulator_is_there():
    layers = Counter(run.target for run in RUNS if run.layout != "network")
    networks = Counter(run.target for run in RUNS if run.layout == "network")
    unrecorded = {"fpga-q", "spinnaker1-unverified"}
    assert set(layers) == set(target_names()) - unrecorded
    assert set(networks) == set(layers) - {"tinyodin"}  # it goes by events: no simulator of networks
    assert layers.total() == 286 and all(count == 5 for count in networks.values())
