"""Float32 numbers with which an importer's own arithmetic does what was trained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...neurons.rules import Compare

NEAR = 8
"""Float32 numbers looked at on both sides of the nearest one."""


def threshold(height: np.ndarray, trained: Compare, importer: Compare) -> np.ndarray:
    """Float32 threshold at which the importer's comparison fires exactly the float32 potentials the trained one does.

    Examples
    --------
    >>> th = threshold(np.array([1.0]), ">=", ">")
    >>> bool(th < 1), np.nextafter(th, np.float32(2)).tolist()
    (True, [1.0])
    >>> threshold(np.array([1.0]), ">=", ">=").tolist()
    [1.0]
    """
    least = height.astype(np.float32)  # the least potential that fires
    below = least < height if trained == ">=" else least <= height
    least = np.where(below, np.nextafter(least, np.float32(np.inf)), least)
    return least if importer == ">=" else np.nextafter(least, np.float32(-np.inf))


def realised(wanted: np.ndarray, guess: np.ndarray, importer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Float32 parameter near ``guess`` for which the importer's arithmetic comes closest to what is ``wanted``.

    Parameters
    ----------
    wanted : float64 array
        What the importer should arrive at, a rate or decay.
    guess : float64 array
        Parameter in exact arithmetic.
    importer : function of a float32 array
        What the importer makes of the parameter, in float32.

    Examples
    --------
    >>> tau = realised(np.array([0.25]), np.array([4e-3]), lambda tau: np.float32(1e-3) * (np.float32(1) / tau))
    >>> (np.float32(1e-3) * (np.float32(1) / tau)).tolist()
    [0.25]
    """
    best = nearest = guess.astype(np.float32)
    error = np.abs(importer(best) - wanted)
    for direction in (np.float32(np.inf), np.float32(0)):
        candidate = nearest
        for _ in range(NEAR):
            candidate = np.nextafter(candidate, direction)
            distance = np.abs(importer(candidate) - wanted)
            best = np.where(distance < error, candidate, best)
            error = np.minimum(distance, error)
    return best
