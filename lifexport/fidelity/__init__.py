"""Fidelity: how far the chip's network is from the trained one, measured and named by layer, step and neuron."""

from .comparing import compare as compare
from .report import FidelityReport as FidelityReport
from .verdict import Thresholds as Thresholds
