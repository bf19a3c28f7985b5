"""``lifexport certify``."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from ..printing import say, say_json


@click.command()
@click.argument("model")
@options.reading
@click.option("--safe", is_flag=True, help="Exit code 1 unless it is proved that nothing overflows.")
@options.as_json
def certify(model: str, reading: dict[str, Any], safe: bool, as_json: bool) -> int:
    """Prove for every input what the integers of MODEL reach: overflows, widths, exact kernels.

    MODEL is a .nir, .onnx or .json file, or a bundle.

    Example: lifexport certify out --safe
    """
    from ...bundle.networks import read_network
    from ...certificate import certify as prove
    from ...findings import error
    from ...network import IntNetwork

    network = read_network(model, **reading)
    if not isinstance(network, IntNetwork):
        raise error("LX006", field=model, found="a trained network", fix="quantize it first, or export it to a bundle")
    certificate = prove(network)
    if as_json:
        say_json(certificate.to_json())
    else:
        say(str(certificate))
    return 1 if safe and not certificate.safe else 0
