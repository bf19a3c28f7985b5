"""What a vendor-side runner knows of a network: integers, edges, codes it is fed with. Needs numpy alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np


class Job:
    """A network and its input codes, as ``job.py`` wrote them.

    ``codes`` is ``(time, samples, n)``; ``nodes[name]`` holds numbers, words and, by field, arrays of a node.
    """

    def __init__(self, path: str):
        with np.load(path, allow_pickle=False) as stored:
            meta = json.loads(str(stored["meta"]))
            self.codes = stored["codes"].astype(np.int64)
            self.nodes = {name: dict(fields) for name, fields in meta["nodes"].items()}
            for key in stored.files:
                node, _, field = key.rpartition(".")
                if node:
                    self.nodes[node][field] = stored[key]
        self.edges = [tuple(edge) for edge in meta["edges"]]
        self.readout, self.target = meta["readout"], meta["target"]

    def named(self, role: str) -> list[str]:
        """Nodes of a role, in order of evaluation."""
        return [name for name, node in self.nodes.items() if node["role"] == role]

    def ways(self) -> list[tuple[str, str, str, int]]:
        """Source, weights, population and steps of every way from spikes to a population."""
        found = []
        for weights in self.named("connection"):
            ((source, late),) = [(s, d) for s, t, d in self.edges if t == weights]
            ((target, later),) = [(t, d) for s, t, d in self.edges if s == weights]
            found.append((source, weights, target, late + later))
        return found

    def chain(self) -> list[str]:
        """Populations in the order in which spikes reach them, for tools that know nothing but layers in a row."""
        order, source = [], self.named("input")[0]
        following = {s: t for s, _, t, _ in self.ways() if s != t}
        while source in following:
            source = following[source]
            order.append(source)
        return order


def run(recording: Callable[[Job], dict[str, np.ndarray]]) -> None:
    """Read the job named first on the command line, write what was recorded to the file named second."""
    np.savez(sys.argv[2], **recording(Job(sys.argv[1])))


def stacked(samples: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Recordings of single samples, ``(time, n)`` each, as ``(time, samples, n)``."""
    return {key: np.stack([sample[key] for sample in samples], axis=1) for key in samples[0]}
