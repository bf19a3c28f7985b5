"""What a NIR file holds, as it stands there: kinds, arrays and edges, before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Fields(NamedTuple):
    """Fields of a node kind."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


_CONV = Fields(("weight", "stride", "padding", "dilation", "groups"), ("bias", "input_shape"))
_POOL = Fields(("kernel_size", "stride", "padding"))

KINDS: dict[str, Fields] = {
    "Input": Fields(("shape",)),
    "Output": Fields(("shape",)),
    "Affine": Fields(("weight", "bias")),
    "Linear": Fields(("weight",)),
    "Scale": Fields(("scale",)),
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": Fields(("start_dim", "end_dim"), ("input_type",)),
    "Delay": Fields(("delay",)),
    "Threshold": Fields(("threshold",)),
    "I": Fields(("r",)),
    "IF": Fields(("r", "v_threshold"), ("v_reset",)),
    "LI": Fields(("tau", "r", "v_leak")),
    "LIF": Fields(("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "CubaLI": Fields(("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
    "CubaLIF": Fields(("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
}
"""NIR node kinds and their fields; older files lack the optional ones."""

NEURONS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF")
"""Kinds with a membrane."""

ELEMENTWISE = (*NEURONS, "Scale", "Delay", "Threshold")
"""Kinds whose every parameter is a number, or one for each of their inputs."""

SINGLE = ("groups", "start_dim", "end_dim")
"""Fields that hold one whole number."""

WHOLE = ("shape", "input_type", "input_shape", "kernel_size", "stride", "dilation", "groups", "start_dim", "end_dim")
"""Fields that hold whole numbers."""


@dataclass(frozen=True)
class Raw:
    """A node of a file: its kind, and its fields as arrays (or text: a padding may be a word)."""

    kind: str
    fields: Mapping[str, Any]

    def whole(self, field: str) -> tuple[int, ...]:
        """A field of whole numbers."""
        return tuple(int(number) for number in np.atleast_1d(self.fields[field]))

    def one(self, field: str) -> int:
        """A field that holds one whole number; the survey has seen to that."""
        (number,) = self.whole(field)
        return number


@dataclass(frozen=True)
class RawGraph:
    """A graph of a file; nodes may be graphs themselves."""

    nodes: Mapping[str, Raw | RawGraph]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any]


def raw_of(node: Any) -> Raw:
    """A node of the nir package as it is stored."""
    kept = {key: value for key, value in node.to_dict().items() if key not in ("type", "metadata")}
    fields = {key: value if isinstance(value, str) else np.asarray(value) for key, value in kept.items()}
    return Raw(type(node).__name__, fields)


def raw_graph(graph: Any) -> RawGraph:
    """A graph of the nir package as it is stored."""
    nodes = {name: raw_graph(node) if hasattr(node, "nodes") else raw_of(node) for name, node in graph.nodes.items()}
    return RawGraph(nodes, tuple((str(a), str(b)) for a, b in graph.edges), dict(graph.metadata))
