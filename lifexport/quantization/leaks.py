"""From a trained decay to the amount of a chip's leak, and what that amount amounts to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..neurons import Leak
from .units import ratios


class LeakMap:
    """The decays a target's leak can have; ``section`` is that of the target's description.

    Examples
    --------
    >>> leak = LeakMap({"kind": "shift", "bits": {"min": 4, "max": 4, "default": 4}, "per": "neuron"})
    >>> leak.amounts(np.array([0.8187, 0.96])).tolist(), leak.realised(np.array([2, 5])).tolist()
    ([2, 5], [0.75, 0.96875])
    """

    def __init__(self, section: dict[str, Any], bits: int | None = None):
        self.kind, self.per = section["kind"], section["per"]
        self.bits = 0 if self.kind == "none" else section["bits"]["default"] if bits is None else bits
        offset = section.get("offset")  # where there is one, the chip stores what is lost, less the offset
        self.lowest = 0 if offset is None else max(0, 1 - offset)
        """Smallest factor of a multiplying leak."""
        self.highest = (1 << self.bits) - (offset or 0)
        """Largest factor of a multiplying leak."""
        self.lossless = self.kind in ("none", "linear") or (self.kind == "multiply" and not offset)
        """Whether some amount leaves every potential as it is."""

    def amounts(self, decay: np.ndarray) -> np.ndarray:
        """Amounts of the leak nearest to trained decays, int64: factors nearest, shifts by their time constant."""
        decay = ratios(decay)
        if self.kind == "multiply":
            return np.clip(np.rint(decay * (1 << self.bits)).astype(np.int64), self.lowest, self.highest)
        if self.kind == "shift":
            shifts = np.arange(min(1 << self.bits, 32))
            with np.errstate(divide="ignore"):
                ratio = np.abs(np.log1p(tau_change(decay[..., None], 1 - 2.0**-shifts)))
            return np.argmin(ratio, axis=-1)
        return np.zeros(decay.shape, np.int64)

    def realised(self, amounts: np.ndarray) -> np.ndarray:
        """Decay per step that amounts stand for, float64."""
        return Leak(kind=self.kind, bits=self.bits).realised(amounts)


def tau_change(decay: np.ndarray, realised: np.ndarray) -> np.ndarray:
    """Change of the time constant ``-dt / ln(decay)``, ``tau_realised / tau - 1``; of none to none it is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(decay) / np.log(realised) - 1
    change = np.where(np.isnan(change) | (realised == 0), np.where(decay == realised, 0.0, -1.0), change)
    return np.where((realised == 1) & (decay == 1), 0.0, np.where((realised == 1) & (decay < 1), np.inf, change))


def tau_text(decay: float, dt: float) -> str:
    """Time constant of a decay, for people."""
    if decay in (0.0, 1.0):
        return "no leak" if decay else "nothing kept"
    return f"{-dt / math.log(decay) * 1e3:.4g} ms"
