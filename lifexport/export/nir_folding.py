"""What NIR graphs have and float networks do not, in their terms: delays, scales, sums before connections, inputs.

All of it is exact but for the order of sums, and one rounding where two numbers of the file become one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..findings import at_node, error
from ..graph import Edge
from ..neurons import FloatCubaLIF
from ..nodes import FloatDense, Input
from ..room import MOST_NODES, require_few, require_numbers
from ..spatial import FloatConv
from .nir_nesting import free
from .nir_raw import Raw

MOST = MOST_NODES
"""Connections that a graph may come to by taking sums apart."""

Nodes = dict[str, Any]
Edges = list[Edge]


def without_delays(nodes: Nodes, edges: Edges, dt: float, unit: float) -> tuple[Nodes, Edges]:
    """Delay nodes as late edges; ``unit`` is how many seconds 1 in a delay stands for.

    Raises
    ------
    UnsupportedError
        LX401 for a delay that is no whole number of steps, or not the same for all.
    """
    for name, steps in sorted(
        (name, _steps(name, node, dt, unit)) for name, node in nodes.items() if _is(node, "Delay")
    ):
        before, after = ([e for e in edges if e.target == name], [e for e in edges if e.source == name])
        if any(edge.target == name for edge in after):
            raise error(
                "LX108", node=name, found="a delay that feeds itself", fix="a loop must pass through a population"
            )
        edges = [edge for edge in edges if name not in (edge.source, edge.target)]
        require_few(len(nodes), len(edges) + len(before) * len(after))
        edges += [Edge(a.source, b.target, a.delay + b.delay + steps) for a in before for b in after]
        nodes = {other: node for other, node in nodes.items() if other != name}
    return nodes, edges


def _is(node: Any, kind: str) -> bool:
    return isinstance(node, Raw) and node.kind == kind


def _steps(name: str, raw: Raw, dt: float, unit: float) -> int:
    steps = np.asarray(raw.fields["delay"], np.float64) * unit / dt
    whole = np.rint(steps)
    if not (np.isfinite(steps).all() and (np.abs(steps - whole) <= 1e-5 * np.maximum(whole, 1)).all()):
        found = f"{steps.flat[0]:.6g} steps of dt"
        raise error("LX401", node=name, field="delay", found=found, fix="use delays of whole time steps")
    if len(np.unique(whole)) > 1 or whole.flat[0] < 0:
        found = f"{whole.min():.0f}..{whole.max():.0f} steps"
        raise error("LX401", node=name, field="delay", found=found, fix="use one delay for all, not negative")
    return int(whole.flat[0])


def without_sums(nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges]:
    """A connection for each of several nodes that feed one: it is linear, so each may go its own way to the sum.

    The first, by name, keeps the bias.
    """
    nodes = dict(nodes)
    while merged := next((name for name in sorted(nodes) if _linear(nodes[name]) and _fed(edges, name) > 1), None):
        _, *others = sorted(edge for edge in edges if edge.target == merged)
        after = [edge for edge in edges if edge.source == merged]
        node = nodes[merged]
        if getattr(node, "bias", None) is not None:
            node = dataclasses.replace(node, bias=None)
        names = free((f"{merged}.{edge.source}" for edge in others), nodes)
        for edge, name in zip(others, names, strict=True):
            nodes[name] = node
            edges = [other for other in edges if other != edge]
            edges += [dataclasses.replace(edge, target=name), *(dataclasses.replace(e, source=name) for e in after)]
        if len(nodes) > MOST:
            found, fix = f"sums that come to more than {MOST} connections", "write one connection for each source"
            raise error("LX401", node=merged, found=found, fix=fix)
    return nodes, edges


def _linear(node: Any) -> bool:
    return _is(node, "Scale") or getattr(node, "role", None) == "connection"


def _fed(edges: Edges, name: str) -> int:
    return sum(edge.target == name for edge in edges)


def without_scales(nodes: Nodes, edges: Edges, arrives: Mapping[str, tuple[int, ...]]) -> tuple[Nodes, Edges]:
    """Scale nodes folded into the weights before or behind them, else into ``r``, else as weights of their own.

    ``arrives`` is the shape of every Scale. Each has one source: sums were taken apart.

    Raises
    ------
    UnsupportedError
        LX401 for a scale that differs in space and has no weights to be folded into.
    """
    nodes = dict(nodes)
    while (name := next((name for name in sorted(nodes) if _is(nodes[name], "Scale")), None)) is not None:
        shape = next(arrives[key] for key in (name, _origin(name, arrives)) if key in arrives)
        scale = np.broadcast_to(np.asarray(nodes[name].fields["scale"], np.float64), shape)
        if not np.isfinite(scale).all():
            fix = "find where training diverged; every parameter must be a finite number"
            raise error("LX101", node=name, field="scale", found="NaN or infinity", fix=fix)
        before, after = ([e for e in edges if e.target == name], [e for e in edges if e.source == name])
        folded = _into_one_before(nodes, edges, before, scale) or _into_those_after(nodes, edges, after, scale)
        if folded is None:
            with at_node(name):
                if scale.ndim == 1:
                    require_numbers([(name, scale.size**2)], scale.nbytes)
                nodes[name] = own_weights(scale)
            continue
        nodes = {other: folded.get(other, node) for other, node in nodes.items() if other != name}
        edges = [edge for edge in edges if name not in (edge.source, edge.target)]
        require_few(len(nodes), len(edges) + len(before) * len(after))
        edges += [Edge(a.source, b.target, a.delay + b.delay) for a in before for b in after]
    return nodes, edges


def _origin(name: str, known: Mapping[str, Any]) -> str:
    """Node that a copy made for a sum was made of."""
    return max((other for other in known if name.startswith(f"{other}.")), key=len, default=name)


def _into_one_before(nodes: Nodes, edges: Edges, before: Edges, scale: np.ndarray) -> Nodes | None:
    source = before[0].source if len(before) == 1 else None
    node = nodes.get(source) if source is not None else None
    if source is None or not isinstance(node, FloatDense | FloatConv):
        return None
    if sum(edge.source == source for edge in edges) > 1:
        return None
    rows = by_channel(scale)
    if rows is None:
        return None
    bias = None if node.bias is None else node.bias * rows
    weight = node.weight * rows.reshape(-1, *(1,) * (node.weight.ndim - 1))
    return {source: dataclasses.replace(node, weight=weight, bias=bias)}


def _into_those_after(nodes: Nodes, edges: Edges, after: Edges, scale: np.ndarray) -> Nodes | None:
    folded: Nodes = {}
    for edge in after:
        node, columns = nodes.get(edge.target), by_channel(scale)
        alone = _fed(edges, edge.target) == 1
        if isinstance(node, FloatDense | FloatConv) and alone and columns is not None and _one_group(node):
            weight = node.weight * columns.reshape(1, -1, *(1,) * (node.weight.ndim - 2))
            folded[edge.target] = dataclasses.replace(node, weight=weight)
        elif isinstance(node, FloatCubaLIF) and alone:
            folded[edge.target] = dataclasses.replace(node, w_in=node.w_in * scale)
        elif hasattr(node, "r") and alone:
            folded[edge.target] = dataclasses.replace(node, r=node.r * scale)  # type: ignore[type-var]
        else:
            return None
    return folded or None


def _one_group(node: Any) -> bool:
    return getattr(node, "groups", 1) == 1


def by_channel(scale: np.ndarray) -> np.ndarray | None:
    """The scale of every channel, if it does not differ in space."""
    flat = scale.reshape(len(scale), -1) if scale.ndim else scale.reshape(1, 1)
    return flat[:, 0] if (flat == flat[:, :1]).all() else None


def own_weights(scale: np.ndarray, bias: np.ndarray | None = None) -> Any:
    """Connection that multiplies every input by its scale, and adds a constant.

    Raises
    ------
    UnsupportedError
        LX401 for what differs within a channel in space, which no weights of a convolution can say.
    """
    bias = bias if bias is not None and bias.any() else None
    if scale.ndim == 1:
        return FloatDense(weight=np.diag(scale), bias=bias)
    channels, constant = by_channel(scale), None if bias is None else by_channel(bias)
    if scale.ndim not in (2, 3) or channels is None or (bias is not None and constant is None):
        found = f"a scale of shape {scale.shape} that differs within a channel, with no weights next to it"
        raise error("LX401", field="scale", found=found, fix="use one value for a channel")
    weight = channels.reshape(-1, 1, *(1,) * (scale.ndim - 1))
    return FloatConv(weight=weight, bias=constant, size=scale.shape[1:], groups=len(channels))


def with_one_input(nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges, tuple[str, ...]]:
    """Several inputs as one, in the order of their names, and that order; weights see their own part of it.

    Raises
    ------
    UnsupportedError
        LX401 for inputs of more than one axis, which cannot be joined.
    """
    inputs = sorted(name for name, node in nodes.items() if isinstance(node, Input))
    if len(inputs) < 2:
        return nodes, edges, ()
    for name in inputs:
        if len(nodes[name].shape) != 1:
            found = f"{len(inputs)} inputs, of which {name!r} has shape {nodes[name].shape}"
            raise error("LX401", node=name, found=found, fix="only inputs of one axis can be joined to one")
    sizes = [nodes[name].shape[0] for name in inputs]
    starts = np.cumsum([0, *sizes])
    (joined,) = free(["input"], set(nodes) - set(inputs))
    kept = {name: node for name, node in nodes.items() if name not in inputs}
    for name, start in zip(inputs, starts[:-1], strict=True):
        part = np.eye(nodes[name].shape[0], int(starts[-1]), int(start))
        for edge in [edge for edge in edges if edge.source == name]:
            edges = [other for other in edges if other != edge]
            node = kept.get(edge.target)
            if isinstance(node, FloatDense) and _fed([*edges, edge], edge.target) == 1:
                weight = np.zeros((len(node.weight), int(starts[-1])))
                weight[:, start : start + node.weight.shape[1]] = node.weight
                kept[edge.target] = dataclasses.replace(node, weight=weight)
                edges.append(dataclasses.replace(edge, source=joined))
                continue
            (select,) = free([f"{name}.{edge.target}"], {*kept, joined})
            kept[select] = FloatDense(weight=part)
            edges += [Edge(joined, select), dataclasses.replace(edge, source=select)]
    return kept | {joined: Input(shape=(int(starts[-1]),))}, edges, tuple(inputs)
