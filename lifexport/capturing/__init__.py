"""From a trained module to numbers: the only door from ``train/`` to everything after it."""

from __future__ import annotations

from .capture import capture as capture
