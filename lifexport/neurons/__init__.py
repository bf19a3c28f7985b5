"""Neuron kinds, one file each: float description, integer description, the integer step."""

from .base import FloatPopulation as FloatPopulation
from .base import IntPopulation as IntPopulation
from .base import StepResult as StepResult
from .lif import FloatLIF as FloatLIF
from .lif import IntLIF as IntLIF
from .lif import LIFState as LIFState
