"""An importer's own arithmetic in float32: it runs a file in the importer's place, or judges its run.

Neurons step as in the importer's source, operation by operation. Sums of weights are taken in float64 and rounded once:
importers add them in an order of their own, so that currents differ from theirs in the last bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...graph import Edge
from ...network import FloatNetwork
from ..nir_raw import Raw
from .profile import Asked, Profile, State


@dataclass(frozen=True, kw_only=True, eq=False)
class Modelled:
    """A run of the model.

    Parameters
    ----------
    spikes : dict from population to bool array, shape ``(time, batch, *shape)``
    v : dict from population to float32 array, same shape
        Potentials that were compared with the threshold.
    margin : dict from population to float64 array, same shape
        Potential less threshold, in float32 steps (ulp) of the threshold.
    thresholds : dict from population to float32 array, shape ``shape``
    """

    spikes: dict[str, np.ndarray]
    v: dict[str, np.ndarray]
    margin: dict[str, np.ndarray]
    thresholds: dict[str, np.ndarray]

    def within(self, share: float) -> int:
        """How many potentials came within such a share of their threshold."""
        return sum(
            int((np.abs(v - threshold.astype(np.float64)) <= share * np.abs(threshold)).sum())
            for v, threshold in ((v, self.thresholds[name]) for name, v in self.v.items())
        )


def modelled(
    network: FloatNetwork, nodes: Mapping[str, Raw], profile: Profile, asked: Asked, x: np.ndarray
) -> Modelled:
    """Run a file as its importer does.

    Parameters
    ----------
    network : FloatNetwork
        The file as ``from_nir`` reads it under the profile's source.
    nodes : mapping from name to Raw
        Its nodes as they are stored, by the names they have in the network.
    profile : Profile
    asked : Asked
        What the importer is told beside the file.
    x : float array, shape ``(time, batch, *features)``
    """
    single, batch = np.asarray(x, np.float32), x.shape[1]
    fields = {
        name: {key: np.asarray(value, np.float32) for key, value in nodes[name].fields.items()}
        for name in network.populations
    }
    states: dict[str, State | None] = dict.fromkeys(network.populations)
    delayed: dict[Edge, list[np.ndarray]] = {
        edge: [np.zeros((batch, *network.nodes[edge.source].out_shape), np.float32)] * edge.delay
        for edge in network.edges
        if edge.delay
    }
    spikes: dict[str, list] = {name: [] for name in network.populations}
    potentials: dict[str, list] = {name: [] for name in network.populations}
    for now in single:
        values: dict[str, np.ndarray] = {}
        for name, node in network.nodes.items():
            given = [delayed[e][0] if e.delay else values[e.source] for e in network.incoming(name)]
            if node.role == "input":
                values[name] = now
            elif node.role == "connection":
                values[name] = node.apply(given[0].astype(np.float64)).astype(np.float32)
            elif node.role == "population":
                step = profile.steps[nodes[name].kind]
                arriving = np.asarray(sum(given[1:], given[0]), np.float32)
                states[name], fires, v = step(fields[name], states[name], arriving, asked)
                values[name] = fires.astype(np.float32)
                spikes[name].append(fires)
                potentials[name].append(v)
        for edge, queue in delayed.items():
            delayed[edge] = [*queue[1:], values[edge.source]]
    reached = {name: np.array(rows, np.float32) for name, rows in potentials.items()}
    return Modelled(
        spikes={name: np.array(rows) for name, rows in spikes.items()},
        v=reached,
        margin={name: _steps(v, fields[name]["v_threshold"]) for name, v in reached.items()},
        thresholds={name: fields[name]["v_threshold"] for name in reached},
    )


def _steps(v: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Potential less threshold, in float32 steps of the threshold."""
    return (v.astype(np.float64) - threshold) / np.spacing(np.abs(threshold))
