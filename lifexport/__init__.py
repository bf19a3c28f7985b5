"""lifexport: spiking networks from JAX training to neuromorphic hardware, proved on the way.

Names load their room on first use: ``import lifexport`` itself loads neither jax nor onnx nor nir.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it.
_HOME = {
    "LIF": "train",
    "Linear": "train",
    "Sequential": "train",
    "surrogate": "train",
}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


if TYPE_CHECKING:
    from .train import LIF as LIF
    from .train import Linear as Linear
    from .train import Sequential as Sequential
    from .train import surrogate as surrogate
