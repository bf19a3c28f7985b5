"""``lifexport diff``."""

from __future__ import annotations

import click

from .. import options, outcome
from ..printing import say, say_json


@click.command()
@click.argument("a")
@click.argument("b")
@options.as_json
def diff(a: str, b: str, as_json: bool) -> int:
    """Say what changed from bundle A to bundle B; exit code 1 if anything did.

    Example: lifexport diff released candidate
    """
    from ...bundle import diff as run

    found = run(a, b)
    if as_json:
        say_json(found.to_json())
    else:
        for change in found.changes:
            say(str(change))
        if found.same:
            say(f"the same, byte for byte: {found.seals[0]}")
    return outcome.HOLDS if found.same else outcome.FOUND
