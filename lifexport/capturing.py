"""From a trained module to numbers: the only door from ``train/`` to everything after it.

Units become SI, parameters become float64, ``dt`` is fixed. What is not understood is refused: a layer that was
skipped would be missing from every export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from itertools import pairwise
from typing import Any, NoReturn

import brainstate
import brainunit as u
import numpy as np

from .findings import at_node, error
from .graph import Edge
from .network import FloatNetwork, StateReset
from .neurons import FloatLIF
from .nodes import FloatDense, Input, Output
from .readout import Readout
from .train.parameters import concrete

_HOMES = ("lifexport", "brainstate", "brainpy", "brainpy_state")
_RESETS = {"soft": "subtract", "hard": "value"}


def capture(
    net: Any,
    *,
    dt: Any = None,
    in_size: int | tuple[int, ...] | None = None,
    readout: Readout = "count",
    state_reset: StateReset = "sample",
) -> FloatNetwork:
    """Freeze a trained network into numbers.

    Parameters
    ----------
    net : module
        ``Sequential`` (lifexport's or brainstate's, nested or not) of ``Linear`` and ``LIF`` layers, ending in a
        ``LIF``. ``brainpy.state.LIF`` and ``brainstate.nn.Linear`` are recognised without importing brainpy.
    dt : quantity or float
        Time step: a time such as ``1 * u.ms`` for networks with units, a plain number of seconds for those without.
        By default that of ``brainstate.environ``.
    in_size : int or tuple of int, optional
        Checked against the first layer.
    readout : str
        How a class is read from the output: ``count``, ``membrane_last``, ``membrane_max``.
    state_reset : ``"sample"`` | ``"never"``
        Whether the state starts anew with every call of a simulator.

    Returns
    -------
    FloatNetwork
        Nodes are named by the layers' ``name``, else by kind and position (``linear0``, ``lif0``, ...); the
        network's own ends are ``input`` and ``output``, with ``_`` after them where a layer has that name.

    Raises
    ------
    ParameterError, UnitError
        LX103, LX109: ``dt`` missing, not positive or of the wrong unit; LX101..LX106: parameters.
    UnsupportedError
        LX110: a layer that has no place in a FloatNetwork.

    Notes
    -----
    The initial potential is captured as numbers: ``V_initializer`` is asked once for one sample, so a random one is
    drawn here (from ``brainstate.random``) and every sample starts from the same draw.

    Examples
    --------
    >>> from lifexport.train import LIF, Linear, Sequential
    >>> net = Sequential(Linear(4, 3), LIF(3, tau=10 * u.ms), Linear(3, 2), LIF(2))
    >>> list(capture(net, dt=1 * u.ms).nodes)
    ['input', 'linear0', 'lif0', 'linear1', 'lif1', 'output']
    """
    layers = list(_named(_layers(net)))
    with_units = any(u.get_dim(layer.tau) != u.DIMENSIONLESS for _, layer in layers if _is(layer, "LIF"))
    seconds = _seconds(dt, with_units)
    nodes: dict[str, Any] = {}
    for name, layer in layers:
        if name in nodes:
            raise error("LX107", node=name, found="a second layer of this name", fix="give every layer its own name")
        with at_node(name):
            nodes[name] = _dense(layer) if _is(layer, "Linear") else _lif(layer, seconds)
    entry, leave = _free("input", nodes), _free("output", nodes)
    chain = [entry, *nodes, leave]
    first, last = nodes[chain[1]], nodes[chain[-2]]
    if last.role != "population":
        raise error("LX110", node=chain[-2], found="the network ends in a Linear layer", fix="end it with a LIF layer")
    _check_size(in_size, first.in_shape)
    return FloatNetwork(
        nodes={entry: Input(shape=first.in_shape), **nodes, leave: Output(shape=last.out_shape)},
        edges=tuple(Edge(a, b) for a, b in pairwise(chain)),
        dt=seconds,
        readout=readout,
        state_reset=state_reset,
    )


def _is(layer: Any, kind: str) -> bool:
    """Whether a layer is exactly the named class of a known package; a subclass may compute something else."""
    cls = type(layer)
    return cls.__name__ == kind and cls.__module__.split(".")[0] in _HOMES


def _layers(net: Any) -> Iterator[Any]:
    if _is(net, "Sequential"):
        for layer in net.layers:
            yield from _layers(layer)
    elif _is(net, "Linear") or _is(net, "LIF"):
        yield net
    else:
        _refuse(net)


def _refuse(layer: Any) -> NoReturn:
    raise error(
        "LX110",
        node=getattr(layer, "name", None),
        found=f"{type(layer).__module__}.{type(layer).__qualname__}",
        fix="build the network from Sequential, Linear and LIF (a subclass may compute something else)",
    )


def _named(layers: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """Layers with their names; one without a name gets its kind and its position among those of its kind."""
    count: Counter[str] = Counter()
    for layer in layers:
        kind = type(layer).__name__.lower()
        yield layer.name or f"{kind}{count[kind]}", layer
        count[kind] += 1


def _free(name: str, taken: Container[str]) -> str:
    """Name that no layer has: a layer may well be called "output"."""
    while name in taken:
        name += "_"
    return name


def _seconds(dt: Any, with_units: bool) -> float:
    dt = brainstate.environ.get("dt", default=None) if dt is None else dt
    example = "capture(net, dt=1 * u.ms)" if with_units else "capture(net, dt=1e-3)"
    if dt is None:
        raise error("LX103", field="dt", found="none given, none in brainstate.environ", fix=example)
    has_unit = u.get_dim(dt) != u.DIMENSIONLESS
    if has_unit != with_units or (has_unit and u.get_dim(dt) != u.get_dim(u.second)):
        raise error(
            "LX109", field="dt", found=f"{dt} for layers {'with' if with_units else 'without'} units", fix=example
        )
    seconds = concrete(dt)
    if seconds is None or seconds.shape != () or not (np.isfinite(seconds) and seconds > 0):
        raise error("LX103", field="dt", found=f"{dt}", fix=example)
    return float(seconds)


def _number(value: Any) -> np.ndarray:
    number = concrete(value)
    if number is None:
        raise error("LX110", found="a tracer instead of a number", fix="call capture outside of jax.jit")
    return number


def _dense(layer: Any) -> FloatDense:
    if len(layer.in_size) != 1 or len(layer.out_size) != 1:
        raise error(
            "LX110", field="in_size", found=f"{layer.in_size}", fix="use a Linear between one-dimensional layers"
        )
    unit = float(getattr(layer, "unit", u.UNITLESS).magnitude)
    weight = _number(layer.weight.value["weight"]) * unit
    if layer.w_mask is not None:
        weight = weight * _number(layer.w_mask)
    bias = layer.weight.value.get("bias")
    return FloatDense(weight=weight.T, bias=None if bias is None else _number(bias) * unit)


def _lif(layer: Any, seconds: float) -> FloatLIF:
    hidden = [
        what for what in ("current_inputs", "delta_inputs", "before_updates", "after_updates") if getattr(layer, what)
    ]
    if hidden:
        found = f"{', '.join(hidden)} registered on the layer"
        raise error("LX110", found=found, fix="express them as layers of the network")
    initial = layer.V_initializer
    return FloatLIF(
        shape=tuple(layer.varshape),
        dt=seconds,
        tau=_number(layer.tau),
        r=_number(layer.R),
        v_threshold=_number(layer.V_th),
        v_reset=_number(layer.V_reset),
        v_rest=_number(layer.V_rest),
        v_initial=_number(initial(tuple(layer.varshape)) if callable(initial) else initial),
        reset=_RESETS[layer.spk_reset],  # type: ignore[arg-type]
    )


def _check_size(in_size: int | tuple[int, ...] | None, shape: tuple[int, ...]) -> None:
    if in_size is not None and np.atleast_1d(in_size).tolist() != list(shape):
        raise error("LX102", field="in_size", found=f"{in_size}; the first layer takes {shape}", fix="make them equal")
