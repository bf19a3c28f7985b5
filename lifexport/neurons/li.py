"""Leaky integrators without threshold, as trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .membrane import Leaky


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLI(Leaky):
    r"""Leaky integrators that never spike; their membrane is what the network answers.

    .. math:: v \leftarrow v_{rest} + \alpha (v - v_{rest}) + \gamma I

    Parameters
    ----------
    shape, dt, tau, r, v_rest, v_initial, discretisation
        As in ``FloatLIF``.

    Examples
    --------
    >>> import numpy as np
    >>> li = FloatLI(shape=(1,), dt=1e-3, tau=10e-3, r=1.0)
    >>> li.step(li.initial_state(1), np.array([[1.0]])).v.round(4).tolist()
    [[0.0952]]
    """

    kind: ClassVar[str] = "LI"
