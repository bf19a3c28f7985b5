"""Trained networks as float32 graphs: within rounding of float64 at every step, and back to the last bit."""

from __future__ import annotations

import dataclasses
import itertools
import json

import brainunit as u
import numpy as np
import onnx
import pytest
from float_nets import float_lif, float_network
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

import lifexport as lx
from lifexport.demo.training import STEPS, load_digits, train_digits
from lifexport.errors import MismatchError, UnsupportedError
from lifexport.export import onnx_float_proof, onnx_model
from lifexport.export.onnx_file import check_onnx
from lifexport.export.onnx_functions import Lif
from lifexport.export.onnx_running import RUNTIMES
from lifexport.graph import Edge
from lifexport.neurons import FloatLI, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.spatial import FloatAvgPool, FloatConv
from tests.export.nir_networks import networks

FORMS = ("scan", "step", "layerwise")
RULES = [
    {},
    {"reset": "value"},
    {"reset": "value", "v_reset": 0.0, "v_rest": 0.0},
    {"compare": ">"},
    {"refractory": 3},
    {"refractory": np.arange(9) % 4, "reset": "value"},
    {"v_threshold": 0.0, "v_reset": -0.25},
    {"r": 20.0, "discretisation": "euler"},
]


def one(tmp_path, network, **options):
    """Proofs of an export, with what the file says of itself checked."""
    result = lx.to_onnx(network, tmp_path / "m.onnx", **options)
    assert lx.same(lx.from_onnx(result.path), network)
    assert check_onnx(result.path) == ()
    return result.proofs


@pytest.mark.sampled
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recurrent", [False, True], ids=["forward", "recurrent"])
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_every_rule_from_every_edge(tmp_path, form, recurrent, rules):
    fixed = {key: value for key, value in rules.items() if not isinstance(value, np.ndarray)}
    network, x = float_network(1, recurrent=recurrent, **fixed)
    hidden = dataclasses.replace(network.nodes["hidden"], **rules)
    network = dataclasses.replace(network, nodes=network.nodes | {"hidden": hidden})
    proofs = one(tmp_path, network, form=form, inputs=x)
    assert "within the bound" in proofs[1] and "the same FloatNetwork" in proofs[3]
    said = proofs[2].split()
    same, whole = int(said[4]), int(said[6])
    assert same >= 0.99 * whole > 0


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(
    net=networks(), lif=st.sampled_from(["function", "inline"]), opset=st.sampled_from([17, 21]), rest=st.integers(0, 5)
)
def test_random_networks(tmp_path_factory, form, net, lif: Lif, opset, rest):
    options: dict = {"outputs": ("final", "counts", "trace")[rest % 3]} if form != "step" else {}
    options |= {"initial_state": ("captured", "input")[rest // 3]} if form != "step" else {}
    one(tmp_path_factory.mktemp("onnx"), net, form=form, lif=lif, opset=opset, **options)


@pytest.mark.parametrize("field", ["weight", "tau", "v_threshold", "v_reset", "v_rest", "r"])
@pytest.mark.parametrize("form", FORMS)
def test_the_proof_notices_another_network(tmp_path, form, field):
    """One number that differs by some roundings of float32."""
    network, _ = float_network(1, recurrent=True)
    path = lx.to_onnx(network, tmp_path / "m.onnx", form=form).path
    name = "fc0" if field == "weight" else "hidden"
    value = getattr(network.nodes[name], field).copy()
    value.flat[-1] += 1e-4
    other = dataclasses.replace(
        network, nodes=network.nodes | {name: dataclasses.replace(network.nodes[name], **{field: value})}
    )
    model = onnx.load(path)
    twin = onnx_model.build(network, form=form, initial_state="input", outputs="trace")
    onnx_float_proof.prove_float(model, (model, twin), network, None)
    with pytest.raises(MismatchError, match=r"LX402.*instead of"):
        onnx_float_proof.prove_float(model, (model, twin), other, None)


@pytest.mark.parametrize("change", [{"reset": "value"}, {"compare": ">"}, {"refractory": 2}], ids=str)
def test_the_proof_notices_other_rules(tmp_path, change):
    """Thresholds that float32 holds: membranes lie on them."""
    network, _ = float_network(1, v_threshold=0.5, v_reset=-0.4, refractory=3)
    hidden = dataclasses.replace(network.nodes["hidden"], **change)
    other = dataclasses.replace(network, nodes=network.nodes | {"hidden": hidden})
    twin = onnx_model.build(network, initial_state="input", outputs="trace")
    model = onnx_model.build(network)
    with pytest.raises(MismatchError, match="LX402"):
        onnx_float_proof.prove_float(model, (model, twin), other, None)


def test_the_proof_compares_spikes_not_only_membranes():
    network, _ = float_network(1)
    twin = onnx_model.build(network, lif="inline", initial_state="input", outputs="trace")
    scan = next(node for node in twin.graph.node if node.op_type == "Scan")
    body = next(attribute.g for attribute in scan.attribute if attribute.name == "body")
    next(node for node in body.node if node.name == "hidden/emitted").input[0] = "hidden.fired_before"
    model = onnx_model.build(network)
    with pytest.raises(MismatchError, match=r"LX402.*hidden\.spikes"):
        onnx_float_proof.prove_float(model, (model, twin), network, None)


@pytest.mark.parametrize("inner", ["scores", "prediction"])
def test_the_outputs_of_the_file_itself_are_compared(inner):
    network, _ = float_network(1)
    model, twin = (onnx_model.build(network, **more) for more in ({}, {"initial_state": "input", "outputs": "trace"}))
    node = next(node for node in model.graph.node if node.output[0] == inner)
    node.op_type = "Neg"
    with pytest.raises(MismatchError, match=f"LX402.*{inner}"):
        onnx_float_proof.prove_float(model, (model, twin), network, None)


def test_numbers_that_float32_does_not_hold_come_back(tmp_path):
    """They are in the record; those it holds are in the graph alone."""
    network, _ = float_network(1)
    assert (network.nodes["fc0"].weight != network.nodes["fc0"].weight.astype(np.float32)).any()
    held = network.nodes["fc1"].weight.astype(np.float32).astype(np.float64)
    held[0, :2] = -0.0, 0.0
    network = dataclasses.replace(network, nodes=network.nodes | {"fc1": FloatDense(weight=held)})
    one(tmp_path, network)
    record = next(p.value for p in onnx.load(tmp_path / "m.onnx").metadata_props if p.key == "lifexport")
    nodes = json.loads(record)["nodes"]
    assert "weight" in nodes["fc0"]["values"] and "weight" not in nodes["fc1"]["values"]


def test_a_network_of_float32_numbers_is_as_large_as_its_weights(tmp_path):
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.05, (128, 784)).astype(np.float32).astype(np.float64)
    nodes = {
        "in": Input(shape=(784,)),
        "fc": FloatDense(weight=weight),
        "lif": float_lif(rng, 128),
        "out": Output(shape=(128,)),
    }
    f = lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    assert lx.to_onnx(f, tmp_path / "m.onnx").size < 1.1 * 4 * weight.size


@pytest.mark.parametrize("form", FORMS)
def test_convolutions_and_pools(tmp_path, form):
    rng = np.random.default_rng(0)
    zero = {"v_reset": 0.0, "v_rest": 0.0, "v_initial": 0.0}
    uneven = {"tau": rng.uniform(5e-3, 2e-2, (3, 2, 2)), "r": 2.0, "v_threshold": 0.3}
    nodes = {
        "in": Input(shape=(2, 8, 8)),
        "conv": FloatConv(weight=rng.normal(0.3, 1, (4, 2, 3, 3)), bias=rng.normal(size=4), size=(8, 8), padding=1),
        "a": FloatLIF(shape=(4, 8, 8), dt=1e-3, tau=10e-3, r=1.5, v_threshold=0.4, **zero),
        "pool": FloatAvgPool(shape=(4, 8, 8), kernel=2),
        "conv2": FloatConv(weight=rng.normal(0.3, 2, (3, 4, 3, 3)), size=(4, 4)),
        "b": FloatLIF(shape=(3, 2, 2), dt=1e-3, **uneven, **zero),
        "out": Output(shape=(3, 2, 2)),
    }
    names = ["in", "conv", "a", "pool", "conv2", "b", "out"]
    f = lx.FloatNetwork(nodes=nodes, edges=[Edge(*pair) for pair in itertools.pairwise(names)], dt=1e-3)
    one(tmp_path, f, form=form, inputs=(rng.random((12, 2, 2, 8, 8)) < 0.4).astype(float))


def test_silent_neurons_answer_by_their_membrane(tmp_path):
    network, x = float_network(1)
    last = FloatLI(shape=(5,), dt=1e-3, tau=10e-3, r=1.0)
    network = dataclasses.replace(network, nodes=network.nodes | {"last": last}, readout="membrane_last")
    one(tmp_path, network, inputs=x)
    session = RUNTIMES["onnxruntime"](onnx.load(tmp_path / "m.onnx"))
    got = session({"x": x.astype(np.float32)})
    assert got["scores"].dtype == np.float32 and not got["spikes"].any()
    np.testing.assert_allclose(got["scores"], lx.simulate(network, x).scores, atol=1e-4)


def test_streams_of_real_inputs(tmp_path):
    network, x = float_network(1)
    path = lx.to_onnx(network, tmp_path / "m.onnx", form="step").path
    with lx.OnnxStream(path, batch=6) as stream:
        spikes = np.stack([stream.step(now) for now in x])
        assert stream.state["hidden.V"].dtype == np.float32
    assert (spikes == lx.simulate(network, x).output).mean() > 0.99


def test_a_float_network_has_no_integers(tmp_path):
    network, _ = float_network(0)
    with pytest.raises(UnsupportedError, match=r"LX401.*arithmetic: 'int' of a FloatNetwork; fix: quantize it first"):
        lx.to_onnx(network, tmp_path / "m.onnx", arithmetic="int")
    lx.to_onnx(network, tmp_path / "m.onnx", arithmetic="float")


@pytest.mark.parametrize("name", ["fc0.weight", "hidden.decay", "last.v_threshold", "graph.hidden.V_initial"])
def test_edited_numbers_are_found(tmp_path, name):
    network, _ = float_network(0, v_threshold=0.5)
    path = lx.to_onnx(network, tmp_path / "m.onnx", verify=False).path
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] = np.nextafter(array.flat[0], np.float32(np.inf))
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    onnx.save(model, path)
    assert {finding.code for finding in check_onnx(path)} == {"LX403"}


@pytest.fixture(scope="module")
def digits_float():
    """A network trained on digits."""
    return lx.capture(train_digits(0, epochs=6), dt=1 * u.ms, in_size=64)


@pytest.mark.parametrize("form", ["scan", "layerwise"])
def test_trained_digits_are_told_as_in_float64(tmp_path, form, digits_float):
    """The whole test set."""
    x = np.repeat(load_digits().x_test[None], STEPS, axis=0)
    proofs = one(tmp_path, digits_float, form=form, inputs=x)
    got = RUNTIMES["onnxruntime"](onnx.load(tmp_path / "m.onnx"))({"x": x.astype(np.float32)})
    trace = lx.simulate(digits_float, x)
    np.testing.assert_array_equal(got["prediction"], trace.prediction.labels)
    agreement = (got["spikes"] == trace.output).mean()
    assert agreement > 0.999, proofs
