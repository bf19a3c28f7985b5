"""What ``quantize`` refuses whatever the data."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

from ..errors import LifexportError
from ..findings import Finding
from ..network import FloatNetwork, IntNetwork
from ..nodes import InputCode
from ..quantspec import QuantSpec, resolve
from ..targets import Target
from .quantizing import quantize

DATA = ("LX205",)
"""Codes of findings that only data can answer."""


def attempt(network: FloatNetwork, target: Target, spec: QuantSpec) -> tuple[IntNetwork | None, tuple[Finding, ...]]:
    """Quantize without calibration data: the result, or every finding that does not depend on data, of all layers.

    Parameters
    ----------
    network : FloatNetwork
    target : Target
    spec : QuantSpec
        Choices; where they state no input code, one that the target takes stands for the one data would give.

    Notes
    -----
    ``quantize`` itself is run, so that there is no second set of rules. ``method="membrane"`` and neurons that never
    spike take scales from data: layers of theirs are then not judged.
    """
    try:
        if spec.input is None:
            spec = dataclasses.replace(spec, input=_some_code(target, resolve(spec, target).input_bits))
        return quantize(network, target, spec=spec), ()
    except LifexportError as failure:
        return None, tuple(finding for finding in failure.findings if finding.code not in DATA)


def _some_code(target: Target, bits: int) -> InputCode:
    kinds = target.document["input"]["kinds"]
    if "spikes" in kinds:
        return InputCode(kind="spikes")
    return InputCode(kind=kinds[0], bits=bits, unit=Fraction(1))
