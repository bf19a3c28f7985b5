from __future__ import annotations

import jax
import pytest


@pytest.fixture(autouse=True)
def strict_promotion():
    """Our own code mixes no dtypes by accident; not for the whole suite, for optax does."""
    with jax.numpy_dtype_promotion("strict"):
        yield
