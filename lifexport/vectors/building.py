"""Parts of a recorded network: inputs, weights, delays of a target, and its run."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..graph import Edge
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import InputCode, IntDense, IntInput
from ..simulation import simulate
from ..simulation.run import Backend
from ..targets import Target

DT = 1e-3
LARGEST = 62
"""Shifts beyond this leave 63 bits."""


class Delays(NamedTuple):
    """Steps after which what is sent arrives: from the input, from layer to layer, back in a loop."""

    input: int
    feedforward: int
    recurrent: int


def delays(target: Target) -> Delays:
    """Steps that a target states."""
    delivery = target.document["delivery"]
    return Delays(delivery.get("input", 0), delivery["feedforward"], delivery["recurrent"])


def spikes(n: int, bits: int = 1) -> IntInput:
    """An input of spikes, or of counts where they have more bits."""
    return IntInput(shape=(n,), code=InputCode(kind="spikes" if bits == 1 else "counts", bits=bits))


def dense(weight: np.ndarray, *, shift: int = 0, drop: int = 0, synapse: int = 0) -> IntDense:
    """Weights ``(out, in)`` of any width, in units of the membrane."""
    if not 0 <= max(shift, drop) <= LARGEST:
        raise ValueError(f"a shift by {max(shift, drop)}")
    bits = max(int(np.abs(weight).max(initial=0)).bit_length() + 1, 2)
    unit = Fraction(2) ** (shift - drop)
    return IntDense(weight=weight, weight_bits=bits, shift=shift, drop=drop, unit=unit, synapse=synapse)


def cells(**fields: Any) -> IntLIF:
    """Neurons whose codes count units of one volt."""
    return IntLIF(unit=Fraction(1), **fields)


def network(nodes: dict[str, Any], edges: list[Edge]) -> IntNetwork:
    """A network of steps of one millisecond."""
    return IntNetwork(nodes=nodes, edges=tuple(edges), dt=DT)


def run(network: IntNetwork, codes: np.ndarray, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Simulation of one sample: what is recorded of every population, without the batch axis."""
    trace = simulate(network, codes[:, None], record=("spikes", "v", "v_post", "current"), backend=backend)
    found = {
        what: {name: rows[:, 0] for name, rows in getattr(trace, what).items()} for what in ("spikes", "v", "v_post")
    }
    for k in range(2):
        found[f"current{k}"] = {n: rows[:, 0, k] for n, rows in trace.current.items() if rows.shape[2] > k}
    return found
