"""Everything about a trained network that a target cannot express, all at once (LX203)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ..findings import Finding
from ..network import FloatNetwork
from ..neurons.membrane import FloatMembrane
from ..targets import Target, violations
from .delays import Delivery, deliver
from .features import Loss, late_bias, losses
from .feeding import WEIGHTS, weighted


def inexpressible(network: FloatNetwork, target: Target, accepted: Collection[str] = ()) -> Iterable[Finding]:
    """Every feature of the network that the target has no rule for, all at once (LX203).

    Parameters
    ----------
    network : FloatNetwork
    target : Target
    accepted : collection of str
        Approximations that are accepted by name.
    """
    rules = target.document
    if rules["time"] == "event":
        found = f"time steps; target {target.name!r} goes by events, each of which may make a neuron fire"
        yield Finding(code="LX203", found=found, fix="build its IntNetwork from events, or use a stepped target")
        return
    delivery = deliver(network, target)
    yield from _wiring(network)
    yield from violations(network, target)
    yield from _unmapped(target)
    yield from delivery.findings
    for name, loss in all_losses(network, target, delivery):
        if loss.accept is None or loss.accept not in accepted:
            fix = loss.fix + (f', or accept it by approximate=("{loss.accept}",)' if loss.accept else "")
            yield Finding(code="LX203", node=name, field=loss.field, found=loss.found, fix=fix)


def all_losses(network: FloatNetwork, target: Target, delivery: Delivery) -> Iterator[tuple[str, Loss]]:
    """Name and loss of everything the target does otherwise."""
    for name, node in network.populations.items():
        lag = delivery.lags[name]
        found = losses(node, target, output=name == network.readout_name, lag=lag)
        yield from ((name, loss) for loss in found)
        for edge in network.incoming(name):
            before = weighted(network, edge)
            bias = None if before is None else network.nodes[before].bias
            if bias is None or not bias.any():
                continue
            if target.document["bias"] is None:
                yield before or name, Loss(field="bias", found="the target has no bias", fix="train without")
            elif lag:
                yield before or name, late_bias(lag)


def _wiring(network: FloatNetwork) -> Iterator[Finding]:
    for name, node in network.populations.items():
        if not isinstance(node, FloatMembrane):
            found = f"a {type(node).__name__}"
            yield Finding(code="LX203", node=name, found=found, fix="use LIF, IAF, CubaLIF or LI neurons")
        for edge in network.incoming(name):
            weights = [other for other in network.way(edge) if isinstance(network.nodes[other], WEIGHTS)]
            if not weights:
                found, fix = f"fed by {edge.source!r} without weights", "put a Dense connection between them"
                yield Finding(code="LX203", node=name, found=found, fix=fix)
            for other in weights[1:]:
                fix = "join them into one connection"
                yield Finding(code="LX203", node=other, found=f"weights before those of {weights[0]!r}", fix=fix)
    for name, node in network.connections.items():
        if isinstance(node, WEIGHTS):
            ends = [other for other in network.populations if name in _before(network, other)]
            if len(ends) > 1:
                fix = "give every population a connection of its own"
                yield Finding(code="LX203", node=name, found=f"a connection into {', '.join(ends)}", fix=fix)


def _before(network: FloatNetwork, population: str) -> set[str]:
    return {name for edge in network.incoming(population) for name in network.way(edge)}


def _unmapped(target: Target) -> Iterator[Finding]:
    """Rules of a target that quantize has no map onto."""
    if target.document["leak"]["kind"] == "toward_input":
        found, fix = "a leak towards the input", "build the IntNetwork from the chip's integers, or use another target"
        yield Finding(code="LX203", field="leak.kind", found=f"quantize has no map onto {found}", fix=fix)
    grid = target.document["weight"].get("step", 1)
    if grid & (grid - 1):
        found = f"weights in steps of {grid}"
        yield Finding(code="LX203", field="weight.step", found=found, fix="use a target whose step is a power of two")
