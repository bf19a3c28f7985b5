"""Training in a chip's integers: the forward pass is the simulator itself, gradients flow through surrogates."""

from __future__ import annotations

from .module import QAT as QAT
from .tuning import qat as qat
