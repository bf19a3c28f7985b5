"""How much an ONNX model comes to, counted before anything walks through it.

Functions call functions: forty of them, each of which calls the one before twice, are a trillion nodes in 4 kB. Checker
and shape inference expand them all.
"""

from __future__ import annotations

from collections.abc import Iterable

from onnx import ModelProto, NodeProto  # noqa: TID251

from .onnx_functions import nested

MOST_NODES = 1 << 14
"""Nodes of the largest model that is read, functions expanded; ours have some hundred."""
DEEPEST = 16
"""Functions inside of functions; ours call none."""

Key = tuple[str, str, str]


def require_few_nodes(model: ModelProto) -> None:
    """Refuse (ValueError) a model of too many nodes, those of functions counted wherever they are called."""
    bodies = {_key(f.domain, f.name, f.overload): f.node for f in model.functions}
    known: dict[Key, int] = {}

    def size(nodes: Iterable[NodeProto], depth: int) -> int:
        if depth > DEEPEST:
            raise ValueError(f"functions that call each other more than {DEEPEST} deep")
        total = 0
        for node in nested(nodes):
            key = _key(node.domain, node.op_type, node.overload)
            if key in bodies and key not in known:
                known[key] = size(bodies[key], depth + 1)
            total += known.get(key, 1)
        return total

    counted = sum(len(nodes) for nodes in bodies.values())
    for nodes in (model.graph.node, *bodies.values()):
        counted = max(counted, size(nodes, 0))
    if counted > MOST_NODES:
        raise ValueError(f"{counted} nodes when functions are expanded, at most {MOST_NODES} are read")


def _key(domain: str, name: str, overload: str) -> Key:
    return ("" if domain == "ai.onnx" else domain, name, overload)
