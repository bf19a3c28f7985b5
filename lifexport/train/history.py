"""What training tells when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Evaluation(NamedTuple):
    """How well a network does on a set: mean loss, and the fraction of samples it recognised."""

    loss: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one pass over the training samples showed.

    Attributes
    ----------
    number : int
        From 1.
    loss, accuracy : float
        Means over the batches, each before its own step.
    rates : dict of str to float
        Mean spikes per neuron and step of every spiking layer, over the same batches.
    validation : Evaluation, optional
        Of the parameters after the epoch.
    """

    number: int
    loss: float
    accuracy: float
    rates: dict[str, float]
    validation: Evaluation | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """What ``fit`` did.

    Attributes
    ----------
    epochs : tuple of Epoch
        In order.
    best : Epoch
        The one whose parameters the network has now: the first of highest validation accuracy, of equal ones that of
        lowest validation loss; without validation the last.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
