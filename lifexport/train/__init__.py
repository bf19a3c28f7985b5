"""Trainable networks in JAX: the one room with gradients and units."""

from __future__ import annotations

from . import surrogate as surrogate
from .activity import recording as recording
from .brainpy_if import IF as IF
from .containers import Parallel as Parallel
from .containers import Sequential as Sequential
from .convolution import Conv1d as Conv1d
from .convolution import Conv2d as Conv2d
from .cuba_lif import CubaLIF as CubaLIF
from .dropout import Dropout as Dropout
from .iaf import IAF as IAF
from .layers import Linear as Linear
from .li import LI as LI
from .lif import LIF as LIF
from .lif_ref import LIFRef as LIFRef
from .normalising import BatchNorm as BatchNorm
from .pooling import AvgPool as AvgPool
from .pooling import SumPool as SumPool
from .rate_readout import LeakyRateReadout as LeakyRateReadout
from .recurrent import Recurrent as Recurrent
from .running import run_layer as run_layer
from .shaping import Flatten as Flatten
from .shaping import Identity as Identity
