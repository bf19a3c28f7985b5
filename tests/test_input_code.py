from __future__ import annotations

import copy
from fractions import Fraction

import numpy as np
import pytest
from float_nets import float_network

from lifexport.errors import ParameterError, RangeError, UnsupportedError
from lifexport.input_code import infer_input_code, require_input_code
from lifexport.nodes import InputCode
from lifexport.targets import Target, load_target


def infer(values, bits=8, target=None):
    f, _ = float_network()
    x = np.resize(np.asarray(values, float), (3, 2, 12))
    return infer_input_code(f, x, bits, target or load_target("fpga-q"))


@pytest.mark.parametrize(
    ("values", "bits", "code"),
    [
        ([0, 1], 8, InputCode(kind="spikes")),
        ([0], 8, InputCode(kind="spikes")),
        ([0, 1, 2], 8, InputCode(kind="counts", bits=2)),
        ([0, 255], 8, InputCode(kind="counts", bits=8)),
        ([0, 7], 3, InputCode(kind="counts", bits=3)),
        ([-1, 1], 8, InputCode(kind="graded", bits=2, signed=True)),
        ([0, 1 / 16, 1], 8, InputCode(kind="graded", bits=5, unit=Fraction(1, 16))),
        ([-0.5, 0.25], 8, InputCode(kind="graded", bits=3, signed=True, unit=Fraction(1, 4))),
    ],
)
def test_exact_grids_cost_nothing(values, bits, code):
    found = infer(values, bits)
    assert found == code
    x = np.asarray(values, float)
    assert all(Fraction(v) % found.unit == 0 for v in x.tolist())


def test_other_numbers_fill_the_code():
    code = infer([0.1, 0.7, np.pi])
    assert (code.kind, code.bits, code.signed) == ("graded", 8, False)
    assert float(code.unit) * 255 == pytest.approx(np.pi)
    code = infer([-0.1, np.pi])
    assert code.signed and float(code.unit) * 127 == pytest.approx(np.pi)


def test_counts_beyond_the_width_are_scaled():
    code = infer([0, 256])
    assert code.kind == "graded" and float(code.unit) * 255 == pytest.approx(256)


def test_one_signed_bit_holds_nothing():
    with pytest.raises(ParameterError, match=r"LX205.*input_bits"):
        infer([-1, 0.3], bits=1)


def target(**changes):
    document = copy.deepcopy(load_target("fpga-q").document)
    document["input"] |= changes
    return Target(document)


def test_a_spike_only_target_refuses_graded_input():
    with pytest.raises(UnsupportedError, match=r"LX203.*input: graded.*takes spikes.*encode"):
        infer([0.5], target=target(kinds=["spikes"]))


def test_signs_and_widths():
    with pytest.raises(UnsupportedError, match=r"LX203.*negative"):
        infer([-0.5], target=target(signed=False))
    with pytest.raises(RangeError, match=r"LX202.*input_bits.*1\.\.8"):
        require_input_code(InputCode(kind="graded", bits=9), load_target("fpga-q"))
