"""``lifexport verify``."""

from __future__ import annotations

import click

from .. import options, outcome
from ..printing import say, say_json, sentence


@click.command()
@click.argument("bundle")
@click.option("--expect", help="Seal that is known from elsewhere; without it a bundle is held against itself.")
@options.inputs(required=False, what="Further inputs to run every artefact on")
@options.as_json
def verify(bundle: str, expect: str | None, inputs: str | None, as_json: bool) -> int:
    """Hold every file of BUNDLE against its seal, and run every artefact again on the golden vectors.

    Exit code 3 for anything that must be equal and is not, with file, tensor and index.
    Example: lifexport verify out --expect 4f0c...
    """
    from ...arrayfiles import read_inputs
    from ...bundle import verify as run

    given = None if inputs is None else read_inputs(inputs)[0]
    verification = run(bundle, expect=expect, inputs=given)
    if as_json:
        say_json(verification.to_json())
    else:
        for check in verification.checks:
            say(f"{'holds' if check.holds else 'FAILS'}  {check.name:<12} {check.said}")
            for finding in check.findings:
                say(sentence(finding))
        say(f"{bundle}: {'everything holds' if verification.ok else 'does not hold'}")
    return outcome.worst(verification.findings)
