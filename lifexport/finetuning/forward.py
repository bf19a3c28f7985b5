"""A run in integers that can be differentiated: the simulator forward, ``backward.py`` back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..network import IntNetwork
from ..simulation.chunks import run_chunks
from ..simulation.layerwise import Keep, Ran
from ..simulation.stepwise import initial_state
from .backward import Kept, Settings, backward, needed
from .numbers import Numbers

ROWS = 2048
"""Time steps times samples that are run at a time; measured, ``benchmarks/training.py``."""


class Ints(NamedTuple):
    """Integers of a run, by population, over all steps; no gradients flow through them."""

    spikes: Mapping[str, Any]
    v: Mapping[str, Any]


class Output(NamedTuple):
    """What a run gives."""

    spikes: Any
    """Of the last population as they leave, float32 of shape ``(time, batch, *classes)``."""
    v: Any
    """Its membranes before reset, at its own steps, in codes, float32."""
    ints: Ints


class Forward:
    """Runs a network with traced codes.

    Parameters
    ----------
    numbers : Numbers
    envelope : IntNetwork
        With the largest numbers that training can reach; the network that is run, but for what is traced.
    kernels : mapping from connection to type
        What carries its product.
    settings : Settings
    """

    def __init__(self, numbers: Numbers, envelope: IntNetwork, kernels: Mapping[str, type], settings: Settings):
        self.numbers, self.network, self.kernels, self.settings = numbers, envelope, kernels, settings
        self.in_order = tuple(name for name, node in envelope.populations.items() if node.per_event)
        run: Any = jax.custom_vjp(lambda weights, given, codes: self._output(self._ran(weights, given, codes)))
        run.defvjp(self._forward, self._backward)
        self.run = run

    def _ran(self, weights, given, codes, began: bool = False) -> Ran:
        start = initial_state(self.network, codes.shape[1])
        carried = jax.tree.map(lambda a: jnp.asarray(a, jnp.int32), start.populations)
        delayed = {str(edge): jnp.asarray(queue, jnp.int32) for edge, queue in start.delayed.items()}
        return run_chunks(
            self.network,
            Keep(spikes=True, v=True, current=False, count=False, began=began),
            {name: codes.astype(self.kernels[name]) for name, codes in weights.items()},
            codes,
            carried,
            delayed,
            rows=ROWS,
            numbers=self.numbers.constants(given),
            in_order=self.in_order,
        )

    def _output(self, ran: Ran) -> Output:
        last = self.network.readout_name
        leaving = ran.spikes[last] if ran.late is None else ran.late
        spikes, v = leaving.astype(jnp.float32), ran.v[last].astype(jnp.float32)
        return Output(spikes, v, Ints(ran.spikes, ran.v))

    def _forward(self, weights, given, codes):
        ran = self._ran(weights, given, codes, began=True)
        return self._output(ran), (weights, given, Kept(codes, ran.spikes, needed(self.network, ran.began)))

    def _backward(self, kept, gradient):
        weights, given, rest = kept
        constants = self.numbers.constants(given)
        fired = _when_fired(gradient.spikes, self.network.output_edge.delay)
        found = backward(self.network, weights, constants, rest, fired, gradient.v, self.settings)
        return found.weights, self.numbers.per_number(found.numbers, given), None


def _when_fired(gradient: Any, delay: int) -> Any:
    """Gradient of output spikes at the steps they were fired in; what is still under way at the end left nothing."""
    if not delay:
        return gradient
    return jnp.concatenate([gradient, jnp.zeros((delay, *gradient.shape[1:]), gradient.dtype)])[delay:]
