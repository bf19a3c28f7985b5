from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np
import pytest
from train.sequences import check_run

from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.train import Flatten, Identity


@pytest.mark.parametrize("size", [(1,), (3,), (2, 3), (2, 3, 4)])
def test_flattening_keeps_the_order_of_memory(size):
    layer = Flatten(size)
    x = np.arange(4 * 5 * np.prod(size), dtype=np.float32).reshape(4, 5, *size)
    y = check_run(layer, x)
    np.testing.assert_array_equal(y, x.reshape(4, 5, -1))
    assert layer(x[0, 0] * u.mA).shape == layer.out_size and u.get_unit(layer(x[0, 0] * u.mA)) == u.mA


def test_a_skip_gives_spikes_a_unit():
    x = np.float32([[[1, 0]], [[0, 1]]])
    layer = Identity(2, scale=3)
    assert u.get_unit(layer(x[0])) == u.mA
    np.testing.assert_array_equal(check_run(layer, x), 3 * x)
    np.testing.assert_array_equal(Identity((1, 2), unit=None)(x), x)


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: Flatten((2, 0), name="flat"), ShapeError, r"LX102.*flat\.in_size"),
        (lambda: Flatten((2, 3), name="flat")(np.ones((3, 2))), ShapeError, r"LX102.*flat\.x: shape \(3, 2\)"),
        (lambda: Identity(0, name="skip"), ShapeError, r"LX102.*skip\.in_size"),
        (lambda: Identity(2, scale="3", name="skip"), ParameterError, r"LX006.*skip\.scale"),
        (lambda: Identity(2, scale=float("nan"), name="skip"), ParameterError, r"LX101.*skip\.scale"),
        (lambda: Identity(2, scale=np.ones(2), name="skip"), ShapeError, r"LX102.*skip\.scale"),
        (lambda: Identity(2, scale=1 * u.mA, name="skip"), UnitError, r"LX109.*skip\.scale"),
        (lambda: Identity(2, unit="mA", name="skip"), UnitError, r"LX109.*skip\.unit"),
        (lambda: Identity(2, name="skip")(np.ones(3)), ShapeError, r"LX102.*skip\.x: shape \(3,\)"),
        (lambda: Identity(2, name="skip")(np.ones(2) * u.mA), UnitError, r"LX109.*skip\.x: unit mA"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, kind, said):
    with pytest.raises(kind, match=said):
        make()


def test_nothing_here_is_trained():
    assert not Identity(2).states(brainstate.ParamState) and not Flatten(2).states()
