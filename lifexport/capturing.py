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

from .findings import at_node, error, unknown_name
from .graph import Edge
from .network import FloatNetwork, StateReset
from .neurons import FloatLIF
from .nodes import FloatDense, Input, Output
from .readout import Readout
from .train.layers import Linear
from .train.lif import UNITS
from .train.parameters import concrete, is_number, parameter, require_all_or_none, require_unit, unit_name

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
        network's own ends are ``input`` and ``output``, with ``_`` after them where a layer has that name. A
        ``Linear`` that stands at several places is as many nodes of equal weights, named likewise.

    Raises
    ------
    ParameterError, UnitError
        LX103, LX109: ``dt`` missing, not positive or of the wrong unit; LX006, LX101..LX106: parameters, judged anew
        for they may have been changed since the layer was built; LX109: units that do not fit, between the
        parameters of a layer, from a layer to the next, or between layers.
    UnsupportedError
        LX110: a layer that has no place in a FloatNetwork, or neurons that stand at two places.

    Notes
    -----
    The input of the network is plain numbers for a ``Linear``; for a ``LIF`` that comes first it is in ampere.

    The initial potential is captured as numbers: ``V_initializer`` is asked once for one sample, so a random one is
    drawn here (from ``brainstate.random``) and every sample starts from the same draw.

    Examples
    --------
    >>> from lifexport.train import LIF, Linear, Sequential
    >>> net = Sequential(Linear(4, 3), LIF(3, tau=10 * u.ms), Linear(3, 2), LIF(2))
    >>> list(capture(net, dt=1 * u.ms).nodes)
    ['input', 'linear0', 'lif0', 'linear1', 'lif1', 'output']
    """
    layers = _named(list(_layers(net)))
    end = next(reversed(layers), None)
    if end is None or not _is(layers[end], "LIF"):
        raise error("LX110", node=end, found="the network does not end in neurons", fix="end it with a LIF layer")
    parameters = {name: _parameters(name, layer) for name, layer in layers.items() if _is(layer, "LIF")}
    with_units = _with_units(parameters)
    seconds = _seconds(dt, with_units)
    _check_currents(layers, with_units)
    nodes: dict[str, Any] = {}
    for name, layer in layers.items():
        with at_node(name):
            nodes[name] = _lif(layer, parameters[name], seconds) if name in parameters else _dense(layer)
    entry, leave = _free("input", nodes), _free("output", nodes)
    chain = [entry, *nodes, leave]
    first, last = nodes[chain[1]], nodes[chain[-2]]
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


def _named(layers: list[Any]) -> dict[str, Any]:
    """Layers by their names; one without a name gets its kind and its position among those of its kind."""
    count: Counter[str] = Counter()
    given = {layer.name for layer in layers}
    named: dict[str, Any] = {}
    for layer in layers:
        kind = type(layer).__name__.lower()
        name = layer.name or f"{kind}{count[kind]}"
        count[kind] += 1
        if any(layer is other for other in named.values()):
            if kind == "lif":
                found = "the same neurons at two places: one membrane, advanced twice a step"
                raise error("LX110", node=name, found=found, fix="build a LIF for each place")
            name = _free(name, given | named.keys())
        if name in named:
            raise error("LX107", node=name, found="a second layer of this name", fix="give every layer its own name")
        named[name] = layer
    return named


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
    if not is_number(dt):
        raise error("LX103", field="dt", found=f"{dt!r}", fix=example)
    has_unit = u.get_dim(dt) != u.DIMENSIONLESS
    if has_unit != with_units or (has_unit and u.get_dim(dt) != u.get_dim(u.second)):
        raise error(
            "LX109", field="dt", found=f"{dt} for layers {'with' if with_units else 'without'} units", fix=example
        )
    seconds = concrete(dt)
    if seconds is None or seconds.shape != () or not (np.isfinite(seconds) and seconds > 0):
        raise error("LX103", field="dt", found=f"{dt}", fix=example)
    return float(seconds)


def _parameters(name: str, layer: Any) -> dict[str, Any]:
    size = tuple(layer.varshape)
    return {
        field: parameter(getattr(layer, field), size, unit, node=name, field=field) for field, unit in UNITS.items()
    }


def _with_units(parameters: dict[str, dict[str, Any]]) -> bool:
    """Whether neurons carry units, which must be the same for all."""
    carrying = {name: require_all_or_none(values, UNITS, node=name) for name, values in parameters.items()}
    first, with_units = next(iter(carrying.items()))
    for name, carries in carrying.items():
        if carries != with_units:
            here, there = (unit_name(parameters[lif]["V_th"]) for lif in (name, first))
            found = f"{here}, but {first}.V_th has {there}"
            raise error("LX109", node=name, field="V_th", found=found, fix="give units to every layer, or to none")
    return with_units


def _check_currents(layers: dict[str, Any], with_units: bool) -> None:
    """Refuse (LX109) a layer whose output is not what the next one takes."""
    gives = u.UNITLESS
    for (name, layer), (taker, following) in pairwise(layers.items()):
        gives = u.UNITLESS if _is(layer, "LIF") else _output_unit(name, layer, gives)
        if not _is(following, "LIF") and not isinstance(following, Linear):
            continue  # brainstate's Linear passes on the unit of what arrives.
        current = with_units and _is(following, "LIF")
        if gives.dim != (u.amp.dim if current else u.DIMENSIONLESS):
            found = f"{unit_name(gives)} into {taker}, which takes {'a current' if current else 'plain numbers'}"
            fix = f"feed {taker} from lifexport.Linear(..., unit={'u.mA' if current else 'None'})"
            raise error("LX109", node=name, field="unit", found=found, fix=fix)


def _output_unit(name: str, layer: Any, arriving: u.Unit) -> u.Unit:
    """Unit of what a Linear gives; that of brainstate has none of its own, but its weights may."""
    value = layer.weight.value
    unit = arriving * u.get_unit(value["weight"])
    if layer.w_mask is not None:
        unit = unit * u.get_unit(layer.w_mask)
    if "bias" in value and u.get_dim(value["bias"]) != unit.dim:
        found = f"{unit_name(value['bias'])}, but the weighted inputs have {unit_name(unit)}"
        raise error("LX109", node=name, field="bias", found=found, fix="give both the same unit")
    return unit * require_unit(_own_unit(layer), node=name)


def _own_unit(layer: Any) -> u.Unit:
    return layer.unit if isinstance(layer, Linear) else u.UNITLESS


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
    unit = float(_own_unit(layer).magnitude)
    weight = _number(layer.weight.value["weight"]) * unit
    if layer.w_mask is not None:
        weight = weight * _number(layer.w_mask)
    bias = layer.weight.value.get("bias")
    return FloatDense(weight=weight.T, bias=None if bias is None else _number(bias) * unit)


def _lif(layer: Any, parameters: dict[str, Any], seconds: float) -> FloatLIF:
    hidden = [
        what for what in ("current_inputs", "delta_inputs", "before_updates", "after_updates") if getattr(layer, what)
    ]
    if hidden:
        found = f"{', '.join(hidden)} registered on the layer"
        raise error("LX110", found=found, fix="express them as layers of the network")
    if layer.spk_reset not in _RESETS:
        raise unknown_name("spk_reset", layer.spk_reset, _RESETS, code="LX106", field="spk_reset")
    numbers = {field: _number(value) for field, value in parameters.items()}
    return FloatLIF(
        shape=tuple(layer.varshape),
        dt=seconds,
        tau=numbers["tau"],
        r=numbers["R"],
        v_threshold=numbers["V_th"],
        v_reset=numbers["V_reset"],
        v_rest=numbers["V_rest"],
        v_initial=numbers["V_initializer"],
        reset=_RESETS[layer.spk_reset],  # type: ignore[arg-type]
    )


def _check_size(in_size: int | tuple[int, ...] | None, shape: tuple[int, ...]) -> None:
    if in_size is not None and np.atleast_1d(in_size).tolist() != list(shape):
        raise error("LX102", field="in_size", found=f"{in_size}; the first layer takes {shape}", fix="make them equal")
