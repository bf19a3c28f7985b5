"""``lifexport schema``."""

from __future__ import annotations

import click

from ..options import as_json
from ..printing import say, say_json


@click.command()
@click.argument("name", required=False)
@as_json
def schema(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema (2020-12) of a file format, or the names of all.

    Example: lifexport schema manifest
    """
    from ... import schemas

    if name is not None:
        say_json(schemas.load(name))
        return
    listed = {known: schemas.load(known)["title"] for known in schemas.names()}
    if as_json:
        say_json(listed)
        return
    for known, title in listed.items():
        say(f"{known:<12} {title}")
