"""Distance of spike trains: van Rossum's, in discrete time."""

from __future__ import annotations

import numpy as np

STEPS = 10
"""Time constant of the kernel, in time steps."""


def van_rossum(a: np.ndarray, b: np.ndarray, steps: float = STEPS) -> np.ndarray:
    r"""Van Rossum's squared distance of spike trains [1]_.

    Every spike leaves an exponential trace; the distance is the energy of the difference of the traces. On a grid,
    with :math:`\rho = e^{-1/\tau}` for a time constant of :math:`\tau` steps and :math:`d` the difference of the
    trains,

    .. math:: y_t = \rho\, y_{t-1} + d_t, \qquad D^2 = \frac{1 - \rho^2}{2} \sum_{t=0}^{\infty} y_t^2,

    where the sum goes on after the last step, until the traces are gone. One spike more is 1/2, two that are far apart
    in time count 1, and two in the same place nothing.

    Parameters
    ----------
    a, b : int array, shape ``(time, ...)``
        Spikes, or how often a neuron fires in a step.
    steps : float
        Time constant :math:`\tau`.

    Returns
    -------
    float64 array, shape ``(...)``

    References
    ----------
    .. [1] M. C. W. van Rossum, "A novel spike distance", Neural Computation 13 (2001).

    Examples
    --------
    >>> a, b, c = np.eye(50, dtype=int)[[5, 6, 40]]
    >>> [round(float(van_rossum(a, other)), 3) for other in (0 * a, b, c)]
    [0.5, 0.095, 0.97]
    """
    from scipy.signal import lfilter  # slow to load

    kept = float(np.exp(-1 / steps))
    difference = a.astype(np.float64) - b.astype(np.float64)
    if not difference.any():
        return np.zeros(difference.shape[1:])
    traces = np.asarray(lfilter([1.0], [1.0, -kept], difference, axis=0))
    after = traces[-1] ** 2 * kept**2 / (1 - kept**2)
    return (1 - kept**2) / 2 * (np.square(traces).sum(axis=0) + after)
