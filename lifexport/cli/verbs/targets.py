"""``lifexport targets``."""

from __future__ import annotations

from typing import Any

import click

from .. import options, outcome
from ..printing import say, say_json, sentence


@click.command()
@click.argument("name", required=False, metavar="[TARGET]")
@click.option(
    "--replay", callback=options.not_empty_if_given, help="Recorded vectors (a folder or .npz file) to replay."
)
@click.option(
    "--as", "recorded_as", help="Shipped target they were recorded for, where TARGET is a description of yours."
)
@options.as_json
def targets(name: str | None, replay: str | None, recorded_as: str | None, as_json: bool) -> int:
    """List the shipped targets, print the rules of one, or hold recorded vectors against it.

    TARGET is a shipped name, or the path of a description. Exit code 3 if a recorded number differs.
    Example: lifexport targets --replay vectors loihi-lava
    """
    from ...findings import error
    from ...targets import load_target, target_names

    if replay is not None:
        if name is None:
            fix = "name the target whose rules replay them"
            raise error("LX006", field="--replay", found="given without a target", fix=fix)
        return _replay(replay, name, recorded_as, as_json)
    if recorded_as is not None:
        raise error("LX006", field="--as", found="given without vectors", fix="add --replay, or leave it out")
    if name is not None:
        say_json(load_target(name).document)
        return outcome.HOLDS
    found = [load_target(known) for known in target_names()]
    if as_json:
        say_json([target.document for target in found])
        return outcome.HOLDS
    for target in found:
        say(f"{target.name:<22} {_widths(target.document)}, {_seen(target.seen_across_layers)}")
    return outcome.HOLDS


def _replay(path: str, name: str, recorded_as: str | None, as_json: bool) -> int:
    from ...vectors import replay

    found = replay(path, name, recorded_as=recorded_as)
    if as_json:
        say_json(found.to_json())
        return outcome.worst(found.findings)
    say(f"target {found.target}: {len(found.cases)} cases, {found.differing} of {found.compared} numbers differ")
    files = dict.fromkeys(case.file for case in found.cases)
    for file in files:
        rows = [case for case in found.cases if case.file == file]
        compared, differing, spikes = (
            sum(getattr(r, key) for r in rows) for key in ("compared", "differing", "spikes")
        )
        say(f"  {file}: {len(rows)} cases, {spikes} spikes, {differing} of {compared} numbers differ")
    for other, count in found.left_out.items():
        say(f"  left out: {count} cases for {other}")
    for finding in found.findings:
        say(sentence(finding))
    return outcome.worst(found.findings)


def _seen(topologies: tuple[str, ...]) -> str:
    """Which networks of several layers the delays were seen in."""
    if not topologies:
        return "delivery across layers: never seen"
    return f"delivery across layers: seen ({', '.join(topologies)})"


def _widths(document: dict[str, Any]) -> str:
    """Weights and state, by their widths."""
    weight, leak = document["weight"]["bits"], document["leak"]
    state = document["state"].get("bits")
    wide = f"state {_range(state)} bits, " if state else ""
    return f"weights {_range(weight)} bits, {wide}leak: {leak['kind']}"


def _range(bits: dict[str, int]) -> str:
    return f"{bits['min']}..{bits['max']}" if bits["min"] != bits["max"] else str(bits["max"])
