"""From a trained module to numbers: the only door from ``train/`` to everything after it.

Units become SI, parameters become float64, ``dt`` is fixed. What is not understood is refused: a layer that was
skipped would be missing from every export.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..findings import error
from ..graph import Edge
from ..network import FloatNetwork, StateReset
from ..nodes import Input, Output
from ..readout import Readout
from .kinds import channels_last
from .neurons import is_neurons, parameters_of, require_same_units
from .reading import seconds_of
from .wiring import Wiring, entry_size, free, leaves


def capture(
    net: Any,
    *,
    dt: Any = None,
    in_size: int | tuple[int, ...] | None = None,
    readout: Readout = "count",
    state_reset: StateReset = "sample",
) -> FloatNetwork:
    """Freeze a trained network into numbers.

    Parameters
    ----------
    net : module
        Layers of lifexport, one in ``Sequential``, ``Parallel`` and ``Recurrent``, ending in neurons. Of brainstate:
        ``Sequential``, ``Linear``, ``Conv1d``, ``Conv2d``, ``AvgPool1d``, ``AvgPool2d``, ``Flatten``,
        ``BatchNorm0d`` to ``BatchNorm2d``, ``Dropout``; of brainpy the neurons, without importing it.
    dt : quantity or float
        Time step: a time such as ``1 * u.ms`` for networks with units, a plain number of seconds for those without.
        By default that of ``brainstate.environ``.
    in_size : int or tuple of int, optional
        Shape of one sample as the module takes it: checked against the first layer, needed if that states none.
    readout : str
        How a class is read from the output: ``count``, ``membrane_last``, ``membrane_max``.
    state_reset : ``"sample"`` | ``"never"``
        Whether the state starts anew with every call of a simulator.

    Returns
    -------
    FloatNetwork
        Nodes are named by the layers' ``name``, else by kind and position (``linear0``, ``lif0``, ...); the
        network's own ends are ``input`` and ``output``, with ``_`` after them where a layer has that name. A
        connection that stands at several places, or takes a sum of branches, is as many nodes of equal weights, named
        likewise. Space is channels first, whatever the module does.

    Raises
    ------
    ParameterError, UnitError
        LX103, LX109: ``dt`` missing, not positive or of the wrong unit; LX006, LX101..LX106: parameters, judged anew
        for they may have been changed since the layer was built; LX109: units that do not fit, between the
        parameters of a layer, from a layer to the next, or between layers.
    UnsupportedError
        LX110: a layer that has no place in a FloatNetwork, a normalisation that cannot be folded, or neurons that
        stand at two places.
    ShapeError
        LX102, LX107: sizes that do not fit, two layers of one name.

    Notes
    -----
    The input of the network is plain numbers for a ``Linear``; for a ``LIF`` that comes first it is in ampere.

    A network whose spatial layers have the channels last (brainstate's do) is captured with the channels first: the
    input ``(height, width, channels)`` becomes ``(channels, height, width)``, neurons and the weights behind a
    flattening are moved along. Feed it ``np.moveaxis(x, -1, 2)``.

    Normalisations are folded into the weights before them, with their running statistics; dropout is left out.

    The initial potential is captured as numbers: ``V_initializer`` is asked once for one sample, so a random one is
    drawn here (from ``brainstate.random``) and every sample starts from the same draw.

    Examples
    --------
    >>> import brainunit as u
    >>> from lifexport.train import LIF, Linear, Sequential
    >>> net = Sequential(Linear(4, 3), LIF(3, tau=10 * u.ms), Linear(3, 2), LIF(2))
    >>> list(capture(net, dt=1 * u.ms).nodes)
    ['input', 'linear0', 'lif0', 'linear1', 'lif1', 'output']
    """
    layers = _named(list(leaves(net)))
    parameters = {name: parameters_of(name, layer) for name, layer in layers.items() if is_neurons(layer)}
    if not parameters:
        raise _no_end(next(reversed(layers), None))
    with_units = require_same_units(layers, parameters)
    seconds = seconds_of(dt, with_units)
    wiring = Wiring(layers, parameters, seconds, with_units, channels_last(layers))
    entry = wiring.enter(free("input", layers), _entry(net, in_size, next(iter(layers))))
    end = wiring.follow(net, entry)
    if len(end.sources) != 1 or end.giver not in parameters:
        raise _no_end(next(reversed(layers)) if end.giver in parameters else end.giver)
    leave = free("output", wiring.nodes.keys() | {entry.giver})
    return FloatNetwork(
        nodes={entry.giver: Input(shape=entry.shape), **wiring.nodes, leave: Output(shape=end.shape)},
        edges=(*wiring.edges, Edge(end.giver, leave)),
        dt=seconds,
        readout=readout,
        state_reset=state_reset,
    )


def _no_end(node: str | None) -> Exception:
    return error("LX110", node=node, found="the network does not end in neurons", fix="end it with a LIF layer")


def _entry(net: Any, in_size: int | tuple[int, ...] | None, first: str) -> tuple[int, ...]:
    """Shape of what the network takes, in the module's order."""
    given = None if in_size is None else tuple(np.atleast_1d(in_size).tolist())
    stated = entry_size(net)
    if given is not None and stated is not None and given != stated:
        raise error("LX102", field="in_size", found=f"{in_size}; the first layer takes {stated}", fix="make them equal")
    size = stated if given is None else given
    if size is None:
        found = "the first layer does not state what it takes"
        raise error("LX102", node=first, field="in_size", found=found, fix="give capture(net, in_size=(...))")
    return size


def _named(layers: list[Any]) -> dict[str, Any]:
    """Layers by their names; one without a name gets its kind and its position among those of its kind."""
    count: Counter[str] = Counter()
    given = {layer.name for layer in layers}
    named: dict[str, Any] = {}
    for layer in layers:
        kind = type(layer).__name__.lower()
        name = layer.name or f"{kind}{count[kind]}"
        count[kind] += 1
        if any(layer is other for other in named.values()):
            if is_neurons(layer):
                found = "the same neurons at two places: one membrane, advanced twice a step"
                raise error("LX110", node=name, found=found, fix=f"build a {type(layer).__name__} for each place")
            name = free(name, given | named.keys())
        if name in named:
            raise error("LX107", node=name, found="a second layer of this name", fix="give every layer its own name")
        named[name] = layer
    return named
