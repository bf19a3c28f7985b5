"""What a comparison found: the fields of ``schemas/fidelity.schema.json`` as frozen values."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..files import readable_json, require_suffix, write_text
from ..findings import Finding
from ..origin import Origin, stated
from ..samples import Shared
from ..schemas import header
from .statistics import PairedChange, Proportion
from .verdict import UNITS, Judged

SCHEMA = "lifexport.fidelity/1"
Outcome = Literal["holds", "does not hold", "no evidence"]


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first spike that differs: earliest step, then earliest layer, then lowest sample and neuron."""

    node: str
    step: int
    sample: int
    index: tuple[int, ...]
    v_float: float
    v_integer: float
    threshold: float
    """Trained threshold of that neuron; all three in volt."""


@dataclass(frozen=True, kw_only=True)
class WeightFidelity:
    """What quantization did to the weights of one connection."""

    node: str
    weights: int
    bits: int
    largest_code: int
    """Far below the limit of ``bits`` where the membrane's unit is coarser than the weights' own step."""
    sqnr_db: float | None
    """None: every weight is exact."""
    zeroed: int
    """Weights that were not zero and now are."""
    saturated: int
    """Weights whose trained value lies beyond the last code."""


@dataclass(frozen=True, kw_only=True)
class DecayFidelity:
    """The neuron of a layer whose time constant changed most."""

    bits: int
    index: tuple[int, ...]
    trained: float
    realised: float
    tau_trained: float | None
    """Seconds; None for neurons that do not leak."""
    tau_realised: float | None
    """Seconds, ``-dt / ln(realised)``; None where the realised decay is 0 or 1."""

    @property
    def tau_change(self) -> float | None:
        """Relative change of the time constant; None if it is no longer finite and positive."""
        if self.tau_trained is None:
            return 0.0 if self.realised == 1 else None
        return None if self.tau_realised is None else self.tau_realised / self.tau_trained - 1


@dataclass(frozen=True, kw_only=True)
class ThresholdFidelity:
    """The neuron of a layer whose threshold, measured from rest, changed most; volt."""

    index: tuple[int, ...]
    trained: float
    realised: float

    @property
    def change(self) -> float:
        """Relative change."""
        return self.realised / self.trained - 1


@dataclass(frozen=True, kw_only=True)
class BiasFidelity:
    """The neuron of a layer whose bias, rounded, moves its resting potential furthest; volt per step."""

    index: tuple[int, ...]
    trained: float
    realised: float
    displacement: float
    """Shift of the potential a neuron without other input settles at, as a share of its threshold."""


@dataclass(frozen=True, kw_only=True)
class WordFidelity:
    """The overflow rule of one word of a population's step, as it ran."""

    word: str
    """``membrane``, ``current``, ``sum`` of the inputs, ``drive``, ``increment``, or ``leak`` in it."""
    rule: str
    """``saturate``, ``wrap`` or ``wrap_once``."""
    count: int
    """Neurons, steps and samples in which it changed a number."""
    judged: int
    """All of them."""
    first: tuple[int, ...] | None
    """Step (the chip's), sample and neuron of the first number that wrapped; None for rules that never did."""

    @property
    def rate(self) -> float:
        """Share of ``judged`` in which it acted."""
        return self.count / self.judged

    @property
    def wraps(self) -> bool:
        """Whether what leaves the word comes back at its other end."""
        return self.rule != "saturate"


@dataclass(frozen=True, kw_only=True)
class LayerFidelity:
    """One population: its parameters, and how it ran."""

    node: str
    neurons: int
    state_bits: int
    decay: DecayFidelity
    threshold: ThresholdFidelity | None
    """None: neurons that never spike."""
    bias: BiasFidelity | None
    """None: no neuron of the layer was trained with a bias."""
    spikes_float: int
    spikes_integer: int
    spikes_coincident: int
    """Spikes that both fired: same neuron, same step."""
    spikes_differing: int
    values: int
    """Neurons times steps times samples: what all counts are out of."""
    count_error: float
    """Mean absolute difference of the spike counts of a neuron over a sample."""
    membrane_sqnr_db: float | None
    """Whole network against whole network. None: no difference at all."""
    membrane_sqnr_local_db: float | None
    """This layer alone, both fed with the spikes of the float network. None: no difference at all."""
    van_rossum: float | None
    """Mean squared van Rossum distance of the trains of a neuron; None for neurons that never spike."""
    words: tuple[WordFidelity, ...]
    """Overflow of every word of the step, each under its own rule."""
    silent_float: int
    silent_integer: int
    always_firing: int
    """Neurons that never, or at every step, fired (integer network)."""

    @property
    def overflows(self) -> int:
        """Neurons and steps in which an overflow rule acted, summed over all words."""
        return sum(word.count for word in self.words)

    @property
    def overflow_rate(self) -> float:
        """Share of neurons and steps in which a number left its word, of the word that did most often."""
        return max((word.rate for word in self.words), default=0.0)

    @property
    def spike_agreement(self) -> float:
        """Share of equal spike values (mostly zeros: see ``coincidence`` too)."""
        return 1 - self.spikes_differing / self.values

    @property
    def coincidence(self) -> float | None:
        """``2 * coincident / (float + integer)`` spikes; None if nobody fired."""
        fired = self.spikes_float + self.spikes_integer
        return 2 * self.spikes_coincident / fired if fired else None


@dataclass(frozen=True, kw_only=True)
class CauseLayer:
    """What one cause did to one population; SQNR in decibel, the trained membrane from rest over the difference."""

    node: str
    sqnr_local_db: float | None
    """The layer alone, fed with the trained network's spikes. None: no difference beyond float64's rounding."""
    sqnr_db: float | None
    """Whole network against whole network."""
    spikes_differing: int
    values: int


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One step of the chain from the trained network to the integers; ``causes.py`` says what each is."""

    cause: str
    predictions: Proportion
    """Samples with the same predicted class as before this step."""
    accuracy: Proportion | None
    """After this step."""
    layers: tuple[CauseLayer, ...]

    @property
    def unchanged(self) -> bool:
        """Whether this step changes nothing beyond float64's rounding, and no spike."""
        return all(row.sqnr_db is None and not row.spikes_differing for row in self.layers)


@dataclass(frozen=True, kw_only=True)
class PredictionChange:
    """Samples whose prediction changed, by what it was and became."""

    label: int | None
    predicted_float: int
    predicted_integer: int
    count: int


@dataclass(frozen=True, kw_only=True)
class FidelityReport:
    """How far an integer network is from the float network it was quantized from.

    Everything here is *measured* on the given inputs; nothing is called exact that was not equal bit for bit.
    """

    target: str
    target_digest: str
    not_verified: tuple[str, ...]
    """What is not known about the target's model of its hardware."""
    approximations: tuple[str, ...]
    """What the target does otherwise than the trained network, accepted by name when it was quantized."""
    semantics: tuple[str, ...]
    """How the trained network steps, as its training tool realised it: what everything is held against."""
    float_digest: str
    integer_digest: str
    origin: Origin | None = None
    """How the trained network was read, where it comes from a file of another tool."""
    input_digest: str
    """sha256 of type, shape and bytes of the real inputs."""
    labels_digest: str | None = None
    """The same of the true classes; None without labels."""
    parent: str | None = None
    """Digest of the network that the integers say they were quantized from; None if they do not say."""
    calibrated: Shared | None = None
    """Samples that calibration used; None if the integers state no calibration."""
    dt: float
    readout: str
    steps: int
    samples: int
    distinct: int
    """Samples that are not a copy of another one."""
    input_kind: str
    input_bits: int
    input_clipped: int
    input_zeroed: int
    """Inputs that were not zero and whose code is."""
    input_nonzero: int
    """Inputs that are not zero."""
    input_sqnr_db: float | None
    """None: every input is exact."""
    predictions: Proportion
    """Samples with the same predicted class."""
    classes_float: int
    classes_integer: int
    """How many different classes were predicted."""
    ties_float: int
    ties_integer: int
    accuracy_float: Proportion | None
    accuracy_integer: Proportion | None
    accuracy_change: PairedChange | None
    changes: tuple[PredictionChange, ...]
    first_divergence: Divergence | None
    causes: tuple[Cause, ...]
    causes_missing: str | None
    """Why the chain could not be run, None where it was."""
    layers: tuple[LayerFidelity, ...]
    weights: tuple[WeightFidelity, ...]
    verdict: tuple[Judged, ...] | None
    """None: no thresholds were stated."""
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome | None:
        """The verdict in a word: ``"no evidence"`` where all that was measured holds, but shows nothing."""
        if self.verdict is None:
            return None
        if not all(row.holds for row in self.verdict):
            return "does not hold"
        return "holds" if all(row.evidence for row in self.verdict) else "no evidence"

    @property
    def ok(self) -> bool:
        """Whether every stated threshold holds, and there is evidence for it."""
        return self.outcome in (None, "holds")

    def cause(self, name: str) -> Cause:
        """Step of the chain by its name."""
        return next(row for row in self.causes if row.cause == name)

    def layer(self, name: str) -> LayerFidelity:
        """Row of one population."""
        return next(row for row in self.layers if row.node == name)

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/fidelity.schema.json``."""
        return {
            **header(SCHEMA),
            "target": {
                "name": self.target,
                "digest": self.target_digest,
                "not_verified": list(self.not_verified),
                "approximations": list(self.approximations),
            },
            "networks": {
                "float": self.float_digest,
                "integer": self.integer_digest,
                "semantics": list(self.semantics),
                **stated(self.origin),
                "quantized_from": self.parent,
            },
            "input": {
                "digest": self.input_digest,
                "labels_digest": self.labels_digest,
                "calibrated": None if self.calibrated is None else dataclasses.asdict(self.calibrated),
                "dt_s": self.dt,
                "steps": self.steps,
                "samples": self.samples,
                "distinct": self.distinct,
                "kind": self.input_kind,
                "bits": self.input_bits,
                "clipped": self.input_clipped,
                "zeroed": self.input_zeroed,
                "nonzero": self.input_nonzero,
                "sqnr_db": self.input_sqnr_db,
            },
            "readout": self.readout,
            "predictions": {
                "agree": _proportion(self.predictions),
                "classes_float": self.classes_float,
                "classes_integer": self.classes_integer,
                "ties_float": self.ties_float,
                "ties_integer": self.ties_integer,
            },
            "accuracy": self._accuracy(),
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "first_divergence": None if self.first_divergence is None else _divergence(self.first_divergence),
            "causes": [_cause(row) for row in self.causes],
            "causes_missing": self.causes_missing,
            "layers": [_layer(row) for row in self.layers],
            "weights": [_weights(row) for row in self.weights],
            "verdict": None if self.verdict is None else [_judged(row) for row in self.verdict],
            "outcome": self.outcome,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def _accuracy(self) -> dict[str, Any] | None:
        if self.accuracy_float is None or self.accuracy_integer is None or self.accuracy_change is None:
            return None
        change = self.accuracy_change
        return {
            "float": _proportion(self.accuracy_float),
            "integer": _proportion(self.accuracy_integer),
            "change": {
                "gained": change.gained,
                "lost": change.lost,
                "rate": _short(change.rate),
                "interval": [_short(edge) for edge in change.interval],
            },
        }

    def card(self) -> str:
        """One page of text for people."""
        from .card import card

        return card(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report as JSON, whole or not at all (LX002)."""
        return write_text(require_suffix(path, ".json"), readable_json(self.to_json()))


def _short(value: float | None) -> float | None:
    """Nine digits: far below the resolution of what is measured, far above the noise of the machine."""
    return None if value is None else float(f"{value:.9g}")


def _proportion(p: Proportion) -> dict[str, Any]:
    return {
        "count": p.count,
        "total": p.total,
        "rate": _short(p.rate),
        "interval": [_short(edge) for edge in p.interval],
    }


def _divergence(d: Divergence) -> dict[str, Any]:
    return {
        "node": d.node,
        "step": d.step,
        "sample": d.sample,
        "index": list(d.index),
        "v_float": _short(d.v_float),
        "v_integer": _short(d.v_integer),
        "threshold": _short(d.threshold),
    }


def _cause(row: Cause) -> dict[str, Any]:
    return {
        "cause": row.cause,
        "unchanged": row.unchanged,
        "predictions": _proportion(row.predictions),
        "accuracy": None if row.accuracy is None else _proportion(row.accuracy),
        "layers": [dataclasses.asdict(layer) for layer in row.layers],
    }


def _judged(row: Judged) -> dict[str, Any]:
    return {
        "name": row.name,
        "asked": row.asked,
        "measured": _short(row.measured),
        "node": row.node,
        "holds": row.holds,
        "unit": UNITS[row.name],
        "bound": _short(row.bound),
        "evidence": row.evidence,
    }


def _weights(row: WeightFidelity) -> dict[str, Any]:
    return {
        "node": row.node,
        "weights": row.weights,
        "bits": row.bits,
        "largest_code": row.largest_code,
        "sqnr_db": row.sqnr_db,
        "zeroed": row.zeroed,
        "saturated": row.saturated,
    }


def _word(row: WordFidelity) -> dict[str, Any]:
    return {
        "word": row.word,
        "rule": row.rule,
        "overflows": row.count,
        "judged": row.judged,
        "first": None if row.first is None else list(row.first),
    }


def _layer(row: LayerFidelity) -> dict[str, Any]:
    return {
        "node": row.node,
        "neurons": row.neurons,
        "state_bits": row.state_bits,
        "decay": {
            "bits": row.decay.bits,
            "index": list(row.decay.index),
            "trained": _short(row.decay.trained),
            "realised": _short(row.decay.realised),
            "tau_trained_s": _short(row.decay.tau_trained),
            "tau_realised_s": _short(row.decay.tau_realised),
        },
        "threshold": None
        if row.threshold is None
        else {
            "index": list(row.threshold.index),
            "trained": _short(row.threshold.trained),
            "realised": _short(row.threshold.realised),
        },
        "bias": None
        if row.bias is None
        else {
            "index": list(row.bias.index),
            "trained": _short(row.bias.trained),
            "realised": _short(row.bias.realised),
            "displacement": _short(row.bias.displacement),
        },
        "spikes": {
            "values": row.values,
            "float": row.spikes_float,
            "integer": row.spikes_integer,
            "coincident": row.spikes_coincident,
            "differing": row.spikes_differing,
            "agreement": _short(row.spike_agreement),
            "coincidence": _short(row.coincidence),
            "count_error": _short(row.count_error),
            "van_rossum": _short(row.van_rossum),
        },
        "membrane": {
            "sqnr_db": row.membrane_sqnr_db,
            "sqnr_local_db": row.membrane_sqnr_local_db,
            "overflows": next((word.count for word in row.words if word.word == "membrane"), 0),
        },
        "words": [_word(word) for word in row.words],
        "neurons_silent_float": row.silent_float,
        "neurons_silent_integer": row.silent_integer,
        "neurons_always_firing": row.always_firing,
    }
