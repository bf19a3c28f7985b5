"""What quantization did to the parameters: no run needed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..findings import Finding
from ..fixedpoint import QFormat
from ..network import FloatNetwork, IntNetwork
from .report import DecayFidelity, ThresholdFidelity, WeightFidelity
from .statistics import Noise

TAU_TOLERANCE = 0.05
THRESHOLD_TOLERANCE = 0.02
ZEROED_TOLERANCE = 0.25
"""Relative changes of a time constant or a threshold, and share of vanished weights, from which a finding is made."""
WIDER = "use more weight_bits, or train so that no outlier sets the scale"


def weight_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> WeightFidelity:
    """Weights as trained, input gain of the neurons included, against codes times unit; volt."""
    target = f.nodes[f.outgoing(name)[0].target]
    trained = f.nodes[name].weight * target.gain[:, None]
    node = q.nodes[name]
    unit, hi = float(node.unit), QFormat(bits=node.weight_bits).hi
    noise = Noise()
    noise.add(trained, node.weight * unit)
    return WeightFidelity(
        node=name,
        weights=node.weight.size,
        bits=node.weight_bits,
        largest_code=int(np.abs(node.weight).max()),
        sqnr_db=noise.sqnr_db,
        zeroed=int(((trained != 0) & (node.weight == 0)).sum()),
        saturated=int((np.abs(trained) > (hi + 0.5) * unit).sum()),
    )


def decay_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> DecayFidelity:
    """The decay that changed its time constant most."""
    trained, node = f.nodes[name].decay, q.nodes[name]
    realised = node.decay / (1 << node.decay_bits)
    with np.errstate(divide="ignore"):
        change = np.abs(np.log(np.log(realised) / np.log(trained)))  # infinite where the realised decay is 0 or 1
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(change)), trained.shape))
    lost = realised[index] in (0.0, 1.0)
    return DecayFidelity(
        bits=node.decay_bits,
        index=index,
        trained=float(trained[index]),
        realised=float(realised[index]),
        tau_trained=-f.dt / math.log(trained[index]),
        tau_realised=None if lost else -f.dt / math.log(realised[index]),
    )


def threshold_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> ThresholdFidelity:
    """The threshold, measured from rest, that changed most relative to its trained value."""
    node = f.nodes[name]
    trained, realised = node.v_threshold - node.v_rest, q.nodes[name].threshold * float(q.nodes[name].unit)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(realised / trained - 1))), trained.shape))
    return ThresholdFidelity(index=index, trained=float(trained[index]), realised=float(realised[index]))


def parameter_findings(
    weights: tuple[WeightFidelity, ...], layers: dict[str, tuple[DecayFidelity, ThresholdFidelity]]
) -> Iterator[Finding]:
    """Losses worth a sentence (LX208, LX210, LX211)."""
    for row in weights:
        if row.zeroed > ZEROED_TOLERANCE * row.weights:
            found = f"{row.zeroed} of {row.weights} weights at {row.bits} bits"
            coarse = 2 * row.largest_code < QFormat(bits=row.bits).hi
            fix = "use more state_bits: one membrane code is more than a step of these weights" if coarse else WIDER
            yield Finding(code="LX208", node=row.node, field="weight", found=found, fix=fix)
    for name, (decay, threshold) in layers.items():
        change = decay.tau_change
        if change is None or abs(change) > TAU_TOLERANCE:
            now = "none" if decay.tau_realised is None else f"{decay.tau_realised * 1e3:.4g} ms"
            found = f"{decay.tau_trained * 1e3:.4g} ms became {now}"
            fix = "use more decay_bits"
            yield Finding(code="LX210", node=name, field="tau", index=decay.index or None, found=found, fix=fix)
        if abs(threshold.change) > THRESHOLD_TOLERANCE:
            found = f"{threshold.trained:.4g} V became {threshold.realised:.4g} V"
            fix = "use more state_bits or a smaller membrane_range"
            index = threshold.index or None
            yield Finding(code="LX211", node=name, field="v_threshold", index=index, found=found, fix=fix)
