"""Options that several verbs share, each with one meaning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Any], Any]


def not_empty(_: click.Context, __: click.Parameter, value: str) -> str:
    """Refuse an empty name of a file or folder."""
    if not value:
        raise click.BadParameter("an empty name; '.' is the folder one is in")
    return value


def _time_step(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"{value} is not a time step; give seconds above 0, for example 1e-3")
    return value


as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def reading(function: Any) -> Any:
    """Options that say how a NIR file without lifexport's record is to be read."""
    for option in (
        click.option("--reset", help="With which reset it was trained: subtract or value."),
        click.option("--source", help="Whose network a NIR file holds: norse, snntorch, sinabs-single, ode, ..."),
        click.option("--dt", type=float, callback=_time_step, help="Time step in seconds, for a file that has none."),
    ):
        function = option(function)
    return function
