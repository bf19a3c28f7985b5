"""Forms of an ONNX file: what stands around the recorded step.

``scan``: one ``Scan`` over a symbolic time axis, the step its body. ``step``: the step itself, state in and out.
``layerwise`` is in ``onnx_layerwise.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper  # noqa: TID251

from ..network import FloatNetwork
from .onnx_functions import Functions
from .onnx_neurons import spike_type
from .onnx_ops import OnnxOps
from .onnx_step import Carried, Exported, Step, arithmetic_of, initial_values, leaving_doc, number_type, type_of
from .onnx_storage import Storage

Form = Literal["scan", "step", "layerwise"]
InitialState = Literal["captured", "input"]
Outputs = Literal["final", "counts", "trace"]
TIME = np.array([0], np.int64)


class Way(NamedTuple):
    """How a file is written, besides its form."""

    initial_state: InitialState
    outputs: Outputs
    opset: int
    functions: Functions | None
    """Where populations become functions; None where they are inline."""
    storage: Storage
    ops: type[OnnxOps] = OnnxOps
    """What records the step."""


def initial_names(population: str) -> tuple[str, ...]:
    """Names of the initializer that may hold the captured initial membrane of a population."""
    return tuple(f"graph.{population}.{part}_initial" for part in ("V", "V_post"))


def step_graph(network: Exported, way: Way) -> GraphProto:
    """Form ``step``: ``x``, and what every carried tensor holds, in; spikes and ``<tensor>_next`` out."""
    step = Step(network, lambda name: name, way.functions, x="x", ops=way.ops)
    inputs = [_input(network, "batch"), *(_info(c.name, c.dtype, ("batch", *c.shape), c.doc) for c in step.carried)]
    ends = [_spikes(network, step)]
    ends += [Part(f"{c.name}_next", c.after, c.dtype, c.shape, f"{c.name} for the next step.") for c in step.carried]
    ends += traced_parts(network, step, [*network.populations], "trace") if way.outputs == "trace" else []
    tail = [helper.make_node("Identity", [part.inner], [part.name], name=part.name) for part in ends]
    infos = [_info(part.name, part.dtype, ("batch", *part.shape), part.doc) for part in ends]
    doc = f"{arithmetic_of(network)}: one time step of {', '.join(network.populations)}; feed every *_next back."
    nodes, stored = [*step.outer, *step.nodes, *tail], way.storage.store(step.initializers.values())
    return helper.make_graph(nodes, "lifexport", inputs, infos, stored, doc_string=doc)


def scan_graph(network: Exported, way: Way) -> GraphProto:
    """Form ``scan``: the whole sequence in; spikes, readout and ``<tensor>_final`` out."""
    step = Step(network, lambda name: f"{name}_before", way.functions, x="x_t", loops=True, ops=way.ops)
    nodes: list[NodeProto] = list(step.outer)
    ops = OnnxOps("graph", nodes, step.initializers)
    starts = start_tensors(network, ops, step.carried, way.initial_state)
    given = [*starts, *remembered_at_first(ops, step, starts), "x"]
    traced = traced_parts(network, step, [*network.populations], way.outputs)
    scanned = [_spikes(network, step), *traced]
    taken = [*scan_ends(step), *(part.name for part in scanned)]
    x = network.nodes[network.input_name]
    body = scan_body(step, scanned, [("x_t", type_of(network, network.input_name), x.shape)])
    nodes.append(helper.make_node("Scan", given, taken, name="time", num_scan_inputs=1, body=body))
    doc = f"{arithmetic_of(network)}: one Scan over time; its body is one step of {', '.join(network.populations)}."
    return sequence_graph(network, ops, step.carried, traced, way, doc)


def sequence_graph(
    network: Exported, ops: OnnxOps, carried: Sequence[Carried], traced: Sequence[Part], way: Way, doc: str
) -> GraphProto:
    """Graph of a whole sequence around nodes that give spikes, what is traced and the state after the last step."""
    inputs = [_input(network, "time", "batch")]
    if way.initial_state == "input":
        inputs += [_info(c.name, c.dtype, ("batch", *c.shape), f"At first. {c.doc}") for c in carried]
    scores = _readout(network, ops, way.opset)
    kind = TensorProto.INT32 if network.readout == "count" else number_type(network)
    prediction = ops.emit("ArgMax", scores, axis=-1, keepdims=0, select_last_index=0, label="best")
    ops.nodes.append(helper.make_node("Identity", [scores], ["scores"], name="graph/scores"))
    ops.nodes.append(helper.make_node("Identity", [prediction], ["prediction"], name="graph/prediction"))
    last, shape = network.readout_name, network.nodes[network.output_name].shape
    infos = [
        _info(
            "spikes", spike_type(network.nodes[last]), ("time", "batch", *shape), f"{leaving_doc(network)}: the output."
        ),
        _info("scores", kind, ("batch", math.prod(shape)), f"Readout {network.readout!r} of {last}."),
        _info("prediction", TensorProto.INT64, ("batch",), "Class of the best score; ties go to the lowest."),
        *(_info(f"{c.name}_final", c.dtype, ("batch", *c.shape), f"At the end. {c.doc}") for c in carried),
    ]
    if way.outputs == "trace":
        infos += [_info(part.name, part.dtype, ("time", "batch", *part.shape), part.doc) for part in traced]
    if way.outputs == "counts":
        infos += [_count(network, ops, name) for name in network.populations]
    stored = way.storage.store(ops.initializers.values())
    return helper.make_graph(ops.nodes, "lifexport", inputs, infos, stored, doc_string=doc)


class Part(NamedTuple):
    """Something that leaves a step."""

    name: str
    inner: str
    """Tensor of the step."""
    dtype: int
    shape: tuple[int, ...]
    """Without batch."""
    doc: str


def _input(network: Exported, *axes: str):
    node, doc = network.nodes[network.input_name], "Real input, as in training."
    if not isinstance(network, FloatNetwork):
        fmt, unit = node.code.format, float(node.code.unit)
        doc = f"Input codes ({node.code.kind}), {fmt.lo}..{fmt.hi}; code 1 is a real input of {unit:.6g}."
    return _info("x", type_of(network, network.input_name), (*axes, *node.shape), doc)


def _spikes(network: Exported, step: Step) -> Part:
    last = network.readout_name
    return Part("spikes", step.leaving(), *_emitted(network, last), f"{leaving_doc(network)}: the output.")


def _emitted(network: Exported, name: str) -> tuple[int, tuple[int, ...]]:
    return spike_type(network.nodes[name]), network.nodes[name].shape


def traced_parts(network: Exported, step: Step, names: Sequence[str], outputs: Outputs) -> list[Part]:
    """What leaves every step of some populations: membranes and spikes, or what readout and counts need of them."""
    traced, spiking, last = outputs == "trace", outputs != "final", network.readout_name
    doc = "Membrane of {} before its reset: what is compared with the threshold."
    read = [n for n in names if traced or (n == last and network.readout != "count")]
    v = [
        Part(f"{n}.V_trace", step.membranes[n], number_type(network), network.nodes[n].shape, doc.format(n))
        for n in read
    ]
    heard = names if spiking else []
    return [*v, *(Part(f"{n}.spikes", step.emitted(n), *_emitted(network, n), f"Spikes of {n}.") for n in heard)]


def _count(network: Exported, ops: OnnxOps, name: str):
    """Spikes of every neuron of a population in the whole sequence."""
    total = _total(ops, f"{name}.spikes")
    ops.nodes.append(helper.make_node("Identity", [total], [f"{name}.count"], name=f"graph/{name}.count"))
    shape = network.nodes[name].shape
    return _info(f"{name}.count", TensorProto.INT32, ("batch", *shape), f"Spikes of {name} in the whole sequence.")


def _total(ops: OnnxOps, spikes: str) -> str:
    """Sum of spikes over time, int32."""
    wide = ops.emit("Cast", spikes, to=TensorProto.INT32, label="spikes_wide")
    return ops.emit("ReduceSum", wide, ops.tensor(TIME, "time_axis"), keepdims=0, label="count")


def scan_body(step: Step, scanned: Sequence[Part], inputs: Sequence[tuple[str, int, tuple[int, ...]]]) -> GraphProto:
    """Body of a scan: states and inputs of one step in, states and scanned values out."""
    ends = [Part(f"{c.name}_after", c.after, c.dtype, c.shape, c.doc) for c in step.carried]
    ends += [Part(f"{r.name}_after", r.after, r.dtype, r.shape, "") for r in step.remembered]
    ends += [part._replace(name=f"out_{part.name}") for part in scanned]
    tail = [helper.make_node("Identity", [part.inner], [part.name], name=part.name) for part in ends]
    given = [_info(step.before(c.name), c.dtype, ("batch", *c.shape)) for c in step.carried]
    given += [_info(step.before(r.name), r.dtype, ("batch", *r.shape)) for r in step.remembered]
    given += [_info(name, dtype, ("batch", *shape)) for name, dtype, shape in inputs]
    types = [_info(part.name, part.dtype, ("batch", *part.shape)) for part in ends]
    doc = f"One time step of {', '.join(step.membranes)}."
    return helper.make_graph([*step.nodes, *tail], "step", given, types, doc_string=doc)


def _readout(network: Exported, ops: OnnxOps, opset: int) -> str:
    """Scores (batch, classes) int32, by the network's readout rule."""
    trace = f"{network.readout_name}.V_trace"
    match network.readout:
        case "count":
            scores = _total(ops, "spikes")
        case "membrane_last":
            scores = ops.emit("Gather", trace, ops.number(-1, np.int64), axis=0, label="last")
        case "membrane_max" if opset < 18:  # there the axes are an attribute
            scores = ops.emit("ReduceMax", trace, axes=[0], keepdims=0, label="peak")
        case "membrane_max":
            scores = ops.emit("ReduceMax", trace, ops.tensor(TIME, "time_axis"), keepdims=0, label="peak")
    return ops.emit("Flatten", scores, axis=1, label="scores_flat")


def start_tensors(
    network: Exported, ops: OnnxOps, carried: Sequence[Carried], initial_state: InitialState
) -> list[str]:
    """What carried tensors hold before the first step: inputs of the graph, or the captured values for every sample."""
    if initial_state == "input":
        return [c.name for c in carried]
    values = initial_values(network)
    return [_expanded(ops, c, values[c.name]) for c in carried]


def remembered_at_first(ops: OnnxOps, step: Step, starts: Sequence[str]) -> list[str]:
    """What a loop carries besides the state, before the first step."""
    start = dict(zip((c.name for c in step.carried), starts, strict=True))
    fired = []
    for part in step.remembered:
        first = ops.emit("GreaterOrEqual", start[part.membrane], part.threshold, label=f"{part.name}_start")
        truth = part.dtype == TensorProto.BOOL
        fired.append(first if truth else ops.emit("Cast", first, to=part.dtype, label=f"{part.name}_real"))
    return fired


def scan_ends(step: Step) -> list[str]:
    """Names for all that a scan carries, after the last step; nothing reads those of what it remembers."""
    return [*(f"{c.name}_final" for c in step.carried), *(f"{r.name}_final" for r in step.remembered)]


def _expanded(ops: OnnxOps, carried: Carried, value: np.ndarray) -> str:
    one = ops.tensor(value, f"{carried.name}_initial")  # see initial_names
    batch = ops.emit("Shape", "x", start=1, end=2, label="batch")
    rest = ops.tensor(np.asarray(carried.shape, np.int64), f"{carried.name}_shape")
    shape = ops.emit("Concat", batch, rest, axis=0, label="state_shape")
    return ops.emit("Expand", one, shape, label=f"{carried.name}_start")


def _info(name: str, dtype: int, shape: tuple[Any, ...], doc: str = ""):
    return helper.make_tensor_value_info(name, dtype, shape, doc)
