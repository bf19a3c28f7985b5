"""The decays that a chip's leak can have: both ends, and what its offset leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from lifexport.quantization.leaks import LeakMap, tau_change, tau_text


def leak(**more) -> LeakMap:
    return LeakMap({"kind": "multiply", "bits": {"min": 4, "max": 4, "default": 4}, "per": "neuron", **more})


@pytest.mark.parametrize(
    ("section", "ends"),
    [({}, [0, 16]), ({"offset": 0}, [1, 16]), ({"offset": 1}, [0, 15])],
)
def test_the_chip_stores_what_is_lost_less_the_offset(section, ends):
    """Four bits store 0..15: without an offset 16 of 16 cannot be lost, with an offset of 1 it is lost one at least."""
    assert leak(**section).amounts(np.array([0.0, 1.0])).tolist() == ends


def test_only_a_factor_of_one_loses_nothing():
    assert leak().lossless and not leak(offset=1).lossless


def test_change_of_a_time_constant():
    change = tau_change(np.array([0.5, 1.0, 0.5, 0.5, 0.0]), np.array([0.25, 1.0, 1.0, 0.0, 0.0]))
    assert change.tolist() == [-0.5, 0.0, np.inf, -1.0, 0.0]
    assert (tau_text(0.0, 1e-3), tau_text(1.0, 1e-3)) == ("nothing kept", "no leak")
