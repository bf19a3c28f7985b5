"""Which layers, widths and methods matter: sensitivity, sweeps, and a search for widths of single layers."""

from .mixing import mixed_precision as mixed_precision
from .sparing import sensitivity as sensitivity
from .sweeping import sweep as sweep
