from __future__ import annotations

import numpy as np
import pytest

from lifexport.fidelity.statistics import Noise, PairedChange, Proportion


@pytest.mark.parametrize(("count", "total"), [(0, 10), (10, 10), (5, 10), (440, 450), (1, 1)])
def test_wilson_interval_by_its_formula(count, total):
    z, p = 1.959963984540054, count / total
    middle = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    assert Proportion(count=count, total=total).interval == pytest.approx(
        (max(0, middle - half), min(1, middle + half))
    )


def test_paired_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    draws = rng.multinomial(450, [0.02, 0.01, 0.97], 4000)
    inside = 0
    for gained, lost, _ in draws:
        low, high = PairedChange(gained=int(gained), lost=int(lost), total=450).interval
        inside += low <= 0.01 <= high
    assert 0.94 <= inside / len(draws) <= 0.98


@pytest.mark.parametrize(("gained", "lost", "total"), [(0, 0, 12), (2, 3, 450), (7, 1, 40)])
def test_paired_interval_by_its_formula(gained, lost, total):
    z, n = 1.959963984540054, total + 2
    a, b = (gained + 1) / n, (lost + 1) / n
    half = z * np.sqrt((a + b - (a - b) ** 2) / n)
    assert PairedChange(gained=gained, lost=lost, total=total).interval == pytest.approx((a - b - half, a - b + half))


def test_noise_without_a_signal_is_no_ratio():
    silent = Noise()
    silent.add(np.zeros(3), np.ones(3))
    assert silent.sqnr_db is None


def test_paired_interval_is_bounded_and_centred():
    low, high = PairedChange(gained=0, lost=3, total=3).interval
    assert -1 <= low < high <= 1
    low, high = PairedChange(gained=4, lost=4, total=100).interval
    assert low == pytest.approx(-high)


def test_noise_adds_up():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=100), rng.normal(size=100)
    whole, parts = Noise(), Noise()
    whole.add(a, b)
    parts.add(a[:30], b[:30])
    parts.add(a[30:], b[30:])
    assert parts.sqnr_db == pytest.approx(whole.sqnr_db)
    exact = Noise()
    exact.add(a, a)
    assert exact.sqnr_db is None
