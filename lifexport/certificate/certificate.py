"""The certificate of an integer network: what it can reach, as a value, as JSON, and as a page of text."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import frozen
from ..bounds import INT64, exact_kernels
from ..errors import RangeError
from ..files import readable_json, require_suffix, write_text
from ..network import IntNetwork
from ..neurons import IntLIF, Word
from ..schemas import header
from .analysis import Analysis, Reached, analyse, reached
from .interval_ops import Interval

SCHEMA = "lifexport.certificate/1"
WIDEST = Word.signed(32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounds:
    """Lowest and highest value of every neuron, read-only int64 arrays of the population's shape."""

    lo: np.ndarray
    hi: np.ndarray

    def __post_init__(self):
        for end in ("lo", "hi"):
            object.__setattr__(self, end, frozen(getattr(self, end), np.int64))

    @property
    def bits(self) -> np.ndarray:
        """Width of the two's complement number that holds a neuron's values."""
        largest = np.maximum(self.hi, -1 - self.lo).clip(0)
        return np.array([int(value).bit_length() + 1 for value in largest.flat]).reshape(largest.shape)

    def to_json(self) -> dict[str, list[int]]:
        """Flat lists, in C order."""
        return {"lo": self.lo.ravel().tolist(), "hi": self.hi.ravel().tolist()}


@dataclass(frozen=True, kw_only=True, eq=False)
class WordCertificate:
    """One overflow rule of a population, and what comes to it."""

    name: str
    """``membrane``, ``current``, ``sum`` of the inputs, ``drive``, ``increment``, or its ``leak``."""
    lo: int
    hi: int
    before: Bounds

    @property
    def safe(self) -> np.ndarray:
        """Neurons whose values this rule never changes."""
        return (self.before.lo >= self.lo) & (self.before.hi <= self.hi)


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationCertificate:
    """What the neurons of one population reach, for every input and every number of steps."""

    node: str
    word: Word
    """The membrane's."""
    before: Bounds
    """Membrane when its overflow rule acts, partial sums included."""
    v: Bounds
    """Membrane when it is compared with the threshold."""
    v_post: Bounds
    """Membrane after its reset."""
    currents: tuple[Bounds, ...]
    spikes: Bounds
    """Spikes of one step."""
    words: tuple[WordCertificate, ...]
    """Every overflow rule of a step."""
    largest_sum: int
    """Largest magnitude of any number that a step forms."""
    largest_product: int
    """Largest magnitude of any product in a step, before it is shifted."""
    safe_bits: int | None
    """Smallest width of a two's complement membrane that never overflows; None if 32 bits are not enough."""
    summed: bool | None
    """Inputs taken one by one may as well be summed: no overflow acts between them. None where they are summed."""

    @property
    def safe(self) -> np.ndarray:
        """Neurons in which no overflow rule ever acts."""
        return np.logical_and.reduce([word.safe for word in self.words])

    @property
    def silent(self) -> np.ndarray:
        """Neurons that never fire."""
        return self.spikes.hi == 0

    @property
    def sum_bits(self) -> int:
        """Width that holds every number of a step."""
        return self.largest_sum.bit_length() + 1

    @property
    def product_bits(self) -> int:
        """Width that holds every product of a step."""
        return self.largest_product.bit_length() + 1

    @property
    def headroom_bits(self) -> int | None:
        """Bits of the membrane's word beyond what is needed; negative where it may overflow, None as ``safe_bits``."""
        return None if self.safe_bits is None else self.word.bits - self.safe_bits

    def to_json(self) -> dict[str, Any]:
        """An entry of ``populations`` in ``schemas/certificate.schema.json``."""
        return {
            "node": self.node,
            "shape": list(self.v.lo.shape),
            "word": {"lo": self.word.lo, "hi": self.word.hi, "overflow": self.word.overflow, "bits": self.word.bits},
            "before": self.before.to_json(),
            "v": self.v.to_json(),
            "v_post": self.v_post.to_json(),
            "currents": [current.to_json() for current in self.currents],
            "spikes": self.spikes.to_json(),
            "words": [
                {
                    "name": word.name,
                    "lo": word.lo,
                    "hi": word.hi,
                    "before": word.before.to_json(),
                    "safe": word.safe.ravel().tolist(),
                }
                for word in self.words
            ],
            "safe": self.safe.ravel().tolist(),
            "silent": self.silent.ravel().tolist(),
            "needed_bits": self.before.bits.ravel().tolist(),
            "safe_bits": self.safe_bits,
            "headroom_bits": self.headroom_bits,
            "sum": {"largest": self.largest_sum, "bits": self.sum_bits},
            "product": {"largest": self.largest_product, "bits": self.product_bits},
            "summed": self.summed,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class ConnectionCertificate:
    """What one connection delivers."""

    node: str
    delivers: Bounds
    partial: np.ndarray
    """Largest magnitude of any partial sum of an output, in any order of summation, before shifts; int64."""
    kernels: tuple[str, ...]
    """Number formats that carry the product exactly, ``bounds.exact_kernels``."""

    @property
    def partial_bits(self) -> int:
        """Width of an accumulator that holds every partial sum."""
        return int(self.partial.max()).bit_length() + 1

    def to_json(self) -> dict[str, Any]:
        """An entry of ``connections`` in ``schemas/certificate.schema.json``."""
        return {
            "node": self.node,
            "shape": list(self.partial.shape),
            "delivers": self.delivers.to_json(),
            "partial": {
                "each": self.partial.ravel().tolist(),
                "largest": int(self.partial.max()),
                "bits": self.partial_bits,
            },
            "kernels": list(self.kernels),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """Bounds of everything an integer network forms, from its initial state on.

    They hold for every sequence of inputs that ``IntNetwork.check_codes`` admits, of any length. A run that continues
    from a state of another run of the network is covered; one that is given any other state is not.
    """

    network: str
    """Digest of the network."""
    target: str
    target_digest: str
    populations: dict[str, PopulationCertificate]
    connections: dict[str, ConnectionCertificate]

    @property
    def safe(self) -> bool:
        """Whether no overflow rule ever acts, in any neuron."""
        return all(bool(population.safe.all()) for population in self.populations.values())

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/certificate.schema.json``; integers are exact."""
        return {
            **header(SCHEMA),
            "network": {"digest": self.network},
            "target": {"name": self.target, "digest": self.target_digest},
            "safe": self.safe,
            "populations": [population.to_json() for population in self.populations.values()],
            "connections": [connection.to_json() for connection in self.connections.values()],
        }

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the certificate as JSON, whole or not at all (LX002)."""
        return write_text(require_suffix(path, ".json"), readable_json(self.to_json()))

    def __str__(self) -> str:
        lines = [
            f"certificate of network {self.network[:16]} on target {self.target}: every input, any number of steps"
        ]
        for p in self.populations.values():
            safe, n, (lo, hi) = int(p.safe.sum()), p.safe.size, (int(p.before.lo.min()), int(p.before.hi.max()))
            needed = "more than 32 bits" if p.safe_bits is None else f"{p.safe_bits} bits"
            lines += [
                f"{p.node}: {safe} of {n} neurons cannot overflow, {int(p.silent.sum())} never fire",
                f"  membrane {lo}..{hi} before overflow; word {p.word.lo}..{p.word.hi} ({p.word.overflow}),"
                f" {p.word.bits} bits; safe with {needed}",
                f"  sums {p.sum_bits} bits, products {p.product_bits} bits"
                + ("" if p.summed is None else "; inputs one by one equal their sum" if p.summed else ""),
            ]
            lines += [
                f"  {word.name} {word.lo}..{word.hi} may overflow in {int((~word.safe).sum())} neurons"
                for word in p.words
                if not word.safe.all()
            ]
        lines += [
            f"{c.node}: delivers {int(c.delivers.lo.min())}..{int(c.delivers.hi.max())}, accumulator {c.partial_bits}"
            f" bits in any order, exact in {', '.join(c.kernels) or 'int64 only'}"
            for c in self.connections.values()
        ]
        return "\n".join(lines)


def certify(network: IntNetwork) -> Certificate:
    """Prove what an integer network can reach, whatever its input and however long it runs.

    Interval analysis of the very step that simulators run: of every neuron the smallest intervals of membrane and
    currents that are found to hold what the first step leads to and that no step leaves. Nothing is sampled.

    Parameters
    ----------
    network : IntNetwork

    Returns
    -------
    Certificate

    Raises
    ------
    RangeError
        LX302 for numbers beyond int64, and for a state that no bound holds.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import IntLIF, Leak, Rules, Word
    >>> from lifexport.nodes import InputCode, IntDense, IntInput, Output
    >>> rules = Rules(membrane=Word.signed(8), leak=Leak(bits=2))
    >>> lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=7, reset_code=7, unit=Fraction(1))
    >>> nodes = {
    ...     "in": IntInput(shape=(2,), code=InputCode(kind="spikes")),
    ...     "fc": IntDense(weight=np.array([[2, -1]])),
    ...     "lif": lif,
    ...     "out": Output(shape=(1,)),
    ... }
    >>> q = IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> found = certify(q).populations["lif"]
    >>> found.v.lo.tolist(), found.v.hi.tolist(), found.safe_bits, found.silent.tolist()
    ([-4], [5], 4, [True])
    """
    analysis = analyse(network)
    return Certificate(
        network=network.digest(),
        target=network.target,
        target_digest=network.target_digest,
        populations={name: _population(network, name, analysis) for name in network.populations},
        connections={name: _connection(network, name, analysis) for name in network.connections},
    )


def _bounds(x: Interval) -> Bounds:
    return Bounds(lo=x.lo, hi=x.hi)


def _connection(network: IntNetwork, name: str, analysis: Analysis) -> ConnectionCertificate:
    reach, given = analysis.connections[name], analysis.inputs[name]
    largest = max(-int(given.lo.min()), int(given.hi.max()))
    return ConnectionCertificate(
        node=name,
        delivers=Bounds(lo=reach.lo, hi=reach.hi),
        partial=frozen(reach.partial, np.int64),
        kernels=exact_kernels(network.nodes[name], largest, int(reach.partial.max())),
    )


def _population(network: IntNetwork, name: str, analysis: Analysis) -> PopulationCertificate:
    node, found = network.nodes[name], analysis.populations[name]
    words = _words(found, node)
    membrane = next(word for word in words if word.name == "membrane")
    return PopulationCertificate(
        node=name,
        word=node.rules.membrane,
        before=membrane.before,
        v=_bounds(found.v),
        v_post=_bounds(found.v_post),
        currents=tuple(_bounds(current) for current in found.state.current),
        spikes=_bounds(found.spikes),
        words=words,
        largest_sum=found.ops.sums,
        largest_product=found.ops.products,
        safe_bits=_safe_bits(node, membrane, found),
        summed=not found.ops.events_overflow.any() if node.per_event else None,
    )


def _words(found: Reached, node: IntLIF) -> tuple[WordCertificate, ...]:
    def whole(end: np.ndarray) -> np.ndarray:
        return np.broadcast_to(end, node.shape)

    return tuple(
        WordCertificate(name=name, lo=came.least, hi=came.most, before=Bounds(lo=whole(came.lo), hi=whole(came.hi)))
        for name, came in found.ops.words.items()
    )


def _safe_bits(node: IntLIF, membrane: WordCertificate, found: Reached) -> int | None:
    """Bits with which the membrane never overflows: where it may, it is analysed again in the widest word."""
    if not membrane.safe.all():
        wide = replace(node, rules=replace(node.rules, membrane=WIDEST))
        if wide.reset_bound() << node.rules.leak.bits > INT64:
            return None
        try:
            found = reached(wide, found.arriving, found.initial)
        except RangeError:
            return None
        membrane = next(word for word in _words(found, wide) if word.name == "membrane")
    return int(membrane.before.bits.max()) if membrane.safe.all() else None
