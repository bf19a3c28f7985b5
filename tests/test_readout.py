from __future__ import annotations

import numpy as np
import pytest

from lifexport.errors import ParameterError
from lifexport.readout import predict, scores

SPIKES = np.array([[[1, 0]], [[1, 1]], [[0, 1]]], np.uint8)
V = np.array([[[5, -1]], [[9, 2]], [[3, 4]]])


@pytest.mark.parametrize(
    ("readout", "expected"), [("count", [[2, 2]]), ("membrane_last", [[3, 4]]), ("membrane_max", [[9, 4]])]
)
def test_scores(readout, expected):
    assert scores(readout, SPIKES, V).tolist() == expected


def test_counts_do_not_wrap():
    assert scores("count", np.ones((300, 1, 1), np.uint8), None).tolist() == [[300]]


def test_ties_go_to_the_lowest_index_and_are_counted():
    labels, ties = predict(np.array([[3, 3, 1], [0, 0, 0], [1, 2, 0]]))
    assert labels.tolist() == [0, 0, 1] and ties == 2


def test_unknown_readout():
    with pytest.raises(ParameterError, match=r"LX106.*did you mean 'count'"):
        scores("counts", SPIKES, None)
