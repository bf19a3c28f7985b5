"""What quantization did to the parameters: no run needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..findings import Finding
from ..fixedpoint import QFormat
from ..network import FloatNetwork, IntNetwork
from ..neurons import IntLIF
from ..neurons.membrane import Leaky, Spiking
from ..nodes import IntWeights
from ..quantization.feeding import feeding
from .report import BiasFidelity, DecayFidelity, LayerFidelity, ThresholdFidelity, WeightFidelity
from .statistics import Noise

TAU_TOLERANCE = 0.05
THRESHOLD_TOLERANCE = 0.02
ZEROED_TOLERANCE = 0.25
"""From where a finding is made: relative change of a time constant; of a threshold, or of a resting potential against
it; share of weights that vanished."""
WIDER = "use more weight_bits, or train so that no outlier sets the scale"


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightPair:
    """Weights of one connection before and after, volt that a unit of what arrives adds; float64, equal shapes."""

    node: str
    codes: IntWeights
    trained: np.ndarray
    """As trained, input gain of the neurons included."""
    realised: np.ndarray
    """Codes times unit, as far as they reach the membrane in their step."""
    step: np.ndarray
    """What code 1 stands for, in a shape that broadcasts against the weights."""


def weight_pairs(f: FloatNetwork, q: IntNetwork) -> Iterator[WeightPair]:
    """Weights of every connection before and after, in the order of ``FidelityReport.weights``."""
    for name in f.populations:
        population = q.nodes[name]
        for part in feeding(f, name, q.input_code):
            node: IntWeights = q.nodes[part.name]
            volt = float(node.unit) * part.per_output(population.scale * _kept(population), field="scale")
            step = part.by_output(volt)
            realised = node.weight * step
            yield WeightPair(node=part.name, codes=node, trained=part.weight, realised=realised, step=step)


def weight_fidelity(f: FloatNetwork, q: IntNetwork) -> Iterator[WeightFidelity]:
    """What quantization did to the weights of every connection."""
    for pair in weight_pairs(f, q):
        codes, bits, noise = pair.codes.weight, pair.codes.weight_bits, Noise()
        noise.add(pair.trained, pair.realised)
        yield WeightFidelity(
            node=pair.node,
            weights=codes.size,
            bits=bits,
            largest_code=int(np.abs(codes).max()),
            sqnr_db=noise.sqnr_db,
            zeroed=int(((pair.trained != 0) & (codes == 0)).sum()),
            saturated=int((np.abs(pair.trained) > (QFormat(bits=bits).hi + 0.5) * pair.step).sum()),
        )


def decay_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> DecayFidelity:
    """The decay that changed its time constant most."""
    node, leak = f.nodes[name], q.nodes[name].rules.leak
    realised = leak.realised(q.nodes[name].decay)
    trained_tau, tau = (_time_constant(decay, f.dt) for decay in (node.decay, realised))
    if isinstance(node, Leaky):
        trained_tau = np.where((trained_tau > 0) & np.isfinite(trained_tau), trained_tau, node.tau)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.log(tau) - np.log(trained_tau))  # infinite where the realised decay is 0 or 1
    change = np.where(np.isnan(change), 0.0, change)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(change)), node.shape))
    before, after = float(trained_tau[index]), float(tau[index])
    return DecayFidelity(
        bits=leak.bits,
        index=index,
        trained=float(node.decay[index]),
        realised=float(realised[index]),
        tau_trained=before if math.isfinite(before) else None,
        tau_realised=after if 0 < after < math.inf else None,
    )


def _kept(population: IntLIF) -> np.ndarray | float:
    """Share of an input that reaches the membrane in its step: less than 1 where a current decays after its input."""
    current = population.rules.current
    if current is None or current.when == "before_input":
        return 1.0
    return current.leak.realised(population.current_decay[0])


def _time_constant(decay: np.ndarray, dt: float) -> np.ndarray:
    """``-dt / ln(decay)``, seconds: 0 where nothing is kept, infinite where everything is."""
    with np.errstate(divide="ignore"):
        return -dt / np.where(decay == 1.0, -0.0, np.log(decay))


def threshold_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> ThresholdFidelity | None:
    """The threshold, measured from rest, that changed most relative to its trained value; None without thresholds."""
    node, population = f.nodes[name], q.nodes[name]
    if not isinstance(node, Spiking):
        return None
    more = (population.rules.compare == ">") - (node.compare == ">")  # on integers v > t is v >= t + 1
    trained, realised = node.v_threshold - node.v_rest, (population.threshold + more) * population.volt
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(realised / trained - 1))), trained.shape))
    return ThresholdFidelity(index=index, trained=float(trained[index]), realised=float(realised[index]))


def bias_fidelity(f: FloatNetwork, q: IntNetwork, name: str) -> BiasFidelity | None:
    """The bias whose rounding moves the potential a neuron settles at most; None if none was trained."""
    node = f.nodes[name]
    trained = np.sum([part.bias for part in feeding(f, name, q.input_code)], axis=0)
    if not trained.any():
        return None
    realised = q.nodes[name].bias * q.nodes[name].volt
    kept = np.maximum(1 - node.decay, np.finfo(float).eps)
    span = node.v_threshold - node.v_rest if isinstance(node, Spiking) else np.abs(trained).max() / kept
    displacement = (realised - trained) / kept / span
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
            before = "no leak" if decay.tau_trained is None else f"{decay.tau_trained * 1e3:.4g} ms"
            found = f"{before} became {now}"
            fix = "use more decay_bits"
            yield Finding(code="LX210", node=name, field="tau", index=decay.index or None, found=found, fix=fix)
        if threshold is not None and abs(threshold.change) > THRESHOLD_TOLERANCE:
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
