"""ONNX: a network as a graph any runtime can run.

The integer neuron's step is recorded from the very code the simulators run (``onnx_neurons.py``), ``onnx_step.py``
makes a network's step of it, and ``onnx_forms.py`` puts that into a graph. Integer networks are computed in integers,
and in floats only where a bound proves them exact, trained ones in float32; standard operators, and functions of them.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Literal, get_args

import numpy as np
from onnx import GraphProto, ModelProto, helper  # noqa: TID251

from ..files import require_suffix, sha256, whole_file, whole_files
from ..findings import error, unknown_name
from ..graph import loops
from ..network import FloatNetwork, IntNetwork
from .onnx_external import Chunk, data_path, write
from .onnx_forms import Form, InitialState, Outputs, Way, scan_graph, step_graph
from .onnx_functions import DOMAIN, VERSION, Functions, Lif, hide_unused
from .onnx_layerwise import layerwise_graph
from .onnx_ops import OnnxOps
from .onnx_packing import WeightType
from .onnx_portable_ops import PortableOps
from .onnx_qonnx import OPSET, qonnx_model
from .onnx_qonnx_ops import identifier
from .onnx_step import initial_values
from .onnx_storage import Storage
from .provenance import KEY, record
from .result import ExportResult

Opset = Literal[17, 21]
Dialect = Literal["standard", "qonnx"]
Arithmetic = Literal["int", "float"]
IR_VERSIONS: dict[int, int] = {17: 8, 21: 10}
"""Format version that goes with an operator set: onnxruntime 1.15 and later run 17, 1.18 and later 21."""
DIALECTS: dict[str, dict[str, Any]] = {
    "standard": {"form": "scan", "lif": "function", "opset": 21},
    "qonnx": {"form": "step", "lif": "inline", "opset": OPSET},
}
"""What options are where they are left out; QONNX has no others."""
OPTIONS: dict[str, tuple[Any, ...]] = {
    "form": get_args(Form),
    "lif": get_args(Lif),
    "weights": get_args(WeightType),
    "initial_state": (*get_args(InitialState), "zeros"),
    "outputs": get_args(Outputs),
    "opset": get_args(Opset),
}
GRAPHS = {"scan": scan_graph, "step": step_graph, "layerwise": layerwise_graph}
DOCS = {
    IntNetwork: "Quantized spiking network, integer arithmetic. Feed x with the codes the record describes.",
    FloatNetwork: "Trained spiking network, float32 arithmetic. Feed x with real inputs, as in training.",
}


def to_onnx(
    network: FloatNetwork | IntNetwork,
    path: str | os.PathLike[str],
    *,
    form: Form | None = None,
    arithmetic: Arithmetic | None = None,
    dialect: Dialect = "standard",
    lif: Lif | None = None,
    weights: WeightType = "int8",
    initial_state: InitialState | Literal["zeros"] | None = None,
    outputs: Outputs = "final",
    opset: int | None = None,
    external_data: bool | None = None,
    portable: bool = False,
    verify: bool = True,
    inputs: np.ndarray | None = None,
) -> ExportResult:
    """Write a network as an ONNX file and prove that it computes what the simulator computes.

    An integer network is written in integers, equal to the reference simulator bit for bit, a trained one in float32,
    within the rounding of float32 of the float64 simulator at every step (``docs/onnx.md``).

    The graph takes ``x``, the integer codes of ``network.encode`` (uint8 or int8, int32 for wider codes) or, of a
    ``FloatNetwork``, real inputs (float32), shape ``(time, batch, *features)`` with both leading axes symbolic, or
    ``(batch, *features)`` in form ``step``, and gives

    ==========================  ====================================================================
    ``spikes``                  ``([time,] batch, *features)``, uint8 (int32 where counts have no limit)
    ``scores``, ``prediction``  the network's readout, int32 ``(batch, classes)`` and int64 ``(batch,)``;
                                not in form ``step``
    ``<state>_final``           every part of the state after the last step; ``<state>_next`` in form
                                ``step``
    ``<layer>.count``           with ``outputs="counts"``: int32 ``(batch, ...)``, spikes of every neuron in the
                                whole sequence; not in form ``step``
    ``<layer>.V_trace``         with ``outputs="trace"``: int32 membrane before reset, at every step
    ``<layer>.spikes``          with ``outputs="trace"``: spikes at every step
    ==========================  ====================================================================

    Parts of the state are, all of shape ``(batch, ...)``, membranes and currents of a ``FloatNetwork`` in float32,

    ==========================  ====================================================================
    ``<layer>.V``               int32 membrane before its reset, which waits for the next step
    ``<layer>.V_post``          the same after its reset, for chips that reset at once
    ``<layer>.current<k>``      int32 synaptic current of port ``k``
    ``<layer>.waiting``         int32 steps for which the membrane will still be held
    ``<a>-><b>.spikes``         what a late edge delivers next, from a population; ``.current`` from a
                                connection, ``.codes`` from the input; ``_2`` one step later, and so on
    ==========================  ====================================================================

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
        As ``capture`` or ``quantize`` returns it.
    path : str or path
        The ``.onnx`` file to write.
    form : ``"scan"`` | ``"step"`` | ``"layerwise"``, optional
        Whole sequence in one call, step by step or, faster for few samples, layer by layer; or one time step with the
        state as inputs and outputs.
    arithmetic : ``"int"`` | ``"float"``, optional
        What the file computes in; the network's own by default, and the only one it has.
    dialect : ``"standard"`` | ``"qonnx"``
        Standard operators; or one step of one sample in floats that carry integers, rounded by QONNX's ``Quant`` and
        ``BipolarQuant``, as qonnx executes and hls4ml reads it (``docs/onnx.md``).
    lif : ``"function"`` | ``"inline"``, optional
        Whether a population is one node, the call of a function of the domain ``ai.lifexport`` whose body is the
        neurons' step in standard operators, or those operators themselves.
    weights : ``"int8"`` | ``"int4"``
        ``int4`` stores weights of up to 4 bits two in a byte; it needs opset 21 and a runtime that knows INT4
        (onnxruntime 1.18 does not).
    initial_state : ``"captured"`` | ``"input"`` | ``"zeros"``, optional
        Start from the captured initial state (default, but for form ``step``; ``zeros`` makes sure that it is zero),
        or take every part of the state as an input of its name (form ``step`` always does). Feeding ``<state>_final``
        or ``_next`` back continues a sequence.
    outputs : ``"final"`` | ``"counts"`` | ``"trace"``
        Whether how often every neuron fires, or every membrane and spike, is an output too.
    opset : 21 | 17, optional
        Standard operators of that version; 17 is for runtimes before onnxruntime 1.18.
    external_data : bool, optional
        Whether numbers go to a file of their own, ``<path>.data``; by default where they are more than protobuf's
        2 GiB. Keep both files together.
    portable : bool
        Of an integer network: divide and compare in a way that is exact, too, where a runtime takes int32 through
        float32, as OpenVINO does; populations stand inline, for it reads no functions. Costs some operations a step.
        Late edges need form ``step`` (outside of loops also ``layerwise``): it misreads scans that carry them.
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
        LX402 at the first difference, or the first value outside of its bound: tensor, step and index. Nothing is
        written.
    RangeError
        LX302 if neither int32 nor float32 holds a sum exactly; it names the layer.
    UnsupportedError
        LX401 for what ONNX cannot express, neurons that emit the spikes of others (``alias``), and for options that
        contradict each other.
    OutputError
        LX002 if the file cannot be written.
    """
    if not isinstance(network, FloatNetwork | IntNetwork):
        raise error("LX401", found=f"a {type(network).__name__}", fix="give what capture or quantize returns")
    if portable:
        lif = _inline(network, dialect, lif)
    options = {"form": form, "dialect": dialect, "lif": lif, "weights": weights, "opset": opset, "portable": portable}
    chosen = _chosen(network, **options, initial_state=initial_state, outputs=outputs)
    if portable:
        _require_no_queue(network, chosen["form"])
    _require_arithmetic(network, arithmetic)
    if external_data and dialect == "qonnx":
        raise error("LX401", field="external_data", found="True in dialect 'qonnx'", fix="leave it out")
    path, proofs = require_suffix(path, ".onnx"), ()
    model, chunks = build_split(network, data_path(path).name, external_data, **chosen)
    with whole_files(path.parent) if chunks else whole_file(path) as place:
        written = place / path.name if chunks else place
        write(written, model, chunks)
        content = written.read_bytes()
        size = len(content) + (data_path(written).stat().st_size if chunks else 0)
        if verify:
            from .onnx_verify import verify_file  # loads the runtimes

            proofs = verify_file(written, network, inputs)
    return ExportResult(path=path, size=size, sha256=sha256(content), proofs=proofs)


def _inline(network: FloatNetwork | IntNetwork, dialect: str, lif: Lif | None) -> Lif:
    """How populations stand in a portable file; what has no such form is refused (LX401)."""
    for field, found, good in (
        ("arithmetic", f"a {type(network).__name__}", isinstance(network, IntNetwork)),
        ("dialect", repr(dialect), dialect == "standard"),
        ("lif", repr(lif), lif in (None, "inline")),
    ):
        if not good:
            fix = 'leave portable out: it is for integers, dialect "standard" and lif "inline"'
            raise error("LX401", field=field, found=f"{found} with portable=True", fix=fix)
    return "inline"


def _require_no_queue(network: FloatNetwork | IntNetwork, form: Form) -> None:
    """Refuse (LX401) scans that hand spikes on as they are: OpenVINO takes one output of such a body for another."""
    looping = [set(loop) for loop in loops(network.nodes, network.edges)]
    inner = [e for e in network.edges if e.delay and any({e.source, e.target} <= loop for loop in looping)]
    late = {"scan": [e for e in network.edges if e.delay], "layerwise": inner, "step": []}[form]
    if late:
        fix = 'use form="step"' + ("" if inner else ' or "layerwise"')
        raise error("LX401", field="form", found=f"{form!r} with portable=True, and {late[0]}", fix=fix)


def _require_arithmetic(network: FloatNetwork | IntNetwork, arithmetic: str | None) -> None:
    """Refuse another arithmetic than the network's own."""
    own = "int" if isinstance(network, IntNetwork) else "float"
    if arithmetic not in (None, *get_args(Arithmetic)):
        raise unknown_name("arithmetic", arithmetic, get_args(Arithmetic), field="arithmetic")
    if arithmetic not in (None, own):
        fix = "quantize it first" if own == "float" else "give the network it was quantized from"
        raise error("LX401", field="arithmetic", found=f"{arithmetic!r} of a {type(network).__name__}", fix=fix)


def _chosen(network: FloatNetwork | IntNetwork, **options: Any) -> dict[str, Any]:
    """Options of a file, those that were left out by its dialect; what contradicts is refused."""
    dialect = options["dialect"]
    if dialect not in DIALECTS:
        raise unknown_name("dialect", dialect, DIALECTS, field="dialect")
    for field, value in DIALECTS[dialect].items():
        options[field] = value if options[field] is None else options[field]
        if dialect != "standard" and options[field] != value:
            found = f"{options[field]!r} in dialect {dialect!r}"
            raise error("LX401", field=field, found=found, fix=f"leave it out: it is {value!r} there")
    form, initial_state, outputs = options["form"], options["initial_state"], options["outputs"]
    for field, known in OPTIONS.items():
        fixed = DIALECTS[dialect].get(field)  # None for initial_state, which goes by the form where it is left out
        if options[field] not in (*known, fixed):
            raise unknown_name(field, options[field], [str(name) for name in known], field=field)
    own = isinstance(network, IntNetwork)
    if dialect == "qonnx" and not (own and outputs == "final"):
        found = f"outputs={outputs!r}" if own else f"a {type(network).__name__}"
        raise error("LX401", field="dialect", found=found, fix="give an IntNetwork, and leave outputs out")
    if options["weights"] == "int4" and not (own and options["opset"] >= 21):
        found = "'int4' in a file of another kind"
        raise error(
            "LX401", field="weights", found=found, fix="give an IntNetwork; ONNX has 4-bit numbers from opset 21"
        )
    if initial_state == "zeros":
        name = next((name for name, value in initial_values(network).items() if value.any()), None)
        if name is not None:
            fix = 'use "captured", or train and capture from zero'
            raise error("LX401", field="initial_state", found=f"'zeros', but {name} starts elsewhere", fix=fix)
        options["initial_state"] = initial_state = "captured"
    if form == "step" and initial_state == "captured":
        fix = "leave it out: the state is an input of every step"
        raise error("LX401", field="initial_state", found="'captured' in form 'step'", fix=fix)
    if form == "step" and outputs == "counts":
        fix = 'add up spikes outside, or use outputs="trace"'
        raise error("LX401", field="outputs", found="'counts' in form 'step', which ends after one", fix=fix)
    if network.state_reset == "never" and form != "step" and initial_state != "input":
        fix = 'use initial_state="input", and feed the final state of a call to the next'
        raise error("LX401", field="state_reset", found="'never', for a file that starts anew in every call", fix=fix)
    return options


def build(network: FloatNetwork | IntNetwork, **options: Any) -> ModelProto:
    """Model of a form, its numbers inside; two calls give equal bytes. Options are those of ``build_split``."""
    return build_split(network, "", False, **options)[0]


def build_split(
    network: FloatNetwork | IntNetwork,
    data_name: str,
    external: bool | None,
    *,
    form: Form = "scan",
    dialect: Dialect = "standard",
    lif: Lif = "function",
    weights: WeightType = "int8",
    initial_state: InitialState | None = None,
    outputs: Outputs = "final",
    opset: int = 21,
    portable: bool = False,
) -> tuple[ModelProto, list[Chunk]]:
    """Model of a form, and what goes to its data file if numbers go there (``external``; None: where they must)."""
    captured = form != "step" and initial_state != "input"
    if dialect == "qonnx":
        assert isinstance(network, IntNetwork)
        model = qonnx_model(network)
        model.doc_string = (
            "Quantized spiking network in floats that carry integers. Feed x with the codes of the record."
        )
        values = _homeless(network, model.graph, captured=False)
        helper.set_model_props(model, {KEY: record(network, values=values, dialect=dialect)})
        return model, []
    storage = Storage(weights, external, data_name)
    functions = Functions(opset) if lif == "function" else None
    ops = PortableOps if portable else OnnxOps
    way = Way("captured" if captured else "input", outputs, opset, functions, storage, ops)
    graph = GRAPHS[form](network, way)
    hide_unused(graph)
    storage.finish(graph)
    ours = [helper.make_opsetid(DOMAIN, VERSION)] if functions else []
    model = helper.make_model(
        graph,
        functions=[*functions.protos.values()] if functions else [],
        opset_imports=[helper.make_opsetid("", opset), *ours],
        ir_version=IR_VERSIONS[opset],
        producer_name="lifexport",
        doc_string=DOCS[type(network)],
    )
    extra: dict[str, Any] = {"portable": True} if portable else {}
    helper.set_model_props(model, {KEY: record(network, values=_homeless(network, graph, captured), **extra)})
    return model, storage.chunks


def _homeless(
    network: FloatNetwork | IntNetwork, graph: GraphProto, captured: bool
) -> dict[str, dict[str, np.ndarray]]:
    """Arrays that the graph has no place for, by node and field; equal numbers once."""
    homeless: dict[str, dict[str, np.ndarray]] = {}
    stored = {tensor.name for tensor in graph.initializer}
    for name, node in network.nodes.items():
        for field, array in _arrays(node):
            starts = field == "v_initial" and captured
            places = {f"{name}.{field}"} | ({identifier(f"{name}.weight")} if field == "weight" else set())
            if not _keeps(array) or not (starts or places & stored):
                equal = array.size > 0 and array.tobytes() == array.ravel()[:1].tobytes() * array.size
                homeless.setdefault(name, {})[field] = array.ravel()[:1].reshape(()) if equal else array
    return homeless


def _keeps(array: np.ndarray) -> bool:
    """Whether the graph's types hold every number of an array, to the last bit."""
    if array.dtype.kind == "i":
        return True
    negative = not array.any() and bool(np.signbit(array).any())  # of zeros alone one stands for all
    with np.errstate(over="ignore"):  # what overflows is another number
        return not negative and bool((array.astype(np.float32) == array).all())


def _arrays(node: Any) -> list[tuple[str, np.ndarray]]:
    fields = [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
    return [(name, value) for name, value in fields if isinstance(value, np.ndarray)]
