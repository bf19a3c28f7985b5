"""Units under which a network's own calibration data fits into every word of its chip.

A sum, current or drive that leaves its word is clipped, or comes back at the other end, which training knows nothing
of. The unit of a layer's potentials is doubled until that no longer happens: weights then reach the membrane with a
smaller shift, and lose nothing. A membrane that saturates is left alone: its range is a choice of its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from ..certificate import analyse
from ..errors import RangeError
from ..findings import Finding
from ..network import IntNetwork
from ..nodes import IntWeights
from ..simulation import simulate
from ..simulation.overflows import Overflow

AT_ONCE = 200_000_000
"""Products of weights and inputs, zeros included, that the reference runs in about a second."""


class Movable(Protocol):
    """A layer whose unit can be made coarser."""

    def coarser(self) -> Mapping[str, object] | None:
        """Its nodes, of twice the unit from now on; None if that would cost more than it gives."""
        ...


def fit(q: IntNetwork, layers: Mapping[str, Movable], x: np.ndarray | None) -> tuple[IntNetwork, tuple[Finding, ...]]:
    """Network whose calibration fits, as far as that can be, and what does not (LX214).

    Parameters
    ----------
    q : IntNetwork
    layers : mapping from population to layer
    x : array, shape ``(time, batch, *features)``, or None
        Calibration data.
    """
    if x is None or not _may_overflow(q):
        return q, ()
    codes = q.encode(x).codes
    codes = np.concatenate([codes, np.zeros_like(codes[:1]).repeat(q.latency, axis=0)])
    some = max(1, AT_ONCE // (len(codes) * _products(q)))
    q = _coarser(q, layers, codes[:, :some])
    if some < codes.shape[1]:
        q = _coarser(q, layers, codes)
    return q, tuple(_findings(overflowing(q, codes)))


def _coarser(q: IntNetwork, layers: Mapping[str, Movable], codes: np.ndarray) -> IntNetwork:
    """Layers made coarser from the first to the last: what one sends on depends on the one before."""
    fixed: set[str] = set()
    while left := [name for name in overflowing(q, codes) if name not in fixed]:
        nodes = layers[left[0]].coarser()
        if nodes is None:
            fixed.add(left[0])
        else:
            q = dataclasses.replace(q, nodes={**q.nodes, **nodes})
    return q


def overflowing(q: IntNetwork, codes: np.ndarray) -> dict[str, dict[str, Overflow]]:
    """Words that numbers leave on some codes, by population in order; membranes that saturate are not told."""
    small = codes.shape[0] * codes.shape[1] * _products(q) <= AT_ONCE
    trace = simulate(q, codes, record=("overflows",), backend="reference" if small else "auto")
    found = {
        name: {word: o for word, o in words.items() if o.count and _matters(word, o.rule)}
        for name, words in trace.overflows.items()
    }
    return {name: words for name, words in found.items() if words}


def _matters(word: str, rule: str) -> bool:
    return word != "membrane" or rule != "saturate"


def _may_overflow(q: IntNetwork) -> bool:
    """Whether the certificate leaves room for an overflow that matters."""
    rules = {name: node.rules for name, node in q.populations.items()}
    if not any(r.current or r.sum_word or r.membrane.overflow != "saturate" for r in rules.values()):
        return False
    try:
        reached = analyse(q).populations
    except RangeError:
        return True  # nothing bounds its numbers
    return any(
        (np.any(came.lo < came.least) or np.any(came.hi > came.most))
        for name, found in reached.items()
        for word, came in found.ops.words.items()
        if _matters(word, rules[name].membrane.overflow)
    )


def _products(q: IntNetwork) -> int:
    weighted = (node for node in q.connections.values() if isinstance(node, IntWeights))
    return max(1, sum(math.prod(node.out_shape) * node.weight[0].size for node in weighted))


def _findings(found: Mapping[str, Mapping[str, Overflow]]) -> Iterator[Finding]:
    for name, words in found.items():
        for word, o in words.items():
            text = f"{o.count} of {o.judged} neurons and steps of the calibration ({100 * o.rate:.3g} %) "
            text += "wrap" if o.wraps else "are clipped"
            fix = "use a larger membrane_range, fewer weight_bits, or weaker inputs"
            yield Finding(code="LX214", node=name, field=word, found=text, fix=fix)
