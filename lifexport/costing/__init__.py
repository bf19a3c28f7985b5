"""What a network costs on a chip: memory it needs, work it does on given inputs, energy where a target says."""

from .costing import cost as cost
from .memory import memory as memory
