"""The graph of a captured network: walks a module and notes nodes and edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator
from typing import Any

import brainunit as u
import numpy as np

from ..findings import at_node, error
from ..graph import Edge
from ..train.parameters import unit_name
from .connections import connection, in_place, output_unit, takes_plain
from .flow import Flow, captured_shape, laid_out, relaid
from .folding import fold, norm_unit
from .kinds import NORMS, is_nothing, is_one_of, require_known
from .neurons import is_population, is_readout, population, readout_nodes
from .reading import is_layer


def leaves(net: Any) -> Iterator[Any]:
    """Layers of a network in the order in which they are met; refuses (LX110) what is not known."""
    if is_layer(net, "Sequential"):
        for layer in net.layers:
            yield from leaves(layer)
    elif is_layer(net, "Parallel"):
        for branch in net.branches:
            yield from leaves(branch)
    elif is_layer(net, "Recurrent"):
        if not is_population(net.population):
            found = f"around a {type(net.population).__name__}"
            raise error(
                "LX110", node=net.name or "Recurrent", found=found, fix="let it hold neurons alone, such as LIF"
            )
        yield net.population
        yield from leaves(net.feedback)
    else:
        require_known(net)
        yield net


def entry_size(net: Any) -> tuple[int, ...] | None:
    """Shape of what a network takes, in the module's order; ``None`` if no layer at its beginning says so."""
    stated = getattr(net, "in_size", None)
    if stated is not None:
        return tuple(stated)
    inner = getattr(net, "layers", None) or getattr(net, "branches", ())
    within = inner[:1] if is_layer(net, "Sequential") else inner
    return next((size for part in within if (size := entry_size(part)) is not None), None)


def free(name: str, taken: Container[str]) -> str:
    """Name that no node has: a layer may well be called "output"."""
    while name in taken:
        name += "_"
    return name


class Wiring:
    """Nodes and edges of a network, as far as it has been walked.

    Parameters
    ----------
    layers : dict from name to layer
        As ``leaves`` gives them, named.
    parameters : dict from name to parameters
        Of the populations among them.
    seconds : float
        Time step.
    with_units : bool
        Whether neurons carry units.
    channels_last : bool
        How the module lays out space.
    """

    def __init__(self, layers: dict[str, Any], parameters: dict, seconds: float, with_units: bool, channels_last: bool):
        self.nodes: dict[str, Any] = {}
        self.edges: list[Edge] = []
        self._parameters = parameters
        self._seconds = seconds
        self._with_units = with_units
        self._channels_last = channels_last
        self._taken = set(layers)
        self._coming = iter(layers.items())

    def enter(self, name: str, size: tuple[int, ...]) -> Flow:
        """Input of the network, ``size`` in the module's order."""
        self._taken.add(name)
        shape = captured_shape(size, self._channels_last)
        return Flow(sources=((name, 0),), shape=shape, places=laid_out(shape, self._channels_last), unit=None)

    def follow(self, module: Any, flow: Flow) -> Flow:
        """What a module gives for what arrives."""
        if is_layer(module, "Sequential"):
            for layer in module.layers:
                flow = self.follow(layer, flow)
            return flow
        if is_layer(module, "Parallel"):
            split = dataclasses.replace(flow, alone=flow.alone and len(module.branches) == 1)
            return _merged([self.follow(branch, split) for branch in module.branches])
        if is_layer(module, "Recurrent"):
            name, neurons = next(self._coming)
            given = self._population(name, neurons, flow)
            late = dataclasses.replace(given, sources=((name, 1),), alone=False)
            back = self.follow(module.feedback, late)
            self._feed(name, neurons, back)
            return given
        name, layer = next(self._coming)
        with at_node(name):
            return self._layer(name, layer, flow)

    def _layer(self, name: str, layer: Any, flow: Flow) -> Flow:
        if is_population(layer):
            return self._population(name, layer, flow)
        if is_nothing(layer):
            return flow
        _require_size(getattr(layer, "in_size", None), flow)
        if is_readout(layer):
            return self._readout(name, layer, flow)
        if is_one_of(layer, NORMS):
            unit = flow.unit or u.UNITLESS
            if unit.dim != norm_unit(layer).dim:
                found = f"{unit_name(unit)} into {name}, which takes {unit_name(norm_unit(layer))}"
                fix = "give the normalisation the unit of the connection before it"
                raise error("LX109", node=flow.giver, field="unit", found=found, fix=fix)
            self.nodes.update(fold(layer, flow, self.nodes))
            return flow
        if takes_plain(layer):
            _require_unit(u.UNITLESS, flow, name)
        if is_layer(layer, "Flatten") and len(flow.shape) == 1:
            return flow
        return self._connection(name, layer, flow)

    def _connection(self, name: str, layer: Any, flow: Flow) -> Flow:
        unit = output_unit(name, layer, flow.unit)
        node = connection(layer, flow)
        names = self._copies(name, node, flow)
        if is_layer(layer, "Flatten"):
            places = flow.places.ravel()
        elif is_layer(layer, "Identity"):
            places = flow.places
        else:
            places = laid_out(node.out_shape, self._channels_last)
        return Flow(sources=names, shape=node.out_shape, places=places, unit=unit)

    def _copies(self, name: str, node: Any, flow: Flow) -> tuple[tuple[str, int], ...]:
        """A connection is linear: of a sum it is the sum of copies, one for each part, the first with the bias."""
        names: list[str] = []
        for source, delay in flow.sources:
            names.append(free(name, self.nodes.keys() | (self._taken - {name})))
            biased = names[1:] and getattr(node, "bias", None) is not None
            self.nodes[names[-1]] = dataclasses.replace(node, bias=None) if biased else node
            self.edges.append(Edge(source, names[-1], delay))
        return tuple((each, 0) for each in names)

    def _readout(self, name: str, layer: Any, flow: Flow) -> Flow:
        """Weights and a leaky sum, which are one layer in training."""
        _require_unit(u.UNITLESS, flow, name)
        dense, node = readout_nodes(layer, self._parameters[name], self._seconds)
        weights = self._copies(free(f"{name}_weight", self._taken), in_place(dense, flow), flow)
        self.nodes[name] = node
        self.edges += [Edge(source, name) for source, _ in weights]
        return Flow(sources=((name, 0),), shape=node.shape, places=laid_out(node.shape, False), unit=u.UNITLESS)

    def _population(self, name: str, layer: Any, flow: Flow) -> Flow:
        with at_node(name):
            _require_size(layer.varshape, flow)
            self.nodes[name] = relaid(population(layer, self._parameters[name], self._seconds), flow)
        self._feed(name, layer, flow)
        return dataclasses.replace(flow, sources=((name, 0),), unit=u.UNITLESS, alone=True)

    def _feed(self, name: str, layer: Any, flow: Flow) -> None:
        with at_node(name):
            _require_size(layer.varshape, flow)
            _require_unit(u.amp if self._with_units else u.UNITLESS, flow, name)
        self.edges += [Edge(source, name, delay) for source, delay in flow.sources]


def _require_size(size: Any, flow: Flow) -> None:
    if size is not None and tuple(size) != flow.places.shape:
        found = f"takes {tuple(size)}, {flow.giver} gives {flow.places.shape}"
        raise error("LX102", field="in_size", found=found, fix="make the sizes equal, or flatten in between")


def _require_unit(unit: u.Unit, flow: Flow, taker: str) -> None:
    """Refuse (LX109) numbers of another dimension; the input of the network has whichever is taken."""
    if flow.unit is not None and flow.unit.dim != unit.dim:
        current = unit.dim != u.DIMENSIONLESS
        found = f"{unit_name(flow.unit)} into {taker}, which takes {'a current' if current else 'plain numbers'}"
        fix = f"feed {taker} from lifexport.Linear(..., unit={'u.mA' if current else 'None'})"
        raise error("LX109", node=flow.giver, field="unit", found=found, fix=fix)


def _merged(flows: list[Flow]) -> Flow:
    first = flows[0]
    for flow in flows[1:]:
        pair = f"{first.giver} and {flow.giver}"
        if flow.places.shape != first.places.shape:
            found = f"{pair} give {first.places.shape} and {flow.places.shape}"
            raise error(
                "LX102", node=flow.giver, found=found, fix="make the sizes equal, for what branches give adds up"
            )
        if not np.array_equal(flow.places, first.places):
            found = f"{pair} are laid out differently: one is flattened space with the channels last"
            raise error("LX110", node=flow.giver, found=found, fix="flatten in front of the branches, or behind them")
        units = {each.unit.dim for each in (first, flow) if each.unit is not None}
        if len(units) > 1:
            found = f"{pair} give {unit_name(first.unit)} and {unit_name(flow.unit)}"
            raise error("LX109", node=flow.giver, field="unit", found=found, fix="give all branches the same unit")
    sources = tuple(source for flow in flows for source in flow.sources)
    unit = next((flow.unit for flow in flows if flow.unit is not None), None)
    return dataclasses.replace(first, sources=sources, unit=unit, alone=all(flow.alone for flow in flows))
