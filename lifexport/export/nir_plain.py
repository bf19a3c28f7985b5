"""Profile ``plain``: the parameters of the ODE as they are, and what readers other than lifexport make of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nir  # noqa: TID251
import numpy as np

from .. import arrays
from ..findings import Finding, at_node
from ..network import FloatNetwork
from ..neurons import FloatCubaLIF, FloatIAF
from . import provenance
from .nir_names import written_names
from .nir_nodes import unplaced, written

PLAIN = "plain"


def plain_graph(network: FloatNetwork) -> nir.NIRGraph:
    """Graph of the ODE's parameters, without a record."""
    names, nodes = written_names(network.nodes), {}
    for name, node in network.nodes.items():
        with at_node(name):
            nodes[names[name]] = written(node)
    return nir.NIRGraph(nodes=nodes, edges=[(names[edge.source], names[edge.target]) for edge in network.edges])


def recorded_graph(network: FloatNetwork) -> nir.NIRGraph:
    """The same, with the record from which the very network comes back."""
    graph, names = plain_graph(network), written_names(network.nodes)
    graph.metadata[provenance.KEY] = provenance.record(
        network,
        profile=PLAIN,
        values={name: unplaced(node) for name, node in network.nodes.items()},
        renamed={written: name for name, written in names.items() if written != name},
    )
    return graph


def differences_elsewhere(network: FloatNetwork) -> tuple[Finding, ...]:
    """Say what readers other than lifexport will do differently with the plain file."""
    ignore = "read it with lifexport.from_nir, or hold the other tool's spikes against lifexport.simulate"
    populations = network.populations.items()
    soft = [name for name, node in populations if node.spiking and node.reset == "subtract"]
    waiting = [name for name, node in populations if node.spiking and node.refractory.any()]
    return (
        *(Finding(code="LX410", node=name, field="reset", found="'subtract'", fix=ignore) for name in soft),
        Finding(code="LX411", found=f"parameters of the ODE, trained with dt = {network.dt} s", fix=ignore),
        *(
            Finding(code="LX411", node=name, field="reset", found="'none'; other readers reset what spiked", fix=ignore)
            for name, node in populations
            if node.spiking and node.reset == "none"
        ),
        *(
            Finding(code="LX412", node=name, field=field, found=found, fix=ignore)
            for name, node in populations
            for field, found in _started_elsewhere(node)
        ),
        *(
            Finding(code="LX414", node=name, field="refractory", found="a refractory time", fix=ignore)
            for name in waiting
        ),
    )


def _started_elsewhere(node: Any) -> Iterator[tuple[str, str]]:
    """States of a population that do not start where NIR's readers start them, bit for bit."""
    rest = np.zeros(node.shape) if isinstance(node, FloatIAF) else node.v_rest
    if not arrays.same(node.v_initial, rest):
        yield "v_initial", "differs from " + ("0" if isinstance(node, FloatIAF) else "v_rest")
    if isinstance(node, FloatCubaLIF) and node.i_initial.any():
        yield "i_initial", "differs from 0"
