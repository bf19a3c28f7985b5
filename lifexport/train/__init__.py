"""Trainable networks in JAX: the one room with gradients and units."""

from __future__ import annotations

from . import encoders as encoders
from . import losses as losses
from . import surrogate as surrogate
from .containers import Parallel as Parallel
from .containers import Sequential as Sequential
from .convolution import Conv1d as Conv1d
from .convolution import Conv2d as Conv2d
from .dropout import Dropout as Dropout
from .evaluating import evaluate as evaluate
from .fitting import fit as fit
from .history import Epoch as Epoch
from .history import Evaluation as Evaluation
from .history import History as History
from .layers import Linear as Linear
from .lif import LIF as LIF
from .normalising import BatchNorm as BatchNorm
from .pooling import AvgPool as AvgPool
from .pooling import SumPool as SumPool
from .recurrent import Recurrent as Recurrent
from .running import run_layer as run_layer
from .saving import load_parameters as load_parameters
from .saving import save_parameters as save_parameters
from .shaping import Flatten as Flatten
from .shaping import Identity as Identity
