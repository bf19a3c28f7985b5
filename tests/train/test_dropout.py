from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np
import pytest

from lifexport.errors import ParameterError
from lifexport.train import Dropout

TRAINING = {"fit": True}


@pytest.mark.parametrize("unit", [u.UNITLESS, u.mA])
def test_a_mask_for_every_sample_and_step(unit):
    brainstate.random.seed(0)
    drop = Dropout(0.25)
    x = np.full((40, 8, 50), 3.0, np.float32)
    with brainstate.environ.context(**TRAINING):
        y = drop.run(x * unit if unit is not u.UNITLESS else x)
    assert u.get_unit(y) == unit
    y = np.asarray(u.get_mantissa(y))
    assert set(np.unique(y)) == {0.0, 12.0}
    kept = y > 0
    assert abs(kept.mean() - 0.25) < 0.02
    assert abs(y.mean() - 3.0) < 0.2
    for axis in range(3):  # no axis shares a mask
        assert 0 < kept.mean(axis=axis).std() < 0.2
    assert y.dtype == np.float32


def test_run_draws_as_update_does():
    x = np.ones((2000, 1, 3), np.float32)
    drop = Dropout(0.5)
    with brainstate.environ.context(**TRAINING):
        brainstate.random.seed(1)
        slow = np.asarray(brainstate.transform.for_loop(drop.update, x))
        brainstate.random.seed(1)
        fast = np.asarray(drop.run(x))
    assert set(np.unique(slow)) == set(np.unique(fast)) == {0.0, 2.0}
    assert abs(slow.mean() - fast.mean()) < 0.1


@pytest.mark.parametrize(("prob", "fit"), [(0.5, False), (1.0, True), (1, True)])
def test_nothing_happens(prob, fit):
    x = np.ones((4, 3), np.float32)
    with brainstate.environ.context(fit=fit):
        assert Dropout(prob)(x) is x and Dropout(prob).run(x) is x


def test_the_phase_must_be_said():
    with pytest.raises(ParameterError, match=r"LX006.*drop\.fit: none in brainstate\.environ; fix: .*fit=True"):
        Dropout(0.5, name="drop")(np.ones(3))


@pytest.mark.parametrize("prob", [0, -0.1, 1.1, float("nan"), "0.5", None, 0.5 * u.mA, np.array([0.5, 0.5])])
def test_bad_probabilities(prob):
    with pytest.raises(ParameterError, match=r"LX006.*drop\.prob"):
        Dropout(prob, name="drop")
