"""One sample run by both networks, every membrane kept: what the pictures show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..fidelity.report import FidelityReport
from ..fidelity.running import aligned, behind, padded
from ..network import FloatNetwork, IntNetwork
from ..simulation import simulate

MOST_NEURONS = 200
"""Rows of a raster; of more neurons so many are shown, spread evenly."""


@dataclass(frozen=True, kw_only=True)
class LayerRun:
    """One population in one sample; arrays ``(time, neurons)``, space flattened.

    Membranes are in volt, of both networks; ``watched`` is the neuron whose membrane is shown.
    """

    node: str
    spikes_float: np.ndarray
    spikes_integer: np.ndarray
    v_float: np.ndarray
    v_integer: np.ndarray
    threshold: np.ndarray | None
    """By neuron, as trained; None for neurons that never spike."""
    threshold_integer: np.ndarray | None
    watched: int
    index: tuple[int, ...]
    """Position of the watched neuron in the population."""

    @property
    def shown(self) -> np.ndarray:
        """Neurons that a raster shows."""
        return spread(self.spikes_float.shape[1], self.watched)


@dataclass(frozen=True, kw_only=True)
class SampleRun:
    """One sample of the batch, as ``compare`` aligns it.

    Parameters
    ----------
    sample : int
        Its number.
    inputs, coded : float64 array, shape ``(time, inputs)``
        Real inputs, and the real numbers their codes stand for; space flattened.
    label_float, label_integer : int
        Predicted class.
    layers : tuple of LayerRun
    """

    sample: int
    inputs: np.ndarray
    coded: np.ndarray
    label_float: int
    label_integer: int
    layers: tuple[LayerRun, ...]

    def layer(self, node: str) -> LayerRun:
        """What one population did."""
        return next(layer for layer in self.layers if layer.node == node)


def spread(neurons: int, wanted: int | None = None) -> np.ndarray:
    """At most ``MOST_NEURONS`` neurons, spread evenly, ``wanted`` among them.

    Examples
    --------
    >>> spread(3).tolist(), len(spread(1000)), 7 in spread(1000), 7 in spread(1000, 7)
    ([0, 1, 2], 200, False, True)
    """
    rows = np.linspace(0, neurons - 1, min(neurons, MOST_NEURONS)).round().astype(np.int64)
    if wanted is not None:
        rows[np.abs(rows - wanted).argmin()] = wanted
    return rows


def run_sample(f: FloatNetwork, q: IntNetwork, x: np.ndarray, report: FidelityReport) -> SampleRun:
    """Run the sample of the first divergence, or the first one, alone.

    The integer values are those that ``compare`` saw. A trained membrane may differ from the one it saw by float64's
    rounding, for the sums of a whole batch are formed in another order.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
    x : float array, shape ``(time, batch, *features)``
    report : FidelityReport
        Of the same networks and inputs.
    """
    first = report.first_divergence
    sample = 0 if first is None else first.sample
    part = x[:, sample : sample + 1].astype(np.float64)
    codes = q.encode(part).codes
    lags = {name: behind(f, q, name) for name in f.populations}
    exact = simulate(f, part, record=("v", "spikes"))
    chip = simulate(q, padded(codes, lags), record=("v", "spikes"), backend="reference")
    realised = aligned(f, q, chip, lags, len(x))
    layers = []
    for name, node in f.populations.items():
        integers = q.nodes[name]
        rows = [a[:, 0].reshape(len(x), -1) for a in (exact.spikes[name], realised.spikes[name], exact.v[name])]
        v_integer = (realised.v[name] * integers.volt + node.v_rest)[:, 0].reshape(len(x), -1)
        if first is not None and first.node == name:
            watched = int(np.ravel_multi_index(first.index, node.shape)) if node.shape else 0
        else:
            watched = _watched(rows[0], rows[1])
        threshold = None
        realised_threshold = None
        if node.spiking:
            threshold = node.v_threshold.ravel()
            realised_threshold = (integers.fires_at()[0] * integers.volt + node.v_rest).ravel()
        index = tuple(int(i) for i in np.unravel_index(watched, node.shape)) if node.shape else ()
        layers.append(
            LayerRun(
                node=name,
                spikes_float=rows[0],
                spikes_integer=rows[1],
                v_float=rows[2],
                v_integer=v_integer,
                threshold=threshold,
                threshold_integer=realised_threshold,
                watched=watched,
                index=index,
            )
        )
    return SampleRun(
        sample=sample,
        inputs=part[:, 0].reshape(len(x), -1),
        coded=codes[:, 0].reshape(len(x), -1) * float(q.input_code.unit),
        label_float=int(exact.prediction.labels[0]),
        label_integer=int(realised.prediction.labels[0]),
        layers=tuple(layers),
    )


def _watched(a: np.ndarray, b: np.ndarray) -> int:
    """The neuron whose trains differ most, of those the most active."""
    differing, active = (a != b).sum(axis=0), (a + b).sum(axis=0, dtype=np.int64)
    return int(np.lexsort((active, differing))[-1])
