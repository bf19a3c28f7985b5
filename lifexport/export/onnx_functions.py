"""Populations as functions of the model: one node in the graph, whose body is its step in standard operators.

A function's name says what it does and ends with a digest of its body, so that one name never stands for two things,
not even in two files. What it takes are the parts of the state, what arrives, and the neurons' parameters by the names
the network gives them; constants of its arithmetic are inside.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto, helper  # noqa: TID251

from ..files import sha256
from ..neurons import IntLIF
from ..neurons.membrane import Spiking
from .onnx_neurons import Neuron
from .onnx_ops import InOrder

Lif = Literal["function", "inline"]
DOMAIN = "ai.lifexport"
VERSION = 1


def formals_of(arriving: Sequence[Sequence[str | InOrder]]) -> dict[str, str]:
    """What a function calls the tensors that arrive: ``i``, numbered by port and edge where there are several."""
    flat = [(port, k, what) for port, edges in enumerate(arriving) for k, what in enumerate(edges)]
    formals: dict[str, str] = {}
    for port, k, what in flat:
        number = "" if len(flat) == 1 else f"{port}_{k}"
        if isinstance(what, InOrder):
            formals |= {what.inputs: f"events{number}", what.weights: f"weights{number}"}
        else:
            formals[what] = f"i{number}"
    return formals


class Functions:
    """Functions of a model, by name.

    Parameters
    ----------
    opset : int
        Standard operators their bodies are made of.
    """

    def __init__(self, opset: int):
        self.opset = opset
        self.protos: dict[str, FunctionProto] = {}

    def call(
        self,
        layer: str,
        node: Neuron,
        body: Sequence[NodeProto],
        stored: Mapping[str, TensorProto],
        formals: Mapping[str, str],
        outputs: Mapping[str, str],
    ) -> NodeProto:
        """Put a recorded step into a function, and call it.

        Parameters
        ----------
        layer : str
            Name of the population: prefix of everything recorded.
        node : Neuron
            The population.
        body : sequence of NodeProto
            The step.
        stored : mapping from name to TensorProto
            Its initializers: parameters ``<layer>.<field>``, which the function takes, and constants, which it holds.
        formals : mapping from tensor to str
            What the function calls the tensors of the graph that the step reads.
        outputs : mapping from str to tensor
            What the function gives; the node's outputs are ``<layer>/<output>``.
        """
        fields = [f"{layer}.{field.name}" for field in dataclasses.fields(node)]
        parameters = [name for name in fields if name in stored]
        parameters += [name for name in stored if name.startswith(f"{layer}.") and name not in fields]
        taken = {**formals, **{name: name.removeprefix(f"{layer}.") for name in parameters}}
        used = {name for name in _read(body) if name in taken} | {
            tensor for tensor in outputs.values() if tensor in taken
        }
        actual = [name for name in taken if name in used]
        names = dict(taken)
        for output, tensor in outputs.items():
            names.setdefault(tensor, output)
        constants = {name: tensor for name, tensor in stored.items() if name not in parameters}
        names |= {name: re.sub(r"[^a-z0-9]+", "_", name.replace("-", "minus_")) for name in constants}
        nodes = [_constant(names[name], tensor) for name, tensor in constants.items()]
        nodes += [_renamed(part, names, f"{layer}/") for part in body]
        again = {output: names[tensor] for output, tensor in outputs.items() if names[tensor] != output}
        nodes += [helper.make_node("Identity", [tensor], [output], name=output) for output, tensor in again.items()]
        defined = [name for part in nodes for name in part.output] + [names[name] for name in actual]
        assert len(defined) == len(set(defined)), sorted(defined)
        function = FunctionProto(domain=DOMAIN, doc_string=_doc(node))
        function.input.extend(names[name] for name in actual)
        function.output.extend(outputs)
        function.opset_import.append(OperatorSetIdProto(domain="", version=self.opset))
        function.node.extend(nodes)
        function.name = f"{title(node)}_{sha256(function.SerializeToString(deterministic=True))[:8]}"
        self.protos[function.name] = function
        given = [f"{layer}/{output}" for output in outputs]
        return helper.make_node(function.name, actual, given, name=f"{layer}/step", domain=DOMAIN)


def hide_unused(graph: GraphProto) -> None:
    """Leave outputs of functions that nothing reads without a name.

    With a name onnxruntime 1.18.1 puts other values into those that are read, silently.
    """
    nodes = nested(graph.node)
    graphs = [graph, *(a.g for node in nodes for a in node.attribute if a.type == AttributeProto.GRAPH)]
    read = _read(graph.node) | {value.name for inner in graphs for value in inner.output}
    for node in nodes:
        if node.domain == DOMAIN:
            node.output[:] = [name if name in read else "" for name in node.output]


def title(node: Neuron) -> str:
    """What neurons are, in one word: kind, reset, numbers, leak.

    Examples
    --------
    >>> from lifexport.neurons import FloatLIF, Leak, Rules, Word
    >>> rules = Rules(membrane=Word.signed(16), leak=Leak(bits=12))
    >>> title(IntLIF(shape=(1,), rules=rules, decay=3, threshold=7, reset_code=7, unit=1))
    'LIFSoft_int16_decay12_floor'
    >>> title(FloatLIF(shape=(1,), dt=1e-3, tau=1.0, r=1.0, v_threshold=1.0, v_reset=0.0, reset="value"))
    'LIFHard_float32'
    """
    if not isinstance(node, IntLIF):
        resets = {"subtract": "Soft", "value": "Hard", "none": "Unreset"}
        reset = resets[node.reset] if isinstance(node, Spiking) else ""
        return f"{node.kind}{reset}_float32"
    rules = node.rules
    leak = {"multiply": f"decay{rules.leak.bits}_{rules.leak.rounding}", "none": "no_leak"}
    leak["toward_input"] = f"toward_input{rules.leak.bits}_{rules.leak.rounding}"
    kind = ("Cuba" if rules.current else "") + ("IAF" if rules.leak.kind == "none" else "LIF")
    reset = {"subtract": "Soft", "value": "Hard"}[rules.reset] if rules.max_spikes != 0 else "Silent"
    wraps = "" if rules.membrane.overflow == "saturate" else "_wrap"
    return f"{kind}{reset}_int{rules.membrane.bits}{wraps}_{leak.get(rules.leak.kind, rules.leak.kind)}"


def foreign(nodes: Iterable[NodeProto], functions: Iterable[FunctionProto]) -> tuple[set[str], set[str]]:
    """Domains of nodes that are neither standard nor ours, and operators of ours that have no function."""
    functions = list(functions)
    bodies = [node for function in functions for node in function.node]
    found = [*nested(nodes), *nested(bodies)]
    domains = {node.domain for node in found} | {function.domain for function in functions}
    known = {function.name for function in functions}
    return domains - {"", "ai.onnx", DOMAIN}, {node.op_type for node in found if node.domain == DOMAIN} - known


def nested(nodes: Iterable[NodeProto]) -> list[NodeProto]:
    """Nodes, and those of the graphs inside of them."""
    found: list[NodeProto] = []
    for node in nodes:
        found.append(node)
        for attribute in node.attribute:
            graphs = [attribute.g] if attribute.type == AttributeProto.GRAPH else [*attribute.graphs]
            for graph in graphs:
                found += nested(graph.node)
    return found


def _read(nodes: Iterable[NodeProto]) -> set[str]:
    return {name for node in nested(nodes) for name in node.input}


def _renamed(node: NodeProto, names: Mapping[str, str], prefix: str) -> NodeProto:
    """A node whose tensors have the names of a function's body; those of no outside name lose their prefix."""
    node = copy.deepcopy(node)
    _rename(node, lambda name: names.get(name) or name.removeprefix(prefix).replace("/", "_"))
    return node


def _rename(node: NodeProto, new: Any) -> None:
    node.name = new(node.name)
    node.input[:] = [new(name) for name in node.input]
    node.output[:] = [new(name) for name in node.output]
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            for value in (*attribute.g.input, *attribute.g.output):
                value.name = new(value.name)
            for inner in attribute.g.node:
                _rename(inner, new)


def _constant(name: str, tensor: TensorProto) -> NodeProto:
    value = copy.deepcopy(tensor)
    value.name = name
    return helper.make_node("Constant", [], [name], name=name, value=value)


def _doc(node: Neuron) -> str:
    """What a function does, in words; the same for all neurons of one body."""
    if not isinstance(node, IntLIF):
        reset = f" Compared {node.compare}, reset: {node.reset}." if isinstance(node, Spiking) else ""
        return (
            "One time step of neurons in float32: V_next = decay * V' + offset + i, V' being V after the reset of its "
            f"spikes; a neuron spikes where V_next reaches its threshold. i is in volt.{reset}"
        )
    when = (
        "V: membrane before its reset" if node.rules.reset_when == "next_step" else "V_post: membrane after its reset"
    )
    head = f"One time step of neurons in integers. {when}; i: what arrives. Rules, by lifexport's names:"
    return "\n".join([head, *_facts("", node.rules)])


def _facts(prefix: str, rules: Any) -> list[str]:
    """Fields of rules in words, one a line, those of words and leaks within them too."""
    lines: list[str] = []
    for field in dataclasses.fields(rules):
        value, name = getattr(rules, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            lines += _facts(f"{name}.", value)
        elif value is not None:
            lines.append(f"{name}: {value}")
    return lines
