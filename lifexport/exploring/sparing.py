"""Which layer loses it: every one quantized alone, and every one left as trained in an integer network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..fidelity.statistics import Proportion
from ..network import FloatNetwork
from ..quantization import quantize
from ..quantspec import QuantSpec
from ..targets import Target
from .hybrid import Hybrid
from .trial import make_task


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a network with some layers in integers predicts.

    Parameters
    ----------
    accuracy : Proportion or None
        None without labels.
    same : Proportion
        Samples with the prediction of the trained network.
    coincidence : float or None
        ``2 * common / (float + this)`` spikes of the output; None if it never spikes.
    """

    accuracy: Proportion | None
    same: Proportion
    coincidence: float | None

    @property
    def rate(self) -> float:
        """Accuracy, or without labels the share of unchanged predictions."""
        return (self.accuracy or self.same).rate


@dataclass(frozen=True, kw_only=True)
class LayerSensitivity:
    """One population with the weights that feed it."""

    node: str
    alone: Effect
    """Only this layer in integers."""
    spared: Effect
    """Only this layer as trained."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What every layer costs, most sensitive first.

    Parameters
    ----------
    trained, integer : Effect
        No layer, and every layer in integers; delivered when they were in training.
    layers : tuple of LayerSensitivity
        By what the layer alone loses; where that is equal, by what sparing it wins back.
    """

    target: str
    trained: Effect
    integer: Effect
    layers: tuple[LayerSensitivity, ...]

    def table(self) -> str:
        """Text for people."""
        rows = [("layer", "only it quantized", "only it as trained")]
        rows += [(row.node, f"{row.alone.rate:.2%}", f"{row.spared.rate:.2%}") for row in self.layers]
        widths = [max(len(cells[i]) for cells in rows) for i in range(3)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows]
        what = "accuracy" if self.trained.accuracy else "agreement with the trained network"
        ends = f"{what}: trained {self.trained.rate:.2%}, all layers in integers {self.integer.rate:.2%}"
        return "\n".join([ends, *lines]) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Plain values of everything."""
        return {
            "target": self.target,
            "trained": _effect(self.trained),
            "integer": _effect(self.integer),
            "layers": [
                {"node": row.node, "alone": _effect(row.alone), "spared": _effect(row.spared)} for row in self.layers
            ],
        }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "right": None if effect.accuracy is None else effect.accuracy.count,
        "same": effect.same.count,
        "samples": effect.same.total,
        "coincidence": effect.coincidence,
    }


def sensitivity(
    f: FloatNetwork,
    target: str | os.PathLike[str] | Target,
    x: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    spec: QuantSpec | None = None,
) -> Sensitivity:
    """Quantize every layer alone, and spare every layer alone.

    Parameters
    ----------
    f : FloatNetwork
    target : str, path or Target
    x : array, shape ``(time, batch, *features)``
        Real inputs to measure on.
    labels : int array, shape ``(batch,)``, optional
    calibration : array, optional
        Inputs for ``quantize``; ``x`` by default.
    spec : QuantSpec, optional
        Choices of the quantization.

    Returns
    -------
    Sensitivity

    Raises
    ------
    LifexportError
        What ``quantize`` refuses; LX205, LX301 for unusable inputs.

    Notes
    -----
    A mixed network is run step by step (``Hybrid``): a layer in integers has its own state, roundings and overflows,
    and hands its spikes to layers as trained, which hand theirs back.
    """
    task = make_task(f, target, x, labels, calibration)
    q = quantize(f, target, calibration=task.x if calibration is None else calibration, spec=spec)
    names = [*f.populations]
    trained = Hybrid(f, q, ())
    reference = trained.run(task.x)[f.readout_name]

    def effect(integers: list[str]) -> Effect:
        hybrid = Hybrid(f, q, integers)
        spikes = hybrid.run(task.x)[f.readout_name]
        predicted, total = hybrid.prediction().labels, task.x.shape[1]
        right = None if task.labels is None else int((predicted == task.labels).sum())
        both = int(np.minimum(reference, spikes).sum()), int((reference + spikes).sum())
        return Effect(
            accuracy=None if right is None else Proportion(count=right, total=total),
            same=Proportion(count=int((predicted == task.predicted).sum()), total=total),
            coincidence=2 * both[0] / both[1] if both[1] else None,
        )

    rows = [
        LayerSensitivity(node=name, alone=effect([name]), spared=effect([other for other in names if other != name]))
        for name in names
    ]
    rows.sort(key=lambda row: (row.alone.rate, -row.spared.rate))
    return Sensitivity(target=q.target, trained=effect([]), integer=effect(names), layers=tuple(rows))
