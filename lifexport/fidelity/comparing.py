"""``compare``: the trained network against the integer network, on the same inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .. import arrays
from ..files import sha256
from ..findings import Finding, error
from ..network import FloatNetwork, IntNetwork
from ..simulation.overflows import Overflow
from ..simulation.run import Backend
from ..targets import load_target, target_names
from .causes import ROUNDING_DB
from .overflowing import overflow_finding
from .parameters import bias_fidelity, decay_fidelity, parameter_findings, threshold_fidelity, weight_fidelity
from .report import Cause, CauseLayer, FidelityReport, LayerFidelity, PredictionChange, WordFidelity
from .running import LayerSums, Sums, run_both
from .statistics import PairedChange, Proportion
from .verdict import Thresholds, judge, verdict_findings

INPUT_TOLERANCE = 0.05
"""Share of inputs lost to rounding from which a finding is made."""


def compare(
    f: FloatNetwork,
    q: IntNetwork,
    x: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    thresholds: Thresholds | None = None,
    backend: Backend = "auto",
) -> FidelityReport:
    """Measure how far an integer network is from the float network it was quantized from.

    Parameters
    ----------
    f : FloatNetwork
        As trained; simulated in float64.
    q : IntNetwork
        Quantized from ``f``: same nodes, shapes and edges.
    x : array, shape ``(time, batch, *features)``
        Real inputs as in training, of any number dtype; ``q.encode`` makes the codes.
    labels : int array, shape ``(batch,)``, optional
        True classes; without them there is no accuracy.
    thresholds : Thresholds, optional
        What must be reached; the report's ``verdict`` says what holds, and a finding LX506 what does not.
    backend : ``"auto"`` | ``"reference"`` | ``"fast"`` | ``"event"``
        Simulator of ``q``; all give the same report.

    Returns
    -------
    FidelityReport

    Raises
    ------
    ParameterError
        LX006 if ``q`` was not quantized from a network like ``f``, or if the state goes on from sample to sample
        (``state_reset="never"``) and there is more than one; LX205 for unusable labels or inputs; LX301 for
        the shape of ``x``.

    Notes
    -----
    Membrane SQNR is the power of the trained membrane, measured from rest, over the power of the difference. After
    the first spike that differs a closed loop compares two different trajectories: read the local figure, where the
    layer alone is fed with the float network's spikes, for what the arithmetic of that layer costs.

    Examples
    --------
    >>> import lifexport as lx
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[1.5, 2.5]]), "lif": lif, "out": Output(shape=(1,))}
    >>> f = lx.FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> x = np.ones((50, 1, 2))
    >>> report = compare(f, lx.quantize(f, "fpga-q", calibration=x), x)
    >>> report.layer("lif").spikes_float, report.layer("lif").spikes_differing
    (16, 0)
    """
    require_pair(f, q)
    x = arrays.numbers(x, node=f.input_name, code="LX301")
    f.check_input(x)
    if f.state_reset == "never" and x.shape[1] > 1:
        found, fix = f"{x.shape[1]} samples for a network that is never reset", "compare one sample at a time"
        raise error("LX006", field="x", found=found, fix=fix)
    labels = None if labels is None else check_labels(f, np.asarray(labels), x.shape[1])
    sums = run_both(f, q, x, backend)
    weights = tuple(weight_fidelity(f, q))
    layers = tuple(_layer(f, q, name, layer, x.shape) for name, layer in sums.layers.items())
    report = FidelityReport(
        target=q.target,
        target_digest=q.target_digest,
        not_verified=_not_verified(q),
        approximations=q.approximations,
        semantics=semantics(f),
        float_digest=f.digest(),
        integer_digest=q.digest(),
        input_digest=input_digest(x),
        dt=f.dt,
        readout=f.readout,
        steps=x.shape[0],
        samples=x.shape[1],
        input_kind=q.input_code.kind,
        input_bits=q.input_code.bits,
        input_clipped=sums.clipped,
        input_zeroed=sums.zeroed,
        input_sqnr_db=sums.input.sqnr_db,
        **_predictions(sums, labels),
        ties_float=sums.ties_float,
        ties_integer=sums.ties_integer,
        changes=_changes(sums, labels),
        first_divergence=sums.first,
        causes=_causes(sums, labels),
        causes_missing=sums.chain_missing,
        layers=layers,
        weights=weights,
        verdict=None,
        findings=(
            *parameter_findings(weights, layers),
            *_run_findings(q, layers, sums, x.size),
        ),
    )
    if thresholds is None:
        return report
    verdict = judge(report, thresholds)
    return replace(report, verdict=verdict, findings=(*report.findings, *verdict_findings(verdict)))


def require_pair(f: FloatNetwork, q: IntNetwork) -> None:
    """Refuse (LX006) two networks of which one cannot have been quantized from the other."""
    for name, value, kind in (("f", f, FloatNetwork), ("q", q, IntNetwork)):
        if not isinstance(value, kind):
            raise error("LX006", field=name, found=f"a {type(value).__name__}", fix=f"give a {kind.__name__}")
    a, b = ({name: (n.role, n.in_shape, n.out_shape) for name, n in net.nodes.items()} for net in (f, q))
    other = next((name for name in {**a, **b} if a.get(name) != b.get(name)), None)
    ends = [[(edge.source, edge.target) for edge in net.edges] for net in (f, q)]
    if other is not None or ends[0] != ends[1] or f.dt != q.dt or f.readout != q.readout:
        where = f"node {other!r}" if other else "edges, dt or readout"
        raise error("LX006", field="q", found=f"{where} differs from f", fix="compare networks that quantize() pairs")


def check_labels(f: FloatNetwork, labels: np.ndarray, batch: int) -> np.ndarray:
    """Labels as they are, if they are classes of the network, one per sample (else LX205)."""
    classes = int(np.prod(f.nodes[f.output_name].shape))
    fix = f"give {batch} integers from 0 to {classes - 1}, one per sample"
    if labels.shape != (batch,) or labels.dtype.kind not in "iu":
        raise error("LX205", field="labels", found=f"{labels.dtype} of shape {labels.shape}", fix=fix)
    if labels.min() < 0 or labels.max() >= classes:
        raise error("LX205", field="labels", found=f"{labels.min()}..{labels.max()}", fix=fix)
    return labels


def semantics(f: FloatNetwork) -> tuple[str, ...]:
    """How the populations of a trained network step, each way once."""
    found = []
    for node in f.populations.values():
        parts = [node.kind, getattr(node, "discretisation", "no leak")]
        if node.spiking:
            parts += [f"fires at v {node.compare} v_threshold", f"reset by {node.reset}"]
        found.append(", ".join(parts))
    return tuple(dict.fromkeys(found))


def input_digest(x: np.ndarray) -> str:
    """Digest of inputs: their number type, shape and bytes."""
    return sha256(f"{x.dtype.str}{x.shape}".encode() + np.ascontiguousarray(x).tobytes())


def _changes(sums: Sums, labels: np.ndarray | None) -> tuple[PredictionChange, ...]:
    """Samples whose prediction changed, most frequent first."""
    a, b = np.concatenate(sums.labels_float), np.concatenate(sums.labels_integer)
    true = [None] * len(a) if labels is None else labels.tolist()
    counts = Counter((label, int(x), int(y)) for label, x, y in zip(true, a, b, strict=True) if x != y)
    rows = sorted(counts.items(), key=lambda row: (-row[1], str(row[0])))
    return tuple(
        PredictionChange(label=label, predicted_float=x, predicted_integer=y, count=count)
        for (label, x, y), count in rows
    )


def _causes(sums: Sums, labels: np.ndarray | None) -> tuple[Cause, ...]:
    if sums.chain is None:
        return ()
    found, before = [], np.concatenate(sums.labels_float)
    for cause, layers in sums.chain.sums.items():
        after = np.concatenate(sums.chain.labels[cause])
        right = None if labels is None else Proportion(count=int((after == labels).sum()), total=len(after))
        rows = tuple(
            CauseLayer(
                node=name,
                sqnr_local_db=_beyond_rounding(layer.local.sqnr_db),
                sqnr_db=_beyond_rounding(layer.accumulated.sqnr_db),
                spikes_differing=layer.differing,
                values=layer.values,
            )
            for name, layer in layers.items()
        )
        same = Proportion(count=int((before == after).sum()), total=len(after))
        found.append(Cause(cause=cause, predictions=same, accuracy=right, layers=rows))
        before = after
    return tuple(found)


def _beyond_rounding(sqnr_db: float | None) -> float | None:
    return None if sqnr_db is None or sqnr_db >= ROUNDING_DB else sqnr_db


def _not_verified(q: IntNetwork) -> tuple[str, ...]:
    if q.target in target_names() and (target := load_target(q.target)).digest == q.target_digest:
        return tuple(target.document["status"]["not_verified"])
    return (f"target {q.target!r} is not one of the shipped ones",)


def _predictions(sums: Sums, labels: np.ndarray | None) -> dict:
    a, b = np.concatenate(sums.labels_float), np.concatenate(sums.labels_integer)
    found = {"predictions": Proportion(count=int((a == b).sum()), total=len(a))}
    if labels is None:
        return found | dict.fromkeys(("accuracy_float", "accuracy_integer", "accuracy_change"))
    before, after = a == labels, b == labels
    change = PairedChange(gained=int((after & ~before).sum()), lost=int((before & ~after).sum()), total=len(a))
    return found | {
        "accuracy_float": Proportion(count=int(before.sum()), total=len(a)),
        "accuracy_integer": Proportion(count=int(after.sum()), total=len(a)),
        "accuracy_change": change,
    }


def _layer(f: FloatNetwork, q: IntNetwork, name: str, sums: LayerSums, shape: tuple[int, ...]) -> LayerFidelity:
    neurons = int(np.prod(f.nodes[name].shape))
    return LayerFidelity(
        node=name,
        neurons=neurons,
        state_bits=q.nodes[name].rules.membrane.bits,
        decay=decay_fidelity(f, q, name),
        threshold=threshold_fidelity(f, q, name),
        bias=bias_fidelity(f, q, name),
        spikes_float=sums.spikes_float,
        spikes_integer=sums.spikes_integer,
        spikes_coincident=sums.coincident,
        spikes_differing=sums.differing,
        values=sums.values,
        count_error=sums.count_difference / (neurons * shape[1]),
        membrane_sqnr_db=sums.accumulated.sqnr_db,
        membrane_sqnr_local_db=sums.local.sqnr_db,
        van_rossum=sums.van_rossum / (neurons * shape[1]) if q.nodes[name].spiking else None,
        words=tuple(_word(word, found) for word, found in sums.words.items()),
        silent_float=int((sums.fired_float == 0).sum()),
        silent_integer=int((sums.fired_integer == 0).sum()),
        always_firing=int((sums.fired_integer == shape[0] * shape[1]).sum()),
    )


def _word(word: str, found: Overflow) -> WordFidelity:
    first = found.first if found.wraps else None  # only the reference tells the others
    return WordFidelity(word=word, rule=found.rule, count=found.count, judged=found.judged, first=first)


def _run_findings(q: IntNetwork, layers: tuple[LayerFidelity, ...], sums: Sums, inputs: int) -> Iterator[Finding]:
    """What the run showed (LX501 to LX507)."""
    for row in layers:
        if row.silent_integer == row.neurons and q.nodes[row.node].spiking:
            found = "no spike in the integer network" + ("" if row.spikes_float else ", nor in the float network")
            yield Finding(code="LX501", node=row.node, found=found, fix="raise the input, or lower the threshold")
        if row.always_firing:
            found = f"{row.always_firing} of {row.neurons} neurons"
            yield Finding(code="LX502", node=row.node, found=found, fix="lower the weights or raise the threshold")
        yield from (overflow_finding(row.node, word) for word in row.words if word.count)
    if sums.clipped:
        found = f"{sums.clipped} of {inputs} values"
        fix = "calibrate with inputs that cover the range, or use more input_bits"
        yield Finding(code="LX504", node=q.input_name, found=found, fix=fix)
    if sums.zeroed > INPUT_TOLERANCE * sums.nonzero:
        found = f"{sums.zeroed} of {sums.nonzero} inputs that are not zero have code 0"
        fix = "use more input_bits, or calibrate without the outlier that sets the scale"
        yield Finding(code="LX505", node=q.input_name, found=found, fix=fix)
