"""What arrives at a layer while a network is captured: who gives it, and how the module lays it out.

A ``FloatNetwork`` is channels first. A module may lay out space with the channels last (brainstate's do), and a
flattening of that is another order than one of channels first. ``places`` keeps account: for every position in the
module's array the index in the captured, flat one.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from ..graph import Shape


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Sum of what some nodes give.

    Parameters
    ----------
    sources : tuple of (str, int)
        Nodes, and how many steps late each arrives.
    shape : tuple of int
        Shape in the captured network.
    places : int array, in the module's shape
        Where each number is in the captured network's array, flat.
    unit : Unit or None
        Unit of the numbers; ``None`` for the input of the network, which is whatever its first layer takes.
    alone : bool
        Whether nothing else takes what these nodes give.
    """

    sources: tuple[tuple[str, int], ...]
    shape: Shape
    places: np.ndarray
    unit: u.Unit | None
    alone: bool = True

    @property
    def giver(self) -> str:
        """First node, for error messages."""
        return self.sources[0][0]


def laid_out(shape: Shape, channels_last: bool) -> np.ndarray:
    """Places of an array that is ``shape`` when captured.

    Examples
    --------
    >>> laid_out((2, 3), channels_last=True).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    places = np.arange(math.prod(shape)).reshape(shape)
    return np.moveaxis(places, 0, -1) if channels_last else places


def captured_shape(shape: Shape, channels_last: bool) -> Shape:
    """Shape in the captured network of what is ``shape`` in the module."""
    return (shape[-1], *shape[:-1]) if channels_last and len(shape) > 1 else shape


def moved(values: np.ndarray, places: np.ndarray, shape: Shape) -> np.ndarray:
    """Values in the module's order, put where they belong in the captured array of ``shape``.

    Examples
    --------
    >>> moved(np.array([[1, 2], [3, 4], [5, 6]]), laid_out((2, 3), channels_last=True), (2, 3)).tolist()
    [[1, 3, 5], [2, 4, 6]]
    """
    found = np.empty(values.size, values.dtype)
    found[places.ravel()] = values.ravel()
    return found.reshape(shape)


def relaid(node: Any, flow: Flow) -> Any:
    """Population with each neuron's parameters moved to its place."""
    if node.shape == flow.shape and np.array_equal(flow.places.ravel(), np.arange(flow.places.size)):
        return node
    fields = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    own = {k: v for k, v in fields.items() if isinstance(v, np.ndarray) and v.shape == node.shape}
    return dataclasses.replace(node, shape=flow.shape, **{k: moved(v, flow.places, flow.shape) for k, v in own.items()})
