"""Populations as functions: what they are called, what the page shows, and what other tools make of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import onnx.version_converter
import pytest
from float_nets import float_network
from nets import edge_network, random_network

from lifexport.export.onnx_functions import DOMAIN
from lifexport.export.onnx_model import build
from lifexport.export.onnx_running import RUNTIMES
from lifexport.export.onnx_step import input_dtype
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, IntNetwork
from lifexport.neurons import FloatLIF, IntLIF, Leak, Rules, Word
from lifexport.nodes import FloatDense, Input, InputCode, IntDense, IntInput, Output
from lifexport.simulation import simulate

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "onnx.md").read_text()
EDGES = [Edge("in", "fc0"), Edge("fc0", "lif0"), Edge("lif0", "out")]


def printed(proto) -> str:
    """A graph or function as onnx prints it, without blanks that differ between versions."""
    return " ".join(onnx.printer.to_text(proto).split("\n>\n")[-1].split())


def test_the_page_shows_what_is_written():
    rules = Rules(membrane=Word.signed(16), leak=Leak(bits=12))
    lif = IntLIF(shape=(10,), rules=rules, decay=3706, threshold=6000, reset_code=6000, unit=1)
    fc = IntDense(weight=np.ones((10, 64), int), shift=5, unit=32)
    nodes = {"in": IntInput(shape=(64,), code=InputCode(kind="spikes")), "fc0": fc, "lif0": lif}
    chip = IntNetwork(nodes={**nodes, "out": Output(shape=(10,))}, edges=EDGES, dt=1e-3)
    f_lif = FloatLIF(shape=(10,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    nodes = {"in": Input(shape=(64,)), "fc0": FloatDense(weight=np.ones((10, 64))), "lif0": f_lif}
    trained = FloatNetwork(nodes={**nodes, "out": Output(shape=(10,))}, edges=EDGES, dt=1e-3)
    page = " ".join(PAGE.split())
    for network in (chip, trained):
        model = build(network, form="step")
        del model.graph.initializer[:]
        assert printed(model.functions[0]) in page
    model = build(chip, form="step")
    del model.graph.initializer[:]
    assert printed(model.graph) in page


def test_equal_steps_share_a_function_and_others_do_not():
    network, _ = random_network(1, recurrent=False)
    names = [function.name for function in build(network).functions]
    assert len(names) == len(set(names))
    f, _ = float_network(0)
    (one,) = {function.name for function in build(f).functions} & {function.name for function in build(f).functions}
    hard = dataclasses.replace(f.nodes["last"], reset="value")
    other = dataclasses.replace(f, nodes=f.nodes | {"last": hard})
    assert {function.name for function in build(other).functions} > {one}
    assert build(f).functions[0].doc_string and build(network).functions[0].doc_string


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
def test_what_a_person_reads(form):
    """A population is one node of our domain, whose inputs have the names of the network's parameters."""
    network, _ = edge_network(
        0, rounding="floor", overflow="wrap", reset="subtract", reset_code=3, decay=3, decay_bits=4
    )
    model = build(network, form=form)
    (function,) = model.functions
    assert function.name.startswith("LIFSoft_int") and "_wrap_decay4_floor_" in function.name
    assert {"V", "i", "decay", "threshold", "reset_code"} <= set(function.input)
    assert "leak.rounding: floor" in function.doc_string and "membrane.overflow: wrap" in function.doc_string
    graphs = [model.graph]
    graphs += [a.g for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    (call,) = [node for graph in graphs for node in graph.node if node.domain == DOMAIN]
    assert call.name == "lif/step" and "lif.threshold" in call.input
    assert not {node.op_type for graph in graphs for node in graph.node} & {"Clip", "Div"}


@pytest.mark.parametrize("form", ["scan", "step", "layerwise"])
def test_every_named_output_of_a_function_is_read(form):
    """onnxruntime 1.18.1 puts other values into those that are read, silently."""
    network, _ = edge_network(0, rounding="floor", overflow="saturate", reset="subtract", reset_when="step_end")
    for outputs, unread in (("final", 1), ("trace", 0)):
        model = build(network, form=form, outputs=outputs)
        graphs = [model.graph]
        graphs += [a.g for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
        nodes = [node for graph in graphs for node in graph.node]
        read = {name for node in nodes for name in node.input} | {v.name for graph in graphs for v in graph.output}
        (call,) = [node for node in nodes if node.domain == DOMAIN]
        assert list(call.output).count("") == unread and len(call.output) == 3
        assert {name for name in call.output if name} <= read


@pytest.mark.parametrize("target", [18, 21])
@pytest.mark.parametrize("form", ["scan", "step"])
def test_inlined_and_converted_it_stays_exact(form, target):
    """The way through a converter that knows no functions: inline first."""
    network, codes = random_network(3, recurrent=True)
    model = build(network, form=form, opset=17)
    bare = onnx.inliner.inline_local_functions(model)
    assert not bare.functions
    converted = onnx.version_converter.convert_version(bare, target)
    run, feed = RUNTIMES["onnxruntime"](converted), {"x": codes.astype(input_dtype(network))}
    if form == "scan":
        np.testing.assert_array_equal(run(feed)["spikes"], simulate(network, codes, backend="reference").output)
