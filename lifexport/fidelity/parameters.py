"""What quantization did to the parameters: no run needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from ..findings import Finding
from ..fixedpoint import QFormat
from ..network import FloatNetwork, IntNetwork
from .report import BiasFidelity, DecayFidelity, LayerFidelity, ThresholdFidelity, WeightFidelity
from .statistics import Noise

TAU_TOLERANCE = 0.05
THRESHOLD_TOLERANCE = 0.02
ZEROED_TOLERANCE = 0.25
"""From where a finding is made: relative change of a time constant; of a threshold, or of a resting potential against
it; share of weights that vanished."""
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
    node = f.nodes[name]
    realised = q.nodes[name].decay / (1 << q.nodes[name].rules.leak.bits)
    trained_tau, tau = (_time_constant(decay, f.dt) for decay in (node.decay, realised))
    trained_tau = np.where((trained_tau > 0) & np.isfinite(trained_tau), trained_tau, node.tau)
    with np.errstate(divide="ignore"):
        change = np.abs(np.log(tau) - np.log(trained_tau))  # infinite where the realised decay is 0 or 1
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(change)), node.shape))
    return DecayFidelity(
        bits=q.nodes[name].rules.leak.bits,
        index=index,
        trained=float(node.decay[index]),
        realised=float(realised[index]),
        tau_trained=float(trained_tau[index]),
        tau_realised=float(tau[index]) if 0 < tau[index] < math.inf else None,
    )


def _time_constant(decay: np.ndarray, dt: float) -> np.ndarray:
    """``-dt / ln(decay)``, seconds: 0 where nothing is kept, infinite where everything is."""
    with np.errstate(divide="ignore"):
        return -dt / np.where(decay == 1.0, -0.0, np.log(decay))


def threshold_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> ThresholdFidelity:
    """The threshold, measured from rest, that changed most relative to its trained value."""
    node = f.nodes[name]
    trained, realised = node.v_threshold - node.v_rest, q.nodes[name].threshold * float(q.nodes[name].unit)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(realised / trained - 1))), trained.shape))
    return ThresholdFidelity(index=index, trained=float(trained[index]), realised=float(realised[index]))


def bias_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> BiasFidelity | None:
    """The bias whose rounding moves the potential a neuron settles at most; None if none was trained."""
    node, feeding = f.nodes[name], [f.nodes[edge.source] for edge in f.incoming(name)]
    biases = [dense.bias * node.gain for dense in feeding if dense.role == "connection" and dense.bias is not None]
    trained = np.sum(biases, axis=0) if biases else np.zeros(node.shape)
    if not trained.any():
        return None
    realised = q.nodes[name].bias * float(q.nodes[name].unit)
    kept = np.maximum(1 - node.decay, np.finfo(float).eps)
    displacement = (realised - trained) / kept / (node.v_threshold - node.v_rest)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(displacement))), node.shape))
    return BiasFidelity(
        index=index,
        trained=float(trained[index]),
        realised=float(realised[index]),
        displacement=float(displacement[index]),
    )


def parameter_findings(weights: Iterable[WeightFidelity], layers: Iterable[LayerFidelity]) -> Iterator[Finding]:
    """Losses worth a sentence (LX208, LX210, LX211, LX212)."""
    for row in weights:
        if row.zeroed > ZEROED_TOLERANCE * row.weights:
            found = f"{row.zeroed} of {row.weights} weights at {row.bits} bits"
            coarse = 2 * row.largest_code < QFormat(bits=row.bits).hi
            fix = "use more state_bits: one membrane code is more than a step of these weights" if coarse else WIDER
            yield Finding(code="LX208", node=row.node, field="weight", found=found, fix=fix)
    for layer in layers:
        name, decay, threshold, bias = layer.node, layer.decay, layer.threshold, layer.bias
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
        if bias is not None and abs(bias.displacement) > THRESHOLD_TOLERANCE:
            found = (
                f"{bias.trained:.4g} V a step became {bias.realised:.4g} V: the resting potential moves by "
                f"{bias.displacement:+.1%} of the threshold"
            )
            fix = "use more bias_bits or state_bits, or train without an outlier among the biases"
            yield Finding(code="LX212", node=name, field="bias", index=bias.index or None, found=found, fix=fix)
