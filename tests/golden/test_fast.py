"""The recorded runs again, by the fast simulator: it gives the same or refuses."""

from __future__ import annotations

import numpy as np
import pytest

from lifexport.errors import RangeError
from tests.golden import adapters
from tests.golden.adapters import FOLDER, adapter, loihi_lava, loihi_nengo, read, xylo

CASES = [(path, case) for path in sorted(FOLDER.glob("*.npz")) for case in read(path)]
SUMMED = [(p, c) for p, c in CASES if adapter(p) is loihi_nengo or (adapter(p) is loihi_lava and c.kind == "net")]


@pytest.mark.sampled
@pytest.mark.parametrize(("path", "case"), [pytest.param(p, c, id=f"{p.stem}-{c.name}") for p, c in SUMMED])
def test_the_fast_simulator_gives_the_same(path, case, monkeypatch):
    monkeypatch.setattr(adapters, "BACKEND", "fast")
    replayed = adapter(path)(case)
    for name, expected in case.recorded.items():
        np.testing.assert_array_equal(replayed[name], expected, err_msg=name)


def test_inputs_taken_one_by_one_are_left_to_the_reference(monkeypatch):
    case = next(case for path, case in CASES if adapter(path) is xylo)
    monkeypatch.setattr(adapters, "BACKEND", "fast")
    with pytest.raises(RangeError, match=r"LX302.*one by one"):
        xylo(case)
    monkeypatch.setattr(adapters, "BACKEND", "auto")
    np.testing.assert_array_equal(xylo(case)["v"], case.recorded["v"])
