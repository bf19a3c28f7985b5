"""A trained network as the graph that an importer must be given, and everything that stands against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import nir  # noqa: TID251
import numpy as np

from ...findings import Finding, at_node, error
from ...graph import Edge, loops
from ...network import FloatNetwork
from ..nir_names import written_names
from ..nir_nodes import written as written_node
from ..nir_sources import SOURCES
from ..nir_survey import all_of, collect
from .bias_neurons import with_bias_neurons
from .folding import folded, require_simple_loops
from .neuron import neuron
from .profile import Profile, Written

ENDS = ("input", "output")
"""Names under which importers look for the ends of a graph."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Rewritten:
    """A graph for one importer.

    Parameters
    ----------
    graph : nir.NIRGraph
        Arrays are float32.
    names : dict from name in the network to name in the graph, as it reads back
        Of all nodes that were there before.
    reset : str or None
        Reset the importer must be told.
    settings : tuple of str
        What must be set on the importer's side, keys of ``SETTINGS``.
    widened : tuple of str
        Populations of the network that have one neuron more in the graph, the last, which carries biases.
    """

    graph: nir.NIRGraph
    names: dict[str, str]
    reset: str | None
    settings: tuple[str, ...]
    widened: tuple[str, ...]


def rewritten(network: FloatNetwork, profile: Profile) -> Rewritten:
    """The graph from which an importer makes what was trained.

    Raises
    ------
    LifexportError
        LX401 with everything that the importer cannot express, by node and field.
    """
    findings: list[Finding] = []
    with collect(findings):
        require_simple_loops(network)
    populations: dict[str, Written] = {}
    for name, node in network.populations.items():
        with collect(findings), at_node(name):
            populations[name] = profile.written(neuron(node))
    with collect(findings):
        _require_wiring(network, profile)
    if findings:
        raise all_of(findings)
    reset = _one_reset(populations, profile)
    scales = {name: written.scale for name, written in populations.items()}
    biases = {name: written.bias for name, written in populations.items()}
    first_bias = SOURCES[profile.source].first_bias
    nodes, edges = folded(network, scales, biases, first_bias=first_bias)
    widened: tuple[str, ...] = ()
    if profile.bias_neuron is not None:
        nodes, edges, populations, widened = with_bias_neurons(nodes, edges, populations, profile.bias_neuron)
    graph_nodes: dict[str, nir.NIRNode] = {}
    for name, node in nodes.items():
        with collect(findings), at_node(name):
            graph_nodes[name] = _population(populations[name]) if name in populations else _layer(node, profile)
    if findings:
        raise all_of(findings)
    ends = dict(zip((network.input_name, network.output_name), ENDS, strict=True))
    names = ends | written_names([name for name in nodes if name not in ends], reserved=ENDS)
    pairs = _backs_first((names[edge.source], names[edge.target]) for edge in edges)
    made = {names[name]: graph_nodes[name] for name in nodes}
    kept = {name: names[name] for name in network.nodes}
    if profile.loops in ("pair", "nested"):
        _require_pairs(made, pairs)
    if profile.loops == "nested":
        made, pairs, inside = _nested(made, pairs)
        kept = {name: inside.get(there, there) for name, there in kept.items()}
    settings = dict.fromkeys(s for written in populations.values() for s in written.settings)
    return Rewritten(
        graph=nir.NIRGraph(nodes=made, edges=pairs),
        names=kept,
        reset=reset,
        settings=(*profile.resets.get(reset or "", ()), *settings),
        widened=widened,
    )


def _require_wiring(network: FloatNetwork, profile: Profile) -> None:
    looping = loops(network.nodes, network.edges)
    if looping and profile.loops is None:
        found, fix = f"a loop; {profile.importer} does not run one right", "use a profile that takes loops"
        raise error("LX401", node=looping[0][0], found=found, fix=fix)
    for name in network.nodes:
        inside = {e for loop in looping if name in loop for e in network.edges if {e.source, e.target} <= set(loop)}
        into, out = (len({*edges} - inside) for edges in (network.incoming(name), network.outgoing(name)))
        if into > 1 and not profile.merges:
            found = f"{into} inputs that add up; {profile.importer} takes one"
            raise error("LX401", node=name, found=found, fix="feed it by one connection, or use another profile")
        if out > 1 and not profile.branches:
            found = f"feeds {out} nodes; {profile.importer} takes a chain"
            raise error("LX401", node=name, found=found, fix="let it feed one node, or use another profile")


def _one_reset(populations: dict[str, Written], profile: Profile) -> str | None:
    asked = {written.reset: name for name, written in populations.items() if written.reset is not None}
    if len(asked) > 1:
        found = f"both resets; {profile.importer} is told one for all ({', '.join(sorted(asked.values()))})"
        raise error("LX401", field="reset", found=found, fix="train all populations with one reset")
    return next(iter(asked), None)


def _population(written: Written) -> nir.NIRNode:
    fields = {name: _single(value) for name, value in written.fields.items()}
    _require_finite(fields)
    return getattr(nir, written.kind)(**fields)


def _layer(node: Any, profile: Profile) -> nir.NIRNode:
    made = written_node(node)
    if isinstance(made, nir.Linear) and "Linear" not in profile.layers:
        made = nir.Affine(made.weight, np.zeros(made.weight.shape[0]))
    if not isinstance(made, nir.Input | nir.Output) and type(made).__name__ not in profile.layers:
        found = f"{type(made).__name__}; {profile.importer} reads {', '.join(profile.layers)}"
        raise error("LX401", found=found, fix="use other layers, or another profile")
    if not profile.dilations and np.any(np.asarray(getattr(made, "dilation", 1)) != 1):
        found = f"{made.dilation}; {profile.importer} has none"  # type: ignore[attr-defined]
        raise error("LX401", field="dilation", found=found, fix="use dilation 1, or another profile")
    if not profile.pool_padding and isinstance(made, nir.SumPool2d) and np.any(made.padding):
        found = f"{made.padding}; {profile.importer} drops it"
        raise error("LX401", field="padding", found=found, fix="pool without padding, or use another profile")
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            setattr(made, field.name, _single(value))
    _require_finite({f.name: getattr(made, f.name) for f in dataclasses.fields(made)})
    return made


def _single(value: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # refused by name afterwards
        return np.ascontiguousarray(value, np.float32)


def _require_finite(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
            found, fix = "a number beyond float32", "scale weights and thresholds down together"
            raise error("LX401", field=name, found=found, fix=fix)


def _backs_first(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges in order, those of loops first: nirtorch follows them so, and takes what it runs last for the output."""
    pairs = sorted(edges)
    inside = [set(loop) for loop in loops({end for pair in pairs for end in pair}, [Edge(a, b) for a, b in pairs])]
    return sorted(pairs, key=lambda pair: (not any(set(pair) <= loop for loop in inside), pair))


def _require_pairs(nodes: dict[str, nir.NIRNode], pairs: list[tuple[str, str]]) -> None:
    """Refuse (LX401) feedback that is not one connection."""
    for loop in loops(nodes, [Edge(a, b) for a, b in pairs]):
        if len(loop) != 2:
            name = next(member for member in loop if not isinstance(nodes[member], nir.Affine | nir.Linear))
            found = f"feedback by {len(loop) - 1} connections; the importer takes one"
            raise error("LX401", node=name, found=found, fix="let one connection without pools feed back")


def _nested(
    nodes: dict[str, nir.NIRNode], pairs: list[tuple[str, str]]
) -> tuple[dict[str, nir.NIRNode], list[tuple[str, str]], dict[str, str]]:
    """Every population with its feedback as one nested graph of four nodes, and where the populations are now."""
    inside: dict[str, str] = {}
    for loop in loops(nodes, [Edge(a, b) for a, b in pairs]):
        name = next(member for member in loop if not isinstance(nodes[member], nir.Affine | nir.Linear))
        (back,) = set(loop) - {name}
        shape = {"input": np.array(nodes[name].input_type["input"])}
        part = nir.NIRGraph(
            nodes={
                "input": nir.Input(shape),
                "neurons": nodes[name],
                "feedback": nodes[back],
                "output": nir.Output({"output": shape["input"]}),
            },
            edges=[("feedback", "neurons"), ("input", "neurons"), ("neurons", "feedback"), ("neurons", "output")],
        )
        nodes = {there: part if there == name else node for there, node in nodes.items() if there != back}
        pairs = [pair for pair in pairs if back not in pair]
        inside |= {name: f"{name}.neurons", back: f"{name}.feedback"}
    return nodes, pairs, inside
