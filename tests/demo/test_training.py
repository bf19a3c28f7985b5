from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import brainstate
import numpy as np
import pytest

from lifexport.demo import training


@pytest.fixture(scope="module")
def digits():
    return training.load_digits()


def digest(net) -> str:
    weights = [np.asarray(state.value["weight"]) for state in net.states(brainstate.ParamState).values()]
    return hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()


def test_the_split_is_stratified_and_fixed(digits):
    assert (digits.x_train.dtype, digits.y_train.dtype) == (np.float32, np.int64)
    assert {len(digits.x_train), len(digits.y_train)} == {1347}
    assert set(np.unique(digits.x_train * 16)) == set(range(17))
    shares = [np.bincount(y, minlength=10) / len(y) for y in (digits.y_train, digits.y_test)]
    np.testing.assert_allclose(*shares, atol=0.002)
    for again, first in zip(training.load_digits(), digits, strict=True):
        np.testing.assert_array_equal(again, first)


def test_the_other_seed_and_fraction_count(digits):
    other = training.load_digits(test_fraction=0.5, seed=1)
    assert len(other.x_test) == 899
    assert not np.array_equal(other.y_test[:100], digits.y_test[:100])


def test_the_untrained_network_lives(digits):
    brainstate.random.seed(0)
    net = training.digits_network()
    counts = np.asarray(training.spike_counts(net, training.constant_current(digits.x_test[:50])))
    assert counts.shape == (50, 10)
    np.testing.assert_array_equal(counts, counts.round())
    assert 0.01 < counts.mean() / training.STEPS < 0.6


def test_training_reaches_its_figure(digits):
    seen = []
    net = training.train_digits(0, on_epoch=lambda epoch, loss: seen.append((epoch, loss)))
    assert [epoch for epoch, _ in seen] == list(range(1, 41))
    assert seen[-1][1] < 0.1 * seen[0][1]
    assert training.accuracy(net, digits.x_test, digits.y_test) >= 0.97
    # A caller can read the states: none is left over from jit.
    assert net.layers[1].V.value.shape == (450, 128)


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path):
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; from lifexport.demo import training;"
        "import test_training; print(test_training.digest(training.train_digits(3, epochs=2)))"
    )
    here = digest(training.train_digits(3, epochs=2))
    folders = [str(Path(__file__).parents[n]) for n in (0, 2)]
    there = subprocess.run(
        [sys.executable, "-c", program, *folders], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here
    assert digest(training.train_digits(4, epochs=2)) != here
