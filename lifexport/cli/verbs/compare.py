"""``lifexport compare``."""

from __future__ import annotations

from typing import Any

import click

from .. import options, outcome
from ..printing import say, say_json, sentence


@click.command()
@click.argument("bundle")
@options.inputs(required=False, what="Inputs to compare on, in the place of the golden ones")
@click.option("--recorded", help="A recording from silicon or RTL (.npz) to hold against the simulator.")
@click.option("--lag", type=int, help="Steps by which the recording is late; found by itself otherwise.")
@click.option("--thresholds", callback=options.not_empty_if_given, help="TOML file whose table [fidelity] must hold.")
@options.as_json
def compare(
    bundle: str, inputs: str | None, recorded: str | None, lag: int | None, thresholds: str | None, as_json: bool
) -> int:
    """Compare the integer network of BUNDLE with the trained one, or a recording with the simulator.

    Exit code 1 if a threshold is not met, or the run is no evidence for it.
    Example: lifexport compare out --inputs test.npz --thresholds lifexport.toml
    """
    from ...arrayfiles import read_inputs
    from ...bundle import Bundle
    from ...findings import error

    opened = Bundle(bundle)
    given, labels = (None, None) if inputs is None else read_inputs(inputs)
    if recorded is not None:
        if thresholds is not None:
            fix = "leave one of them out"
            raise error("LX006", field="--thresholds", found="given for a recording, which must be equal", fix=fix)
        return _recorded(opened, recorded, given, lag, as_json)
    if lag is not None:
        raise error("LX006", field="--lag", found="given without a recording", fix="add --recorded, or leave it out")
    if opened.trained is None:
        fix = "export it from the trained network, or compare with a recording"
        raise error("LX006", field=bundle, found="a bundle without a trained network", fix=fix)
    x = opened.golden.x if given is None else given.astype(float)
    if x is None:
        raise error("LX006", field="--inputs", found="none, and the golden ones were made up", fix="add --inputs")
    from ...fidelity import Thresholds
    from ...fidelity import compare as run

    asked = None if thresholds is None else Thresholds.from_toml(thresholds)
    report = run(opened.trained, opened.network, x, labels=labels, thresholds=asked)
    if as_json:
        say_json(report.to_json())
    else:
        say(report.card(), nl=False)
    return outcome.of_report(report)


def _recorded(bundle: Any, path: str, given: Any, lag: int | None, as_json: bool) -> int:
    from ...arrayfiles import read_npz
    from ...bundle import compare_recorded

    q = bundle.network
    codes = bundle.golden.codes if given is None else q.encode(given).codes if given.dtype.kind == "f" else given
    found = compare_recorded(q, read_npz(path), codes, lag=lag)
    if as_json:
        say_json(found.to_json())
        return outcome.worst(found.findings)
    say(f"target {found.target}: {found.samples} samples, {found.steps} steps, recording {found.lag} steps late")
    if len(found.lags) > 1:
        say(f"  as well with a lag of {', '.join(map(str, found.lags[1:]))}: nothing recorded tells them apart")
    for part in found.parts:
        late = f", {part.lag} steps late" if part.lag != found.lag else ""
        say(f"  {part.node}.{part.what:<8} {part.differing} of {part.compared} numbers differ{late}")
    for finding in found.findings:
        say(sentence(finding))
    return outcome.worst(found.findings)
