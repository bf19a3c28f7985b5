"""Proof of an ONNX export: run what was written, in two runtimes, against the reference simulator.

Compared are membranes before reset and spikes of every population at every step, on random inputs, on extreme inputs,
and from boundary states (rails, thresholds, zero, each one more and one less). The file itself is run; a twin of it
with more inputs and outputs, built from the same recorded step, shows what the file keeps inside.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251

from ..arrays import difference
from ..bounds import edge_range
from ..certificate import Analysis
from ..findings import error
from ..graph import Edge
from ..network import FloatNetwork, IntNetwork
from ..neurons import IntLIF
from ..neurons.int_lif import LIFState
from ..simulation import simulate
from ..simulation.stepwise import initial_state
from ..simulation.trace import State, Trace
from . import onnx_model
from .onnx_external import open_data, write
from .onnx_file import read_model
from .onnx_float_proof import prove_float
from .onnx_functions import DOMAIN
from .onnx_neurons import stored_range
from .onnx_packing import weight_type
from .onnx_qonnx_ops import DOMAIN as QONNX
from .onnx_qonnx_proof import prove_qonnx
from .onnx_restoring import form_of, is_portable, load
from .onnx_running import RUNTIMES, Source, by_steps
from .onnx_step import input_dtype, typed
from .onnx_widths import widths_of

STEPS, SAMPLES = 6, 3


def verify_file(path: Path, network: FloatNetwork | IntNetwork, inputs: np.ndarray | None = None) -> tuple[str, ...]:
    """Prove that the file at ``path`` computes what the reference simulator computes.

    Parameters
    ----------
    path : Path
        The file as written.
    network : FloatNetwork or IntNetwork
        What it must compute.
    inputs : array, optional
        Further codes or real inputs, shape ``(time, batch, *features)``.

    Returns
    -------
    tuple of str
        What was proved, in words.

    Raises
    ------
    MismatchError
        LX402 at the first difference, naming tensor, step and index, or the field that does not come back.
    FileError
        LX003 if the file is not a valid ONNX model.
    """
    model = read_model(path)
    data = open_data(path, model)
    if any(entry.domain == QONNX for entry in model.opset_import):
        assert isinstance(network, IntNetwork)
        proofs = prove_qonnx(model, network, _cases(network, inputs))
        require_restored(model, network, data)
        return _sentences("valid: onnx checker (full), strict shape inference, operators of QONNX", proofs, network)
    lif = "function" if model.functions else "inline"
    opset = next(entry.version for entry in model.opset_import if not entry.domain)
    form = form_of(model)
    style = {"form": form, "lif": lif, "weights": weight_type(model), "opset": opset, "portable": is_portable(model)}
    options = {**style, "initial_state": "input", "outputs": "trace"}
    twin, chunks = onnx_model.build_split(network, "twin.onnx.data", data is not None, **options)
    require_same_step(model, twin)
    with tempfile.TemporaryDirectory() as folder:
        sources: tuple[Source, Source] = (model, twin)
        if data is not None:
            sources = (path, Path(folder) / "twin.onnx")
            write(sources[1], twin, chunks)
        if isinstance(network, FloatNetwork):
            proofs = prove_float(model, sources, network, inputs)
        else:
            proofs = _prove_bits(model, sources, network, inputs)
    require_restored(model, network, data)
    valid = "valid: onnx checker (full), strict shape inference, standard operators and functions of them only"
    return _sentences(valid, proofs, network)


def _sentences(valid: str, proofs: tuple[str, ...], network: FloatNetwork | IntNetwork) -> tuple[str, ...]:
    back = f"restored from graph and record: the same {type(network).__name__}, every number bit for bit"
    return (valid, *proofs, back)


def _prove_bits(
    model: onnx.ModelProto, sources: tuple[Source, Source], network: IntNetwork, inputs: np.ndarray | None
) -> tuple[str, ...]:
    """Run file and twin in every runtime; every value must be the reference simulator's."""
    cases, form, values = _cases(network, inputs), form_of(model), 0
    taken, given = ({value.name for value in model.graph.input}, {value.name for value in model.graph.output})
    for name, start in RUNTIMES.items():
        run_file, run_twin = ((by_steps(run) if form == "step" else run) for run in map(start, sources))
        for label, codes, state in cases:
            trace = simulate(network, codes, record=("v", "spikes"), backend="reference", state=state)
            feed = {"x": codes.astype(input_dtype(network))}
            states = typed(network, state or initial_state(network, codes.shape[1]))
            expected = _expected(network, trace, form)
            values += _compare(f"{name}, {label}", run_twin({**feed, **states}), expected)
            expected |= {f"{layer}.count": spikes.sum(axis=0) for layer, spikes in trace.spikes.items()}
            if state is None or form == "step":
                states = {key: value for key, value in states.items() if key in taken}
                fewer = {key: value for key, value in expected.items() if key in given or key.endswith("_final")}
                values += _compare(f"{name}, {label}", run_file({**feed, **states}), fewer)
    return (f"bit-equal to the reference simulator in {' and '.join(RUNTIMES)}: {values} values, 0 differ",)


def require_restored(
    model: onnx.ModelProto, network: FloatNetwork | IntNetwork, data: np.ndarray | None = None
) -> None:
    """Refuse (LX402) a file from which the network does not come back, or not to the last bit."""
    restored, findings = load(model, data)
    place = None if restored is None else difference(network, restored)
    found = f"network{place}" if place else str(findings[0]) if findings else None
    if found:
        fix = "give plain Python integers and fractions.Fraction in every node; if they are, please report this"
        raise error("LX402", found=f"restored, the network differs: {found}", fix=fix)


def require_same_step(model: onnx.ModelProto, twin: onnx.ModelProto) -> None:
    """Refuse (LX402) a file whose recorded step or numbers differ from the twin's that stands for it."""
    for what, pick in (("node", _step_nodes), ("function", _functions), ("initializer", _numbers)):
        ours, theirs = pick(model), pick(twin)
        for name in {**ours, **theirs}:
            if what == "initializer" and (name not in ours or name not in theirs):
                continue  # initial states are initializers of one form and inputs of the other
            if ours.get(name) != theirs.get(name):
                raise error("LX402", node=name, found=f"{what} differs from what was written", fix="export again")


def _step_nodes(model: onnx.ModelProto) -> dict[str, bytes]:
    """Nodes of a file that are the same whatever it takes and gives: all but those around scans over time."""
    nodes = list(model.graph.node)
    if form_of(model) != "step":
        scans = [node for node in nodes if node.op_type == "Scan"]
        bodies = [attribute.g for node in scans for attribute in node.attribute if attribute.name == "body"]
        around = ("Scan", "Unsqueeze", "Concat")
        nodes = [node for node in nodes if node.op_type not in around and not node.name.startswith("graph/")]
        nodes += [node for body in bodies for node in body.node]
    kept = [node for node in nodes if node.op_type != "Identity" and not node.name.endswith("/emitted")]
    return {node.name: _known(node) for node in kept}


def _known(node: onnx.NodeProto) -> bytes:
    """A node without the names of a function's outputs: those that only the twin reads have none in the file."""
    if node.domain == DOMAIN:
        node = copy.deepcopy(node)
        node.ClearField("output")
    return node.SerializeToString()


def _functions(model: onnx.ModelProto) -> dict[str, bytes]:
    """Functions of a file, and their nodes."""
    whole = {function.name: function.SerializeToString(deterministic=True) for function in model.functions}
    nodes = {f"{f.name}/{node.name}": node.SerializeToString() for f in model.functions for node in f.node}
    return nodes | whole


def _numbers(model: onnx.ModelProto) -> dict[str, bytes]:
    """Numbers in a model itself; those of its data file are compared when the network is restored."""
    inside = [tensor for tensor in model.graph.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL]
    return {tensor.name: tensor.SerializeToString() for tensor in inside}


def _expected(network: IntNetwork, trace: Trace, form: str) -> dict[str, np.ndarray]:
    expected = {f"{name}_final": value for name, value in typed(network, trace.final_state).items()}
    expected["spikes"] = trace.output
    if form != "step":
        expected["prediction"] = trace.prediction.labels
        expected["scores"] = trace.scores.reshape(len(trace.scores), -1)
    expected |= {f"{name}.V_trace": v for name, v in trace.v.items()}
    return expected | {f"{name}.spikes": spikes for name, spikes in trace.spikes.items()}


def _compare(label: str, got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> int:
    if got.keys() != expected.keys():
        raise error("LX402", found=f"{label}: outputs {sorted(got)}, not {sorted(expected)}", fix="export again")
    for name, right in expected.items():
        differs = got[name].shape != right.shape or (got[name] != right)
        if np.any(differs):
            index = tuple(int(i) for i in np.argwhere(differs)[0]) if np.ndim(differs) else ()
            pair = f"{got[name][index]} instead of {right[index]}" if index else f"shape {got[name].shape}"
            raise error("LX402", node=name, index=index or None, found=f"{label}: {pair}", fix="please report this")
    return sum(right.size for right in expected.values())


def _cases(network: IntNetwork, inputs: np.ndarray | None) -> list[tuple[str, np.ndarray, State | None]]:
    """Inputs and states to run: random, extreme, one step, boundary states, and the caller's."""
    rng = np.random.default_rng(0)
    shape, fmt = network.nodes[network.input_name].shape, network.input_code.format
    uniform = rng.integers(fmt.lo, fmt.hi + 1, (STEPS, SAMPLES, *shape))
    extreme = rng.choice([fmt.lo, fmt.hi], (STEPS, 1, *shape))
    sparse = np.where(rng.random((STEPS, SAMPLES, *shape)) < 0.1, fmt.hi, 0)
    cases: list = [
        ("random input", uniform, None),
        ("extreme input", extreme, None),
        ("one step", sparse[:1], None),
    ]
    cases += [(f"boundary state {i}", sparse, state) for i, state in enumerate(_boundary_states(network, rng))]
    if inputs is not None:
        codes = network.encode(inputs).codes if inputs.dtype.kind == "f" else inputs.astype(np.int64)
        network.check_codes(codes)
        cases.append(("given input", codes, None))
    return cases


def _boundary_states(network: IntNetwork, rng: np.random.Generator, count: int = 4) -> list[State]:
    """States whose membranes lie at rails, thresholds, zero and their neighbours; anything is on delayed edges."""
    start, states, reached = initial_state(network, SAMPLES), [], widths_of(network).reached
    for _ in range(count):
        populations = {}
        for name, node in network.populations.items():
            limits = node.state_range() if reached is None else _limits(node, reached.populations[name].state)
            populations[name] = _boundary_state(node, limits, rng)
        delayed = {
            edge: rng.integers(*_edge_limits(network, edge, reached), queue.shape, endpoint=True)
            for edge, queue in start.delayed.items()
        }
        states.append(State(populations=populations, delayed=delayed))
    return states


def _limits(node: IntLIF, state: Any) -> tuple[LIFState, LIFState]:
    """Lowest and highest state inside intervals."""

    def end(which: str) -> LIFState:
        part = lambda bounds: np.broadcast_to(getattr(bounds, which), node.shape)  # noqa: E731
        return LIFState(
            part(state.v), tuple(map(part, state.current)), None if state.waiting is None else part(state.waiting)
        )

    return end("lo"), end("hi")


def _edge_limits(network: IntNetwork, edge: Edge, reached: Analysis | None) -> tuple[Any, Any]:
    if reached is None:
        return edge_range(network, edge)
    bounds = reached.values[edge.source]
    return np.minimum(bounds.lo, 0), np.maximum(bounds.hi, 0)  # before the first step nothing is under way


def _boundary_state(node: IntLIF, limits: tuple[LIFState, LIFState], rng: np.random.Generator) -> LIFState:
    low, high = limits
    lo, hi = stored_range(node)
    lo, hi = max(lo, int(low.v.min())), min(hi, int(high.v.max()))
    near = np.stack([node.threshold + offset for offset in (-1, 0, 1)])
    fixed = np.array([lo, lo + 1, hi - 1, hi, -1, 0, 1]).reshape(-1, *(1,) * len(node.shape))
    points = np.concatenate([near, np.broadcast_to(fixed, (7, *node.shape))])
    chosen = rng.integers(0, len(points), (SAMPLES, *node.shape))

    def between(least: np.ndarray, most: np.ndarray) -> np.ndarray:
        ends = np.stack([least, most, np.clip(0, least, most)])
        return np.take_along_axis(ends, rng.integers(0, 3, (SAMPLES, *least.shape)), axis=0)

    return LIFState(
        np.clip(np.take_along_axis(points, chosen, axis=0), np.maximum(low.v, lo), np.minimum(high.v, hi)),
        tuple(between(least, most) for least, most in zip(low.current, high.current, strict=True)),
        None if low.waiting is None else between(low.waiting, high.waiting),
    )
