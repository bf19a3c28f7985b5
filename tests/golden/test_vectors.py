"""Runs of other people's chip simulators, replayed: every recorded state and spike of every step must be the same."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.adapters import FOLDER, adapter, read

FILES = sorted(FOLDER.glob("*.npz"))
CASES = [(path, case) for path in FILES for case in read(path)]


@pytest.mark.parametrize(("path", "case"), [pytest.param(p, c, id=f"{p.stem}-{c.name}") for p, c in CASES])
def test_every_state_and_spike_is_the_recorded_one(path, case):
    replayed = adapter(path)(case)
    assert replayed.keys() == case.recorded.keys()
    for name, expected in case.recorded.items():
        np.testing.assert_array_equal(replayed[name], expected, err_msg=name)


def test_every_simulator_is_there():
    assert {path.name.split("_public")[0] for path in FILES} >= {
        "loihi_lava",
        "loihi_nengo",
        "sinabs",
        "spikerplus",
        "tinyodin",
        "xylo",
    }
