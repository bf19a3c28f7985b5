from __future__ import annotations

import numpy as np
import pytest

from lifexport.errors import ParameterError, ShapeError
from lifexport.neurons import FloatLIF

GOOD = {"shape": (2,), "dt": 1e-3, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}


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
        ({"discretisation": "midpoint"}, ParameterError, "LX106", "discretisation"),
    ],
)
def test_bad_float_parameters(change, kind, code, where):
    with pytest.raises(kind, match=rf"{code}.*{where}.*fix: "):
        FloatLIF(**GOOD | change)


def test_decay_and_gain():
    lif = FloatLIF(**GOOD | {"tau": [10e-3, 5e-3], "r": [1.0, 3.0]})
    np.testing.assert_allclose(lif.decay, np.exp([-0.1, -0.2]), rtol=1e-15)
    np.testing.assert_allclose(lif.gain, (1 - np.exp([-0.1, -0.2])) * [1, 3], rtol=1e-14)
