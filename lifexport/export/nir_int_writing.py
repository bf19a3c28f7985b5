"""An integer network as a NIR graph: its float network, plain or for an importer, and a record of every code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nir  # noqa: TID251

from ..findings import Finding
from ..network import FloatNetwork, IntNetwork
from . import nir_nesting, provenance
from .nir_int_record import as_integers, kept
from .nir_integers import Domain, as_float, lost
from .nir_names import written_names
from .nir_profiled import PLAIN, Profiled, profiled, stored
from .nir_raw import raw_graph

FLOATS_ONLY = ("spikingjelly",)
"""Importers that refuse integer weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Integers:
    """An integer network ready to be written.

    Parameters
    ----------
    graph : nir.NIRGraph
        With the record; weights are integers where they are and the importer takes them.
    network : FloatNetwork
        What the graph says, in real numbers.
    made : Profiled or None
        For an importer: the network as it runs there.
    findings : tuple of Finding
    """

    graph: nir.NIRGraph
    network: FloatNetwork
    made: Profiled | None
    findings: tuple[Finding, ...]


def integers(q: IntNetwork, profile: str, domain: Domain, plain: Any) -> Integers:
    """The graph of an integer network.

    Parameters
    ----------
    q : IntNetwork
    profile : str
    domain : ``"real"`` | ``"integer"``
    plain : function from a FloatNetwork to a nir.NIRGraph
        How the parameters of the ODE are written.

    Raises
    ------
    UnsupportedError
        LX401 for what NIR, or the importer, cannot express.
    """
    network = as_float(q, domain)
    made = None
    if profile == PLAIN:
        graph, names = plain(network), written_names(network.nodes)
        facts: dict[str, Any] = {"profile": PLAIN, "importer": "", "reset": "value", "settings": []}
    else:
        made = profiled(network, profile)
        graph, names, facts = made.graph, made.nodes, made.facts
    if profile not in FLOATS_ONLY:
        _store_integers(graph)
    raw = raw_graph(graph)
    values, weights = kept(q, nir_nesting.flat(raw)[0], names)
    facts = facts | {"stored": stored(raw), "domain": domain, "weights": weights, "nodes_there": names}
    graph.metadata[provenance.KEY] = provenance.record(q, values=values, **facts)
    told = made.findings if made is not None else ()
    return Integers(graph=graph, network=network, made=made, findings=(*lost(q), *told))


def _store_integers(graph: nir.NIRGraph) -> None:
    for node in graph.nodes.values():
        if isinstance(node, nir.NIRGraph):
            _store_integers(node)
        elif isinstance(node, nir.Affine | nir.Linear | nir.Conv1d | nir.Conv2d):
            node.weight = as_integers(node.weight)
