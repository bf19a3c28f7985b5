"""``lifexport targets``."""

from __future__ import annotations

from typing import Any

import click

from ..options import as_json
from ..printing import say, say_json


@click.command()
@click.argument("name", required=False)
@as_json
def targets(name: str | None, as_json: bool) -> None:
    """List the shipped targets, or print the rules of one: a shipped name, or the path of a description.

    Example: lifexport targets fpga-q
    """
    from ...targets import load_target, target_names

    if name is not None:
        say_json(load_target(name).document)
        return
    found = [load_target(known).document for known in target_names()]
    if as_json:
        say_json(found)
        return
    for document in found:
        say(f"{document['name']:<22} {_widths(document)}")


def _widths(document: dict[str, Any]) -> str:
    """Weights and state, by their widths."""
    weight, leak = document["weight"]["bits"], document["leak"]
    state = document["state"].get("bits")
    wide = f"state {_range(state)} bits, " if state else ""
    return f"weights {_range(weight)} bits, {wide}leak: {leak['kind']}"


def _range(bits: dict[str, int]) -> str:
    return f"{bits['min']}..{bits['max']}" if bits["min"] != bits["max"] else str(bits["max"])
