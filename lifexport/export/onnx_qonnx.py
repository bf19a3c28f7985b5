"""QONNX dialect: one time step in floats that carry integers, for tools that make FPGA designs of it.

QONNX (``qonnx.custom_op.general``) says where numbers are rounded, and to how many bits, by nodes ``Quant`` and
``BipolarQuant``; hls4ml reads no comparison, no ``Clip`` and no integer product. The integer neuron's step is recorded
here from its own code, as everywhere, in these terms (``onnx_qonnx_ops.py``). Shapes are static, names are identifiers
of C, weights pass a ``Quant`` of their width, and no two nodes share a constant.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from onnx import (  # noqa: TID251
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
    parser,
    shape_inference,
)

from ..bounds import FLOAT32_WHOLE, largest
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import IntLIF, Leak
from ..nodes import IntDense
from ..simulation.stepwise import initial_state
from ..spatial import Flatten
from .onnx_neurons import described, parts, record
from .onnx_qonnx_ops import DOMAIN, WIDEST, QonnxOps, identifier
from .onnx_step import edge_names, leaving_doc, on_the_way
from .onnx_widths import require_words, widths_of

VERSION = 1
OPSET, IR_VERSION = 16, 8
"""The newest standard operators that qonnx and hls4ml read."""


def qonnx_model(network: IntNetwork) -> ModelProto:
    """One time step of one sample: ``x`` and every part of the state in, ``spikes`` and ``<part>_next`` out.

    Raises
    ------
    UnsupportedError
        LX401 for what QONNX, or hls4ml's reading of it, has no node for.
    RangeError
        LX302 for numbers that float32 does not hold exactly.
    """
    step = _QonnxStep(network)
    x, last = network.nodes[network.input_name], network.nodes[network.output_name]
    inputs = [_info("x", x.shape, f"Input codes, {x.code.format.lo}..{x.code.format.hi}.")]
    inputs += [_info(identifier(part.name), part.shape, part.doc) for part in step.carried]
    outputs = [_info("spikes", last.shape, f"{leaving_doc(network)}: the output.")]
    step.leave(step.source(network.output_edge), "spikes", 2)
    for part in list(step.carried):
        name = f"{identifier(part.name)}_next"
        after = next(now.after for now in step.carried if now.name == part.name)
        step.leave(after, name, part.bits)
        outputs.append(_info(name, part.shape, f"{part.name} for the next step."))
    doc = f"{network.target}: one time step of {', '.join(network.populations)} in QONNX; feed every *_next back. "
    doc += f"hls4ml computes it exactly with default_precision={precision(network)!r}."
    graph = helper.make_graph(step.nodes, "lifexport", inputs, outputs, [*step.stored.values()], doc_string=doc)
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="lifexport")
    known = {value.name for value in (*inputs, *outputs)}
    inferred = shape_inference.infer_shapes(runnable(model), strict_mode=True, data_prop=True)
    model.graph.value_info.extend(value for value in inferred.graph.value_info if value.name not in known)
    return model


def runnable(model: ModelProto) -> ModelProto:
    """The same model with ``Quant`` and ``BipolarQuant`` as functions, by QONNX's definition of them.

    A runtime that knows no QONNX can run it. Scales are 1 and zero points 0, as they are in what is written here.
    """
    copied = ModelProto()
    copied.CopyFrom(model)
    for node in copied.graph.node:
        if node.op_type == "Quant":
            mode = next(attribute.s.decode() for attribute in node.attribute if attribute.name == "rounding_mode")
            node.op_type = f"Quant{mode}"
            del node.attribute[:]
    text = "<domain: '{d}', opset_import: ['': {o}]> {body}"
    bodies = [
        f"Quant{mode} (x, scale, zero, bits) => (y) {{ two = Constant <value_float: float = 2.0> () "
        f"one = Constant <value_float: float = 1.0> () most = Sub (bits, one) size = Pow (two, most) "
        f"lowest = Neg (size) highest = Sub (size, one) whole = {op} (x) raised = Max (whole, lowest) "
        "y = Min (raised, highest) }"
        for mode, op in (("FLOOR", "Floor"), ("ROUND", "Round"))
    ]
    bodies.append(
        "BipolarQuant (x, scale) => (y) { zero = Constant <value_float: float = 0.0> () "
        "one = Constant <value_float: float = 1.0> () two = Constant <value_float: float = 2.0> () "
        "up = GreaterOrEqual (x, zero) real = Cast <to: int = 1> (up) twice = Mul (real, two) y = Sub (twice, one) }"
    )
    for body in bodies:
        whole = text.format(d=DOMAIN, o=OPSET, body=body).replace("'", '"')
        copied.functions.append(parser.parse_function(whole))
    return copied


def precision(network: IntNetwork) -> str:
    """Fixed-point type of hls4ml in which every number of a step is exact."""
    widths = widths_of(network)
    largest_sum = max(*widths.sums.values(), *widths.out.values(), *widths.steps.values(), 1)
    leaks = [leak for node in network.populations.values() for leak in _leaks(node)]
    whole, fraction = (2 * largest_sum).bit_length() + 1, 1 + max((leak.bits for leak in leaks), default=0)
    shifts = [node.drop for node in network.connections.values() if isinstance(node, IntDense)]
    return f"fixed<{whole + max(fraction, *shifts, 1)},{whole}>"


def _leaks(node: IntLIF) -> list[Leak]:
    rules = node.rules
    return [rules.leak] + ([] if rules.current is None else [rules.current.leak])


class _Part(NamedTuple):
    """A tensor that is carried from step to step."""

    name: str
    shape: tuple[int, ...]
    after: str
    bits: int
    doc: str


class _QonnxStep:
    """The nodes of a network in order."""

    def __init__(self, network: IntNetwork):
        self.network, self.widths = network, widths_of(network)
        names = [identifier(name) for name in network.nodes]
        for name in network.nodes:
            if names.count(identifier(name)) > 1:
                found, fix = f"two layers that C would call {identifier(name)}", "rename one"
                raise error("LX401", node=name, field="dialect", found=found, fix=fix)
        self.nodes: list[NodeProto] = []
        self.stored: dict[str, TensorProto] = {}
        self.carried: list[_Part] = []
        self._left: set[str] = set()
        self.values: dict[str, str] = {network.input_name: "x"}
        for name, node in network.nodes.items():
            with at_node(name):
                if node.role == "connection":
                    self.values[name] = self._connection(name, node)
                elif node.role == "population":
                    self._population(name, node)
        for edge in network.edges:
            if edge.delay:
                self._delayed(edge)

    def leave(self, tensor: str, name: str, bits: int) -> None:
        """Give a tensor the name of an output.

        What is an input or output already is copied. What is read here, too, but is no ``Quant``'s is made again:
        hls4ml merges such a product or sum into its reader, and the output is gone.
        """
        maker = self._maker(tensor)
        if maker is None or tensor in self._left:
            tensor = self._ops("copy").quant(tensor, bits, "FLOOR", name)
        elif maker.op_type != "Quant" and any(tensor in node.input for node in self.nodes):
            tensor = self._again(maker)
        self._left.add(name)
        for node in self.nodes:
            node.input[:] = [name if given == tensor else given for given in node.input]
            node.output[:] = [name if made == tensor else made for made in node.output]
        self.values = {key: name if value == tensor else value for key, value in self.values.items()}
        self.carried = [part._replace(after=name) if part.after == tensor else part for part in self.carried]

    def _maker(self, tensor: str) -> NodeProto | None:
        return next((node for node in self.nodes if tensor in node.output), None)

    def _again(self, node: NodeProto) -> str:
        """Copy a node, and those before it up to a ``Quant``; the copy's output."""
        copied = NodeProto()
        copied.CopyFrom(node)
        copied.name = copied.output[0] = f"{node.name}_again"
        for k, given in enumerate(node.input):
            maker = self._maker(given)
            if maker is not None and maker.op_type != "Quant":
                copied.input[k] = self._again(maker)
            elif given in self.stored:
                copied.input[k] = f"{given}_again"
                self.stored[copied.input[k]] = numpy_helper.from_array(
                    numpy_helper.to_array(self.stored[given]), copied.input[k]
                )
        self.nodes.append(copied)
        return copied.name

    def _ops(self, name: str) -> QonnxOps:
        return QonnxOps(name, self.nodes, self.stored)

    def source(self, edge: Edge) -> str:
        if edge.delay:
            return identifier(edge_names(self.network, edge)[0])
        return self.values[edge.source]

    def _connection(self, name: str, node: Any) -> str:
        (edge,), ops = self.network.incoming(name), self._ops(name)
        if isinstance(node, Flatten) and len(node.shape) == 1:
            return self.source(edge)
        if not isinstance(node, IntDense):
            fix = "use dense layers, or another dialect"
            raise error("LX401", field="dialect", found=f"{node.kind}, which this dialect does not write", fix=fix)
        _require(self.widths.sums[name], "sums")
        _require(self.widths.out[name], "sums after their shift")
        weight = ops.quant(ops.tensor(node.weight.T, "weight"), node.weight_bits, "FLOOR", "weight_quantized")
        y = ops.emit("MatMul", self.source(edge), weight, label="product")
        y = ops.shift_right(y, np.asarray(node.drop), "drop") if node.drop else y
        return ops.shift_left(y, node.shift)

    def _population(self, name: str, node: IntLIF) -> None:
        require_words(self.network, name, node)
        _require(2 * self.widths.steps[name], "sums of a step")
        if node.per_event:
            found = "inputs taken one by one, which this dialect does not write"
            raise error("LX401", field="accumulate", found=found, fix="use another dialect")
        ops, ports = self._ops(name), self.network.arriving(name)
        start = parts(node, initial_state(self.network, 1).populations[name])
        before = {part: identifier(f"{name}.{part}") for part in start}
        arriving = [[self.source(edge) for edge in port] for port in ports]
        if node.bias.any() and node.rules.current is None and node.rules.sum_word is None:
            arriving[0][0] = ops.add(arriving[0][0], ops.const(node.bias, "bias"))  # hls4ml fails where it comes later
            node = dataclasses.replace(node, bias=np.zeros_like(node.bias))
        done = record(node, ops, before, arriving)
        self.values[name] = done.spikes
        docs, bits = described(node, name), max(node.rules.membrane.bits, node.reset_bound().bit_length() + 1)
        for part, after in done.after.items():
            if part == "V_post":
                after = ops.quant(after, bits, "FLOOR", "kept")  # hls4ml mistakes the output where it is a difference
            width = bits if node.rules.current is None else max(bits, node.rules.current.word.bits)
            self.carried.append(_Part(f"{name}.{part}", node.shape, after, width, docs[part]))

    def _delayed(self, edge: Edge) -> None:
        names, shape = edge_names(self.network, edge), self.network.nodes[edge.source].out_shape
        after = [*map(identifier, names[1:]), self.values[edge.source]]
        bits = largest(self.network, edge.source).bit_length() + 1
        docs = on_the_way(edge)
        self.carried += [_Part(n, shape, new, bits, doc) for n, new, doc in zip(names, after, docs, strict=True)]


def _require(bound: int, what: str) -> None:
    if bound > FLOAT32_WHOLE:
        found = f"{what} of up to {bound}, beyond the {WIDEST} bits of float32"
        raise error("LX302", found=found, fix="use fewer inputs or fewer bits")


def _info(name: str, shape: tuple[int, ...], doc: str):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *shape), doc)
