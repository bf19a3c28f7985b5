"""Integrate-and-fire neurons without leak, as trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .membrane import Spiking


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatIAF(Spiking):
    r"""Integrators with a threshold: :math:`\dot v = r\,I(t)` between spikes; NIR's ``IF``, sinabs' ``IAF``.

    A step is that of ``FloatLIF`` with decay 1 and gain ``r * dt``, which is exact for an input held constant over
    the step. (``brainpy.state.IF`` leaks: it is a ``FloatLIF``.)

    Parameters
    ----------
    r : float array, ohm per second
        Gain; ``1 / dt`` where inputs count in volts.
    shape, dt, v_threshold, v_reset, v_rest, v_initial, reset, compare, refractory
        As in ``FloatLIF``; ``v_rest`` is what potentials are measured from, nothing pulls the membrane there.

    Examples
    --------
    >>> iaf = FloatIAF(shape=(1,), dt=1e-3, r=1e3, v_threshold=1.0, v_reset=0.0)
    >>> state, trace = iaf.initial_state(1), []
    >>> for _ in range(4):
    ...     state, spikes, v = iaf.step(state, np.array([[0.5]]))
    ...     trace.append((float(v[0, 0]), bool(spikes[0, 0])))
    >>> trace
    [(0.5, False), (1.0, True), (0.5, False), (1.0, True)]
    """

    kind: ClassVar[str] = "IAF"
    real: ClassVar[tuple[str, ...]] = (*Spiking.real, "r")

    r: np.ndarray

    @property
    def decay(self) -> np.ndarray:
        """One."""
        return np.ones(self.shape)

    @property
    def gain(self) -> np.ndarray:
        """``r * dt``, float64, ``shape``, ohm."""
        return self.r * self.dt
