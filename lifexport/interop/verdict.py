"""Spikes of one simulator held against those of another: what differs, and what a near tie may have caused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..findings import error


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Spikes of a run against those expected.

    Parameters
    ----------
    steps, samples, neurons : int
    spikes : int
        Expected.
    differing : int
        Spikes that differ although no potential of that sample had yet come within ``ulps`` of a threshold.
    near_ties, potentials : int
        How many potentials did, of those of all neurons of the network in all steps.
    after_ties : int
        Spikes that differ after that.
    first : tuple of int or None
        ``(step, sample, *neuron)`` of the first spike that differs.
    ulps : float
    """

    steps: int
    samples: int
    neurons: int
    spikes: int
    differing: int
    near_ties: int
    potentials: int
    after_ties: int
    first: tuple[int, ...] | None
    ulps: float

    @property
    def exact(self) -> bool:
        """Whether no spike differs at all."""
        return self.first is None

    def __str__(self) -> str:
        total = self.steps * self.samples * self.neurons
        text = f"{self.differing} of {total} differ ({self.spikes} spikes)"
        if self.near_ties:
            text += f"; {self.near_ties} of {self.potentials} potentials within {self.ulps:g} ulp of a threshold"
            text += f", {self.after_ties} differ after one"
        if self.first is not None:
            step, sample, *neuron = self.first
            text += f"; first at step {step}, sample {sample}, neuron {', '.join(map(str, neuron))}"
        return text


def agreement(have: np.ndarray, want: np.ndarray, margins: dict[str, np.ndarray], ulps: float) -> Agreement:
    """Hold spikes against those expected.

    Parameters
    ----------
    have, want : array, shape ``(time, batch, *shape)``
        Counts of spikes.
    margins : dict from population to array, shape ``(time, batch, *shape)``
        Potential less threshold, in ulp of the threshold.
    ulps : float
        What counts as near.

    Raises
    ------
    MismatchError
        LX402 for another shape.

    Examples
    --------
    >>> have, want = np.zeros((3, 1, 1)), np.array([0, 1, 1]).reshape(3, 1, 1)
    >>> print(agreement(have, want, {"a": np.array([50.0, 2.0, 90.0]).reshape(3, 1, 1)}, 8))
    0 of 3 differ (2 spikes); 1 of 3 potentials within 8 ulp of a threshold, 2 differ after one;
    first at step 1, sample 0, neuron 0
    """
    if have.shape != want.shape:
        found, fix = f"output of shape {have.shape}, {want.shape} expected", "report this with the file"
        raise error("LX402", found=found, fix=fix)
    each = [(np.abs(margin) <= ulps).reshape(*want.shape[:2], -1) for margin in margins.values()]
    near = np.any([ties.any(-1) for ties in each], axis=0)
    after = np.logical_or.accumulate(near, axis=0).reshape(*near.shape, *(1,) * (want.ndim - 2))
    differs = have != want
    first = np.argwhere(differs)
    return Agreement(
        steps=want.shape[0],
        samples=want.shape[1],
        neurons=int(np.prod(want.shape[2:])),
        spikes=int(want.sum()),
        differing=int((differs & ~after).sum()),
        near_ties=int(sum(ties.sum() for ties in each)),
        potentials=sum(ties.size for ties in each),
        after_ties=int((differs & after).sum()),
        first=tuple(int(i) for i in first[0]) if len(first) else None,
        ulps=ulps,
    )
