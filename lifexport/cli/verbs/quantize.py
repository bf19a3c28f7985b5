"""``lifexport quantize``."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from ..printing import say, say_json


@click.command()
@click.argument("model")
@options.reading
@click.option("--target", required=True, help="Shipped name, or the path of a description.")
@options.inputs(required=True, what="Inputs as in training, which decide the input code")
@click.option("--out", required=True, callback=options.not_empty, help="File for the integer network (.json).")
@options.choices
@options.as_json
def quantize(
    model: str,
    reading: dict[str, Any],
    target: str,
    inputs: str,
    out: str,
    spec: Any,
    as_json: bool,
) -> None:
    """Quantize the trained network of MODEL for a target, and say what that costs on the inputs.

    Example: lifexport quantize model.nir --target fpga-q --inputs x.npz --weight-bits 4 --out q.json
    """
    from ...arrayfiles import read_inputs
    from ...bundle.intnetwork import save_intnetwork
    from ...bundle.networks import read_trained
    from ...fidelity import compare
    from ...quantization import quantize as run

    options.require_apart(out, model, inputs, target, suffix=".json")
    network = read_trained(model, **reading)
    x, labels = read_inputs(inputs)
    integers = run(network, target, calibration=x, spec=spec)
    report = compare(network, integers, x.astype(float), labels=labels)
    path = save_intnetwork(integers, out)
    if as_json:
        say_json(report.to_json())
        return
    say(report.card(), nl=False)
    say(f"\nwritten to {path}: network {integers.digest()}")
