"""What inputs and connections are made of."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lifexport.errors import ParameterError, RangeError
from lifexport.nodes import InputCode, IntDense


@pytest.mark.parametrize(("field", "value"), [("unit", 0.5), ("unit", Fraction(-1)), ("bits", "4"), ("bits", 0)])
def test_codes_are_whole_bits_of_an_exact_unit(field, value):
    with pytest.raises(ParameterError, match=rf"LX006.*input\.{field}"):
        InputCode(kind="graded", **{"bits": 4, field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("shift", 1.5), ("shift", -1), ("weight_bits", 0), ("weight_bits", "8"), ("drop", 63)]
)
def test_shifts_and_widths_are_integers(field, value):
    with pytest.raises(RangeError, match=rf"LX204.*{field}.*{value}"):
        IntDense(weight=np.array([[0]]), **{field: value})
