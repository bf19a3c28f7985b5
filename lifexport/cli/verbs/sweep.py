"""``lifexport sweep``."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from ..printing import Progress, say, say_json

WIDTHS = tuple(f"{name}_bits" for name in options.WIDTHS)
NAMED = ("rounding", "overflow", "scale", "method")
MOST = 1 << 16
"""Values of one range."""


def _grid(function: Any) -> Any:
    for name in reversed((*WIDTHS, "membrane_range", *NAMED)):
        what = "Values, as 3..8 or 3,4,6." if name in WIDTHS else "Values, as a,b."
        function = click.option(f"--{name.replace('_', '-')}", name, help=what, callback=_values)(function)
    return function


def _values(_context: click.Context, parameter: click.Parameter, text: str | None) -> list[Any] | None:
    """Values of an option: a range, or a list."""
    if text is None:
        return None
    name = str(parameter.name)
    try:
        if name in NAMED:
            return [part.strip() for part in text.split(",")]
        if name == "membrane_range":
            return [float(part) for part in text.split(",")]
        found: list[int] = []
        for part in text.split(","):
            lo, _, hi = part.partition("..")
            numbers = range(int(lo), int(hi or lo) + 1)
            if len(numbers) > MOST:
                raise ValueError
            found += numbers
        if not found:
            raise ValueError
    except ValueError:
        raise click.BadParameter(f"{text!r}; give values as 3..8 or 3,4,6") from None
    return found


@click.command()
@click.argument("model")
@options.reading
@click.option("--target", required=True, help="Shipped name, or the path of a description.")
@options.inputs(required=True, what="Inputs to measure on")
@_grid
@click.option("--out", callback=options.not_empty_if_given, help="File for the sweep (.json).")
@click.option("--csv", "table", callback=options.not_empty_if_given, help="File for the same numbers as a table.")
@click.option("--plot", callback=options.not_empty_if_given, help="File for a picture of it (.svg).")
@click.option("--jobs", type=click.IntRange(1), help="Processes; as many as there are processors by default.")
@click.option("--resume", callback=options.not_empty_if_given, help="File that finished rows are kept in.")
@options.as_json
def sweep(
    model: str,
    reading: dict[str, Any],
    target: str,
    inputs: str,
    out: str | None,
    table: str | None,
    plot: str | None,
    jobs: int | None,
    resume: str | None,
    as_json: bool,
    **grid: Any,
) -> None:
    """Quantize the trained network of MODEL in many ways: accuracy against memory, and what is proved of each.

    Example: lifexport sweep model.nir --target fpga-q --inputs x.npz --weight-bits 2..8 --state-bits 10,12,16
    """
    from ...arrayfiles import read_inputs
    from ...bundle.networks import read_trained
    from ...exploring import sweep as run
    from ...files import write_text
    from ...findings import error

    varied = {name: values for name, values in grid.items() if values is not None}
    if not varied:
        raise error("LX006", found="nothing to vary", fix="give values, for example --weight-bits 3..8")
    for place, suffix in ((out, ".json"), (table, ".csv"), (plot, ".svg"), (resume, None)):
        options.require_apart(place, model, inputs, target, suffix=suffix)
    network = read_trained(model, **reading)
    x, labels = read_inputs(inputs)
    with Progress() as progress:
        found = run(network, target, x, labels=labels, grid=varied, workers=jobs, resume=resume, progress=progress)
    if out is not None:
        found.save(out)
    if table is not None:
        write_text(table, found.to_csv())
    if plot is not None:
        write_text(plot, found.to_svg())
    if as_json:
        say_json(found.to_json())
    else:
        say(found.table(), nl=False)
