"""Where fetched data sets lie: never in the tree, so their tests are skipped where the folder is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("LIFEXPORT_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""The folder named by the environment variable ``LIFEXPORT_DATA``; by default ``shared/data`` beside the checkout."""


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test where this file or folder of the data sets is not there."""
    return pytest.mark.skipif(not (DATA / name).exists(), reason=f"fetched data absent: {name}")
