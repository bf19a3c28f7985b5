from __future__ import annotations

from lifexport.quantspec import QuantSpec, resolve
from lifexport.targets import load_target


def test_defaults_of_the_target():
    chosen = resolve(QuantSpec(), load_target("fpga-q"))
    assert (chosen.weight_bits, chosen.state_bits, chosen.decay_bits, chosen.input_bits) == (8, 16, 12, 8)
    assert (chosen.threshold_bits, chosen.bias_bits) == (16, 16)
    assert (chosen.rounding, chosen.overflow, chosen.membrane_range) == ("floor", "saturate", 4.0)


def test_threshold_and_bias_follow_the_state():
    for bits in (8, 12, 24):
        chosen = resolve(QuantSpec(state_bits=bits), load_target("fpga-q"))
        assert (chosen.threshold_bits, chosen.bias_bits) == (bits, bits)


def test_narrow_states_get_a_narrow_range():
    ranges = {bits: resolve(QuantSpec(state_bits=bits), load_target("fpga-q")).membrane_range for bits in (8, 11, 12)}
    assert ranges == {8: 2.0, 11: 2.0, 12: 4.0}
