"""From a trained module to numbers: the only door from ``train/`` to everything after it.

Units become SI, parameters become float64, ``dt`` is fixed. What is not understood is refused: a layer that was
skipped would be missing from every export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np

from ..findings import at_node, error
from ..graph import Edge
from ..network import FloatNetwork, StateReset
from ..nodes import Input, Output
from ..readout import Readout
from .connections import check_currents, dense
from .neurons import is_neurons, is_population, is_readout, parameters_of, population, readout_nodes, require_same_units
from .reading import is_layer, seconds_of


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
        ``Sequential`` (lifexport's or brainstate's, nested or not) of ``Linear`` and ``LIF`` layers, ending in a
        ``LIF``. ``brainpy.state.LIF`` and ``brainstate.nn.Linear`` are recognised without importing brainpy.
    dt : quantity or float
        Time step: a time such as ``1 * u.ms`` for networks with units, a plain number of seconds for those without.
        By default that of ``brainstate.environ``.
    in_size : int or tuple of int, optional
        Checked against the first layer.
    readout : str
        How a class is read from the output: ``count``, ``membrane_last``, ``membrane_max``.
    state_reset : ``"sample"`` | ``"never"``
        Whether the state starts anew with every call of a simulator.

    Returns
    -------
    FloatNetwork
        Nodes are named by the layers' ``name``, else by kind and position (``linear0``, ``lif0``, ...); the
        network's own ends are ``input`` and ``output``, with ``_`` after them where a layer has that name. A
        ``Linear`` that stands at several places is as many nodes of equal weights, named likewise.

    Raises
    ------
    ParameterError, UnitError
        LX103, LX109: ``dt`` missing, not positive or of the wrong unit; LX006, LX101..LX106: parameters, judged anew
        for they may have been changed since the layer was built; LX109: units that do not fit, between the
        parameters of a layer, from a layer to the next, or between layers.
    UnsupportedError
        LX110: a layer that has no place in a FloatNetwork, or neurons that stand at two places.

    Notes
    -----
    The input of the network is plain numbers for a ``Linear``; for a ``LIF`` that comes first it is in ampere.

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
    layers = _named(list(_layers(net)))
    end = next(reversed(layers), None)
    if end is None or not is_neurons(layers[end]):
        raise error("LX110", node=end, found="the network does not end in neurons", fix="end it with a LIF layer")
    parameters = {name: parameters_of(name, layer) for name, layer in layers.items() if is_neurons(layer)}
    with_units = require_same_units(layers, parameters)
    seconds = seconds_of(dt, with_units)
    check_currents(layers, with_units)
    nodes: dict[str, Any] = {}
    for name, layer in layers.items():
        with at_node(name):
            if is_population(layer):
                nodes[name] = population(layer, parameters[name], seconds)
            elif is_readout(layer):
                nodes[_free(f"{name}_weight", layers)], nodes[name] = readout_nodes(layer, parameters[name], seconds)
            else:
                nodes[name] = dense(layer)
    entry, leave = _free("input", nodes), _free("output", nodes)
    chain = [entry, *nodes, leave]
    first, last = nodes[chain[1]], nodes[chain[-2]]
    _check_size(in_size, first.in_shape)
    return FloatNetwork(
        nodes={entry: Input(shape=first.in_shape), **nodes, leave: Output(shape=last.out_shape)},
        edges=tuple(Edge(a, b) for a, b in pairwise(chain)),
        dt=seconds,
        readout=readout,
        state_reset=state_reset,
    )


def _layers(net: Any) -> Iterator[Any]:
    if is_layer(net, "Sequential"):
        for layer in net.layers:
            yield from _layers(layer)
    elif is_layer(net, "Linear") or is_neurons(net):
        yield net
    else:
        _refuse(net)


def _refuse(layer: Any) -> NoReturn:
    raise error(
        "LX110",
        node=getattr(layer, "name", None),
        found=f"{type(layer).__module__}.{type(layer).__qualname__}",
        fix="build the network from Sequential, Linear and neurons (a subclass may compute something else)",
    )


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
            name = _free(name, given | named.keys())
        if name in named:
            raise error("LX107", node=name, found="a second layer of this name", fix="give every layer its own name")
        named[name] = layer
    return named


def _free(name: str, taken: Container[str]) -> str:
    """Name that no layer has: a layer may well be called "output"."""
    while name in taken:
        name += "_"
    return name


def _check_size(in_size: int | tuple[int, ...] | None, shape: tuple[int, ...]) -> None:
    if in_size is not None and np.atleast_1d(in_size).tolist() != list(shape):
        raise error("LX102", field="in_size", found=f"{in_size}; the first layer takes {shape}", fix="make them equal")
