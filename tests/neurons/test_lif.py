from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lifexport.errors import ParameterError, RangeError, ShapeError
from lifexport.neurons import FloatLIF, IntLIF
from lifexport.ops import NumpyOps

GOOD = {"shape": (2,), "dt": 1e-3, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
INT = {
    "shape": (2,),
    "decay": 3,
    "decay_bits": 2,
    "threshold": 8,
    "reset": "subtract",
    "reset_code": 8,
    "unit": Fraction(1),
    "state_bits": 8,
}


@pytest.mark.parametrize(
    ("change", "kind", "code", "where"),
    [
        ({"tau": 0.0}, ParameterError, "LX104", r"tau\[0\]"),
        ({"tau": [1e-2, -1e-2]}, ParameterError, "LX104", r"tau\[1\]"),
        ({"tau": [np.nan, 1]}, ParameterError, "LX101", r"tau\[0\]"),
        ({"tau": [1.0, 1.0, 1.0]}, ShapeError, "LX102", "tau"),
        ({"r": np.inf}, ParameterError, "LX101", "r"),
        ({"v_reset": 1.0}, ParameterError, "LX105", "v_threshold"),
        ({"v_reset": 2.0}, ParameterError, "LX105", "v_threshold"),
        ({"dt": 0.0}, ParameterError, "LX103", "dt"),
        ({"dt": float("nan")}, ParameterError, "LX103", "dt"),
        ({"reset": "soft"}, ParameterError, "LX106", "reset"),
        ({"compare": "=>"}, ParameterError, "LX106", "compare"),
        ({"discretisation": "euler"}, ParameterError, "LX106", "discretisation"),
    ],
)
def test_bad_float_parameters(change, kind, code, where):
    with pytest.raises(kind, match=rf"{code}.*{where}.*fix: "):
        FloatLIF(**GOOD | change)


def test_decay_and_gain():
    lif = FloatLIF(**GOOD | {"tau": [10e-3, 5e-3], "r": [1.0, 3.0]})
    np.testing.assert_allclose(lif.decay, np.exp([-0.1, -0.2]), rtol=1e-15)
    np.testing.assert_allclose(lif.gain, (1 - np.exp([-0.1, -0.2])) * [1, 3], rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "kind", "code", "where"),
    [
        ({"decay": -1}, RangeError, "LX204", "decay"),
        ({"decay": 5}, RangeError, "LX204", "decay"),
        ({"decay": 1.5}, ParameterError, "LX006", "decay"),
        ({"threshold": [1, 2, 3]}, ShapeError, "LX102", "threshold"),
        ({"v_initial": 128}, RangeError, "LX204", "v_initial"),
        ({"v_initial": -129}, RangeError, "LX204", "v_initial"),
        ({"rounding": "nearest"}, ParameterError, "LX106", "rounding"),
        ({"overflow": "clip"}, ParameterError, "LX106", "overflow"),
        ({"reset": "hard"}, ParameterError, "LX106", "reset"),
        ({"threshold": 9, "threshold_shift": 1}, RangeError, "LX204", "threshold"),
        ({"bias": 6, "bias_shift": 2}, RangeError, "LX204", "bias"),
    ],
)
def test_bad_integer_parameters(change, kind, code, where):
    with pytest.raises(kind, match=rf"{code}.*{where}.*fix: "):
        IntLIF(**INT | change)


def step(lif: IntLIF, v: int, current: int) -> tuple[int, bool]:
    from lifexport.neurons.lif import LIFState

    ops = NumpyOps()
    result = lif.step(ops, LIFState(np.array([v, v])), np.array([current, current]))
    return int(result.v[0]), bool(result.spikes[0])


@pytest.mark.parametrize(
    ("change", "v", "current", "expected"),
    [
        ({}, 7, 0, (5, False)),  # 21 / 4 down
        ({}, 8, 0, (0, False)),  # equality fires: the reset comes first
        ({}, 9, 8, (8, True)),  # (9 - 8) * 3/4 = 0, + 8: fires at equality again
        ({}, -1, 0, (-1, False)),
        ({"rounding": "toward_zero"}, -1, 0, (0, False)),
        ({"rounding": "half_up"}, -2, 0, (-1, False)),
        ({"rounding": "half_even"}, -2, 0, (-2, False)),
        ({"rounding": "half_even"}, 2, 0, (2, False)),
        ({"rounding": "half_up"}, 2, 0, (2, False)),
        ({"bias": 3}, 0, 1, (4, False)),
        ({}, 0, 300, (127, True)),
        ({}, 0, -300, (-128, False)),
        ({"overflow": "wrap"}, 0, 129, (-127, False)),
        ({"overflow": "wrap"}, 0, -129, (127, True)),
        ({"reset": "value", "reset_code": -4}, 8, 0, (-3, False)),
        ({"reset": "value", "reset_code": -4}, 7, 0, (5, False)),
        ({"threshold": -5}, -5, 0, (-10, False)),  # executable, if senseless: the step takes any integers
    ],
)
def test_one_step_by_hand(change, v, current, expected):
    assert step(IntLIF(**INT | change), v, current) == expected


def test_the_initial_state_may_be_above_threshold():
    """The first step begins with its reset, like every other."""
    assert step(IntLIF(**INT | {"v_initial": 20}), 20, 0) == (9, True)
