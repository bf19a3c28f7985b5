"""What the text of an event-driven run is made of: lines, and the arguments that they name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..graph import Edge

EACH = 8
"""Numbers of one byte that are looked at in one go; rows are as long as a multiple of it."""


class Keep(NamedTuple):
    """What is kept of every step besides spikes."""

    v: bool
    current: bool
    count: bool


@dataclass
class Part:
    """Text of a part of the network, and what its arguments are; names begin with the prefix of their node or edge.

    Parameters
    ----------
    lines : list of str
        One time step of one sample.
    before : list of str
        Arrays to work in.
    numbers : dict from argument to array or number
        What the network gives.
    edges : dict from prefix to Edge
        What is read: ``_given`` holds what its source gave in every step of this run, ``_queue`` what is under way.
    nodes : dict from prefix to name
        Populations, and connections whose result is read later: ``_out`` takes what they give.
    widths : dict from node to int
        Width of the numbers of a node.
    states, kept : list of str
        Arguments that hold what a population remembers, and that take what it gives.
    counted : dict from variable to (population, word)
        What counts the overflows of a word.
    """

    lines: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    counted: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """Names of all arguments, in order."""
        edges = [f"{prefix}_{what}" for prefix in self.edges for what in ("given", "queue", "late")]
        return ["steps", "first", "last", *self.numbers, *edges, *self.states, *self.kept]

    @property
    def text(self) -> str:
        """The function ``run``; it returns what its counters came to."""
        return "\n".join(
            [
                f"def run({', '.join(self.arguments)}):",
                *(f"    {line}" for line in self.before),
                *(f"    {name} = 0" for name in self.counted),
                "    for b in range(first, last):",
                "        for t in range(steps):",
                *(f"            {line}" for line in self.lines),
                f"    return ({''.join(name + ', ' for name in self.counted)})",
                "",
            ]
        )


def narrowest(lo: int, hi: int) -> type:
    """Narrowest type that holds numbers of a range; int64 for numbers that only a product with zero is made of."""
    kinds = (np.int8, np.uint8, np.int16, np.int32)
    return next((kind for kind in kinds if np.iinfo(kind).min <= lo and hi <= np.iinfo(kind).max), np.int64)
