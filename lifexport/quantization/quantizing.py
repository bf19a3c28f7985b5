"""From the trained network to the chip's integers: scales, codes, refusals.

The float network is first re-parameterised, exactly: potentials are counted from the resting potential, and the input
gain of every neuron is folded into the weights and biases that feed it. Then every number becomes a code.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import LifexportError, LifexportWarning
from ..findings import Finding, at_node, collect, error, raise_errors, unknown_name
from ..fixedpoint import SIGNIFICANT_BITS, QFormat, dyadic, nearest
from ..input_code import infer_input_code, require_input_code
from ..network import FloatNetwork, IntNetwork
from ..neurons import FloatCubaLIF
from ..neurons.membrane import FloatMembrane, Spiking
from ..nodes import FloatDense, InputCode, IntDense, IntInput
from ..quantspec import Choices, QuantSpec, resolve
from ..samples import Samples
from ..spatial import FloatConv, IntConv, Pool, SumPool
from ..targets import Target, load_target
from .calibration import Calibration
from .delays import Delivery, deliver
from .expressible import all_losses, inexpressible
from .feeding import Feeding, feeding
from .fitting import fit
from .populations import (
    FINEST,
    Scales,
    build,
    coarse_enough,
    current_decay,
    current_leak,
    population_rules,
    potentials,
    require_shift,
)
from .scales import step
from .units import membrane_unit, power_of_two, proportions, ratios, reference

FEWEST = 8
"""Codes of a threshold below which a target's largest shift of weights may not push the unit."""
ROUNDED = 2.0 ** (2 - SIGNIFICANT_BITS)
"""How far a dyadic unit may lie below the real number it stands for."""


def quantize(
    network: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    *,
    calibration: np.ndarray | None = None,
    spec: QuantSpec | None = None,
    **choices: Any,
) -> IntNetwork:
    r"""Quantize a trained network for a target.

    Per population, with :math:`\theta = v_{th} - v_{rest}` and gain :math:`\gamma`:

    .. math::
       \mathrm{lsb} &= m \max\theta / (2^{b_v - 1} - 1) \quad (m = \text{membrane\_range}) \\
       s_w &= \max|\gamma w|\, a / (2^{b_w - 1} - 1) \quad (a = \text{unit of the input code}) \\
       q &= s_w / 2^{\lfloor \log_2 (s_w / \mathrm{lsb}) \rfloor} \text{ if } s_w > \mathrm{lsb}
            \text{ else } \mathrm{lsb}

    and every potential is coded in units of :math:`q`, every weight in units of :math:`q 2^{shift} / a`. All of them
    are taken as ratios to the largest threshold of the network, so that codes are the same in volt, millivolt and
    plain numbers. The range is
    a multiple of the threshold, not the largest membrane seen: a soft-reset membrane runs far above threshold, and
    clipping it there costs nothing, while the bits lost below threshold cost everything.

    Parameters
    ----------
    network : FloatNetwork
        As ``capture`` or ``from_nir`` return it.
    target : str, path or Target
        Shipped name, JSON file, or a loaded target.
    calibration : float array, shape ``(time, batch, *features)``, optional
        Inputs as in training; decides the input code. Needed unless ``input`` is given.
    spec : QuantSpec, optional
        Choices within the target's ranges; single ones may be given as keywords instead.
    **choices
        Fields of ``QuantSpec``: ``weight_bits=4, state_bits=12, rounding="half_even"``, ...

    Returns
    -------
    IntNetwork

    Raises
    ------
    LifexportError
        LX2xx: what the target cannot express, what does not fit, and unusable calibration data, each by name.

    Warns
    -----
    LifexportWarning
        LX214, for every word (sum, current, drive, ...) that the calibration data still leaves. Unless
        ``membrane_range`` is given, the unit of a layer is doubled until nothing does, as long as thresholds span
        enough codes and weights keep theirs.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import Input, Output
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[3.0, -6.0]]), "lif": lif, "out": Output(shape=(1,))}
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> q = quantize(net, "fpga-q", calibration=np.ones((5, 1, 2)), weight_bits=4, state_bits=8)
    >>> q.nodes["fc"].weight.tolist(), int(q.nodes["lif"].decay[0]), q.input_code.kind
    ([[3, -7]], 3706, 'spikes')
    """
    return plan(network, target, calibration=calibration, spec=spec, **choices).network


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A quantized network, and how its numbers came from the trained ones."""

    network: IntNetwork
    chosen: Choices
    target: Target
    feeding: Mapping[str, tuple[Feeding, ...]]
    """Connections with weights into every population, gains and divisors folded in."""
    findings: tuple[Finding, ...] = ()
    """What its calibration data still does to words (LX214)."""


def plan(
    network: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    *,
    calibration: np.ndarray | None = None,
    spec: QuantSpec | None = None,
    **choices: Any,
) -> Plan:
    """What ``quantize`` does, with the way it took; parameters and errors are those of ``quantize``."""
    if not isinstance(network, FloatNetwork):
        fix = "capture a trained module with lifexport.capture first"
        raise error("LX006", field="network", found=f"a {type(network).__name__}", fix=fix)
    target = load_target(target)
    spec = _spec(spec, choices)
    raise_errors(inexpressible(network, target, spec.approximate))
    spec.require_layers(network.populations)
    chosen = resolve(spec, target)
    if chosen.input is None:
        code = infer_input_code(network, calibration, chosen.input_bits, target)
    else:
        code = require_input_code(chosen.input, target)
    delivery = deliver(network, target)
    seen = None if calibration is None else Calibration(network, calibration)
    nodes: dict[str, Any] = {}
    refused: list[Finding] = []
    layers: dict[str, _Layer] = {}
    for name, node in network.nodes.items():
        if node.role == "input":
            nodes[name] = IntInput(shape=node.shape, code=code)
        elif isinstance(node, Pool):
            nodes[name] = SumPool(shape=node.shape, kernel=node.kernel, stride=node.stride, padding=node.padding)
        elif node.role == "population":
            with collect(refused), at_node(name):
                layers[name] = _Layer(network, name, code, spec.of_layer(name), target, seen)
                nodes |= layers[name].nodes()
        elif not isinstance(node, FloatDense | FloatConv):
            nodes[name] = node
    raise_errors(refused)  # of all layers, at once
    quantized = IntNetwork(
        nodes=nodes,
        edges=delivery.edges,
        dt=network.dt,
        readout=network.readout,
        state_reset=network.state_reset,
        origin=network.origin,
        target=target.name,
        target_digest=target.digest,
        approximations=_approximations(network, target, delivery),
        trained=network.digest(),
        calibration=None if calibration is None else Samples.of(calibration),
    )
    quantized, findings = fit(quantized, layers, calibration)
    for finding in findings:
        warnings.warn(str(finding), LifexportWarning, stacklevel=3)
    fed = {name: tuple(layer.feeding) for name, layer in layers.items()}
    return Plan(network=quantized, chosen=chosen, target=target, feeding=fed, findings=findings)


def _spec(spec: QuantSpec | None, choices: dict[str, Any]) -> QuantSpec:
    if spec is not None and choices:
        raise error("LX006", found=f"both spec= and {', '.join(choices)}", fix="put every choice into the QuantSpec")
    if spec is not None and not isinstance(spec, QuantSpec):
        raise error("LX006", field="spec", found=f"a {type(spec).__name__}", fix="give a QuantSpec")
    known = [field.name for field in dataclasses.fields(QuantSpec)]
    for name in choices:
        if name not in known:
            raise unknown_name("choice", name, known, code="LX006")
    return spec or QuantSpec(**choices)


def _largest_code(nodes: Mapping[str, Any]) -> int:
    """Largest magnitude of any weight."""
    return max(int(np.abs(node.weight).max()) for node in nodes.values() if isinstance(node, IntDense | IntConv))


def _approximations(network: FloatNetwork, target: Target, delivery: Delivery) -> tuple[str, ...]:
    found = all_losses(network, target, delivery)
    return tuple(f"{name}.{loss.field}: {loss.instead} ({loss.accept})" for name, loss in found)


class _Layer:
    """A population and the weights that feed it: scales are chosen for both together."""

    def __init__(
        self,
        network: FloatNetwork,
        name: str,
        code: InputCode,
        spec: QuantSpec,
        target: Target,
        seen: Calibration | None,
    ):
        self.network, self.name, self.target, self.seen = network, name, target, seen
        self.spec, self.chosen, self.doubled = spec, resolve(spec, target), 0
        self.node: FloatMembrane = network.nodes[name]
        self.rules = population_rules(self.node, self.chosen, target, output=name == network.readout_name)
        self.feeding = [self._through_current(part) for part in feeding(network, name, code)]
        self.one = reference(network, self.feeding)
        self.volts = potentials(self.node, np.sum([part.bias for part in self.feeding], axis=0)).over(self.one)
        self.share = self._share()

    def nodes(self) -> dict[str, Any]:
        """Population and connections in integers, by name."""
        unit = self._unit()
        scales = Scales(unit=unit, volt=dyadic(float(unit) * self.one), one=self.one, share=self.share)
        population = build(self.node, self.volts, scales, self.rules, self.chosen, self.target)
        found: dict[str, Any] = {self.name: population}
        for part in self.feeding:
            with at_node(part.name):
                found[part.name] = self._weights(part, unit, population.unit)
        return found

    def coarser(self) -> Mapping[str, Any] | None:
        """Its nodes, counting twice the unit from now on.

        None where ``membrane_range`` was chosen, where a threshold would span too few codes, and where the largest
        weights would lose bits.
        """
        if self.spec.membrane_range is not None:
            return None
        before = self.nodes()
        self.doubled += 1
        step = self._unit() * 2 ** self.target.document["threshold"]["shift"]["min"]
        if float(self._largest_potential() / step) >= FINEST:
            try:
                after = self.nodes()
            except LifexportError:
                pass
            else:
                if _largest_code(after) >= _largest_code(before):
                    return after
        self.doubled -= 1
        return None

    def _through_current(self, part: Feeding) -> Feeding:
        """Weights of a trained current whose input decays in its own step are larger by as much.

        Those of neurons without one stay: what a filter hands on of a unit, over all steps, is a unit.
        """
        document, current = self.target.document, self.rules.current
        if current is None or current.when == "before_input" or not isinstance(self.node, FloatCubaLIF):
            return part
        leak = current_leak(document)
        kept = leak.realised(leak.amounts(current_decay(self.node, document)))
        return part.times(1 / part.per_output(kept, field="tau_syn"))

    def _share(self) -> np.ndarray:
        """Units of the neurons in proportion, in the shape of the population."""
        node, whole_layer = self.node, np.ones(self.node.shape)
        shared = isinstance(node, Spiking) and self.target.document["threshold"]["per"] == "layer"
        by_membrane = self.network.readout != "count" and self.name == self.network.readout_name
        if by_membrane or not isinstance(node, Spiking) or (not shared and self.chosen.scale == "tensor"):
            return whole_layer
        threshold = self.volts.threshold
        if shared:
            return proportions(threshold.ravel(), None).reshape(node.shape)
        largest = np.max([self._row_maxima(part) for part in self.feeding], axis=0)
        return proportions(threshold.ravel(), largest.ravel()).reshape(node.shape) if largest.any() else whole_layer

    def _row_maxima(self, part: Feeding) -> np.ndarray:
        """Largest magnitude of what one input code adds, in the shape of the population."""
        rows = np.abs(ratios(part.weight, self.one)).reshape(len(part.weight), -1).max(axis=1)
        return part.per_neuron(rows * float(part.arriving))

    def _unit(self) -> Fraction:
        share, volts, word = self.share, self.volts, self.rules.membrane
        reach = max(
            self.chosen.membrane_range * self._largest_potential(),
            *(float(np.abs(values / share).max()) for values in (volts.reset, volts.initial)),
        )
        lsb = reach / min(word.hi, -word.lo)
        largest = max(self._step(part) * float(part.arriving) for part in self.feeding)
        if self.chosen.power_of_two:
            lsb, largest = (power_of_two(value) if value else value for value in (lsb, largest))
        unit = membrane_unit(lsb, largest, self._shifts()[1])
        fewest = float((volts.threshold / share).min() / unit) if isinstance(self.node, Spiking) else FEWEST
        if fewest < FEWEST and unit > membrane_unit(lsb, largest, 1 << 16):  # the largest shift set the unit
            widest = max(self.feeding, key=lambda part: self._step(part) * float(part.arriving))
            most, name = self.target.document["weight"]["shift"]["max"], self.target.name
            found = f"shifts of at most {most} on target {name!r}: a threshold would span {fewest:.2g} codes"
            raise error("LX204", node=widest.name, field="weight", found=found, fix="use more weight_bits")
        return coarse_enough(unit, self.volts, self.share, self.chosen, self.target) * 2**self.doubled

    def _largest_potential(self) -> float:
        """Threshold; or, for neurons without, what their membranes reach."""
        if isinstance(self.node, Spiking):
            return float((self.volts.threshold / self.share).max())
        if self.seen is not None:
            reached = float(ratios(np.asarray(self.seen.largest_membrane(self.name)), self.one))
            if not reached:
                found, fix = "a membrane that it never moves", "give inputs that reach these neurons"
                raise error("LX204", field="calibration", found=found, fix=fix)
            return reached / 2  # twice what was seen at the smallest membrane_range
        found = "none for neurons without a threshold"
        raise error("LX205", field="calibration", found=found, fix="pass calibration=x: it sets their range")

    def _step(self, part: Feeding) -> float:
        flat = self._normalised(part).reshape(len(part.weight), -1)
        moments = self.seen.moments(part.name) if self.seen and self.chosen.method == "membrane" else None
        return step(flat, self._last_code(), self.chosen.method, percentile=self.chosen.percentile, moments=moments)

    def _normalised(self, part: Feeding) -> np.ndarray:
        """Weights in units of ``one``, in proportion to the units of the neurons they feed."""
        return ratios(part.weight, self.one) / part.by_output(part.per_output(self.share, field="threshold"))

    def _last_code(self) -> int:
        """Largest weight code, in steps that the target can store."""
        return QFormat(bits=self.chosen.weight_bits).hi // self.target.document["weight"].get("step", 1)

    def _shifts(self) -> tuple[int, int]:
        """Least and largest exponent between weights and membrane: dropped bits count as negative shifts."""
        weight = self.target.document["weight"]
        grid = (weight.get("step", 1) - 1).bit_length()
        return weight["shift"]["min"] - weight["max_drop"] + grid, weight["shift"]["max"] + grid

    def _weights(self, part: Feeding, unit: Fraction, one: Fraction) -> IntDense | IntConv:
        weight, grid = self.target.document["weight"], self.target.document["weight"].get("step", 1)
        wanted, values = self._step(part) * (1 - ROUNDED), self._normalised(part)
        exponent = self._shifts()[0]
        while unit * Fraction(2) ** exponent / part.arriving < wanted:
            exponent += 1
        exponent -= (grid - 1).bit_length()
        require_shift(exponent, self.target, "weight", "fewer state_bits or more weight_bits")
        size = unit * Fraction(2) ** exponent / part.arriving
        fmt = QFormat(bits=self.chosen.weight_bits, unit=size * grid, symmetric=True)
        last = self._last_code()
        codes = np.clip(nearest(values, fmt.unit), -last, last).astype(np.int64) * grid
        shift = max(exponent, weight["shift"]["min"])
        node = self.network.nodes[part.name]
        fields = {
            "weight": codes,
            "weight_bits": self.chosen.weight_bits,
            "unit": one * Fraction(2) ** exponent / part.arriving,
            "shift": shift,
            "drop": shift - exponent,
        }
        if isinstance(node, FloatDense):
            return IntDense(**fields)
        moves = {name: getattr(node, name) for name in ("size", "stride", "dilation", "padding", "groups")}
        return IntConv(**fields, **moves)
