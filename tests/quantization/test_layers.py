"""Choices for single layers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport.bundle.specification import load_quantspec, save_quantspec
from lifexport.errors import LifexportError


class TestLayersOfTheirOwn:
    """Widths and methods of single populations, and of the weights that feed them."""

    def quantized(self, **choices):
        f, x = float_network(1)
        return lx.quantize(f, "fpga-q", calibration=x, **choices)

    def test_a_width_takes_effect_where_it_is_named_and_nowhere_else(self):
        plain, q = self.quantized(), self.quantized(layers={"hidden": {"weight_bits": 3, "state_bits": 12}})
        assert (q.nodes["fc0"].weight_bits, q.nodes["hidden"].rules.membrane.bits) == (3, 12)
        assert int(np.abs(q.nodes["fc0"].weight).max()) == 3
        assert lx.same(q.nodes["fc1"], plain.nodes["fc1"]) and lx.same(q.nodes["last"], plain.nodes["last"])

    def test_it_is_what_the_whole_network_would_have(self):
        q = self.quantized(weight_bits=8, layers={"*": {"weight_bits": 4, "decay_bits": 6}})
        assert lx.same(q, self.quantized(weight_bits=4, decay_bits=6))

    def test_of_several_patterns_the_last_decides(self):
        q = self.quantized(layers={"*": {"weight_bits": 4}, "la*": {"weight_bits": 6}})
        assert [q.nodes[name].weight_bits for name in ("fc0", "fc1")] == [4, 6]

    @pytest.mark.parametrize(
        ("layers", "said"),
        [
            ({"hiden": {"weight_bits": 4}}, "LX006.*did you mean 'hidden'"),
            ({"hidden": {"wieght_bits": 4}}, "LX006.*did you mean 'weight_bits'"),
            ({"hidden": {"input_bits": 4}}, "LX006"),
            ({"hidden": {"weight_bits": 99}}, "LX202.*weight_bits"),
            ({"hidden": 4}, "LX006"),
            (["hidden"], "LX006"),
        ],
    )
    def test_what_is_no_choice_is_refused(self, layers, said):
        with pytest.raises(LifexportError, match=said):
            self.quantized(layers=layers)

    def test_fine_tuning_takes_one_width(self):
        f, x = float_network(1)
        with pytest.raises(LifexportError, match=r"LX006.*single layers"):
            lx.QAT(f, "fpga-q", calibration=x, layers={"hidden": {"weight_bits": 4}})

    def test_it_is_kept_in_a_file_and_in_other_processes(self, tmp_path):
        spec = lx.QuantSpec(layers={"hid*": {"weight_bits": 4, "membrane_range": 2}}, percentile=99)
        back = load_quantspec(save_quantspec(spec, tmp_path / "spec.json"))
        assert back == spec and pickle.loads(pickle.dumps(spec)) == spec
