"""Options that several verbs share, each with one meaning."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Any], Any]
REST = "*"
"""Node that stands for all without a reset of their own."""
WIDTHS = {
    "weight": "a weight",
    "state": "the membrane",
    "decay": "a decay",
    "threshold": "a threshold",
    "bias": "a bias",
    "input": "a graded input code",
}


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
quiet: Decorator = click.option("--quiet", is_flag=True, help="No progress on stderr.")


force: Decorator = click.option("--force", is_flag=True, help="Also replace a bundle of another network.")


def require_apart(out: str | None, *read: str | None, suffix: str | None = None) -> None:
    """Refuse an output that is what is read, or lies inside of it or around it (LX008), or has a wrong name (LX006)."""
    if out is None:
        return
    from ..files import require_suffix, sealing
    from ..findings import error

    if suffix is not None:
        require_suffix(out, suffix, strict=True)
    place = Path(os.path.realpath(out))
    if (bundle := sealing(place)) is not None:
        found, fix = (
            f"{out}: a file that the bundle {bundle} has sealed",
            "choose another name; a bundle is never edited",
        )
        raise error("LX008", found=found, fix=fix)
    for name in read:
        if name is None or not Path(name).exists():  # a target by its name, or what its reader will miss
            continue
        other = Path(os.path.realpath(name))
        same = place.exists() and place.samefile(other)
        where = (
            "" if same else "around " if place in other.parents else "inside of " if other in place.parents else None
        )
        if where is not None:
            raise error("LX008", found=f"{out}: {where}what is read, {name}", fix="choose another name")


def inputs(*, required: bool, what: str) -> Decorator:
    """Option ``--inputs``."""
    text = f"{what}: a .npz file with x (time, batch, *features) and, if known, labels (batch,), or a .npy file."
    return click.option("--inputs", required=required, callback=not_empty_if_given, help=text)


def not_empty_if_given(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty name where one is given."""
    return None if value is None else not_empty(context, parameter, value)


def reading(function: Any) -> Any:
    """Options that say how a NIR file without lifexport's record is to be read, handed on as one ``reading``."""

    @functools.wraps(function)
    def with_reading(
        *, dt: float | None, source: str | None, reset: tuple[str, ...], reset_delay: bool | None, **given: Any
    ) -> Any:
        asked = {"dt": dt, "source": source, "reset": _resets(reset), "reset_delay": reset_delay}
        return function(reading=asked, **given)

    wrapped: Any = with_reading
    word = "With which reset it was trained: subtract, value, value_held or none; NODE=RULE for one; several times."
    for option in (
        click.option("--reset-delay", type=bool, help="snnTorch: whether its neurons had reset_delay (default: true)."),
        click.option("--reset", multiple=True, help=word),
        click.option("--source", help="Whose network a NIR file holds: norse, snntorch, sinabs-single, ode, ..."),
        click.option("--dt", type=float, callback=_time_step, help="Time step in seconds, for a file that has none."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _resets(given: tuple[str, ...]) -> str | dict[str, str] | None:
    """``reset=`` of ``from_nir``: one word, or those of single nodes and of the rest."""
    from ..findings import error

    told: dict[str, str] = {}
    for text in given:
        node, _, word = text.rpartition("=")
        if (node or REST) in told:
            found = f"given twice for {node or 'all nodes'}"
            raise error("LX006", field="--reset", found=found, fix="give it once, and NODE=RULE for others")
        told[node or REST] = word
    return told[REST] if [*told] == [REST] else told or None


def choices(function: Any) -> Any:
    """Options of the quantization, handed on as one ``QuantSpec``: ``spec``, None if nothing was chosen."""

    @functools.wraps(function)
    def with_spec(*, spec_file: str | None, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in (*(f"{key}_bits" for key in WIDTHS), *RULES)}
        chosen = {name: value for name, value in chosen.items() if value not in (None, ())}
        return function(spec=_spec(spec_file, chosen), **given)

    wrapped: Any = with_spec
    wrapped = click.option("--spec", "spec_file", help="A quantspec (.json) instead of single choices.")(wrapped)
    for name, option in reversed(RULES.items()):
        wrapped = click.option(f"--{name.replace('_', '-')}", name, **option)(wrapped)
    for name, what in reversed(WIDTHS.items()):
        wrapped = click.option(f"--{name}-bits", type=int, help=f"Width of {what}.")(wrapped)
    return wrapped


RULES: dict[str, dict[str, Any]] = {
    "rounding": {"help": "Rounding of the leak."},
    "overflow": {"help": "What happens to a membrane that does not fit."},
    "membrane_range": {"type": float, "help": "Range of the membrane, in thresholds."},
    "scale": {"help": "Whether a layer shares one step of its weights: tensor or channel."},
    "method": {"help": "How that step is chosen: minmax, percentile, mse or membrane."},
    "approximate": {"multiple": True, "help": "A loss that is accepted by name; may be given several times."},
}
"""Choices besides the widths, and their options."""


def _spec(file: str | None, chosen: dict[str, Any]) -> Any:
    if file is not None:
        from ..bundle.specification import load_quantspec
        from ..findings import error

        if chosen:
            found = f"--spec and {', '.join('--' + name.replace('_', '-') for name in chosen)}"
            raise error("LX006", found=found, fix="put every choice into the file, or leave it out")
        return load_quantspec(file)
    if not chosen:
        return None
    from ..quantspec import QuantSpec

    return QuantSpec(**chosen)
