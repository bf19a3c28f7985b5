from __future__ import annotations

import numpy as np
import pytest

from lifexport.fidelity.trains import van_rossum


def pairwise(a, b, steps):
    """The closed form: every pair of spikes of the difference, and no end of time."""
    d = a.astype(float) - b
    kept = np.exp(-1 / steps)
    times = np.arange(len(d))
    overlap = kept ** np.abs(times[:, None] - times) / (1 - kept**2)
    return (1 - kept**2) / 2 * d @ overlap @ d


@pytest.mark.parametrize("steps", [1.0, 3.7, 10.0, 100.0])
def test_it_is_the_closed_form(steps):
    rng = np.random.default_rng(0)
    for rate in (0.02, 0.3, 0.9):
        a, b = (rng.random((2, 60)) < rate).astype(np.uint8)
        assert van_rossum(a, b, steps) == pytest.approx(pairwise(a, b, steps), rel=1e-9)
    counts = rng.integers(0, 5, (2, 60))
    assert van_rossum(*counts, steps) == pytest.approx(pairwise(*counts, steps), rel=1e-9)


def test_one_spike_more_is_a_half_wherever_it_is():
    for place in (0, 20, 49):
        one = np.zeros(50, int)
        one[place] = 1
        assert van_rossum(one, 0 * one) == pytest.approx(0.5) == van_rossum(0 * one, one)


def test_it_grows_with_the_shift_and_is_of_every_train_its_own():
    rows = np.eye(60, dtype=int)
    shifts = [float(van_rossum(rows[10], rows[10 + n])) for n in (0, 1, 2, 5, 20)]
    assert shifts[0] == 0 and shifts == sorted(shifts) and shifts[-1] < 1
    both = np.stack([rows[10], rows[12]], axis=1)
    np.testing.assert_allclose(van_rossum(both, 0 * both), [0.5, 0.5])
    assert van_rossum(both, both).shape == (2,)
