r"""The potential one membrane code stands for: chosen with the weights, the threshold and the bias together.

A range of a multiple of the threshold sets the finest unit, ``lsb``. The weights of the connection with the largest
step :math:`s` then decide: with :math:`k = \lfloor\log_2 (s / lsb)\rfloor`, at most the largest shift of the target,
:math:`q = s / 2^k`, so that this connection uses all of its codes. Where a threshold or bias does not fit the target's
words in that unit, it is doubled until it does.

Potentials are ratios to the largest threshold of the network here (``reference``), so that codes are the same in volt,
millivolt and plain numbers, and powers of two are powers of two of that threshold.

Neurons may count in units of their own, ``q`` times a whole number: for a target with one threshold per layer in
proportion to their thresholds, with ``scale="channel"`` in proportion to their largest weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from ..findings import error
from ..fixedpoint import SIGNIFICANT_BITS, dyadic
from ..network import FloatNetwork
from ..neurons.membrane import Spiking
from .feeding import Feeding

RATIO_BITS = 40
"""Significant bits of a ratio of two potentials; float64 has 53, and a few of them are lost by a change of units."""
FINER = 4.0
"""How far below the coarsest unit of a layer a neuron's own may lie, in proportion to its threshold."""


def ratios(values: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Values over a scale, to as many bits as do not depend on the unit that both were given in.

    Volt, millivolt and plain numbers of one network differ in the last bits of float64 alone, which must not decide
    where a number halfway between two codes goes.

    Examples
    --------
    >>> volt, plain = np.array([7e-3, 5e-3]), np.array([7.0, 5.0])
    >>> bool((volt / 9e-3 == plain / 9.0).all()), bool((ratios(volt, 9e-3) == ratios(plain, 9.0)).all())
    (False, True)
    """
    with np.errstate(over="ignore"):
        mantissa, exponent = np.frexp(np.asarray(values) / scale)
    if not np.isfinite(mantissa).all():
        fix = "rescale weights or thresholds: they are too far apart for any unit"
        raise error("LX204", field="unit", found=f"numbers more than 2**1024 times {scale:g}", fix=fix)
    return np.ldexp(np.rint(np.ldexp(mantissa, RATIO_BITS)), exponent - RATIO_BITS)


def reference(network: FloatNetwork, parts: Iterable[Feeding]) -> float:
    """Potential in which the numbers of a layer are counted before they become codes, volt.

    The largest threshold of the network from rest; where nothing spikes, the layer's largest weight.
    """
    spiking = (node for node in network.populations.values() if isinstance(node, Spiking))
    largest = max((float((node.v_threshold - node.v_rest).max()) for node in spiking), default=0.0)
    if largest <= 0:
        largest = max(float(np.abs(part.weight).max()) * float(part.arriving) for part in parts)
    return largest or 1.0


def proportions(threshold: np.ndarray, largest: np.ndarray | None) -> np.ndarray:
    """Units of neurons in proportion, the coarsest 1.

    Parameters
    ----------
    threshold : float array, shape ``(n,)``
    largest : float array, shape ``(n,)``, optional
        Largest weight of each neuron; by default units go with the thresholds alone.

    Examples
    --------
    >>> proportions(np.array([1.0, 0.5]), None).tolist()
    [1.0, 0.5]
    >>> proportions(np.array([1.0, 1.0, 1.0]), np.array([2.0, 1.0, 0.1])).tolist()
    [1.0, 0.5, 0.25]
    """
    share = threshold / threshold.max()
    return share if largest is None else np.maximum(largest / largest.max(), share / FINER)


def whole(share: np.ndarray) -> tuple[np.ndarray, Fraction]:
    """Proportions as whole numbers, and what one of them stands for; 1 and 1 where all are equal."""
    if (share == 1).all():
        return np.ones(share.shape, np.int64), Fraction(1)
    return np.maximum(np.rint(share * (1 << SIGNIFICANT_BITS)).astype(np.int64), 1), Fraction(1, 1 << SIGNIFICANT_BITS)


def power_of_two(value: float) -> float:
    """Smallest power of two that is not less.

    >>> power_of_two(0.3), power_of_two(0.5)
    (0.5, 0.5)
    """
    return 2.0 ** math.ceil(math.log2(value))


def membrane_unit(lsb: float, step: float, most: int) -> Fraction:
    """Unit of the membrane from the finest one, the largest weight step and the largest shift.

    >>> membrane_unit(1.0, 5.0, 24), membrane_unit(1.0, 5.0, 1), membrane_unit(1.0, 0.5, 24)
    (Fraction(5, 4), Fraction(5, 2), Fraction(1, 1))
    """
    if lsb == 0 or step <= lsb:
        return dyadic(lsb)
    return dyadic(step / 2 ** min(math.floor(math.log2(step / lsb)), most))
