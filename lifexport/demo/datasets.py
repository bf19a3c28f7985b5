"""Recorded data for examples and benchmarks, from the folder that ``LIFEXPORT_DATA`` names; nothing is downloaded.

Inputs are time first, ``(time, samples, features)``, as ``fit`` and ``simulate`` take them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import LifexportError
from ..findings import error
from ..regular import open_regular


class Split(NamedTuple):
    """Samples for training and for testing.

    Attributes
    ----------
    x_train, x_test : float32 or uint8 array, shape ``(time, samples, ...)``
        Inputs.
    y_train, y_test : int64 array, shape ``(samples,)``
        Classes from 0.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_japanese_vowels() -> Split:
    """Nine speakers say /ae/: 29 steps of 12 cepstral coefficients; 270 for training, 370 for testing.

    Every coefficient has mean 0 and variance 1 over the training recordings; after the end of a recording there are
    zeros. The split is that of Kudo, Toyama and Shimbo (UCI, 10.24432/C5NS47).
    """
    file = _read("japanese_vowels.npz")
    spoken = {part: np.arange(29) < file[f"len_{part}"][:, None] for part in ("train", "test")}
    frames = file["X_train"][spoken["train"]].astype(np.float64)
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)

    def scaled(part: str) -> np.ndarray:
        x = np.where(spoken[part][..., None], (file[f"X_{part}"] - mean) / deviation, 0)
        return np.ascontiguousarray(x.astype(np.float32).swapaxes(0, 1))

    return Split(scaled("train"), _labels(file["y_train"]), scaled("test"), _labels(file["y_test"]))


def load_braille(letters: int = 27, most: int = 15) -> Split:
    """A fingertip slides over Braille letters: 75 steps of 8 counts; 32 repetitions for training, 8 for testing.

    Counts say by how much a reading rose, or fell, since the step before, on each of the four taxels that ever change
    (Mueller-Cleve et al. 2022, Zenodo 10.5281/zenodo.6556273, version 1).

    Parameters
    ----------
    letters : int
        The first so many classes: 1 is the space, 27 all.
    most : int
        Larger counts are cut to it; with 1 there are spikes, which say only that a reading changed.

    Returns
    -------
    Split
        Inputs uint8, shape ``(75, samples, 8)``: four that rise, four that fall.
    """
    file = _read("braille_tactile.npz")
    change = np.diff(file["X"][..., [1, 2, 6, 10]].astype(np.int16), axis=1)
    counts = np.concatenate([change, -change], axis=-1).clip(0, most).astype(np.uint8).swapaxes(0, 1)
    y, first = _labels(file["y"]), file["y"] < letters
    train, test = first & (file["repetition"] < 32), first & (file["repetition"] >= 32)
    return Split(counts[:, train], y[train], counts[:, test], y[test])


def load_nmnist(steps: int = 30, size: int = 17) -> Split:
    """Handwritten digits before an event camera: 500 recordings for training, 100 for testing.

    A 1 says that at least one event of a polarity fell into a pixel during a step (Orchard et al. 2015).

    Parameters
    ----------
    steps : int
        Into how many steps the first 300 ms are divided.
    size : int
        34, the camera's, or 17, where four pixels are taken together.

    Returns
    -------
    Split
        Inputs uint8, shape ``(steps, samples, 2, size, size)``: channels first.
    """
    if size not in (17, 34):
        raise error("LX006", field="size", found=f"{size!r}", fix="give 17 or 34")
    parts = (_read("nmnist_events_train.npz"), _read("nmnist_events_test.npz"))
    (x_train, y_train), (x_test, y_test) = (_frames(part, steps, size) for part in parts)
    return Split(x_train, y_train, x_test, y_test)


def _frames(file: dict[str, np.ndarray], steps: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    offsets = file["offsets"].astype(np.int64)
    n, shrink = len(offsets) - 1, 34 // size
    sample = np.repeat(np.arange(n), np.diff(offsets))
    clock = np.cumsum(file["dt_us"].astype(np.int64))
    starts = np.concatenate([[0], clock])[offsets[:-1]]
    step = (clock - starts[sample]) * steps // 300_000
    polarity, pixel = np.divmod(file["addr"].astype(np.int64), 34 * 34)
    row, column = np.divmod(pixel, 34)
    frames = np.zeros((steps, n, 2, size, size), np.uint8)
    seen = step < steps
    frames[tuple(a[seen] for a in (step, sample, polarity, row // shrink, column // shrink))] = 1
    return frames, _labels(file["y"])


def _labels(y: np.ndarray) -> np.ndarray:
    return y.astype(np.int64)


def _read(name: str) -> dict[str, np.ndarray]:
    folder = os.environ.get("LIFEXPORT_DATA")
    fix = "set LIFEXPORT_DATA to the folder that holds it"
    if not folder:
        raise error("LX003", found=f"{name}: LIFEXPORT_DATA is not set", fix=fix)
    try:
        with open_regular(Path(folder) / name, fix=fix) as content, np.load(content, allow_pickle=False) as file:
            return dict(file)
    except LifexportError:
        raise
    except (OSError, ValueError) as reason:
        raise error("LX003", found=f"{Path(folder) / name}: {reason}", fix=fix) from None
