"""The recorded runs again, by the event-driven simulator: those of networks, inputs that are taken one by one too."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

from tests.golden import adapters
from tests.golden.adapters import FOLDER, adapter, loihi_lava, loihi_nengo, read, spikerplus, xylo

pytestmark = pytest.mark.thorough

EVERY = int(os.environ.get("LIFEXPORT_EVERY", "10"))
"""One case of so many is replayed, for each may have to be compiled; 1 replays them all (185, minutes)."""

FILES = [p for p in sorted(FOLDER.glob("*.npz")) if adapter(p) in (loihi_lava, loihi_nengo, spikerplus, xylo)]
NETWORKS = [[(p, c) for c in read(p) if adapter(p) is not loihi_lava or c.kind.startswith("net")] for p in FILES]
CASES = [case for cases in NETWORKS for case in cases[::EVERY]]

pytest.importorskip("lifexport.simulation.event")


@pytest.mark.parametrize(("path", "case"), [pytest.param(p, c, id=f"{p.stem}-{c.name}") for p, c in CASES])
def test_the_event_driven_simulator_gives_the_same(path, case, monkeypatch):
    monkeypatch.setattr(adapters, "BACKEND", "event")
    replayed = adapter(path)(case)
    for name, expected in case.recorded.items():
        np.testing.assert_array_equal(replayed[name], expected, err_msg=name)


def test_every_file_of_networks_is_there():
    counts = Counter(adapter(path).__name__ for path, _ in CASES)
    assert counts.keys() == {"loihi_lava", "loihi_nengo", "spikerplus", "xylo"}
    assert all(count * EVERY >= len(cases) for count, cases in zip(counts.values(), NETWORKS, strict=True))
