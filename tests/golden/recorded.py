"""Recorded runs in the tree: cases, and the shipped target whose rules replay each."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from lifexport.network import IntNetwork
from lifexport.simulation.run import Backend
from lifexport.targets import load_target
from lifexport.vectors import Case, read_cases
from lifexport.vectors.layouts import layout_of, recorded_for
from lifexport.vectors.networks import read_network

FOLDER = Path(__file__).parent / "vectors"


class Run:
    """A case, how it looks, and its target."""

    def __init__(self, case: Case):
        self.case = case
        layout = layout_of(case)
        self.layout = layout.name
        (self.target,) = (self.network.target,) if self.layout == "network" else recorded_for(case, layout)

    @cached_property
    def network(self) -> IntNetwork:
        return read_network(self.case)

    @property
    def id(self) -> str:
        return f"{self.case.file.removesuffix('.npz')}-{self.case.name}"

    def replayed(self, backend: Backend) -> dict[str, np.ndarray]:
        return layout_of(self.case).replay(self.case, load_target(self.target), backend)


RUNS = [Run(case) for case in read_cases(FOLDER)]
"""Every recorded run, in order of file and case."""


def require_equal(run: Run, replayed: dict[str, np.ndarray]) -> None:
    """Every recorded state and spike came out again."""
    assert replayed.keys() == run.case.recorded.keys()
    for name, expected in run.case.recorded.items():
        np.testing.assert_array_equal(replayed[name], expected, err_msg=name)
