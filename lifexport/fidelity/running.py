"""Both networks run side by side, some samples at a time, and what differed added up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import LifexportError
from ..network import FloatNetwork, IntNetwork
from ..neurons.membrane import Spiking
from ..readout import leaving
from ..simulation import Trace, simulate
from ..simulation.overflows import Words
from ..simulation.run import Backend
from .alone import alone
from .causes import Chain
from .report import Divergence
from .statistics import Noise
from .trains import van_rossum

VALUES_AT_ONCE = 4_000_000
"""Membrane values of the whole network that are held at a time: bounds memory, changes no result."""


@dataclass
class LayerSums:
    """What one population did, summed over all samples so far."""

    accumulated: Noise = field(default_factory=Noise)
    local: Noise = field(default_factory=Noise)
    spikes_float: int = 0
    spikes_integer: int = 0
    coincident: int = 0
    differing: int = 0
    values: int = 0
    count_difference: int = 0
    words: Words = field(default_factory=dict)
    """Overflow of every word; ``first`` is told of those that wrap."""
    van_rossum: float = 0.0
    """Sum over neurons and samples."""
    fired_float: Any = 0
    """Spikes per neuron."""
    fired_integer: Any = 0


@dataclass
class Sums:
    """What the two networks did, summed over all samples so far."""

    layers: dict[str, LayerSums]
    labels_float: list[np.ndarray] = field(default_factory=list)
    labels_integer: list[np.ndarray] = field(default_factory=list)
    ties_float: int = 0
    ties_integer: int = 0
    clipped: int = 0
    zeroed: int = 0
    """Inputs that are not zero and whose code is."""
    nonzero: int = 0
    input: Noise = field(default_factory=Noise)
    first: Divergence | None = None
    chain: Chain | None = None
    chain_missing: str | None = None


def run_both(f: FloatNetwork, q: IntNetwork, x: np.ndarray, backend: Backend) -> Sums:
    """Run float and integer network on the same real inputs.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
        Trained, and quantized from it.
    x : array, shape ``(time, batch, *features)``
        Real inputs.
    backend : str
        Simulator of the integer network.
    """
    sums = Sums({name: LayerSums() for name in f.populations})
    order = {name: i for i, name in enumerate(f.populations)}
    lags = {name: behind(f, q, name) for name in f.populations}
    try:
        sums.chain = Chain(f, q, lambda trace: aligned(f, q, trace, lags, len(x)))
    except LifexportError as refused:
        sums.chain_missing = str(refused)
    for start, part in _parts(f, x):
        encoded = q.encode(part)
        exact = simulate(f, part, record=("v", "spikes"))
        codes = padded(encoded.codes, lags)
        ran = _with_first_wraps(q, codes, simulate(q, codes, record=RECORD, backend=backend), sums, start)
        realised = aligned(f, q, ran, lags, len(x))
        sums.clipped += encoded.clipped
        sums.zeroed += int(((part != 0) & (encoded.codes == 0)).sum())
        sums.nonzero += int((part != 0).sum())
        sums.input.add(part, encoded.codes * float(q.input_code.unit))
        for trace, labels in ((exact, sums.labels_float), (realised, sums.labels_integer)):
            labels.append(trace.prediction.labels)
        sums.ties_float += exact.prediction.ties
        sums.ties_integer += realised.prediction.ties
        first = _first_divergence(f, q, exact, realised, start)
        # Samples come in order: of two at the same step and layer the one found before is the first.
        sums.first = min((d for d in (sums.first, first) if d), key=lambda d: (d.step, order[d.node]), default=None)
        for name, layer in sums.layers.items():
            _add(layer, f, q, name, exact, realised)
            own = alone(f, q, name, encoded.codes, exact)
            layer.local.add(_from_rest(f, name, exact), _volts(q, name, own))
        if sums.chain is not None:
            sums.chain.add(part.astype(np.float64), encoded.codes, codes, exact, realised)
    return sums


RECORD = ("v", "spikes", "overflows")


def _with_first_wraps(q: IntNetwork, codes: np.ndarray, ran: Trace, sums: Sums, start: int) -> Trace:
    """The run with the place of the first number of every word that wrapped and had not before.

    The reference alone tells places, and is run for them. ``start`` is the index of the run's first sample.
    """

    def unknown(name: str, word: str) -> bool:
        known = sums.layers[name].words.get(word)
        return ran.overflows[name][word].wraps and bool(ran.overflows[name][word].count) and not (known and known.first)

    new = {name: [word for word in words if unknown(name, word)] for name, words in ran.overflows.items()}
    if not any(new.values()):
        return ran
    told = simulate(q, codes, record=("overflows",), backend="reference").overflows
    overflows = {name: dict(words) for name, words in ran.overflows.items()}
    for name, words in new.items():
        for word in words:
            place = told[name][word].first
            assert place is not None
            step, sample, *neuron = place
            overflows[name][word] = dataclasses.replace(
                ran.overflows[name][word], first=(step, start + sample, *neuron)
            )
    return dataclasses.replace(ran, overflows=overflows)


def padded(codes: np.ndarray, lags: dict[str, tuple[int, int]]) -> np.ndarray:
    """As many more steps without input as the last spikes need to arrive."""
    more = max(spikes for _, spikes in lags.values())
    return np.concatenate([codes, np.zeros_like(codes[:1]).repeat(more, axis=0)])


def aligned(f: FloatNetwork, q: IntNetwork, trace: Trace, lags: dict[str, tuple[int, int]], steps: int) -> Trace:
    """The run as it would be if every population were as early as the trained one."""
    v = {name: rows[lags[name][0] :][:steps] for name, rows in trace.v.items()}
    spikes = {name: rows[lags[name][1] :][:steps] for name, rows in trace.spikes.items()}
    output = leaving(spikes[q.readout_name], f.output_edge.delay)
    return dataclasses.replace(trace, v=v, spikes=spikes, output=output, output_v=v[q.readout_name])


def behind(f: FloatNetwork, q: IntNetwork, name: str) -> tuple[int, int]:
    """Steps by which the membranes, and the spikes, of an integer population come later than the trained ones."""
    lag = q.lateness[name] - f.lateness[name]
    return lag, lag + q.nodes[name].latency


def _parts(f: FloatNetwork, x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Slices of the batch small enough to record every membrane."""
    one = len(x) * sum(int(np.prod(node.shape)) for node in f.populations.values())
    size = max(1, VALUES_AT_ONCE // one)
    for start in range(0, x.shape[1], size):
        yield start, x[:, start : start + size]


def _add(layer: LayerSums, f: FloatNetwork, q: IntNetwork, name: str, exact: Trace, realised: Trace) -> None:
    a, b = exact.spikes[name], realised.spikes[name]
    layer.accumulated.add(_from_rest(f, name, exact), _volts(q, name, realised.v[name]))
    layer.spikes_float += int(a.sum(dtype=np.int64))
    layer.spikes_integer += int(b.sum(dtype=np.int64))
    layer.coincident += int(np.minimum(a, b).sum(dtype=np.int64))
    layer.differing += int((a != b).sum())
    layer.values += a.size
    layer.count_difference += int(np.abs(a.sum(axis=0, dtype=np.int64) - b.sum(axis=0, dtype=np.int64)).sum())
    layer.van_rossum += float(van_rossum(a, b).sum())
    for word, found in realised.overflows[name].items():
        layer.words[word] = layer.words[word].plus(found) if word in layer.words else found
    layer.fired_float = layer.fired_float + a.sum(axis=(0, 1), dtype=np.int64)
    layer.fired_integer = layer.fired_integer + b.sum(axis=(0, 1), dtype=np.int64)


def _from_rest(f: FloatNetwork, name: str, trace: Trace) -> np.ndarray:
    """Membrane of the float network measured from rest, volt: what the noise is held against."""
    return trace.v[name] - f.nodes[name].v_rest


def _volts(q: IntNetwork, name: str, codes: np.ndarray) -> np.ndarray:
    return codes * q.nodes[name].volt


def _first_divergence(f: FloatNetwork, q: IntNetwork, exact: Trace, realised: Trace, start: int) -> Divergence | None:
    found = None
    for name, node in f.populations.items():
        if not isinstance(node, Spiking):
            continue
        differs = exact.spikes[name] != realised.spikes[name]
        steps = differs.reshape(len(differs), -1).any(axis=1)
        if not steps.any() or (found and int(steps.argmax()) >= found.step):
            continue
        step = int(steps.argmax())
        sample, *index = (int(i) for i in np.argwhere(differs[step])[0])
        where = (step, sample, *index)
        rest = float(node.v_rest[tuple(index)])
        found = Divergence(
            node=name,
            step=step,
            sample=start + sample,
            index=tuple(index),
            v_float=float(exact.v[name][where]),
            v_integer=float((_volts(q, name, realised.v[name]))[where]) + rest,
            threshold=float(node.v_threshold[tuple(index)]),
        )
    return found
