"""One time step of a network, recorded as ONNX nodes; every form of file is made of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper  # noqa: TID251

from ..bounds import INT32
from ..findings import at_node, error
from ..graph import Edge
from ..network import FloatNetwork, IntNetwork
from ..neurons import IntLIF
from ..nodes import IntWeights
from ..simulation.stepwise import initial_state
from ..simulation.trace import State
from ..spatial import Flatten
from .onnx_connections import Value, connect, folded_gain, in_order, recorder
from .onnx_functions import Functions, formals_of
from .onnx_neurons import (
    Neuron,
    described,
    input_gain,
    part_type,
    parts,
    record,
    remembered_type,
    spike_type,
    threshold_of,
    times,
)
from .onnx_ops import InOrder, OnnxOps
from .onnx_portable_ops import LARGEST
from .onnx_widths import require_words, widths_of

Exported = FloatNetwork | IntNetwork


@dataclass(frozen=True)
class Remembered:
    """Which neurons have fired, carried inside a loop: it follows from the membrane, and is compared once a step."""

    name: str
    dtype: int
    membrane: str
    """Carried tensor that it follows from."""
    threshold: str
    """Initializer that the membrane is compared with."""
    shape: tuple[int, ...]
    after: str


@dataclass(frozen=True)
class Carried:
    """A tensor that is carried from step to step."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    after: str
    """Tensor of the step that holds its value for the next."""
    doc: str
    """What it is, for people who look at the graph."""


def number_type(network: Exported) -> int:
    """ONNX type of membranes, currents and what connections bring."""
    return TensorProto.FLOAT if isinstance(network, FloatNetwork) else TensorProto.INT32


def arithmetic_of(network: Exported) -> str:
    """What computes a network's file: a chip's integers, or float32."""
    return "float32" if isinstance(network, FloatNetwork) else network.target


def input_type(network: Exported) -> int:
    """ONNX type of the input: float32 or, for codes, 8 bits where they hold every one, else int32."""
    if isinstance(network, FloatNetwork):
        return TensorProto.FLOAT
    code = network.input_code
    if code.format.hi > INT32:
        raise error("LX302", node=network.input_name, found="input codes beyond int32", fix="use fewer input_bits")
    if code.format.lo >= -128 and code.format.hi <= 127 and code.signed:
        return TensorProto.INT8
    return TensorProto.UINT8 if not code.signed and code.format.hi <= 255 else TensorProto.INT32


def input_dtype(network: Exported) -> np.dtype:
    """NumPy type of the input ``x``."""
    return helper.tensor_dtype_to_np_dtype(input_type(network))


def type_of(network: Exported, name: str) -> int:
    """ONNX type in which what a node emits goes on inside the graph."""
    node = network.nodes[name]
    if node.role == "input":
        return input_type(network)
    if isinstance(network, FloatNetwork):
        return TensorProto.FLOAT
    if node.role == "population":
        return spike_type(node)
    return type_of(network, network.incoming(name)[0].source) if isinstance(node, Flatten) else TensorProto.INT32


def state_tensors(network: Exported, state: State) -> dict[str, Any]:
    """Parts of a network's state by the names that carry them; oldest first on an edge."""
    tensors: dict[str, Any] = {}
    for name, node in network.populations.items():
        tensors |= {f"{name}.{part}": value for part, value in parts(node, state.populations[name]).items()}
    for edge, queue in state.delayed.items():
        names = edge_names(network, edge)
        tensors |= {name: queue[step] for step, name in enumerate(names)}
    return tensors


def edge_names(network: Exported, edge: Edge) -> list[str]:
    """Names of the tensors that carry what is under way on a delayed edge, the next to arrive first."""
    what = {"input": "codes", "connection": "current", "population": "spikes"}[network.nodes[edge.source].role]
    base = f"{edge.source}->{edge.target}.{what}"
    return [base, *(f"{base}_{late}" for late in range(2, edge.delay + 1))]


def on_the_way(edge: Edge) -> list[str]:
    """What the tensors of a delayed edge are, in words."""
    due = ["in this step", *(f"in {late} steps" for late in range(1, edge.delay))]
    return [f"What {edge.source} sent to {edge.target}, due {when}." for when in due]


def leaving_doc(network: Exported) -> str:
    """What the output is, in words."""
    late = network.output_edge.delay
    return f"Spikes of {network.readout_name}" + (f", {late} steps late" if late else "")


class Step:
    """One time step of a network, or of some of its nodes, recorded node by node.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
    before : function
        Tensor, within the step, of the value that a carried tensor has before it.
    functions : Functions or None
        Where populations become functions that the step calls; None where their nodes stand in the step.
    x : str, optional
        Tensor of the network's input, ``(batch, *features)``.
    names : collection of str, optional
        Nodes to record; all by default.
    given : mapping from Edge to Value, optional
        What edges from other nodes bring.
    loops : bool
        Whether the step is the body of a loop, which can carry what no one outside sees (``remembered``).
    ops : type
        What records nodes.
    """

    def __init__(
        self,
        network: Exported,
        before: Callable[[str], str],
        functions: Functions | None,
        *,
        x: str | None = None,
        names: Collection[str] | None = None,
        given: Mapping[Edge, Value] | None = None,
        loops: bool = False,
        ops: type[OnnxOps] = OnnxOps,
    ):
        self.network, self.before, self.functions = network, before, functions
        self.given, self.loops, self.ops = given or {}, loops and ops is OnnxOps, ops
        names = network.nodes if names is None else names
        self.nodes: list[NodeProto] = []
        self.outer: list[NodeProto] = []
        """Nodes that need no input; a form runs them once, before all steps."""
        self.initializers: dict[str, TensorProto] = {}
        self.carried: list[Carried] = []
        self.remembered: list[Remembered] = []
        self.values: dict[str, Value] = {} if x is None else {network.input_name: Value(x, input_type(network))}
        self._emitted: dict[str, str] = {}
        self.membranes: dict[str, str] = {}
        """Membrane of every population after integration, before its reset."""
        for name, node in network.nodes.items():
            if name not in names:
                continue
            with at_node(name):
                if node.role == "connection" and self._summed(name):
                    source = self._source(network.incoming(name)[0])
                    self.values[name] = connect(node, self._recorder(name), source)
                elif node.role == "population":
                    self._population(name, node)
        for edge in network.edges:
            if edge.delay and edge.target in names and edge not in self.given:
                self._delayed(edge)

    def emitted(self, name: str) -> str:
        """Spikes of a population in the type in which they leave a file."""
        value, dtype = self.values[name], spike_type(self.network.nodes[name])
        if value.dtype != dtype and name not in self._emitted:
            self._emitted[name] = self._ops(name).emit("Cast", value.name, to=dtype, label="emitted")
        return self._emitted.get(name, value.name)

    def leaving(self) -> str:
        """Output spikes, in the type in which they leave a file."""
        edge, last = self.network.output_edge, self.network.readout_name
        if not edge.delay:
            return self.emitted(last)
        value, dtype = self._source(edge), spike_type(self.network.nodes[last])
        return (
            value.name if value.dtype == dtype else self._ops(last).emit("Cast", value.name, to=dtype, label="leaving")
        )

    def _ops(self, name: str) -> OnnxOps:
        """Recorder of nodes outside of functions."""
        dtype = number_type(self.network)
        if isinstance(self.network, IntNetwork) and name in self.network.populations and self._wide(name):
            dtype = TensorProto.INT64
        return self._recording(name, self.nodes, self.initializers, dtype)

    def _recording(self, name: str, nodes: list[NodeProto], stored: dict[str, TensorProto], dtype: int) -> OnnxOps:
        if self.ops is not OnnxOps and name in self.network.populations and self._steps(name) > LARGEST:
            found, fix = f"sums of up to {self._steps(name)}", "use fewer state_bits, or leave portable out"
            raise error("LX302", node=name, field="portable", found=found, fix=fix)
        return self.ops(name, nodes, stored, dtype)

    def _steps(self, name: str) -> int:
        """Largest sum of a population's step; 0 in real numbers."""
        return widths_of(self.network).steps[name] if isinstance(self.network, IntNetwork) else 0

    def _wide(self, name: str) -> bool:
        """Whether sums of a population's step may leave int32."""
        return self._steps(name) > INT32

    def _recorder(self, name: str):
        outer = OnnxOps(name, self.outer, self.initializers, number_type(self.network))
        return recorder(self.network, name, self._ops(name), outer)

    def _summed(self, name: str) -> bool:
        """Whether anything takes a connection's sum, not its inputs one by one."""
        return not all(self._one_by_one(edge) for edge in self.network.outgoing(name))

    def _one_by_one(self, edge: Edge) -> bool:
        source, target = self.network.nodes[edge.source], self.network.nodes[edge.target]
        return isinstance(source, IntWeights) and target.role == "population" and target.per_event

    def _source(self, edge: Edge) -> Value:
        if edge in self.given:
            return self.given[edge]
        if edge.delay:
            return Value(self.before(edge_names(self.network, edge)[0]), type_of(self.network, edge.source))
        return self.values[edge.source]

    def _arriving(self, ops: OnnxOps, edge: Edge, node: Neuron) -> str | InOrder:
        """What an edge brings to a population."""
        if self._one_by_one(edge):
            word = node.rules.membrane if node.rules.current is None else node.rules.current.word  # type: ignore[union-attr]
            feeding = self._source(self.network.incoming(edge.source)[0])
            return in_order(self.network.nodes[edge.source], self._recorder(edge.source), feeding, word)
        source = self._source(edge)
        brought = source.name if source.dtype == ops.dtype else ops.cast(source.name, ops.dtype, "arriving")
        if edge.delay == 0 and folded_gain(self.network, edge.source) is not None:
            return brought
        return times(ops, brought, *input_gain(node), label="drive")

    def _ports(self, name: str) -> tuple[tuple[Edge, ...], ...]:
        if isinstance(self.network, IntNetwork):
            return self.network.arriving(name)
        return (tuple(self.network.incoming(name)),)

    def _population(self, name: str, node: Neuron) -> None:
        if isinstance(self.network, IntNetwork) and isinstance(node, IntLIF):
            require_words(self.network, name, node)
        around = self._ops(name)
        arriving = [[self._arriving(around, edge, node) for edge in port] for port in self._ports(name)]
        start = parts(node, initial_state(self.network, 1).populations[name])
        before = {part: self.before(f"{name}.{part}") for part in start}
        nodes: list[NodeProto] = []
        stored: dict[str, TensorProto] = {}
        ops = self._recording(name, nodes, stored, around.dtype)
        threshold = threshold_of(node, ops) if self.loops else None
        formals = {tensor: part for part, tensor in before.items()}
        if threshold is not None:
            fired = self.before(f"{name}.fired")
            ops.known(before["V"], threshold, fired, remembered_type(node))
            formals[fired] = "spiked"
        formals |= formals_of(arriving)
        done = record(node, ops, before, arriving)
        if self.functions is not None:
            outputs = {f"{part}_next": tensor for part, tensor in done.after.items()} | {"spikes": done.spikes}
            outputs |= {} if done.v in done.after.values() else {"V": done.v}
            outputs |= {} if threshold is None or done.fired in (None, done.spikes) else {"spiked_next": done.fired}
            nodes = [self.functions.call(name, node, nodes, stored, formals, outputs)]
            done = done.seen_as({tensor: f"{name}/{output}" for output, tensor in outputs.items()})
            stored = {key: tensor for key, tensor in stored.items() if key.startswith(f"{name}.")}
        self.nodes += nodes
        self.initializers |= stored
        self.values[name], self.membranes[name] = Value(done.spikes, type_of(self.network, name)), done.v
        if threshold is not None and done.fired is not None:
            kind = remembered_type(node)
            self.remembered.append(Remembered(f"{name}.fired", kind, f"{name}.V", threshold, node.shape, done.fired))
        docs = described(node, name)
        for part, after in done.after.items():
            self.carried.append(Carried(f"{name}.{part}", part_type(node, part), node.shape, after, docs[part]))

    def _delayed(self, edge: Edge) -> None:
        names, dtype = edge_names(self.network, edge), type_of(self.network, edge.source)
        shape = self.network.nodes[edge.source].out_shape
        after = [*map(self.before, names[1:]), self.values[edge.source].name]
        docs = on_the_way(edge)
        self.carried += [Carried(n, dtype, shape, new, doc) for n, new, doc in zip(names, after, docs, strict=True)]


def initial_values(network: Exported) -> dict[str, np.ndarray]:
    """What every carried tensor starts with, for a batch of one sample, in its own type."""
    return typed(network, initial_state(network, 1))


def typed(network: Exported, state: State) -> dict[str, np.ndarray]:
    """State of a network as the carried tensors hold it."""
    types: dict[str, int] = {}
    for name, node in network.populations.items():
        types |= {f"{name}.{part}": part_type(node, part) for part in parts(node, state.populations[name])}
    for edge in network.edges:
        types |= dict.fromkeys(edge_names(network, edge) if edge.delay else (), type_of(network, edge.source))
    dtypes = {name: helper.tensor_dtype_to_np_dtype(dtype) for name, dtype in types.items()}
    tensors = state_tensors(network, state)
    return {name: np.ascontiguousarray(np.asarray(value).astype(dtypes[name])) for name, value in tensors.items()}
