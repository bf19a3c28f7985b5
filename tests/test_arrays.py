from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import lifexport as lx
from lifexport import arrays
from lifexport.errors import ParameterError, ShapeError


def test_arrays_are_copied_and_read_only():
    source = np.array([1.0, 2.0])
    array = arrays.real(source, (2,), node=None, field="tau")
    source[0] = 9
    assert array.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad):
    with pytest.raises(ParameterError, match=r"LX101.*fc\.weight\[0, 1\].*1 of 4"):
        arrays.real([[1, bad], [2, 3]], (2, 2), node="fc", field="weight")


def test_shapes():
    assert arrays.real(2.0, (3,), node=None, field="tau").tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(ShapeError, match=r"LX102.*lif\.tau"):
        arrays.real([1.0, 2.0], (3,), node="lif", field="tau")


@pytest.mark.parametrize("values", [[1.0], [True], ["1"]])
def test_codes_are_integers(values):
    with pytest.raises(ParameterError, match=r"LX006.*threshold.*dtype"):
        arrays.integer(values, None, node=None, field="threshold")


@dataclass(frozen=True, eq=False)
class Value:
    w: np.ndarray
    name: str


def test_same_looks_at_every_bit():
    a = Value(np.array([0.0, 1.0]), "a")
    assert lx.same(a, Value(np.array([0.0, 1.0]), "a"))
    for other, found in [
        (Value(np.array([-0.0, 1.0]), "a"), ".w: 0.0 != -0.0 at index (0,)"),
        (Value(np.array([0.0, np.nextafter(1, 2)]), "a"), ".w: 1.0 != 1.0000000000000002 at index (1,)"),
        (Value(np.array([0.0, 1.0], np.float32), "a"), ".w: float64[2] != float32[2]"),
        (Value(np.array([[0.0, 1.0]]), "a"), ".w: float64[2] != float64[1, 2]"),
        (Value(np.array([0.0, 1.0]), "b"), ".name: 'a' != 'b'"),
        (3, "value: Value != int"),
    ]:
        assert not lx.same(a, other)
        assert arrays.difference(a, other) == found


def test_containers():
    assert arrays.difference({"a": (1, 2)}, {"a": (1, 3)}) == "['a'][1]: 2 != 3"
    assert "keys" in arrays.difference({"a": 1}, {"b": 1})
    assert "length" in arrays.difference([1], [1, 2])
    assert arrays.difference(np.array([]), np.array([])) is None
    assert arrays.difference(np.array(1), np.array(2)) == "array: 1 != 2 at index ()"
