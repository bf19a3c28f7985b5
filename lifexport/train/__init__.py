"""Trainable networks in JAX: the one room with gradients and units."""

from __future__ import annotations

from . import surrogate as surrogate
from .activity import recording as recording
from .brainpy_if import IF as IF
from .cuba_lif import CubaLIF as CubaLIF
from .iaf import IAF as IAF
from .layers import Linear as Linear
from .layers import Sequential as Sequential
from .li import LI as LI
from .lif import LIF as LIF
from .lif_ref import LIFRef as LIFRef
from .rate_readout import LeakyRateReadout as LeakyRateReadout
