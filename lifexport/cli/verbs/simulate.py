"""``lifexport simulate``."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from ..printing import say, say_json


@click.command()
@click.argument("model")
@options.reading
@options.inputs(required=True, what="Real inputs, or the codes of an integer network")
@click.option("--record", multiple=True, help="What to keep: spikes, v, v_post, current; may be given several times.")
@click.option("--out", callback=options.not_empty_if_given, help="File for what is kept (.npz).")
@click.option("--backend", default="auto", show_default=True, help="reference, fast or event.")
@options.as_json
def simulate(
    model: str,
    reading: dict[str, Any],
    inputs: str,
    record: tuple[str, ...],
    out: str | None,
    backend: str,
    as_json: bool,
) -> None:
    """Run the network of MODEL (a bundle, .nir, .onnx or .json) on inputs.

    Example: lifexport simulate out --inputs x.npz --record v --record spikes --out trace.npz
    """
    from ...arrayfiles import read_inputs, write_npz
    from ...bundle.networks import read_network
    from ...findings import error
    from ...simulation import simulate as run

    if out is None and record:
        raise error("LX006", field="--record", found="nothing to write it to", fix="add --out trace.npz")
    options.require_apart(out, model, inputs, suffix=".npz")
    network = read_network(model, **reading)
    x, labels = read_inputs(inputs)
    trace = run(network, x, record=(*record, "spikes"), backend=backend)  # type: ignore[arg-type]
    summary = _summary(network, trace, labels)
    if out is not None:
        write_npz(out, _arrays(trace, record))
    if as_json:
        say_json(summary)
        return
    say(f"{type(network).__name__}, {summary['steps']} steps, {summary['samples']} samples")
    for name, row in summary["layers"].items():
        say(f"  {name:<20} {row['spikes']:>10} spikes, {row['rate']:.2%} of steps")
    if summary["correct"] is not None:
        say(f"  {summary['correct']} of {summary['samples']} right, {summary['ties']} ties")
    if out is not None:
        say(f"written to {out}")


def _summary(network: Any, trace: Any, labels: Any) -> dict[str, Any]:
    predicted = trace.prediction
    return {
        "network": network.digest(),
        "steps": trace.output.shape[0],
        "samples": trace.output.shape[1],
        "layers": {
            name: {"spikes": int(rows.sum(dtype="int64")), "rate": float(rows.mean())}
            for name, rows in trace.spikes.items()
        },
        "input_clipped": trace.input_clipped,
        "prediction": predicted.labels.tolist(),
        "ties": predicted.ties,
        "correct": None if labels is None else int((predicted.labels == labels).sum()),
    }


def _arrays(trace: Any, record: tuple[str, ...]) -> dict[str, Any]:
    kept = {f"{name}.{what}": rows for what in record for name, rows in getattr(trace, what).items()}
    return {"output": trace.output, "scores": trace.scores, "prediction": trace.prediction.labels, **kept}
