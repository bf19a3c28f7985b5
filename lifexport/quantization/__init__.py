"""From the trained network to the chip's integers: what a target has, what it has not, scales, codes."""

from .expressible import inexpressible as inexpressible
from .quantizing import quantize as quantize
from .refusing import attempt as attempt
