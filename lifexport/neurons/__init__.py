"""Neuron kinds: as trained (float), as a chip runs them (integer), and the rules of the integer step."""

from .base import Arriving as Arriving
from .base import FloatPopulation as FloatPopulation
from .base import IntPopulation as IntPopulation
from .base import StepResult as StepResult
from .cuba_lif import FloatCubaLIF as FloatCubaLIF
from .iaf import FloatIAF as FloatIAF
from .int_lif import IntLIF as IntLIF
from .int_lif import LIFState as LIFState
from .li import FloatLI as FloatLI
from .lif import FloatLIF as FloatLIF
from .rules import Current as Current
from .rules import Leak as Leak
from .rules import Rules as Rules
from .rules import Word as Word
