"""From the outputs of a network over time to classes, and how wrong they are: the readouts of lifexport in JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ..findings import unknown_name
from ..readout import READOUTS, Readout


def scores(outputs: Any, readout: Readout = "count") -> jax.Array:
    """Score of every class, as ``lifexport.readout.scores`` has it: the highest wins, ties go to the lowest class.

    Parameters
    ----------
    outputs : float array or quantity, shape ``(time, batch, *classes)``
        What ``run`` of a network returns: spikes of its last population, or membranes where that never fires. Of a
        quantity the number counts, in its own unit.
    readout : str
        ``count``: the sum over time; ``membrane_last``; ``membrane_max``.

    Returns
    -------
    float array, shape ``(batch, classes)``

    Raises
    ------
    ParameterError
        LX106: no such readout.

    Examples
    --------
    >>> outputs = jnp.array([[[0.0, 1.0]], [[2.0, 0.5]], [[1.0, 0.0]]])
    >>> [scores(outputs, readout).tolist() for readout in ("count", "membrane_last", "membrane_max")]
    [[[3.0, 1.5]], [[1.0, 0.0]], [[2.0, 1.0]]]
    """
    flat = u.get_mantissa(outputs)
    flat = flat.reshape(*flat.shape[:2], -1)
    match readout:
        case "count":
            return flat.sum(axis=0)
        case "membrane_last":
            return flat[-1]
        case "membrane_max":
            return flat.max(axis=0)
    raise unknown_name("readout", readout, READOUTS, code="LX106", field="readout")


@dataclass(frozen=True)
class CrossEntropy:
    r"""Cross entropy of labels under a softmax of scores, the mean over samples.

    .. math:: L = -\frac{1}{N} \sum_n \log \frac{e^{\gamma z_{n, y_n}}}{\sum_c e^{\gamma z_{n, c}}}

    Parameters
    ----------
    readout : str
        How outputs become scores :math:`z`; see ``scores``.
    scale : float, optional
        Factor :math:`\gamma`. By default 1/2 for counts, which grow with the number of steps, else 1.

    Raises
    ------
    ParameterError
        LX106: no such readout.

    Examples
    --------
    >>> loss = CrossEntropy()
    >>> print(loss(jnp.zeros((25, 2, 10)), jnp.array([3, 7])), jnp.log(10.0))
    2.3025851 2.3025851
    """

    readout: Readout = "count"
    scale: float | None = None

    def __post_init__(self):
        if self.readout not in READOUTS:
            raise unknown_name("readout", self.readout, READOUTS, code="LX106", field="loss")

    def __call__(self, outputs: Any, labels: jax.Array) -> jax.Array:
        """Loss of outputs ``(time, batch, *classes)`` and labels ``(batch,)``; a scalar."""
        scale = self.scale if self.scale is not None else 0.5 if self.readout == "count" else 1.0
        chances = jax.nn.log_softmax(scale * scores(outputs, self.readout))
        return -jnp.take_along_axis(chances, labels[:, None], axis=1).mean()
