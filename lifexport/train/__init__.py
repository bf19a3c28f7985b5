"""Trainable networks in JAX: the one room with gradients and units."""

from __future__ import annotations

from . import encoders as encoders
from . import surrogate as surrogate
from .layers import Linear as Linear
from .layers import Sequential as Sequential
from .lif import LIF as LIF
from .saving import load_parameters as load_parameters
from .saving import save_parameters as save_parameters
