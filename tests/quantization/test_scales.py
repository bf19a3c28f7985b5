"""Steps of weights, units of neurons, and what they gain."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from exact_nets import exact_network, tau

import lifexport as lx
from lifexport.errors import ParameterError, UnsupportedError
from lifexport.graph import Edge
from lifexport.neurons import FloatIAF, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.quantization.scales import CANDIDATES, step
from lifexport.quantspec import METHODS
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, SumPool

LIF = {"r": 1.0, "tau": tau(3700 / 4096)}


def squares(weight: np.ndarray, unit: float, hi: int, moments: np.ndarray) -> float:
    """Expected square of the error that a step adds, neuron by neuron, in plain loops."""
    wrong = np.clip(np.rint(weight / unit), -hi, hi) * unit - weight
    return sum(float(e @ moments @ e) for e in wrong)


@pytest.mark.parametrize("seed", range(4))
def test_methods_minimise_what_they_say(seed):
    rng = np.random.default_rng(seed)
    weight, inputs = rng.standard_t(3, (5, 8)), (rng.random((200, 8)) < rng.uniform(0, 0.6, 8)).astype(float)
    moments, hi = inputs.T @ inputs / 200, 7
    for method, measure in (("mse", np.eye(8)), ("membrane", moments)):
        chosen = step(weight, hi, method, percentile=99.0, moments=moments)
        costs = [squares(weight, np.abs(weight).max() / hi * share, hi, measure) for share in CANDIDATES]
        assert squares(weight, chosen, hi, measure) == pytest.approx(min(costs), rel=1e-9)
    assert step(weight, hi, "minmax", percentile=99.0, moments=None) == np.abs(weight).max() / hi
    expected = np.percentile(np.abs(weight), 75) / hi
    assert step(weight, hi, "percentile", percentile=75, moments=None) == expected


def test_unused_weights_cost_the_membrane_nothing():
    """An outlier that is never driven sets the step for minmax, and not for the membrane."""
    weight, moments = np.array([[1.0, -0.9, 0.77, 100.0]]), np.diag([1.0, 1.0, 1.0, 0.0])
    small = step(weight, 127, "membrane", percentile=99, moments=moments)
    assert squares(weight, small, 127, moments) < squares(weight, 100 / 127, 127, moments) / 2


def test_weights_of_nothing_have_no_step():
    assert {step(np.zeros((2, 2)), 7, how, percentile=99, moments=np.eye(2)) for how in METHODS} == {0.0}


def outlier_network():
    f, x = exact_network(FloatLIF, **LIF)
    weight = f.nodes["fa"].weight * np.random.default_rng(5).uniform(0.7, 1.3, (16, 12))
    weight[3, 4] = 8 * np.abs(weight).max()
    x[:, :, 4] = 0  # never driven
    return dataclasses.replace(f, nodes={**f.nodes, "fa": FloatDense(weight=weight)}), x


def test_the_membrane_method_serves_the_membrane():
    f, x = outlier_network()
    found = {}
    for method in METHODS:
        q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=4, method=method, percentile=99.0)
        found[method] = lx.compare(f, q, x).layer("a").spikes_differing
        units = [q.nodes[n].unit * q.input_code.unit == q.nodes["a"].unit * 2 ** q.nodes[n].shift for n in ("fa",)]
        assert all(units)
    print(found)
    assert found["membrane"] < 0.7 * found["minmax"]
    saturated = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, weight_bits=4, method="membrane"), x).weights[0]
    assert saturated.saturated >= 1


def test_the_membrane_method_needs_the_inputs_of_every_layer():
    f, _ = exact_network(FloatLIF, **LIF)
    code = lx.quantize(f, "fpga-q", calibration=np.ones((1, 1, 12))).input_code
    with pytest.raises(ParameterError, match=r"LX205.*calibration: none for method 'membrane'"):
        lx.quantize(f, "fpga-q", input=code, method="membrane")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"scale": "row"}, r"scale.*channel, tensor|scale"),
        ({"method": "max"}, r"method.*did you mean 'minmax'"),
        ({"percentile": 0}, r"percentile: 0"),
        ({"power_of_two": 1}, r"power_of_two: 1"),
    ],
)
def test_bad_choices(choice, said):
    with pytest.raises(ParameterError, match=rf"LX006.*{said}"):
        lx.QuantSpec(**choice)


def uneven_network():
    """Rows of weights whose sizes differ by a factor of four, thresholds too."""
    f, x = exact_network(FloatLIF, v_threshold=lambda n: np.linspace(0.5, 1.5, n), **LIF)
    size = np.linspace(0.3, 1.2, 16)[:, None] * np.random.default_rng(1).uniform(0.9, 1.1, (16, 12))
    return dataclasses.replace(f, nodes={**f.nodes, "fa": FloatDense(weight=f.nodes["fa"].weight * size)}), x


def test_units_of_their_own_give_every_row_all_codes():
    f, x = uneven_network()
    one, own = (lx.quantize(f, "fpga-q", calibration=x, weight_bits=4, scale=scale) for scale in ("tensor", "channel"))
    assert (one.nodes["a"].scale == 1).all() and len(set(own.nodes["a"].scale)) == 16
    rows = np.abs(own.nodes["fa"].weight).max(axis=1)
    assert (rows == 7).sum() > (np.abs(one.nodes["fa"].weight).max(axis=1) == 7).sum() + 5
    before, after = (lx.compare(f, q, x) for q in (one, own))
    assert after.weights[0].sqnr_db > before.weights[0].sqnr_db + 2
    assert abs(after.layer("a").threshold.change) < 1e-3


def test_one_threshold_for_a_layer_is_exact_with_units_of_their_own():
    f, x = exact_network(FloatIAF, r=1e3, strength=0.2013, reset="value")
    thresholds = np.array([1.0, 0.5, 0.25, 2.0] * 4)
    weight = f.nodes["fa"].weight * thresholds[:, None]
    a = dataclasses.replace(f.nodes["a"], v_threshold=thresholds)
    f = dataclasses.replace(f, nodes={**f.nodes, "fa": FloatDense(weight=weight), "a": a})
    q = lx.quantize(f, "loihi-lava", calibration=x)
    assert len(set(q.nodes["a"].threshold)) == 1 and len(set(q.nodes["a"].scale)) == 4
    report = lx.compare(f, q, x)
    assert report.layer("a").spikes_differing == 0 and report.layer("a").membrane_sqnr_db > 60
    assert abs(report.layer("a").threshold.change) < 1e-4


def test_a_readout_of_membranes_keeps_one_unit():
    f, x = uneven_network()
    f = dataclasses.replace(f, readout="membrane_max")
    q = lx.quantize(f, "fpga-q", calibration=x, scale="channel")
    assert (q.nodes["b"].scale == 1).all() and (q.nodes["a"].scale != 1).any()


def test_powers_of_two():
    f, x = uneven_network()
    q = lx.quantize(f, "fpga-q", calibration=x, power_of_two=True)
    largest = max(Fraction(float(node.v_threshold.max())) for node in f.populations.values())
    for node in (*q.populations.values(), *q.connections.values()):
        share = node.unit / largest  # of the network's largest threshold, whatever unit it is given in
        assert share.numerator & (share.numerator - 1) == 0 == share.denominator & (share.denominator - 1)


def spatial(**changes):
    """Convolution, average pool, convolution, flatten, readout; biases and strides."""
    rng = np.random.default_rng(0)
    lif = {"dt": 1e-3, "tau": 8e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
    nodes = {
        "in": Input(shape=(2, 8, 8)),
        "c0": FloatConv(weight=rng.normal(0.8, 1.6, (4, 2, 3, 3)), size=(8, 8), padding=1, bias=rng.normal(0, 0.3, 4)),
        "a": FloatLIF(shape=(4, 8, 8), **lif),
        "p": FloatAvgPool(shape=(4, 8, 8), kernel=2),
        "c1": FloatConv(weight=rng.normal(1.0, 3.0, (6, 2, 3, 3)), size=(4, 4), groups=2, bias=rng.normal(0, 0.3, 6)),
        "p1": FloatAvgPool(shape=(6, 2, 2), kernel=2, padding=1, stride=1),
        "flat": Flatten(shape=(6, 3, 3)),
        "b": FloatLIF(shape=(54,), **lif),
        "fc": FloatDense(weight=rng.normal(0.3, 1.0, (5, 54))),
        "last": FloatLIF(shape=(5,), **lif),
        "out": Output(shape=(5,)),
    } | changes
    pairs = ["in c0", "c0 a", "a p", "p c1", "c1 p1", "p1 flat", "flat b", "b fc", "fc last", "last out"]
    f = lx.FloatNetwork(nodes=nodes, edges=[Edge(*pair.split()) for pair in pairs], dt=1e-3)
    return f, (rng.random((30, 4, 2, 8, 8)) < 0.2).astype(float)


@pytest.mark.parametrize("scale", ["tensor", "channel"])
def test_networks_in_space(scale):
    f, x = spatial()
    q = lx.quantize(f, "fpga-q", calibration=x, state_bits=24, scale=scale, method="membrane")
    assert isinstance(q.nodes["p"], SumPool) and isinstance(q.nodes["p1"], SumPool)
    report = lx.compare(f, q, x)
    for layer in report.layers:
        print(scale, layer.node, f"{layer.spikes_float / layer.values:.3f}", layer.spike_agreement)
        assert 0.01 < layer.spikes_float / layer.values < 0.6
        assert layer.spike_agreement > 0.9 and layer.membrane_sqnr_local_db > 20
    assert report.layer("b").bias is not None and abs(report.layer("b").bias.displacement) < 1e-3
    assert [row.node for row in report.weights] == ["c0", "c1", "fc"]


def test_networks_in_space_on_the_grid_are_exact():
    """Weights that codes hold exactly, means over four: not one spike differs."""
    f, x = spatial()
    rng = np.random.default_rng(3)
    changes = {"a": f.nodes["a"], "b": f.nodes["b"], "last": f.nodes["last"]}
    for name, (largest, mean) in {"c0": (2.9, 0.2), "c1": (16.1, 0.25), "fc": (2.3, 0.1)}.items():
        codes = np.rint(rng.normal(mean, 0.35, f.nodes[name].weight.shape).clip(-1, 1) * 127)
        codes.flat[0] = 127
        bias = {} if name == "fc" else {"bias": None}
        changes[name] = dataclasses.replace(f.nodes[name], weight=codes / 127 * largest, **bias)
    for name in ("a", "b", "last"):
        changes[name] = dataclasses.replace(changes[name], tau=tau(3700 / 4096))
    f, _ = spatial(**changes)
    report = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x, state_bits=24), x)
    for layer in report.layers:
        print(layer.node, f"{layer.spikes_float / layer.values:.3f}", layer.membrane_sqnr_db)
        assert 0.01 < layer.spikes_float / layer.values < 0.6
        assert layer.spikes_differing == 0 and layer.membrane_sqnr_db > 60


def test_what_feeds_a_convolution_is_one_number_a_channel():
    tau_map = np.full((4, 8, 8), 8e-3)
    tau_map[2, 3, 3] = 9e-3
    lif = {"shape": (4, 8, 8), "dt": 1e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}
    f, x = spatial(a=FloatLIF(tau=tau_map, **lif))
    with pytest.raises(UnsupportedError, match=r"LX203.*a\.r: values that differ within channel 2.*'c0'"):
        lx.quantize(f, "fpga-q", calibration=x)
    by_channel = np.array([6e-3, 7e-3, 8e-3, 9e-3]).reshape(4, 1, 1) * np.ones((4, 8, 8))
    f, x = spatial(a=FloatLIF(tau=by_channel, **lif))
    assert lx.compare(f, lx.quantize(f, "fpga-q", calibration=x), x).layer("a").spike_agreement > 0.98
