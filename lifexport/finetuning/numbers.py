"""What is trained of a quantized network, and the codes that it stands for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..fixedpoint import QFormat
from ..network import FloatNetwork, IntNetwork
from ..neurons import IntLIF
from ..nodes import IntWeights
from ..quantization.feeding import Feeding
from ..quantization.quantizing import Plan
from .rounding import to_codes

Parameters = dict[str, dict[str, Any]]
"""By node: ``weight`` and ``bias`` of connections, ``threshold`` of populations; float32 arrays around 1."""


@dataclass(frozen=True)
class Weights:
    """Weights of one connection, trained in units of their root mean square."""

    start: np.ndarray
    factor: np.ndarray
    """Codes (in steps of ``grid``) that 1 stands for, in a shape that broadcasts against the weights."""
    last: int
    grid: int

    @classmethod
    def of(cls, part: Feeding, trained: np.ndarray, node: IntWeights, population: IntLIF, plan: Plan) -> Weights:
        """Weights of a connection into a population."""
        size = float(np.sqrt(np.mean(trained**2))) or 1.0
        grid = plan.target.document["weight"].get("step", 1)
        scale = part.per_output(population.scale, field="scale")
        factor = part.by_output(part.factor * size / (float(node.unit) * scale * grid))
        last = QFormat(bits=plan.chosen.weight_bits).hi // grid
        return cls((trained / size).astype(np.float32), factor.astype(np.float32), last, grid)

    def codes(self, values: Any) -> Any:
        """Weight codes, float32 numbers that are whole."""
        return to_codes(values * self.factor, -float(self.last), float(self.last)) * self.grid


@dataclass(frozen=True)
class Biases:
    """Biases of a population: those of the connections that feed it, trained in thresholds per step."""

    start: dict[str, np.ndarray]
    """By connection."""
    factors: dict[str, np.ndarray]
    """By connection: codes (before the shift) that 1 stands for, for each neuron."""
    format: QFormat
    shift: int

    @classmethod
    def of(cls, parts: Collection[Feeding], trained: dict[str, np.ndarray], population: IntLIF, plan: Plan) -> Biases:
        """Biases of the connections into a population; of those that have one."""
        start, factors = {}, {}
        step = population.volt * 2.0**population.bias_shift
        for part in parts:
            if part.name in trained:
                high = (
                    float(np.mean(population.threshold * population.volt)) if population.spiking else float(step.max())
                )
                size = high / float(np.abs(part.bias_factor).mean())
                start[part.name] = (trained[part.name] / size).astype(np.float32)
                factors[part.name] = (part.bias_factor * size / step).astype(np.float32)
        signed = (plan.target.document["bias"] or {}).get("signed", True)
        return cls(start, factors, QFormat(bits=max(plan.chosen.bias_bits, 2), signed=signed), population.bias_shift)

    def codes(self, values: dict[str, Any]) -> Any:
        """Bias codes, float32 numbers that are whole."""
        total = 0.0
        for name, factor in self.factors.items():
            each = jnp.repeat(values[name], factor.size // self.start[name].size).reshape(factor.shape)
            total = total + each * factor
        return to_codes(total, float(self.format.lo), float(self.format.hi)) * 2.0**self.shift


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a population, trained in units of themselves; the reset level stays."""

    first: np.ndarray
    """Codes at first, ``shape``."""
    shared: bool
    """Whether the target has one threshold for all."""
    format: QFormat
    shift: int

    @classmethod
    def of(cls, population: IntLIF, plan: Plan) -> Thresholds:
        """Thresholds of a spiking population."""
        section = plan.target.document["threshold"]
        fmt = QFormat(bits=plan.chosen.threshold_bits, signed=section.get("signed", True))
        return cls(population.threshold, section["per"] == "layer", fmt, population.threshold_shift)

    @property
    def start(self) -> np.ndarray:
        """Ones."""
        return np.ones(() if self.shared else self.first.shape, np.float32)

    def codes(self, values: Any) -> Any:
        """Threshold codes, float32 numbers that are whole."""
        wanted = values * (self.first.astype(np.float32) * 2.0**-self.shift)
        return to_codes(wanted, 1.0, float(self.format.hi)) * 2.0**self.shift


class Numbers:
    """Everything that is trained of one network.

    Parameters
    ----------
    trained : FloatNetwork
    plan : Plan
        How it was quantized.
    thresholds : bool
        Whether thresholds are trained too.
    """

    def __init__(self, trained: FloatNetwork, plan: Plan, *, thresholds: bool):
        self.network, self.plan = plan.network, plan
        self.weights: dict[str, Weights] = {}
        self.biases: dict[str, Biases] = {}
        self.thresholds: dict[str, Thresholds] = {}
        for name, parts in plan.feeding.items():
            population = plan.network.nodes[name]
            known = {part.name: trained.nodes[part.name] for part in parts}
            for part in parts:
                node = plan.network.nodes[part.name]
                self.weights[part.name] = Weights.of(part, known[part.name].weight, node, population, plan)
            given = {other: node.bias for other, node in known.items() if node.bias is not None}
            if given:
                self.biases[name] = Biases.of(parts, given, population, plan)
            if thresholds and population.spiking:
                self.thresholds[name] = Thresholds.of(population, plan)

    def start(self) -> Parameters:
        """Parameters that stand for the trained network."""
        found: Parameters = {name: {"weight": jnp.asarray(part.start)} for name, part in self.weights.items()}
        for bias in self.biases.values():
            for name, start in bias.start.items():
                found[name]["bias"] = jnp.asarray(start)
        for name, threshold in self.thresholds.items():
            found[name] = {"threshold": jnp.asarray(threshold.start)}
        return found

    def codes(self, parameters: Parameters) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Weight codes by connection, bias and threshold codes by population; float32 numbers that are whole."""
        weights = {name: part.codes(parameters[name]["weight"]) for name, part in self.weights.items()}
        numbers: dict[str, dict[str, Any]] = {}
        for name, bias in self.biases.items():
            numbers.setdefault(name, {})["bias"] = bias.codes({n: parameters[n]["bias"] for n in bias.start})
        for name, threshold in self.thresholds.items():
            numbers.setdefault(name, {})["threshold"] = threshold.codes(parameters[name]["threshold"])
        return weights, numbers

    def constants(self, numbers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Constants of every population's step, int32, by the name that the step gives them."""
        return {name: self._constants(name, given) for name, given in numbers.items()}

    def _constants(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        found = {field: codes.astype(jnp.int32) for field, codes in given.items()}
        if "threshold" in found:
            found["above_threshold"] = found["threshold"] + 1
            if (level := self._level(name)) is not None:
                found["reset_code"] = found["threshold"] - jnp.asarray(level, jnp.int32)
        return found

    def _level(self, name: str) -> np.ndarray | None:
        """Where a subtracting reset leads to from the threshold; it stays when the threshold moves."""
        node: IntLIF = self.network.nodes[name]
        return node.threshold - node.reset_code if node.rules.reset == "subtract" else None

    def per_number(self, gradients: dict[str, dict[str, Any]], numbers: dict[str, dict[str, Any]]):
        """Gradients by trained number, from those by constant of the step."""
        moved = ("threshold", "above_threshold", "reset_code")
        found: dict[str, dict[str, Any]] = {}
        for name, given in numbers.items():
            by_constant = gradients.get(name, {})
            found[name] = {}
            for field, value in given.items():
                names = moved if field == "threshold" else (field,)
                parts = (by_constant[other] for other in names if other in by_constant)
                found[name][field] = sum(parts, jnp.zeros_like(value))
        return found

    def to_network(self, parameters: Parameters) -> IntNetwork:
        """The network whose integers are the codes of the parameters."""
        weights, numbers = jax.tree.map(np.asarray, jax.jit(self.codes)(parameters))
        nodes: dict[str, Any] = dict(self.network.nodes)
        for name, codes in weights.items():
            nodes[name] = replace(nodes[name], weight=codes.astype(np.int64))
        for name, given in numbers.items():
            fields = {
                field: np.broadcast_to(codes.astype(np.int64), nodes[name].shape) for field, codes in given.items()
            }
            if "threshold" in fields and (level := self._level(name)) is not None:
                fields["reset_code"] = fields["threshold"] - level
            nodes[name] = replace(nodes[name], **fields)
        return replace(self.network, nodes=nodes)

    def envelope(self) -> IntNetwork:
        """A network of the largest integers that training can reach: bounds that hold for it hold for all."""
        nodes: dict[str, Any] = dict(self.network.nodes)
        for name, part in self.weights.items():
            nodes[name] = replace(nodes[name], weight=np.full(nodes[name].weight.shape, part.last * part.grid))
        for name, bias in self.biases.items():
            most = max(bias.format.hi, -bias.format.lo) << bias.shift
            nodes[name] = replace(nodes[name], bias=np.full(nodes[name].shape, most))
        for name, threshold in self.thresholds.items():
            fields = {"threshold": np.full(nodes[name].shape, threshold.format.hi << threshold.shift)}
            if (level := self._level(name)) is not None:
                fields["reset_code"] = fields["threshold"] - level
            nodes[name] = replace(nodes[name], **fields)
        return replace(self.network, nodes=nodes)
