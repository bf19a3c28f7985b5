from __future__ import annotations

import numpy as np
import pytest
from data import DATA, needs

from lifexport.demo import datasets
from lifexport.errors import FileError, ParameterError


@pytest.fixture
def folder(monkeypatch):
    monkeypatch.setenv("LIFEXPORT_DATA", str(DATA))


@needs("japanese_vowels.npz")
def test_vowels_are_scaled_and_silent_after_their_end(folder):
    data = datasets.load_japanese_vowels()
    assert data.x_train.shape == (29, 270, 12) and data.x_test.shape == (29, 370, 12)
    assert data.x_train.dtype == np.float32 and set(data.y_train) == set(data.y_test) == set(range(9))
    with np.load(DATA / "japanese_vowels.npz") as file:
        for x, lengths in ((data.x_train, file["len_train"]), (data.x_test, file["len_test"])):
            over = np.arange(29)[:, None] >= lengths
            assert (x[over] == 0).all() and (x[~over] != 0).all()
    spoken = data.x_train[data.x_train.any(axis=-1)]
    np.testing.assert_allclose(spoken.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(spoken.std(axis=0), 1, rtol=1e-5)


@needs("braille_tactile.npz")
def test_braille_counts_are_the_changes_of_a_reading(folder):
    data = datasets.load_braille()
    assert data.x_train.shape == (75, 27 * 32, 8) and data.x_test.shape == (75, 27 * 8, 8)
    assert set(np.bincount(data.y_train)) == {32} and set(np.bincount(data.y_test)) == {8}
    with np.load(DATA / "braille_tactile.npz") as file:
        last = np.flatnonzero(file["repetition"] >= 32)[-1]
        taxel = file["X"][last, :, 6].astype(int)
    np.testing.assert_array_equal(data.x_test[:, -1, 2], np.clip(taxel[1:] - taxel[:-1], 0, 15))
    np.testing.assert_array_equal(data.x_test[:, -1, 6], np.clip(taxel[:-1] - taxel[1:], 0, 15))
    assert data.x_test[:, -1, 2].max() > 1 and data.x_test.max() == 15
    few = datasets.load_braille(letters=7, most=1)
    np.testing.assert_array_equal(few.x_train, datasets.load_braille(letters=7).x_train > 0)
    assert set(few.y_train) == set(range(7)) and few.x_train.shape == (75, 7 * 32, 8)


@needs("nmnist_events_train.npz")
def test_nmnist_frames_are_the_events(folder):
    data = datasets.load_nmnist(steps=300, size=34)
    assert data.x_train.shape == (300, 500, 2, 34, 34) and data.x_test.shape == (300, 100, 2, 34, 34)
    assert data.x_train.dtype == np.uint8 and set(data.y_test) == set(range(10))
    with np.load(DATA / "nmnist_events_test.npz") as file:
        for i in (0, 99):
            events = slice(*file["offsets"][i : i + 2])
            t = np.cumsum(file["dt_us"][events].astype(np.int64)) // 1000
            expected = np.zeros((300, 2 * 34 * 34), np.uint8)
            expected[t[t < 300], file["addr"][events][t < 300]] = 1
            np.testing.assert_array_equal(data.x_test[:, i].reshape(300, -1), expected)


@needs("nmnist_events_train.npz")
def test_nmnist_takes_pixels_and_steps_together(folder):
    fine, coarse = datasets.load_nmnist(steps=60, size=34).x_test, datasets.load_nmnist(steps=30, size=17).x_test
    pooled = fine.reshape(30, 2, 100, 2, 17, 2, 17, 2).max(axis=(1, 5, 7))
    np.testing.assert_array_equal(coarse, pooled)


def test_what_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("LIFEXPORT_DATA", raising=False)
    with pytest.raises(FileError, match=r"LX003.*braille_tactile\.npz: LIFEXPORT_DATA is not set; fix: set LIFEXPORT"):
        datasets.load_braille()
    monkeypatch.setenv("LIFEXPORT_DATA", str(tmp_path))
    with pytest.raises(FileError, match=r"LX003.*japanese_vowels\.npz"):
        datasets.load_japanese_vowels()
    (tmp_path / "japanese_vowels.npz").write_bytes(b"damaged")
    with pytest.raises(FileError, match=r"LX003.*japanese_vowels\.npz"):
        datasets.load_japanese_vowels()
    with pytest.raises(ParameterError, match=r"LX006.*size: 20"):
        datasets.load_nmnist(size=20)
