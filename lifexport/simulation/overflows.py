"""How often the overflow rule of every word of a population acted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from .. import ops
from ..network import IntNetwork
from ..neurons import Arriving, LIFState
from ..neurons.named import named_words
from ..ops import CountingOps


@dataclass(frozen=True, kw_only=True)
class Overflow:
    """What the overflow rule of one word did in a run.

    Parameters
    ----------
    count : int
        Steps in which it changed a number, of every neuron and sample. A neuron counts once a step, however often the
        step fits a number into the word: where inputs are added one by one, each of them is judged.
    judged : int
        Neurons times steps times samples.
    rule : ``"saturate"`` | ``"wrap"`` | ``"wrap_once"``
    first : tuple of int, optional
        Step, sample and neuron where it acted first, if the simulator tells (the reference does); runs of different
        simulators are equal without it.

    Examples
    --------
    >>> Overflow(count=3, judged=12, rule="wrap").rate
    0.25
    """

    count: int
    judged: int
    rule: ops.Overflow
    first: tuple[int, ...] | None = field(default=None, compare=False)

    @property
    def rate(self) -> float:
        """Share of ``judged`` in which it acted."""
        return self.count / self.judged if self.judged else 0.0

    @property
    def wraps(self) -> bool:
        """Whether what leaves the word comes back at its other end, instead of staying at this one."""
        return self.rule != "saturate"

    def plus(self, other: Overflow) -> Overflow:
        """Both runs together; ``first`` is that of the earlier one."""
        first = self.first if self.first is not None else other.first
        return Overflow(count=self.count + other.count, judged=self.judged + other.judged, rule=self.rule, first=first)


Words = dict[str, Overflow]
"""Overflow of every word of a population, by the word's name."""


def tally(
    network: IntNetwork,
    counts: Mapping[str, Mapping[str, int]],
    steps: int,
    first: Mapping[str, Mapping[str, tuple[int, ...]]] | None = None,
) -> dict[str, Words]:
    """Overflows of every population from what a simulator counted.

    Parameters
    ----------
    network : IntNetwork
    counts : mapping from population to mapping from word to int
        How often each rule acted; a word that is not there did not.
    steps : int
        Time steps times samples.
    first : mapping from population to mapping from word to tuple of int, optional
        As in ``Overflow``.
    """
    firsts = first or {}
    return {
        name: {
            word: Overflow(
                count=int(counts.get(name, {}).get(word, 0)),
                judged=math.prod(network.nodes[name].shape) * steps,
                rule=rule,
                first=firsts.get(name, {}).get(word),
            )
            for word, rule in words.items()
        }
        for name, words in _words(network).items()
    }


@lru_cache(maxsize=16)
def _words(network: IntNetwork) -> dict[str, dict[str, ops.Overflow]]:
    """Words of every population, and their rules; a step of zeros names them."""
    found = {}
    for name, node in network.populations.items():
        counting, zeros = CountingOps(), np.zeros((1, *node.shape), np.int64)
        state = _zeros(node.initial_state(), zeros)
        named_words(node).step(counting, state, Arriving(((zeros,),) * node.synapses))
        found[name] = counting.rules
    return found


def _zeros(state: LIFState, zeros: np.ndarray) -> LIFState:
    """A state of one sample, of zeros."""
    waiting = None if state.waiting is None else zeros
    return LIFState(zeros, (zeros,) * len(state.current), waiting)
