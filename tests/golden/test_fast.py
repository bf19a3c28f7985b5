"""The recorded runs again, by the fast simulator: it gives the same or refuses."""

from __future__ import annotations

import numpy as np
import pytest

from lifexport.errors import RangeError
from tests.golden.recorded import RUNS, Run, require_equal

SUMMED = [
    run
    for run in RUNS
    if run.layout in ("nengo", "lava network")
    or (run.layout == "network" and run.target in ("loihi-lava", "loihi1-nengo", "sinabs-iaf"))
]


@pytest.mark.sampled
@pytest.mark.parametrize("run", SUMMED, ids=[run.id for run in SUMMED])
def test_the_fast_simulator_gives_the_same(run: Run):
    require_equal(run, run.replayed("fast"))


def test_inputs_taken_one_by_one_are_left_to_the_reference():
    run = next(run for run in RUNS if run.layout == "xylo")
    with pytest.raises(RangeError, match=r"LX302.*one by one"):
        run.replayed("fast")
    np.testing.assert_array_equal(run.replayed("auto")["v"], run.case.recorded["v"])
