"""What may be asked of ``fit`` and ``evaluate``."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..findings import error
from .losses import CrossEntropy
from .states import plain, trainable, values_of


def require_options(model, *, batch_size, seed, epochs=1, on_epoch=None) -> None:
    """Refuse (LX006) a model that cannot run, and numbers that count nothing."""
    if not callable(getattr(model, "run", None)):
        fix = "give a module with run(x), such as lifexport.Sequential(net) around it"
        raise error("LX006", field="model", found=f"{type(model).__name__} without run", fix=fix)
    for field, value, least in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        try:
            good = least <= operator.index(value) < 1 << 32
        except TypeError:
            good = False
        if not good:
            raise error("LX006", field=field, found=f"{value!r}", fix=f"give a whole number, at least {least}")
    if not (on_epoch is None or callable(on_epoch)):
        raise error("LX006", field="on_epoch", found=f"{on_epoch!r}", fix="give a function of an Epoch")


def pair_of(validation) -> tuple[Any, Any]:
    """Data and labels for validation; refused (LX006) what is no pair."""
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        found = f"{type(validation).__name__}"
        raise error("LX006", field="validation", found=found, fix="give a pair (x, y)")
    return validation[0], validation[1]


def optimizer_of(optimizer, *, falls_to_zero_in: int | None = None) -> Any:
    """Optimizer as given, or the default one (LX005: optax not installed); refused (LX006) what is none.

    The default is Adam at 5e-3; with a number of steps its rate falls to zero in as many, along a cosine.
    """
    if optimizer is None:
        try:
            import optax
        except ImportError:
            fix = 'pip install "lifexport[train]", or give an optimizer with init and update'
            raise error("LX005", field="optimizer", found="optax not installed", fix=fix) from None
        rate = 5e-3 if falls_to_zero_in is None else optax.cosine_decay_schedule(5e-3, falls_to_zero_in)
        return optax.adam(rate)
    if not all(callable(getattr(optimizer, verb, None)) for verb in ("init", "update")):
        fix = "give an optax optimizer, such as optax.adam(5e-3)"
        raise error("LX006", field="optimizer", found=f"{optimizer!r}", fix=fix)
    return optimizer


def loss_of(loss) -> Callable:
    """Loss of a readout's name (LX106), or as given; refused (LX006) what is neither."""
    if isinstance(loss, str):
        return CrossEntropy(loss)  # type: ignore[arg-type]
    if not callable(loss) or isinstance(loss, type):
        raise error("LX006", field="loss", found=f"{loss!r}", fix="give a readout's name, or loss(outputs, labels)")
    return loss


def require_parameters(model) -> None:
    """Refuse a model that has nothing to train (LX006), or starts from NaN (LX101)."""
    found = plain(values_of(trainable(model)))
    if not found:
        raise error("LX006", field="model", found="no parameters", fix="give a network with ParamState to train")
    for name, value in found.items():
        if not np.isfinite(np.asarray(value)).all():
            raise error("LX101", node=name, found="NaN or infinity", fix="give finite initial parameters")
