"""``lifexport demo``."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import as_json, force, not_empty
from ..printing import Progress, say, say_json


@click.command()
@click.option(
    "--out", default="out", show_default=True, callback=not_empty, help="Folder for the results; made if not there."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of weights and batches."
)
@click.option("--weight-bits", default=3, show_default=True, help="Width of a weight.")
@click.option("--state-bits", default=12, show_default=True, help="Width of the membrane.")
@force
@as_json
def demo(out: str, seed: int, weight_bits: int, state_bits: int, force: bool, as_json: bool) -> None:
    """Train on handwritten digits, quantize, fine-tune in integers, export, read back, prove, seal.

    Example: lifexport demo --out out --weight-bits 6
    """
    from ...demo.pipeline import run  # loads jax

    with Progress() as progress:
        widths = {"weight_bits": weight_bits, "state_bits": state_bits}
        result = run(Path(out), seed=seed, **widths, overwrite=force, progress=progress)
    if as_json:
        say_json(result.report.to_json())
        return
    say(result.card, nl=False)
    say(f"\nwritten to {out}: open report.html; lifexport verify {out} runs again what it can")
