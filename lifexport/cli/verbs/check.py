"""``lifexport check``."""

from __future__ import annotations

from typing import Any

import click

from .. import options, outcome
from ..printing import say, say_json, sentence, tally


@click.command()
@click.argument("file")
@options.reading
@click.option("--target", help="For a NIR file: also find everything that quantize and the exports would refuse.")
@click.option("--profile", help="For a NIR file: also find everything that this importer cannot express.")
@options.choices
@options.as_json
def check(
    file: str,
    reading: dict[str, Any],
    target: str | None,
    profile: str | None,
    spec: Any,
    as_json: bool,
) -> int:
    """Find everything wrong with FILE: a .nir or .onnx file, a document of lifexport (.json), or a bundle (a folder).

    Warnings and notes do not fail. Example: lifexport check out/model.nir --target fpga-q --weight-bits 4
    """
    from ...checking import check as check_file

    checked = check_file(file, **reading, target=target, profile=profile, spec=spec)
    if as_json:
        say_json(checked.to_json())
    else:
        for finding in checked.findings:
            say(sentence(finding))
        say(f"{checked.file}: {tally(checked.findings)}")
    return outcome.worst(checked.findings)
