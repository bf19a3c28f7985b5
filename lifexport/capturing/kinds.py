"""Which layers are captured, as what, and what to do about the others."""

from __future__ import annotations

from typing import Any, NoReturn

import brainstate

from ..findings import error
from .neurons import is_neurons
from .reading import home, is_layer

WEIGHTS = ("Linear", "Conv1d", "Conv2d", "Identity")
POOLS = ("SumPool", "AvgPool", "AvgPool1d", "AvgPool2d")
NORMS = ("BatchNorm", "BatchNorm0d", "BatchNorm1d", "BatchNorm2d")
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")

_POOL = "use AvgPool or SumPool: the largest of some inputs is no weighted sum of them"
_NORM = "use BatchNorm, whose running statistics are constants: this one's depend on the input"
_BETWEEN = "take it out: between a connection and neurons nothing else can act on a chip"
_FIXES = {
    **{f"MaxPool{n}d": _POOL for n in (1, 2, 3)},
    **{f"AdaptiveMaxPool{n}d": _POOL for n in (1, 2, 3)},
    **{f"LPPool{n}d": _POOL for n in (1, 2, 3)},
    **{f"AdaptiveAvgPool{n}d": "use AvgPool with a kernel size" for n in (1, 2, 3)},
    **dict.fromkeys(("LayerNorm", "RMSNorm", "GroupNorm"), _NORM),
    **{f"{kind}3d": "use one or two axes of space" for kind in ("Conv", "AvgPool", "BatchNorm")},
    **{f"ConvTranspose{n}d": "use a convolution" for n in (1, 2, 3)},
    **{f"ScaledWSConv{n}d": f"use Conv{n}d with the standardised weights" for n in (1, 2)},
    "ScaledWSLinear": "use Linear with the standardised weights",
    "Unflatten": "flatten once, in front of the first Linear",
}


def is_one_of(layer: Any, kinds: tuple[str, ...]) -> bool:
    """Whether a layer is exactly one of the named classes of a known package."""
    return any(is_layer(layer, kind) for kind in kinds)


def is_nothing(layer: Any) -> bool:
    """Whether a layer does nothing outside of training; brainstate's ``Identity`` never does."""
    return is_one_of(layer, DROPOUTS) or (is_layer(layer, "Identity") and home(layer) == "brainstate")


def require_known(layer: Any) -> None:
    """Refuse (LX110) a layer that has no place in a ``FloatNetwork``."""
    if is_neurons(layer) or is_one_of(layer, (*WEIGHTS, *POOLS, *NORMS, *DROPOUTS, "Flatten")):
        return
    refuse(layer)


def refuse(layer: Any) -> NoReturn:
    """Raise LX110 for a layer that is not understood, with what to do about it."""
    kind, name = type(layer), getattr(layer, "name", None)
    if not isinstance(layer, brainstate.nn.Module):
        found = f"the function {getattr(layer, '__name__', repr(layer))}"
        raise error("LX110", node=name, found=found, fix=_BETWEEN)
    fix = _FIXES.get(kind.__name__) if home(layer) == "brainstate" else None
    if fix is None and isinstance(layer, brainstate.nn.ElementWiseBlock) and home(layer) == "brainstate":
        fix = _BETWEEN
    fix = fix or "build the network from the layers of lifexport (a subclass may compute something else)"
    raise error("LX110", node=name, found=f"{kind.__module__}.{kind.__qualname__}", fix=fix)


def channels_last(layers: dict[str, Any]) -> bool:
    """Whether the network lays out space with the channels last, as brainstate does; LX110 if it does both."""
    said = {name: last for name, layer in layers.items() if (last := _says_last(layer)) is not None}
    if len(set(said.values())) < 2:
        return any(said.values())
    here = next(name for name in said if said[name])
    there = next(name for name in said if not said[name])
    found = f"channels last, but {there} has them first"
    raise error("LX110", node=here, found=found, fix="use the spatial layers of lifexport, or those of brainstate")


def _says_last(layer: Any) -> bool | None:
    """Whether channels are last in a layer; ``None`` for one that goes with either."""
    ours, size = home(layer) == "lifexport", getattr(layer, "in_size", None)
    if is_one_of(layer, ("Conv1d", "Conv2d")):
        return not ours and not layer.channel_first
    if is_one_of(layer, ("SumPool", "AvgPool")):
        return False
    if is_one_of(layer, ("AvgPool1d", "AvgPool2d")):
        axes = len(layer.kernel_size)
        return {-1: True, -axes - 1: False}.get(layer.channel_axis)
    if is_one_of(layer, NORMS) and len(size) > 1:  # type: ignore[arg-type]
        return not ours and layer.feature_axes == (len(size) - 1,)  # type: ignore[arg-type]
    if is_layer(layer, "Identity") and ours and len(size) > 1:  # type: ignore[arg-type]
        return False
    return None
