"""An integer network as a NIR graph: its float network, plain or for an importer, and a record of every code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nir  # noqa: TID251

from ..findings import Finding, error
from ..network import FloatNetwork, IntNetwork
from . import nir_nesting, provenance
from .nir_int_record import as_integers, kept
from .nir_integers import Domain, as_float, lost
from .nir_names import written_names
from .nir_plain import PLAIN, differences_elsewhere, plain_graph
from .nir_profiled import Profiled, profiled, sealed
from .nir_raw import raw_graph


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
    proofs : tuple of function
        What can be shown of it beside that it comes back, each in words.
    """

    graph: nir.NIRGraph
    network: FloatNetwork
    made: Profiled | None
    findings: tuple[Finding, ...]
    proofs: tuple[Callable[[], str], ...]


def integers(q: IntNetwork, profile: str, domain: Domain) -> Integers:
    """The graph of an integer network.

    Parameters
    ----------
    q : IntNetwork
    profile : str
    domain : ``"real"`` | ``"integer"``

    Raises
    ------
    UnsupportedError
        LX401 for what NIR, or the importer, cannot express.
    """
    network = as_float(q, domain)
    proofs = (functools.partial(_against_integers, q, network, domain),)
    if profile == PLAIN:
        made, graph, names = None, plain_graph(network), written_names(network.nodes)
        facts: dict[str, Any] = {"profile": PLAIN, "importer": "", "reset": "value", "settings": []}
        told = differences_elsewhere(network)
    else:
        made = profiled(network, profile)
        graph, names, facts, told = made.graph, made.nodes, made.facts, made.findings
        proofs = (functools.partial(made.prove, network), *proofs)
    if made is None or made.profile.integers:
        _store_integers(graph)
    raw = raw_graph(graph)
    values, weights = kept(q, nir_nesting.flat(raw)[0], names)
    facts = facts | {"domain": domain, "weights": weights}
    graph.metadata[provenance.KEY] = provenance.record(q, values=values, **sealed(facts, raw))
    return Integers(graph=graph, network=network, made=made, findings=(*lost(q), *told), proofs=proofs)


def _against_integers(q: IntNetwork, network: FloatNetwork, domain: Domain) -> str:
    from .nir_int_proving import measured  # loads the simulators

    text, differing, exact = measured(q, network, domain)
    if exact and differing:
        fix = "nothing was written; report this with the network as a bug of lifexport"
        raise error("LX402", found=f"{text}, though nothing rounds and nothing overflowed", fix=fix)
    return f"run in real numbers: {text}" + ("" if exact else " (roundings, overflows, or a later start)")


def _store_integers(graph: nir.NIRGraph) -> None:
    for node in graph.nodes.values():
        if isinstance(node, nir.NIRGraph):
            _store_integers(node)
        elif isinstance(node, nir.Affine | nir.Linear | nir.Conv1d | nir.Conv2d):
            node.weight = as_integers(node.weight)
