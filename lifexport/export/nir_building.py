"""Nodes of a foreign NIR graph as nodes of a float network: own shapes, and whatever a source makes of neurons."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import LifexportError
from ..findings import error
from ..graph import Shape
from ..neurons import FloatLIF
from ..nodes import FloatDense, Input, Output
from ..spatial import Flatten, FloatAvgPool, FloatConv, Pool, SumPool
from .nir_raw import ELEMENTWISE, NEURONS, Raw
from .nir_source import Asked, Source
from .nir_survey import unreadable

Nodes = Mapping[str, Raw]
Pairs = list[tuple[str, str]]


def shapes(nodes: Nodes, pairs: Pairs, budget: int) -> dict[str, Shape]:
    """Shape of what arrives at every node that says it, or is fed by a node whose shape is known.

    Nothing is refused here but a shape that would take more than ``budget`` bytes (LX003): the network checks that
    neighbours agree.
    """
    arrives: dict[str, Shape] = {}
    leaves: dict[str, Shape] = {}
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in sorted(pairs):
        sources.setdefault(b, []).append(a)
        targets.setdefault(a, []).append(b)
    waiting = sorted(nodes)
    while waiting:
        later = []
        for name in waiting:
            before = next((leaves[a] for a in sources[name] if a in leaves), None)
            after = next((arrives[b] for b in targets[name] if b in arrives), None)
            given = _arriving(nodes[name], before, after)
            if given is None:
                later.append(name)
                continue
            if 8 * math.prod(given) > budget:
                raise unreadable(f"shape {given} is more than the file can hold", node=name)
            arrives[name] = given
            left = _leaving(nodes[name], given)
            if left is not None:
                leaves[name] = left
        if len(later) == len(waiting):
            break
        waiting = later
    return arrives


def _arriving(raw: Raw, before: Shape | None, after: Shape | None) -> Shape | None:
    """Shape that arrives at a node: its own, else that of what feeds it."""
    if raw.kind in ("Input", "Output"):
        return raw.whole("shape") if "shape" in raw.fields else before if raw.kind == "Output" else after
    if raw.kind in ELEMENTWISE:
        own = next((np.shape(value) for value in raw.fields.values() if np.shape(value) != ()), None)
        return before if own is None else own
    if raw.kind in ("Affine", "Linear"):
        return raw.fields["weight"].shape[1:]
    if raw.kind in ("Conv1d", "Conv2d"):
        channels = raw.one("groups") * raw.fields["weight"].shape[1]
        return (channels, *raw.whole("input_shape")) if "input_shape" in raw.fields else before
    return raw.whole("input_type") if "input_type" in raw.fields and before is None else before


def _leaving(raw: Raw, given: Shape) -> Shape | None:
    if raw.kind in ELEMENTWISE or raw.kind in ("Input", "Output"):
        return given
    try:
        return built_stateless(raw, given).out_shape
    except LifexportError:
        return None  # said again, with its name, when the node is built


def parameters(raw: Raw, shape: Shape) -> dict[str, np.ndarray]:
    """Parameters of neurons, one number each, float64; those that older files lack are 0, and ``w_in`` is 1."""
    given = {**raw.fields}
    if raw.kind in ("IF", "LIF", "CubaLIF"):
        given.setdefault("v_reset", np.zeros(()))
    if raw.kind in ("CubaLI", "CubaLIF"):
        given.setdefault("w_in", np.ones(()))
    return {field: np.broadcast_to(np.asarray(value, np.float64), shape) for field, value in given.items()}


def built(raw: Raw, given: Shape | None, source: Source, asked: Asked) -> Any:
    """Node of a float network.

    Raises
    ------
    LifexportError
        LX401 for what it cannot say, LX1xx for what makes no node.
    """
    if given is None:
        found, fix = "its shape is not in the file, nor that of what feeds it", "give the Input its shape"
        raise error("LX102", found=found, fix=fix)
    if raw.kind in NEURONS:
        _finite(raw)
        return source.population(raw.kind, parameters(raw, given), asked)
    if raw.kind == "Threshold":
        threshold = np.broadcast_to(np.asarray(raw.fields["threshold"], np.float64), given)
        return memoryless(threshold, asked)
    return built_stateless(raw, given)


def _finite(raw: Raw) -> None:
    """Refuse (LX101) NaN and infinity by the name they have in the file."""
    for field, value in raw.fields.items():
        bad = ~np.isfinite(value)
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            fix = "find where training diverged; every parameter must be a finite number"
            raise error("LX101", field=field, index=index or None, found=f"{np.asarray(value)[index]}", fix=fix)


def memoryless(threshold: np.ndarray, asked: Asked) -> FloatLIF:
    """Neurons that fire where their input exceeds a threshold, and remember nothing: NIR's ``Threshold``.

    Forward Euler with ``tau = dt`` keeps nothing and takes the input as it is.
    """
    reset = np.where(threshold > 0, 0.0, np.nextafter(threshold, -np.inf))
    return FloatLIF(
        shape=threshold.shape,
        dt=asked.dt,
        tau=np.full(threshold.shape, asked.dt),
        r=np.ones(threshold.shape),
        v_threshold=threshold,
        v_reset=reset,
        reset="value",
        compare=">",
        discretisation="euler_direct",
    )


def built_stateless(raw: Raw, given: Shape) -> Any:
    """Connection or end of a float network, for what arrives."""
    return _STATELESS[raw.kind](raw, given)


def _dense(raw: Raw, given: Shape) -> FloatDense:
    return FloatDense(weight=raw.fields["weight"], bias=raw.fields.get("bias"))


def _conv(raw: Raw, given: Shape) -> FloatConv:
    axes = raw.fields["weight"].ndim - 2
    if len(given) != axes + 1:
        raise error("LX102", found=f"{raw.kind} fed with shape {given}", fix="feed it with (channels, *space)")
    moves: dict[str, Any] = {field: _each(raw, field, axes) for field in ("stride", "dilation")}
    padding = raw.fields["padding"]
    moves["padding"] = padding if isinstance(padding, str) else _each(raw, "padding", axes)
    if "input_shape" in raw.fields and raw.whole("input_shape") != given[1:]:
        found = f"{raw.whole('input_shape')}, but shape {given} arrives"
        raise error("LX102", field="input_shape", found=found, fix="make the sizes of neighbouring layers equal")
    fields = {"weight": raw.fields["weight"], "bias": raw.fields.get("bias"), "groups": raw.one("groups")}
    return FloatConv(size=given[1:], **fields, **moves)  # type: ignore[arg-type]


def _each(raw: Raw, field: str, axes: int) -> Shape:
    given = raw.whole(field)
    return given * axes if len(given) == 1 else given


def _pool(kind: type[Pool], raw: Raw, given: Shape) -> Pool:
    if len(given) != 3:
        raise error("LX102", found=f"{raw.kind} fed with shape {given}", fix="feed it with (channels, height, width)")
    fields = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}
    return kind(shape=given, **{name: _each(raw, field, 2) for name, field in fields.items()})  # type: ignore[arg-type]


def _flatten(raw: Raw, given: Shape) -> Flatten:
    if "input_type" in raw.fields and raw.whole("input_type") != given:
        found = f"{raw.whole('input_type')}, but shape {given} arrives"
        raise error("LX102", field="input_type", found=found, fix="make the sizes of neighbouring layers equal")
    start, end = raw.one("start_dim"), raw.one("end_dim")
    first, last = (dim + len(given) if dim < 0 else dim for dim in (start, end))
    if not (first == 0 and last == len(given) - 1):
        found = f"axes {start}..{end} of shape {given}, not all of them"
        fix = "NIR counts axes without the batch: write start_dim=0, end_dim=-1"
        raise error("LX401", field="start_dim", found=found, fix=fix)
    return Flatten(shape=given)


_STATELESS: dict[str, Callable[[Raw, Shape], Any]] = {
    "Input": lambda raw, given: Input(shape=given),
    "Output": lambda raw, given: Output(shape=given),
    "Affine": _dense,
    "Linear": _dense,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "SumPool2d": functools.partial(_pool, SumPool),
    "AvgPool2d": functools.partial(_pool, FloatAvgPool),
    "Flatten": _flatten,
}
