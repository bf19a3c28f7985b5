"""One time step of an integer network, recorded as ONNX nodes; every form of file is made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper  # noqa: TID251

from ..bounds import INT32, settles
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, IntLIF, Rules
from ..neurons.int_lif import LIFState
from ..nodes import IntWeights
from ..simulation.stepwise import initial_state
from ..simulation.trace import State
from ..spatial import Flatten
from .onnx_connections import Recorder, Value, connect, in_order
from .onnx_ops import OnnxOps
from .onnx_widths import widths_of


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


def input_type(network: IntNetwork) -> int:
    """ONNX type of the input: 8 bits where they hold every code, else int32."""
    code = network.input_code
    if code.format.hi > INT32:
        raise error("LX302", node=network.input_name, found="input codes beyond int32", fix="use fewer input_bits")
    if code.format.lo >= -128 and code.format.hi <= 127 and code.signed:
        return TensorProto.INT8
    return TensorProto.UINT8 if not code.signed and code.format.hi <= 255 else TensorProto.INT32


def type_of(network: IntNetwork, name: str) -> int:
    """ONNX type of what a node emits."""
    node = network.nodes[name]
    if node.role == "input":
        return input_type(network)
    if node.role == "population":
        return TensorProto.UINT8 if node.max_spikes is not None and node.max_spikes <= 255 else TensorProto.INT32
    return type_of(network, network.incoming(name)[0].source) if isinstance(node, Flatten) else TensorProto.INT32


def state_tensors(network: IntNetwork, state: State) -> dict[str, Any]:
    """Parts of a network's state by the names that carry them; oldest first on an edge.

    ``<layer>.V`` is the membrane before its reset where that waits for the next step; where it is done at once the
    state holds the membrane after it, ``<layer>.V_post``.
    """
    tensors: dict[str, Any] = {}
    for name in network.populations:
        tensors |= _parts(name, network.nodes[name].rules, state.populations[name])
    for edge, queue in state.delayed.items():
        names = edge_names(network, edge)
        tensors |= {name: queue[step] for step, name in enumerate(names)}
    return tensors


def membrane_name(name: str, rules: Rules) -> str:
    """Name of the tensor that carries a population's membrane."""
    return f"{name}.V" if rules.reset_when == "next_step" else f"{name}.V_post"


def _parts(name: str, rules: Rules, state: LIFState) -> dict[str, Any]:
    parts = {membrane_name(name, rules): state.v}
    parts |= {f"{name}.current{port}": current for port, current in enumerate(state.current)}
    return parts if state.waiting is None else parts | {f"{name}.waiting": state.waiting}


def stored_range(node: IntLIF) -> tuple[int, int]:
    """Lowest and highest value of the membrane that is carried from step to step."""
    word, codes = node.rules.membrane, node.reset_code
    if node.rules.reset_when == "next_step":
        return word.lo, word.hi
    if node.rules.reset == "value":
        return min(word.lo, int(codes.min())), max(word.hi, int(codes.max()))
    if ((codes >= 0) & (codes <= node.threshold)).all():
        return min(word.lo, 0), word.hi
    return -node.reset_bound(), node.reset_bound()


def edge_names(network: IntNetwork, edge: Edge) -> list[str]:
    """Names of the tensors that carry what is under way on a delayed edge, the next to arrive first."""
    what = {"input": "codes", "connection": "current", "population": "spikes"}[network.nodes[edge.source].role]
    base = f"{edge.source}->{edge.target}.{what}"
    return [base, *(f"{base}_{late}" for late in range(2, edge.delay + 1))]


def on_the_way(edge: Edge) -> list[str]:
    """What the tensors of a delayed edge are, in words."""
    due = ["in this step", *(f"in {late} steps" for late in range(1, edge.delay))]
    return [f"What {edge.source} sent to {edge.target}, due {when}." for when in due]


class Step:
    """One time step of a network, or of some of its nodes, recorded node by node.

    Parameters
    ----------
    network : IntNetwork
    before : function
        Tensor, within the step, of the value that a carried tensor has before it.
    x : str, optional
        Tensor of the network's input, ``(batch, *features)``.
    names : collection of str, optional
        Nodes to record; all by default.
    given : mapping from Edge to Value, optional
        What edges from other nodes bring.
    """

    def __init__(
        self,
        network: IntNetwork,
        before: Callable[[str], str],
        *,
        x: str | None = None,
        names: Collection[str] | None = None,
        given: Mapping[Edge, Value] | None = None,
    ):
        self.network, self.before, self.given = network, before, given or {}
        self.widths = widths_of(network)
        names = network.nodes if names is None else names
        self.nodes: list[NodeProto] = []
        self.outer: list[NodeProto] = []
        """Nodes that need no input; a form runs them once, before all steps."""
        self.initializers: dict[str, TensorProto] = {}
        self.carried: list[Carried] = []
        self.values: dict[str, Value] = {} if x is None else {network.input_name: Value(x, input_type(network))}
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

    def _recorder(self, name: str) -> Recorder:
        within, outer = (OnnxOps(name, nodes, self.initializers) for nodes in (self.nodes, self.outer))
        return Recorder(self.widths.inputs[name], self.widths.sums[name], within, outer)

    def _summed(self, name: str) -> bool:
        """Whether anything takes a connection's sum, not its inputs one by one."""
        return not all(self._one_by_one(edge) for edge in self.network.outgoing(name))

    def _one_by_one(self, edge: Edge) -> bool:
        source, target = self.network.nodes[edge.source], self.network.nodes[edge.target]
        return target.role == "population" and target.per_event and isinstance(source, IntWeights)

    def _source(self, edge: Edge) -> Value:
        if edge in self.given:
            return self.given[edge]
        if edge.delay:
            return Value(self.before(edge_names(self.network, edge)[0]), type_of(self.network, edge.source))
        return self.values[edge.source]

    def _arriving(self, ops: OnnxOps, edge: Edge, node: IntLIF) -> Any:
        """What an edge brings to a population."""
        if not self._one_by_one(edge):
            source = self._source(edge)
            return source.name if source.dtype == ops.integer else ops.cast(source.name, ops.integer, "arriving")
        word = node.rules.membrane if node.rules.current is None else node.rules.current.word
        feeding = self._source(self.network.incoming(edge.source)[0])
        return in_order(self.network.nodes[edge.source], self._recorder(edge.source), feeding, word)

    def _population(self, name: str, node: IntLIF) -> None:
        _require_words(self.network, name, node)
        wide = self.widths.steps[name] > INT32
        ops = OnnxOps(name, self.nodes, self.initializers, TensorProto.INT64 if wide else TensorProto.INT32)
        ports = self.network.arriving(name)
        arriving = Arriving(tuple([self._arriving(ops, edge, node) for edge in port] for port in ports))
        start = node.initial_state()
        state = LIFState(
            self._stored(ops, membrane_name(name, node.rules)),
            tuple(self._stored(ops, f"{name}.current{port}") for port in range(len(start.current))),
            None if start.waiting is None else self._stored(ops, f"{name}.waiting"),
        )
        result = node.step(ops, state, arriving)
        dtype = type_of(self.network, name)
        spikes = result.spikes if dtype == ops.integer else ops.cast(result.spikes, dtype, "spikes")
        self.values[name], self.membranes[name] = Value(spikes, dtype), self._narrow(ops, result.v)
        docs = _documented(name, node)
        for part, after in _parts(name, node.rules, result.state).items():
            stored = self._narrow(ops, after)
            self.carried.append(Carried(part, TensorProto.INT32, node.shape, stored, docs[part]))

    def _stored(self, ops: OnnxOps, part: str) -> str:
        """A part of the state, which is kept in int32, in the type of a step."""
        before = self.before(part)
        return before if ops.integer == TensorProto.INT32 else ops.cast(before, ops.integer, "state_wide")

    def _narrow(self, ops: OnnxOps, value: str) -> str:
        return value if ops.integer == TensorProto.INT32 else ops.cast(value, TensorProto.INT32, "state")

    def _delayed(self, edge: Edge) -> None:
        names, dtype = edge_names(self.network, edge), type_of(self.network, edge.source)
        shape = self.network.nodes[edge.source].out_shape
        after = [*map(self.before, names[1:]), self.values[edge.source].name]
        docs = on_the_way(edge)
        self.carried += [Carried(n, dtype, shape, new, doc) for n, new, doc in zip(names, after, docs, strict=True)]


def _documented(name: str, node: IntLIF) -> dict[str, str]:
    """What the parts of a population's state are, in words."""
    lo, hi = stored_range(node)
    when = "before its reset" if node.rules.reset_when == "next_step" else "after its reset"
    code = f"code 1 is {float(node.unit):.6g} V above rest" if (node.scale == 1).all() else "units differ by neuron"
    docs = {membrane_name(name, node.rules): f"Membrane of {name} {when}, {lo}..{hi}; {code}."}
    if node.rules.current is not None:
        word = node.rules.current.word
        for port in range(node.synapses):
            docs[f"{name}.current{port}"] = f"Synaptic current {port} of {name}, {word.lo}..{word.hi}."
    return docs | {f"{name}.waiting": f"Steps for which the membrane of {name} will still be held."}


def initial_values(network: IntNetwork) -> dict[str, np.ndarray]:
    """What every carried tensor starts with, for a batch of one sample, in its own type."""
    tensors = state_tensors(network, initial_state(network, 1))
    carried = dict.fromkeys(tensors, TensorProto.INT32)
    for edge in network.edges:
        carried |= dict.fromkeys(edge_names(network, edge) if edge.delay else (), type_of(network, edge.source))
    types = {name: helper.tensor_dtype_to_np_dtype(dtype) for name, dtype in carried.items()}
    return {name: np.ascontiguousarray(value.astype(types[name])) for name, value in tensors.items()}


def _require_words(network: IntNetwork, name: str, node: IntLIF) -> None:
    """Refuse (LX302) neurons whose words or parameters leave int32, or whose words do not keep what is in them."""
    rules = node.rules
    words = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment, rules.current and rules.current.word)
    for word in filter(None, words):
        if word.bits > 32:
            raise error("LX302", found=f"a state of {word.bits} bits", fix="use a state of at most 32 bits")
        if word.overflow != "saturate" and word.hi - word.lo + 1 > INT32:
            raise error("LX302", found=f"{word.bits} bits that wrap", fix="use words of at most 31 bits")
    if not settles(network, name):
        found, fix = "a membrane that may stay outside of its range", "use narrower weights"
        raise error("LX302", field="rules", found=found, fix=fix)
    lowest, highest = stored_range(node)
    if lowest < -INT32 - 1 or highest > INT32:
        fix = "take off no more than the threshold"
        raise error("LX302", field="reset_code", found=f"membranes of {lowest}..{highest}", fix=fix)
    for field in dataclasses.fields(node):
        array = getattr(node, field.name)
        whole = isinstance(array, np.ndarray) and array.dtype.kind == "i"
        if whole and max(-int(array.min(initial=0)), int(array.max(initial=0))) >= INT32:
            raise error("LX302", field=field.name, found="numbers beyond int32", fix="use numbers that int32 holds")
