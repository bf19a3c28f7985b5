"""The recorded runs again, by the event-driven simulator: those of networks, inputs that are taken one by one too."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.golden.recorded import RUNS, Run, require_equal

pytestmark = pytest.mark.thorough

EVERY = int(os.environ.get("LIFEXPORT_EVERY", "10"))
"""One case of so many is replayed, for each may have to be compiled; 1 replays them all (215, minutes)."""

LAYOUTS = ("lava network", "nengo", "spikerplus", "xylo", "network")
NETWORKS = {layout: [run for run in RUNS if run.layout == layout] for layout in LAYOUTS}
CASES = [run for runs in NETWORKS.values() for run in runs[::EVERY]]

pytest.importorskip("lifexport.simulation.event")


@pytest.mark.parametrize("run", CASES, ids=[run.id for run in CASES])
def test_the_event_driven_simulator_gives_the_same(run: Run):
    require_equal(run, run.replayed("event"))


def test_every_kind_of_network_is_there():
    counts = Counter(run.layout for run in CASES)
    assert counts.keys() == set(LAYOUTS)
    assert all(counts[layout] * EVERY >= len(runs) > 10 for layout, runs in NETWORKS.items())
