"""Choosing the integer code of the inputs from calibration data: lossless where a grid allows it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from . import arrays
from .findings import error
from .fixedpoint import QFormat, dyadic
from .network import FloatNetwork
from .nodes import InputCode
from .targets import Target

FINEST_GRID = 24


def infer_input_code(network: FloatNetwork, x: np.ndarray | None, bits: int, target: Target) -> InputCode:
    """Input code that fits calibration data.

    Zeros and ones are spikes; natural numbers that fit in ``bits`` are counts; numbers on a power-of-two grid that
    fit in ``bits`` are graded codes without any loss; everything else is graded with the largest value at the top.

    Parameters
    ----------
    network : FloatNetwork
        Whose input it is.
    x : float array, shape ``(time, batch, *features)``
        Calibration data.
    bits : int
        Width of graded codes; an exact grid may need fewer.
    target : Target
        Which kinds it takes.

    Raises
    ------
    ParameterError
        LX205 for missing, empty, wrongly shaped or non-finite data.
    UnsupportedError
        LX203 if the target does not take what the data need.
    """
    if x is None:
        raise error("LX205", field="calibration", found="none", fix="pass calibration=x, or input=InputCode(...)")
    x = arrays.numbers(x, node=None, field="calibration", code="LX205").astype(np.float64)
    shape = network.nodes[network.input_name].shape
    if x.size == 0 or x.shape[2:] != shape or x.ndim != 2 + len(shape):
        fix = f"give (time, batch, {', '.join(map(str, shape))}) with at least one step and one sample"
        raise error("LX205", field="calibration", found=f"shape {x.shape}", fix=fix)
    if not np.isfinite(x).all():
        raise error("LX205", field="calibration", found="NaN or infinity", fix="clean the calibration data")
    return require_input_code(_fit(x, bits), target)


def _fit(x: np.ndarray, bits: int) -> InputCode:
    if np.isin(x, (0.0, 1.0)).all():
        return InputCode(kind="spikes")
    signed, largest = bool((x < 0).any()), float(np.abs(x).max())
    hi = QFormat(bits=bits, signed=signed).hi
    if hi == 0:
        found = f"{int(signed)} magnitude bits for inputs up to {largest:g}"
        raise error("LX205", field="input_bits", found=found, fix="use more input_bits")
    for grid in range(FINEST_GRID):
        scaled = x * 2**grid
        if np.abs(scaled).max() > hi:
            break
        if (scaled == np.rint(scaled)).all():
            needed = int(np.abs(scaled).max()).bit_length() + signed
            kind = "graded" if grid or signed else "counts"
            return InputCode(kind=kind, bits=needed, signed=signed, unit=Fraction(1, 2**grid))
    return InputCode(kind="graded", bits=bits, signed=signed, unit=dyadic(largest / hi))


def require_input_code(code: InputCode, target: Target) -> InputCode:
    """Return the code if the target takes it (else LX203)."""
    rules, width = target.document["input"], target.width("input")
    if code.kind not in rules["kinds"]:
        raise error(
            "LX203",
            field="input",
            found=f"{code.kind} input; target {target.name!r} takes {', '.join(rules['kinds'])}",
            fix="encode the input as spikes before it enters the network",
        )
    if code.signed and not rules["signed"]:
        raise error("LX203", field="input", found="negative inputs", fix="shift the inputs to be natural numbers")
    if code.kind != "spikes" and not width.min <= code.bits <= width.max:
        raise error("LX202", field="input_bits", found=f"{code.bits}", fix=f"use {width.min}..{width.max} bits")
    return code
