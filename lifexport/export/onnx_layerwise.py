"""Form ``layerwise``: what has no memory is computed for all time steps at once, and a ``Scan`` is left for neurons.

Outside of loops a connection is one product over time and batch, and a population a scan of its own step. The nodes of
a loop are scanned together; so are neurons that add their inputs one by one, and the connections before them.
"""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, helper  # noqa: TID251

from ..findings import at_node
from ..graph import Edge
from ..neurons import IntLIF
from ..nodes import FloatDense, IntDense
from ..simulation.groups import groups
from .onnx_connections import Value, connect, recorder
from .onnx_forms import (
    Part,
    Way,
    remembered_at_first,
    scan_body,
    scan_ends,
    sequence_graph,
    start_tensors,
    traced_parts,
)
from .onnx_neurons import spike_type
from .onnx_ops import OnnxOps
from .onnx_step import Carried, Exported, Step, arithmetic_of, edge_names, input_type, number_type, on_the_way, type_of


def layerwise_graph(network: Exported, way: Way) -> GraphProto:
    """Whole sequence in; spikes, readout and ``<tensor>_final`` out."""
    layers = _Layers(network, way)
    last = layers.delivered(network.output_edge)
    to = spike_type(network.nodes[network.readout_name])
    if last.dtype == to:
        leave = helper.make_node("Identity", [last.name], ["spikes"], name="spikes")
    else:
        leave = helper.make_node("Cast", [last.name], ["spikes"], name="spikes", to=to)
    layers.ops.nodes.append(leave)
    doc = f"{arithmetic_of(network)}: layer by layer; each of {', '.join(network.populations)} scans time."
    return sequence_graph(network, layers.ops, layers.carried, layers.traced, way, doc)


class _Layers:
    """The nodes of a network in order, each over all time steps."""

    def __init__(self, network: Exported, way: Way):
        self.network, self.way = network, way
        self.ops = OnnxOps("graph", [], {})
        self.carried: list[Carried] = []
        self.traced: list[Part] = []
        self.values = {network.input_name: Value("x", input_type(network))}
        in_order = [n for n, node in network.populations.items() if isinstance(node, IntLIF) and node.per_event]
        for group in groups(network, in_order):
            outside = [e for name in group for e in network.incoming(name) if e.source not in group]
            given = {edge: self.delivered(edge) for edge in outside}
            if len(group) == 1 and network.nodes[group[0]].role == "connection":
                self._connection(group[0], *given.values())
            else:
                self._scan(group, given)

    def delivered(self, edge: Edge) -> Value:
        """What an edge brings at every step: of a late one what was under way comes first."""
        sequence = self.values[edge.source]
        if not edge.delay:
            return sequence
        shape, names = self.network.nodes[edge.source].out_shape, edge_names(self.network, edge)
        after = [f"{name}_final" for name in names]
        parts = [
            Carried(name, sequence.dtype, shape, new, doc)
            for name, new, doc in zip(names, after, on_the_way(edge), strict=True)
        ]
        ops = OnnxOps(f"{edge.source}->{edge.target}", self.ops.nodes, self.ops.initializers)
        axis = ops.tensor(np.array([0]), "axis")
        starts = start_tensors(self.network, self.ops, parts, self.way.initial_state)
        waiting = [ops.emit("Unsqueeze", start, axis, label="under_way") for start in starts]
        joined = ops.emit("Concat", *waiting, sequence.name, axis=0, label="joined")
        for late, name in enumerate(after):
            index = ops.number(late - edge.delay, np.int64)
            ops.nodes.append(helper.make_node("Gather", [joined, index], [name], name=name, axis=0))
        end = ops.tensor(np.array([-edge.delay]), "end")
        self.carried += parts
        return Value(ops.emit("Slice", joined, axis, end, label="late"), sequence.dtype)

    def _connection(self, name: str, x: Value) -> None:
        node = self.network.nodes[name]
        with at_node(name):
            ops = self.way.ops(name, self.ops.nodes, self.ops.initializers, number_type(self.network))
            at = recorder(self.network, name, ops, ops)
            if isinstance(node, IntDense | FloatDense):
                self.values[name] = connect(node, at, x)
                return
            rows = ops.emit("Reshape", x.name, ops.tensor(np.array([-1, *node.in_shape]), "row_shape"), label="rows")
            y = connect(node, at, Value(rows, x.dtype))
            times = ops.emit("Shape", "x", start=0, end=2, label="times")
            shape = ops.emit("Concat", times, ops.tensor(np.array(node.out_shape), "out_shape"), axis=0, label="shape")
            self.values[name] = Value(ops.emit("Reshape", y.name, shape, label="steps"), y.dtype)

    def _scan(self, group: tuple[str, ...], given: dict[Edge, Value]) -> None:
        network, now = self.network, {edge: f"{edge.source}->{edge.target}_t" for edge in given}
        arriving = {edge: Value(now[edge], value.dtype) for edge, value in given.items()}
        carried = {"names": group, "given": arriving, "loops": True, "ops": self.way.ops}
        step = Step(network, lambda name: f"{name}_before", self.way.functions, **carried)
        self.ops.nodes += step.outer
        self.ops.initializers |= step.initializers
        members = [name for name in group if name in network.populations]
        traced = traced_parts(network, step, members, self.way.outputs)
        leaving = [name for name in group if any(e.target not in group for e in network.outgoing(name))]
        sequences = {name: Value(f"{name}.sequence", type_of(network, name)) for name in leaving}
        needed = [
            Part(value.name, step.values[name].name, value.dtype, network.nodes[name].out_shape, "")
            for name, value in sequences.items()
        ]
        types = [(now[edge], value.dtype, network.nodes[edge.source].out_shape) for edge, value in given.items()]
        starts = start_tensors(network, self.ops, step.carried, self.way.initial_state)
        taken = [*scan_ends(step), *(part.name for part in (*traced, *needed))]
        inputs = [*starts, *remembered_at_first(self.ops, step, starts), *(value.name for value in given.values())]
        body = scan_body(step, [*traced, *needed], types)
        name = f"{members[0]}/time"
        self.ops.nodes.append(helper.make_node("Scan", inputs, taken, name=name, num_scan_inputs=len(given), body=body))
        self.carried += step.carried
        self.traced += traced
        self.values |= sequences
