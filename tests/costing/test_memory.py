"""What a chip does not store needs no memory."""

from __future__ import annotations

import numpy as np

from lifexport.costing import memory
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import IntLIF
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.targets import choose_rules, load_target


def rows(target: str, **fields):
    """Memory of 3 neurons whose thresholds differ, on 2 inputs, by node."""
    rules = choose_rules(load_target(target))
    lif = IntLIF(shape=(3,), rules=rules, decay=3700, threshold=[640, 704, 768], reset_code=0, unit=1, **fields)
    nodes = {"in": IntInput(shape=(2,), code=InputCode(kind="spikes")), "lif": lif, "out": Output(shape=(3,))}
    nodes["fc"] = IntDense(weight=2 * np.ones((3, 2), int), weight_bits=8, shift=6, unit=64)
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    return {row.node: row for row in memory(IntNetwork(nodes=nodes, edges=edges, dt=1e-3, target=target))}


def test_low_bits_below_the_step_of_weights_and_thresholds():
    lava, fpga = rows("loihi-lava", threshold_shift=6), rows("fpga-q", threshold_shift=6)
    assert lava["fc"].weights == 6 * 7  # codes are even
    assert fpga["fc"].weights == 6 * 8
    assert fpga["lif"].thresholds == 3 * (16 - 6)


def test_a_threshold_for_a_whole_layer_counts_once():
    assert rows("loihi-lava", threshold_shift=6)["lif"].thresholds == 24 - 6
    assert rows("loihi-lava")["lif"].thresholds == 24
    assert rows("fpga-q")["lif"].thresholds == 3 * 16
