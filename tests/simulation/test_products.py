"""Which type a product is carried in."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lifexport.simulation.products import kernel

ALL = ("int8", "float32", "int32")


@pytest.mark.parametrize(
    ("device", "proved", "found"),
    [
        ("cpu", ALL, np.int8),
        ("cpu", ALL[1:], np.float32),
        ("cpu", ALL[2:], np.int32),
        ("gpu", ALL, np.float32),  # where int8 products were measured to be wrong
        ("gpu", ("int8", "int32"), np.int32),
    ],
)
def test_the_fastest_that_is_proved_and_int8_on_processors_alone(monkeypatch, device, proved, found):
    monkeypatch.setattr(jax, "default_backend", lambda: device)
    assert kernel(proved) is found
