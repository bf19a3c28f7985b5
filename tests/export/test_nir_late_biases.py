"""Biases behind spikes that an importer hands on late: a neuron that always fires, and is as late, carries them."""

from __future__ import annotations

import numpy as np
import pytest

import lifexport as lx
from lifexport.export.nir_profiles import PROFILES, bias_neurons, rewritten
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatCubaLIF, FloatIAF
from lifexport.nodes import FloatDense, Input, Output
from tests.export.nir_files import lif
from tests.export.test_nir_profiles import chain, run_by_model


def held(tmp_path, net: FloatNetwork, x: np.ndarray) -> lx.FloatNetwork:
    """The file for spyx, whose every spike and membrane by its model is the trained one, as many steps later."""
    path = lx.to_nir(net, tmp_path / "m.nir", profile="spyx").path
    again, run = run_by_model(path, x)
    want = lx.simulate(net, x, record=("spikes", "v"))
    for name, node in net.populations.items():
        late, n = again.lateness[name], node.shape[0]
        np.testing.assert_array_equal(run.spikes[name][late:, :, :n], want.spikes[name][: len(x) - late])
        assert not run.v[name][:late, :, :n].any(), "nothing happens before the first spikes can arrive"
        size = node.v_threshold - node.v_reset
        apart = (run.v[name][late:, :, :n] - (want.v[name][: len(x) - late] - node.v_reset)) / size
        assert np.abs(apart).max() < 1e-5
    return again


def pulses(steps: int, n: int, rate: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(1).random((steps, 3, n)) < rate).astype(np.float32)


def test_spikes_of_a_bias_alone_come_when_they_were_trained_to(tmp_path):
    net = chain(FloatDense(weight=[[1.0]]), lif(1), FloatDense(weight=[[1.0]], bias=[2.0]), lif(1), size=(1,))
    again = held(tmp_path, net, np.zeros((40, 3, 1), np.float32))
    findings = lx.check(tmp_path / "m.nir").findings
    assert [(f.code, f.where) for f in findings] == [("LX421", "n1"), ("LX417", "")]
    assert [again.nodes[name].out_shape for name in ("n1", "n3")] == [(2,), (1,)]


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("kind", ["LIF", "IAF", "CubaLIF", "rest"])
def test_biases_in_every_layer(tmp_path, depth, kind):
    rng = np.random.default_rng(depth)

    def neurons(n):
        if kind == "IAF":
            return FloatIAF(shape=(n,), dt=1e-3, r=200.0, v_threshold=1.0, v_reset=0.0, reset="subtract")
        if kind == "CubaLIF":
            times = {"tau": 8e-3, "tau_syn": 3e-3, "w_in": 0.6}
            return FloatCubaLIF(shape=(n,), dt=1e-3, r=2.0, v_threshold=1.0, v_reset=0.0, reset="subtract", **times)
        rest = 0.4 if kind == "rest" else 0.0
        return lif(n, r=rng.uniform(1, 2, n), v_rest=rest, v_initial=0.0, v_reset=0.0)

    nodes = []
    for _ in range(depth):
        nodes += [FloatDense(weight=rng.normal(1.0, 1.5, (3, 3)), bias=rng.normal(0.3, 0.3, 3)), neurons(3)]
    again = held(tmp_path, chain(*nodes, size=(3,)), pulses(80, 3))
    sizes = [node.out_shape[0] for node in again.populations.values()]
    assert sorted(sizes) == [3] + [4] * (depth - 1)


def test_only_populations_before_the_last_late_bias_get_one(tmp_path):
    rng = np.random.default_rng(0)
    first, plain, biased = (
        FloatDense(weight=rng.normal(2, 1, (2, 2)), bias=b) for b in ([0.2, 0.1], None, [0.3, -0.1])
    )
    net = chain(first, lif(2), plain, lif(2))
    assert rewritten(net, PROFILES["spyx"]).widened == ()
    assert [f.code for f in lx.to_nir(net, tmp_path / "m.nir", profile="spyx").findings] == ["LX417"]
    net = chain(first, lif(2), biased, lif(2), plain, lif(2))
    assert rewritten(net, PROFILES["spyx"]).widened == ("n1",)
    held(tmp_path, net, pulses(40, 2))
    net = chain(plain, lif(2), plain, lif(2), plain, plain, biased, plain, lif(2))  # several connections in a row
    assert rewritten(net, PROFILES["spyx"]).widened == ("n1", "n3")
    held(tmp_path, net, pulses(60, 2))
    net = chain(lif(2, r=40.0), lif(2, r=40.0, v_rest=0.3, v_initial=0.0, v_reset=0.0))  # and none at all
    assert set(lx.from_nir(lx.to_nir(net, tmp_path / "m.nir", profile="spyx").path).nodes) > {"n0_in", "n1_in"}
    held(tmp_path, net, pulses(40, 2))


def test_feedback_neither_sends_nor_receives_the_added_neuron(tmp_path):
    rng = np.random.default_rng(3)
    nodes = {
        "in": Input(shape=(3,)), "fc0": FloatDense(weight=rng.normal(1, 1, (4, 3)), bias=rng.normal(0.2, 0.2, 4)),
        "a": lif(4), "back": FloatDense(weight=rng.normal(-0.3, 1, (4, 4)), bias=rng.normal(0, 0.2, 4)),
        "fc1": FloatDense(weight=rng.normal(1, 1, (2, 4)), bias=[0.4, 0.2]), "b": lif(2), "out": Output(shape=(2,)),
    }  # fmt: skip
    pairs = [("in", "fc0", 0), ("fc0", "a", 0), ("a", "back", 1), ("back", "a", 0), ("a", "fc1", 0), ("fc1", "b", 0)]
    net = FloatNetwork(nodes=nodes, edges=[Edge(*pair) for pair in [*pairs, ("b", "out", 0)]], dt=1e-3)
    again = held(tmp_path, net, pulses(80, 3))
    back = again.nodes["back"].weight
    assert back.shape == (5, 5) and not back[-1].any() and not back[:, -1].any()


def test_the_added_neuron_fires_from_the_first_step_that_spikes_can(tmp_path):
    dense = FloatDense(weight=np.eye(2), bias=[0.5, 0.0])
    path = lx.to_nir(chain(dense, lif(2), dense, lif(2), dense, lif(2)), tmp_path / "m.nir", profile="spyx").path
    _, run = run_by_model(path, np.zeros((9, 1, 2), np.float32))
    assert run.spikes["n1"][:, 0, -1].tolist() == [True] * 9
    assert run.spikes["n3"][:, 0, -1].tolist() == [False] + [True] * 8
    assert bias_neurons.DRIVE > 1
