"""``lifexport verify``."""

from __future__ import annotations

import click

from .. import options, outcome
from ..printing import say, say_json, sentence


@click.command()
@click.argument("bundle")
@click.option("--expect", help="Seal that is known from elsewhere; without it a bundle is held against itself.")
@options.inputs(required=False, what="Inputs to run every artefact on, and to measure the figures on that are theirs")
@click.option(
    "--labels", callback=options.not_empty_if_given, help="Their true classes (.npy, or labels in a .npz file)."
)
@options.as_json
def verify(bundle: str, expect: str | None, inputs: str | None, labels: str | None, as_json: bool) -> int:
    """Hold every file of BUNDLE against its seal, and run every artefact again on the golden vectors.

    Exit code 3 for anything that must be equal and is not, with file, tensor and index. Exit code 0 means that
    everything that was run holds, and no more: the last line names what the bundle only states.
    Example: lifexport verify out --expect 4f0c...
    """
    from ...arrayfiles import read_inputs, read_labels
    from ...bundle import verify as run
    from ...findings import error

    given, known = (None, None) if inputs is None else read_inputs(inputs)
    if labels is not None:
        if given is None:
            raise error("LX006", field="--labels", found="given without inputs", fix="add --inputs")
        known = read_labels(labels)
    verification = run(bundle, expect=expect, inputs=given, labels=known)
    if as_json:
        say_json(verification.to_json())
    else:
        for check in verification.checks:
            say(f"{'holds' if check.holds else 'FAILS'}  {check.name:<12} {check.said}")
            for finding in check.findings:
                say(sentence(finding))
        say(f"{bundle}: {verification.verdict}")
    return outcome.worst(verification.findings)
