"""The fidelity report as one page of text."""

from __future__ import annotations

import textwrap

from .report import FidelityReport, LayerFidelity
from .statistics import Proportion
from .verdict import written

WIDTH = 100


def card(report: FidelityReport) -> str:
    """One page of text, the same for the same report on every machine.

    Parameters
    ----------
    report : FidelityReport

    Returns
    -------
    str
        Lines of at most 100 characters.
    """
    lines = [
        f"fidelity on target {report.target}",
        f"  {report.samples} samples x {report.steps} steps of {report.dt * 1e3:g} ms, "
        f"{report.input_kind} input, {report.input_bits} bits, SQNR {_db(report.input_sqnr_db)}",
        *(line for text in report.semantics for line in wrapped(f"trained: {text}")),
        *([] if report.origin is None else wrapped(f"read as: {report.origin}")),
        *_verdict(report),
        "",
        *_outcome(report),
        "",
        *_layers(report),
        "",
        *_weights(report),
        "",
        *_causes(report),
    ]
    if report.findings:
        lines += ["", "findings", *(line for finding in report.findings for line in wrapped(str(finding)))]
    lines += [line for text in report.approximations for line in wrapped(f"approximated: {text}", "")]
    lines += ["", *(line for text in report.not_verified for line in wrapped(f"not verified: {text}", ""))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _outcome(report: FidelityReport) -> list[str]:
    lines = []
    if report.accuracy_float and report.accuracy_integer and report.accuracy_change:
        change = report.accuracy_change
        low, high = change.interval
        lines += [
            f"accuracy float     {_rate(report.accuracy_float)}",
            f"accuracy integer   {_rate(report.accuracy_integer)}",
            f"change             {_signed(change.rate)} points  [{_signed(low)}, {_signed(high)}]"
            f"   {change.gained} gained, {change.lost} lost",
        ]
    lines += [
        f"same prediction    {_rate(report.predictions)}",
        f"ties (to lowest)   float {report.ties_float}, integer {report.ties_integer}",
    ]
    if (first := report.first_divergence) is None:
        return [*lines, "first divergence   none: every spike of every layer is equal"]
    where = f"{first.node}[{', '.join(map(str, first.index))}] at step {first.step} of sample {first.sample}"
    values = f"V float {first.v_float:.6g}, integer {first.v_integer:.6g}, threshold {first.threshold:.6g} V"
    return [*lines, f"first divergence   {where}: {values}"]


def _verdict(report: FidelityReport) -> list[str]:
    if report.verdict is None:
        return ["  verdict: no thresholds were stated"]
    outcome = report.outcome or ""
    lines = [f"  verdict: {outcome if report.ok else outcome.upper()}"]
    for row in report.verdict:
        measured = "no difference, or lost" if row.measured is None else written(row.name, row.measured)
        measured += "" if row.bound is None else f", with certainty {written(row.name, row.bound)}"
        where = f" ({row.node})" if row.node else ""
        fate = "FAILS" if not row.holds else "holds" if row.evidence else "holds, without evidence"
        lines.append(f"    {fate}  {row.name}: {measured}{where}, asked {written(row.name, row.asked)}")
    return lines


def _causes(report: FidelityReport) -> list[str]:
    """What every step from the trained network to the integers changed."""
    if report.causes_missing is not None:
        return wrapped(f"causes: not told apart: {report.causes_missing}", "")
    rows = [("cause", "predictions", "accuracy", "layer", "spikes that differ", "SQNR", "local")]
    for cause in report.causes:
        changed = cause.predictions.total - cause.predictions.count
        head = (cause.cause, f"{changed} change", "-" if cause.accuracy is None else f"{cause.accuracy.rate:.2%}")
        if cause.unchanged:
            rows.append((*head, "all", "none", "-", "-"))
            continue
        for i, layer in enumerate(cause.layers):
            share = f"{layer.spikes_differing / layer.values:.3%}"
            figures = (layer.node, share, _db(layer.sqnr_db, "-"), _db(layer.sqnr_local_db, "-"))
            rows.append((*head, *figures) if i == 0 else ("", "", "", *figures))
    note = "  each against the line above it: rounded inputs, rounded numbers, the chip's rules, its roundings"
    return [*_table(rows), note]


def _layers(report: FidelityReport) -> list[str]:
    head = (
        "layer",
        "bits",
        "fires",
        "equal",
        "both",
        "SQNR",
        "local",
        "overflows",
        "silent",
        "tau",
        "threshold",
    )
    rows = [head, *(_layer(row) for row in report.layers)]
    notes = (
        "  fires: share of steps; equal: same spike value; both: 2*common/(float+integer); SQNR in dB, whole network",
        "  and layer alone; overflows: largest share of neurons and steps in which a number left its word, and which;",
        "  tau, threshold: largest relative change",
    )
    return [*_table(rows), *notes]


def _layer(row: LayerFidelity) -> tuple[str, ...]:
    tau = row.decay.tau_change
    return (
        row.node,
        f"v{row.state_bits} d{row.decay.bits}",
        f"{row.spikes_integer / row.values:.1%}",
        f"{row.spike_agreement:.3%}",
        "-" if row.coincidence is None else f"{row.coincidence:.2%}",
        _db(row.membrane_sqnr_db),
        _db(row.membrane_sqnr_local_db),
        _overflows(row),
        f"{row.silent_integer}/{row.neurons}",
        "lost" if tau is None else f"{tau:+.2%}",
        "-" if row.threshold is None else f"{row.threshold.change:+.2%}",
    )


def _overflows(row: LayerFidelity) -> str:
    """The word that overflowed most often."""
    if not row.overflows:
        return "0"
    worst = max(row.words, key=lambda word: word.rate)
    return f"{worst.rate:.2%} {worst.word}{' wraps' if worst.wraps else ''}"


def _weights(report: FidelityReport) -> list[str]:
    rows = [("weights", "bits", "largest", "number", "SQNR", "zeroed", "saturated")]
    rows += [
        (
            row.node,
            f"w{row.bits}",
            f"±{row.largest_code}",
            str(row.weights),
            _db(row.sqnr_db),
            str(row.zeroed),
            str(row.saturated),
        )
        for row in report.weights
    ]
    return _table(rows)


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = (
        [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    )
    return ["  ".join(cells) for cells in aligned]


def _rate(p: Proportion) -> str:
    low, high = p.interval
    return f"{p.rate:7.2%}  [{low:.2%}, {high:.2%}]   {p.count} of {p.total}"


def _signed(value: float) -> str:
    return f"{100 * value:+.2f}"


def _db(value: float | None, none: str = "exact") -> str:
    return none if value is None else f"{value:.1f}"


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Lines of a paragraph, the second and later ones indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ")
