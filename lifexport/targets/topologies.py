"""Which ways spikes take between layers, and whether a target's delays were ever seen on them."""

from __future__ import annotations

from .. import graph
from ..findings import Finding
from ..network import Network
from .target import Target

TOPOLOGIES = ("feed_forward", "skip", "recurrent")
_WORDS = {"feed_forward": "from layer to layer", "skip": "past a layer", "recurrent": "back in a loop"}


def topologies(network: Network) -> tuple[str, ...]:
    """Kinds of ways between the populations of a network; none where there is one, fed by the input alone.

    Returns
    -------
    tuple of str
        ``feed_forward`` where a population feeds another, ``skip`` where ways from different sources meet in a
        population, ``recurrent`` where spikes come back.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.network import FloatNetwork
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> fc = FloatDense(weight=[[1.0]])
    >>> nodes = {"in": Input(shape=(1,)), "a": fc, "x": lif, "b": fc, "y": lif, "skip": fc, "out": Output(shape=(1,))}
    >>> pairs = ["in a", "a x", "x b", "b y", "in skip", "skip y", "y out"]
    >>> topologies(FloatNetwork(nodes=nodes, edges=[Edge(*pair.split()) for pair in pairs], dt=1e-3))
    ('feed_forward', 'skip')
    """
    loops = [set(loop) for loop in graph.loops(network.nodes, network.edges)]
    found = set()
    for name in network.populations:
        sources = set()
        for edge in network.incoming(name):
            way = network.way(edge)
            source = network.incoming(way[-1])[0].source if way else edge.source
            if any({name, source} <= loop for loop in loops):
                found.add("recurrent")
            else:
                sources.add(source)
        if any(network.nodes[source].role == "population" for source in sources):
            found.add("feed_forward")
        if len(sources) > 1:
            found.add("skip")
    return tuple(kind for kind in TOPOLOGIES if kind in found)


def never_seen(network: Network, target: Target | None) -> tuple[Finding, ...]:
    """A note (LX213) where a network sends spikes in ways on which a target's delays were never seen.

    Parameters
    ----------
    network : Network
    target : Target or None
        None for a description that is not at hand: nothing is known about it.
    """
    seen = () if target is None else target.seen_across_layers
    missing = [kind for kind in topologies(network) if kind not in seen]
    if not missing:
        return ()
    found = f"spikes go {', '.join(_WORDS[kind] for kind in missing)}"
    fix = "record such a network in the chip's own tool and replay it: lifexport targets --replay"
    return (Finding(code="LX213", field="delivery", found=found, fix=fix),)
