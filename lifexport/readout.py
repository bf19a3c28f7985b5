"""From output spikes or membranes to a class: the same rule in float, integer, ONNX and report."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from .findings import unknown_name

Readout = Literal["count", "membrane_last", "membrane_max"]
READOUTS: tuple[Readout, ...] = get_args(Readout)


class Prediction(NamedTuple):
    """Class per sample, and how many samples had more than one best class."""

    labels: np.ndarray
    ties: int


def scores(readout: Readout, spikes: np.ndarray, v: np.ndarray | None) -> np.ndarray:
    """Score of every class.

    Parameters
    ----------
    readout : str
        ``count`` of spikes over time, ``membrane_last`` or ``membrane_max`` over time (before reset).
    spikes : int array, shape ``(time, batch, classes)``
        Output spikes.
    v : array, same shape, optional
        Output membranes before reset; needed by the membrane readouts.

    Returns
    -------
    array, shape ``(batch, classes)``
    """
    match readout:
        case "count":
            return spikes.sum(axis=0, dtype=np.int64)
        case "membrane_last":
            assert v is not None
            return v[-1]
        case "membrane_max":
            assert v is not None
            return v.max(axis=0)
    raise unknown_name("readout", readout, READOUTS, code="LX106", field="readout")


def leaving(spikes: np.ndarray, delay: int) -> np.ndarray:
    """What leaves over an edge of some delay while a population fires, over the same steps; zeros before.

    Examples
    --------
    >>> leaving(np.array([1, 2, 3]), 1).tolist()
    [0, 1, 2]
    """
    if not delay:
        return spikes
    return np.concatenate([np.zeros((delay, *spikes.shape[1:]), spikes.dtype), spikes])[: len(spikes)]


def predict(score: np.ndarray) -> Prediction:
    """Best class of each sample; ties go to the lowest index and are counted.

    Examples
    --------
    >>> predict(np.array([[2, 5, 5], [1, 0, 0]]))
    Prediction(labels=array([1, 0]), ties=1)
    """
    flat = score.reshape(len(score), -1)
    best = flat.max(axis=1, keepdims=True)
    return Prediction(flat.argmax(axis=1), int(((flat == best).sum(axis=1) > 1).sum()))
