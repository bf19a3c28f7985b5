r"""How far apart two weight codes lie: the step of a matrix of weights, by several methods.

================  ==============================================================================================
``minmax``        the largest weight takes the last code
``percentile``    a percentile of the magnitudes does; larger weights are clipped
``mse``           least sum of squared weight errors, clipping included
``membrane``      least expected square of the error that a step adds to the membranes, :math:`\sum_j e_j^T C e_j`
                  with the weight errors :math:`e_j` of neuron :math:`j` and :math:`C = E[x x^T]` of its inputs:
                  errors of weights that are used together add up, those of unused weights cost nothing
================  ==============================================================================================
"""

from __future__ import annotations

import numpy as np

from ..findings import error
from ..quantspec import Method

CANDIDATES = 2.0 ** -(np.arange(97) / 16)
"""Steps that are tried, as shares of the one that clips nothing."""


def step(weight: np.ndarray, hi: int, method: Method, *, percentile: float, moments: np.ndarray | None) -> float:
    """Step of weights whose codes end at ``hi``; 0 if all weights are zero.

    Parameters
    ----------
    weight : float array, shape ``(out, in)``
    hi : int
        Last code.
    method : str
        One of the table above.
    percentile : float
        Of the magnitudes, for ``percentile``.
    moments : float array, shape ``(in, in)``, optional
        :math:`E[x x^T]` of the inputs, for ``membrane``.

    Examples
    --------
    >>> weight = np.array([[0.1, 0.2, 0.3, 7.0]])
    >>> [round(step(weight, 7, how, percentile=75, moments=None), 3) for how in ("minmax", "percentile")]
    [1.0, 0.282]
    """
    largest = float(np.abs(weight).max()) / hi
    if largest == 0 or method == "minmax":
        return largest
    if method == "percentile":
        return float(np.percentile(np.abs(weight), percentile)) / hi or largest
    if method == "membrane" and moments is None:
        fix = "pass calibration=x: it needs the inputs of every layer"
        raise error("LX205", field="calibration", found="none for method 'membrane'", fix=fix)
    costs = [_cost(weight, largest * share, hi, moments if method == "membrane" else None) for share in CANDIDATES]
    return largest * float(CANDIDATES[int(np.argmin(costs))])


def _cost(weight: np.ndarray, unit: float, hi: int, moments: np.ndarray | None) -> float:
    wrong = np.clip(np.rint(weight / unit), -hi, hi) * unit - weight
    return float((wrong**2).sum()) if moments is None else float(np.einsum("ji,ik,jk->", wrong, moments, wrong))
