from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def settings_end_with_the_test():
    """A ``dt`` or a precision left behind would let the next test pass, or fail, for no reason of its own."""
    yield
    # Only where the test used it: tests of the core import neither jax nor brainstate.
    if "brainstate" in sys.modules:
        assert sys.modules["brainstate"].environ.all() == {"precision": 32}
