"""ONNX: the integer network as a graph any runtime can run, bit-equal to the simulator.

Form ``scan``: one ``Scan`` node over a symbolic time axis; its body is one time step of the whole network, with the
neuron step recorded from the very code the simulators run. Integer arithmetic, and floats only where a bound proves
them exact; standard operators of opset 21.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from onnx import ModelProto, TensorProto, helper  # noqa: TID251

from ..bounds import INT32, exact_kernels, largest_input, membrane_bound, product_bound, settles
from ..files import sha256, whole_file
from ..findings import at_node, error, unknown_name
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving, Rules
from ..nodes import Connection, IntDense
from .onnx_ops import OnnxOps
from .provenance import KEY, record
from .result import ExportResult

OPSET, IR_VERSION = 21, 10
TIME = np.array([0], np.int64)

InitialState = Literal["captured", "input"]
Outputs = Literal["final", "trace"]


def to_onnx(
    network: IntNetwork,
    path: str | os.PathLike[str],
    *,
    form: str = "scan",
    initial_state: InitialState = "captured",
    outputs: Outputs = "final",
    verify: bool = True,
    inputs: np.ndarray | None = None,
) -> ExportResult:
    """Write an integer network as an ONNX file and prove that it computes what the simulator computes.

    The graph takes ``x``, the integer codes of ``network.encode`` (uint8 or int8), shape ``(time, batch, *features)``
    with both leading axes symbolic, and gives

    ==========================  ====================================================================
    ``spikes``                  uint8 ``(time, batch, *features)``
    ``scores``, ``prediction``  the network's readout, int32 ``(batch, classes)`` and int64 ``(batch,)``
    ``<layer>.V_final``         int32 ``(batch, n)``: membrane before reset after the last step
    ``<layer>.V_trace``         with ``outputs="trace"``: the same at every step
    ``<layer>.spikes``          with ``outputs="trace"``: uint8 spikes at every step
    ==========================  ====================================================================

    Parameters
    ----------
    network : IntNetwork
        As ``quantize`` returns it.
    path : str or path
        The ``.onnx`` file to write.
    form : ``"scan"``
        Whole sequence in one call.
    initial_state : ``"captured"`` | ``"input"``
        Start from the captured initial state, or take it as inputs: ``<layer>.V``, and for every delayed edge what
        it delivers first, ``<source>-><target>.spikes``, ``.current`` or ``.codes`` for a source that is a
        population, a connection or the input. Feeding ``V_final`` back, and ``<source>-><target>.*_final``,
        continues a sequence.
    outputs : ``"final"`` | ``"trace"``
        Whether every membrane and spike is an output too.
    verify : bool
        Read the written file back, run it in onnxruntime and in ``onnx.reference`` against the reference simulator,
        on random and on boundary inputs and states, and restore the network from it, before it gets its final name.
    inputs : array, shape ``(time, batch, *features)``, optional
        Further inputs (codes or real numbers) to verify on.

    Returns
    -------
    ExportResult

    Raises
    ------
    MismatchError
        LX402 at the first difference: tensor, step and index. Nothing is written.
    RangeError
        LX302 if int32 cannot hold a sum; it names the layer.
    UnsupportedError
        LX401 for what the form cannot express.
    OutputError
        LX002 if the file cannot be written.
    """
    if not isinstance(network, IntNetwork):
        fix = "quantize it first; float graphs are not supported yet"
        raise error("LX401", found=f"a {type(network).__name__}", fix=fix)
    for field, value, known in (
        ("form", form, ("scan",)),
        ("initial_state", initial_state, get_args(InitialState)),
        ("outputs", outputs, get_args(Outputs)),
    ):
        if value not in known:
            raise unknown_name(field, value, known, field=field)
    if network.state_reset == "never" and initial_state == "captured":
        fix = 'use initial_state="input", and feed the final state of a call to the next'
        raise error("LX401", field="state_reset", found="'never', for a file that starts anew in every call", fix=fix)
    content = build(network, initial_state=initial_state, outputs=outputs).SerializeToString(deterministic=True)
    proofs: tuple[str, ...] = ()
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
        if verify:
            from .onnx_verify import verify_file  # loads the runtimes

            proofs = verify_file(temporary, network, inputs)
    return ExportResult(path=Path(path), size=len(content), sha256=sha256(content), proofs=proofs)


def build(network: IntNetwork, *, initial_state: InitialState, outputs: Outputs) -> ModelProto:
    """Model of the scan form; two calls give equal bytes."""
    body = _Body(network)
    graph = _graph(network, body, initial_state, outputs)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lifexport",
        doc_string="Quantized spiking network, integer arithmetic. Feed x with the codes the record describes.",
    )
    helper.set_model_props(model, {KEY: record(network, values=_homeless(network, body, initial_state))})
    return model


def _homeless(network: IntNetwork, body: _Body, initial_state: InitialState) -> dict[str, dict[str, np.ndarray]]:
    """Arrays that the graph has no place for, by node and field; equal numbers once."""
    homeless: dict[str, dict[str, np.ndarray]] = {}
    for name, node in network.nodes.items():
        for field, array in _arrays(node):
            starts = field == "v_initial" and initial_state == "captured"
            if not starts and f"{name}.{field}" not in body.initializers:
                equal = array.size > 0 and array.tobytes() == array.ravel()[:1].tobytes() * array.size
                homeless.setdefault(name, {})[field] = array.ravel()[:1].reshape(()) if equal else array
    return homeless


def _arrays(node: Any) -> list[tuple[str, np.ndarray]]:
    fields = [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
    return [(name, value) for name, value in fields if isinstance(value, np.ndarray)]


@dataclass(frozen=True)
class _Carried:
    """A tensor carried from step to step."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    initial: np.ndarray
    after: str
    """Name, in the body, of its value after the step."""

    @property
    def before(self) -> str:
        """Name, in the body, of its value before the step."""
        return f"{self.name}_before"


class _Body:
    """One time step of the whole network, recorded node by node."""

    def __init__(self, network: IntNetwork):
        self.network = network
        self.nodes: list = []
        self.initializers: dict[str, TensorProto] = {}
        self.outer: list = []
        self.carried: list[_Carried] = []
        self.values: dict[str, str] = {network.input_name: "x_t"}
        self.membranes: dict[str, str] = {}
        self.input_dtype = TensorProto.INT8 if network.input_code.signed else TensorProto.UINT8
        if network.input_code.bits > 8:
            raise error(
                "LX401",
                field="input",
                found=f"{network.input_code.bits} bits",
                fix="use at most 8 input_bits",
            )
        for name, node in network.nodes.items():
            with at_node(name):
                if node.role == "connection":
                    self._connection(name, node)
                elif node.role == "population":
                    self._population(name, node)
        for edge in network.edges:
            if edge.delay:
                self._delayed(edge)

    def _source(self, edge: Edge) -> str:
        if edge.delay > 1:
            raise error("LX401", found=f"edge {edge}", fix="the scan form carries delays of one step")
        return f"{edge_name(self.network, edge)}_before" if edge.delay else self.values[edge.source]

    def _arriving(self, ops: OnnxOps, edge: Edge) -> str:
        """What an edge brings to a population, int32."""
        source = self._source(edge)
        direct = self.network.nodes[edge.source].role != "connection"
        return ops.cast(source, TensorProto.INT32, "arriving") if direct else source

    def _connection(self, name: str, node: Connection) -> None:
        if not isinstance(node, IntDense):
            fix = "the scan form carries Dense connections; simulate the network instead"
            raise error("LX401", found=f"a {type(node).__name__}", fix=fix)
        ops, edge = OnnxOps(name, self.nodes, self.initializers), self.network.incoming(name)[0]
        if 1 << node.shift > INT32:
            raise error("LX302", field="shift", found=f"{node.shift}", fix="use a shift below 31")
        x = self._source(edge)
        kernels = exact_kernels(node, largest_input(self.network, name), product_bound(self.network, name))
        weight, small = node.weight.T, int(np.abs(node.weight).max()) <= 127
        if "int8_pair" in kernels:
            y = ops.emit("MatMulInteger", x, ops.tensor(weight.astype(np.int8), "weight"), label="product")
        elif "float32" in kernels:
            stored = ops.tensor(weight.astype(np.int8 if small else np.int32), "weight")
            outer = OnnxOps(name, self.outer, self.initializers)
            real = outer.emit("Cast", stored, to=TensorProto.FLOAT, label="weight_real")  # once, outside of the scan
            product = ops.emit("MatMul", ops.cast(x, TensorProto.FLOAT, "input_real"), real, label="product_real")
            y = ops.emit("Cast", product, to=TensorProto.INT32, label="product")
        else:
            wide = ops.cast(x, TensorProto.INT32, "input_wide")
            y = ops.emit("MatMul", wide, ops.tensor(weight.astype(np.int32), "weight"), label="product")
        y = ops.shift_right(y, np.asarray(node.drop), "drop") if node.drop else y
        self.values[name] = ops.shift_left(y, node.shift)

    def _population(self, name: str, node) -> None:
        _require_plain(node.rules)
        bound = membrane_bound(self.network, name)
        if bound + node.rules.membrane.largest + 1 > INT32:
            raise error("LX302", found=f"sums of up to {bound}", fix="use fewer inputs or narrower weights")
        if not settles(self.network, name):
            found, fix = "a membrane that may stay outside of its range", "use narrower weights"
            raise error("LX302", field="rules", found=found, fix=fix)
        for field, array in _arrays(node):
            if array.dtype.kind == "i" and max(-int(array.min(initial=0)), int(array.max(initial=0))) > INT32:
                raise error("LX302", field=field, found="numbers beyond int32", fix="use numbers that int32 holds")
        ops = OnnxOps(name, self.nodes, self.initializers)
        current, *parts = (self._arriving(ops, edge) for edge in self.network.incoming(name))
        for part in parts:
            current = ops.add(current, part)
        initial = node.initial_state()
        result = node.step(ops, initial._replace(v=f"{name}.V_before"), Arriving.total(current))
        self.values[name] = ops.cast(result.spikes, TensorProto.UINT8, "spikes")
        self.membranes[name] = result.v
        self.carried.append(_Carried(f"{name}.V", TensorProto.INT32, node.shape, initial.v.astype(np.int32), result.v))

    def _delayed(self, edge: Edge) -> None:
        source, name = self.network.nodes[edge.source], edge_name(self.network, edge)
        dtypes = {"input": self.input_dtype, "connection": TensorProto.INT32, "population": TensorProto.UINT8}
        zeros = np.zeros(source.out_shape, helper.tensor_dtype_to_np_dtype(dtypes[source.role]))
        now = self.values[edge.source]
        self.carried.append(_Carried(name, dtypes[source.role], source.out_shape, zeros, now))


def _require_plain(rules: Rules) -> None:
    """Refuse (LX401) a step with more state than a membrane, or whose membrane is kept after its reset."""
    plain = Rules(membrane=rules.membrane, leak=rules.leak, compare=rules.compare, reset=rules.reset)
    for field in dataclasses.fields(Rules):
        found, known = getattr(rules, field.name), getattr(plain, field.name)
        if found != known:
            fix = f"the scan form carries neurons with {field.name} = {known!r}; simulate the network instead"
            raise error("LX401", field=field.name, found=f"{found!r}", fix=fix)


def edge_name(network: IntNetwork, edge: Edge) -> str:
    """Name in the graph of what a delayed edge carries over the step."""
    what = {"input": "codes", "connection": "current", "population": "spikes"}
    return f"{edge.source}->{edge.target}.{what[network.nodes[edge.source].role]}"


def initial_name(population: str) -> str:
    """Name of the initializer that holds the captured initial membrane of a population."""
    return f"graph.{population}.V_initial"


def _graph(network: IntNetwork, body: _Body, initial_state: InitialState, outputs: Outputs):
    shape_in, shape_out = network.nodes[network.input_name].shape, network.nodes[network.output_name].shape
    inputs = [_info("x", body.input_dtype, ("time", "batch", *shape_in))]
    nodes, starts = list(body.outer), []
    ops = OnnxOps("graph", nodes, body.initializers)
    for carried in body.carried:
        if initial_state == "input":
            inputs.append(_info(carried.name, carried.dtype, ("batch", *carried.shape)))
            starts.append(carried.name)
        else:
            starts.append(_expanded(ops, carried))
    last = network.readout_name
    traced = [n for n in network.populations if outputs == "trace"]
    need_v = [n for n in network.populations if n in traced or (n == last and network.readout == "membrane_max")]
    scanned = ["spikes", *(f"{n}.V_trace" for n in need_v), *(f"{n}.spikes" for n in traced)]
    inner = [body.values[last], *(body.membranes[n] for n in need_v), *(body.values[n] for n in traced)]
    nodes.append(
        helper.make_node(
            "Scan",
            [*starts, "x"],
            [*(f"{c.name}_final" for c in body.carried), *scanned],
            name="time",
            num_scan_inputs=1,
            body=_step_graph(network, body, inner, shape_in),
        )
    )
    scores = _readout(network, ops)
    prediction = ops.emit("ArgMax", scores, axis=-1, keepdims=0, select_last_index=0, label="best")
    ops.nodes.append(helper.make_node("Identity", [scores], ["scores"], name="graph/scores"))
    ops.nodes.append(helper.make_node("Identity", [prediction], ["prediction"], name="graph/prediction"))
    classes = int(np.prod(shape_out))
    infos = [
        _info("spikes", TensorProto.UINT8, ("time", "batch", *shape_out)),
        _info("scores", TensorProto.INT32, ("batch", classes)),
        _info("prediction", TensorProto.INT64, ("batch",)),
        *(_info(f"{c.name}_final", c.dtype, ("batch", *c.shape)) for c in body.carried),
    ]
    for n in traced:
        infos.append(_info(f"{n}.V_trace", TensorProto.INT32, ("time", "batch", *network.nodes[n].shape)))
    for n in traced:
        infos.append(_info(f"{n}.spikes", TensorProto.UINT8, ("time", "batch", *network.nodes[n].shape)))
    doc = f"{network.target}: one Scan over time; its body is one step of {', '.join(network.populations)}."
    stored = list(body.initializers.values())
    return helper.make_graph(nodes, "lifexport", inputs, infos, stored, doc_string=doc)


def _step_graph(network: IntNetwork, body: _Body, scanned: Sequence[str], shape_in: tuple[int, ...]):
    """Body of the scan: states and one input in, states and scanned values out."""
    tail, names, types = [], [], []
    last = network.readout_name
    types_of = {value: TensorProto.UINT8 for value in body.values.values()}
    shape_of = {body.values[n]: network.nodes[n].shape for n in network.populations}
    shape_of |= {body.membranes[n]: network.nodes[n].shape for n in network.populations}
    for carried in body.carried:
        names.append(f"{carried.name}_after")
        types.append(_info(names[-1], carried.dtype, ("batch", *carried.shape)))
        tail.append(helper.make_node("Identity", [carried.after], [names[-1]], name=names[-1]))
    for number, value in enumerate(scanned):
        names.append(f"out{number}:{value}")
        dtype = TensorProto.UINT8 if value in types_of and value in shape_of else TensorProto.INT32
        types.append(_info(names[-1], dtype, ("batch", *shape_of[value])))
        tail.append(helper.make_node("Identity", [value], [names[-1]], name=names[-1]))
    befores = [_info(c.before, c.dtype, ("batch", *c.shape)) for c in body.carried]
    befores.append(_info("x_t", body.input_dtype, ("batch", *shape_in)))
    doc = f"One time step; spikes of {last} leave."
    return helper.make_graph([*body.nodes, *tail], "step", befores, types, doc_string=doc)


def _readout(network: IntNetwork, ops: OnnxOps) -> str:
    """Scores (batch, classes) int32, by the network's readout rule."""
    last = network.readout_name
    match network.readout:
        case "count":
            wide = ops.emit("Cast", "spikes", to=TensorProto.INT32, label="spikes_wide")
            scores = ops.emit("ReduceSum", wide, ops.tensor(TIME, "time_axis"), keepdims=0, label="count")
        case "membrane_last":
            scores = f"{last}.V_final"
        case "membrane_max":
            axis = ops.tensor(TIME, "time_axis")
            scores = ops.emit("ReduceMax", f"{last}.V_trace", axis, keepdims=0, label="peak")
    return ops.emit("Flatten", scores, axis=1, label="scores_flat")


def _expanded(ops: OnnxOps, carried: _Carried) -> str:
    """Initial state of one sample, repeated for the batch of ``x``."""
    one = ops.tensor(carried.initial[None], f"{carried.name}_initial")  # see initial_name
    batch = ops.emit("Shape", "x", start=1, end=2, label="batch")
    rest = ops.tensor(np.asarray(carried.shape, np.int64), f"{carried.name}_shape")
    shape = ops.emit("Concat", batch, rest, axis=0, label="state_shape")
    return ops.emit("Expand", one, shape, label=f"{carried.name}_start")


def _info(name: str, dtype: int, shape: tuple):
    return helper.make_tensor_value_info(name, dtype, shape)
