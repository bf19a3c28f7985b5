"""Bits that an integer network needs, counted from the widths it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntWeights
from ..targets import load_target, target_names


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bits of one node, by what they hold.

    Parameters
    ----------
    node : str
    weights, thresholds, resets, biases, decays : int
        Parameters. A number that the target holds once per layer counts once, and so does one that is the same in every
        neuron; biases that are all zero need none.
    state : int
        Membranes, currents and counts of refractory steps.
    delays : int
        What is under way on late edges out of the node.
    """

    node: str
    weights: int = 0
    thresholds: int = 0
    resets: int = 0
    biases: int = 0
    decays: int = 0
    state: int = 0
    delays: int = 0

    @property
    def bits(self) -> int:
        """All of them."""
        return self.weights + self.thresholds + self.resets + self.biases + self.decays + self.state + self.delays


def memory(q: IntNetwork) -> tuple[Memory, ...]:
    """Bits of every node that needs any.

    Parameters
    ----------
    q : IntNetwork

    Returns
    -------
    tuple of Memory
        In order of evaluation. A convolution's weights count once, however often they are used.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import Leak, Rules, Word
    >>> from lifexport.nodes import InputCode, IntDense, IntInput, Output
    >>> rules = Rules(membrane=Word.signed(16), leak=Leak(bits=12))
    >>> lif = IntLIF(shape=(3,), rules=rules, decay=3700, threshold=[700, 800, 900], reset_code=700, unit=1)
    >>> nodes = {"in": IntInput(shape=(2,), code=InputCode(kind="spikes")), "out": Output(shape=(3,)), "lif": lif}
    >>> nodes["fc"] = IntDense(weight=np.ones((3, 2), int), weight_bits=4)
    >>> edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    >>> [(row.node, row.bits) for row in memory(IntNetwork(nodes=nodes, edges=edges, dt=1e-3))]
    [('fc', 24), ('lif', 124)]
    """
    per_layer, unstored = _once_per_layer(q), _unstored_bits(q)
    rows = []
    for name, node in q.nodes.items():
        late = sum(edge.delay for edge in q.outgoing(name))
        fields = {"delays": late * int(np.prod(node.out_shape)) * _value_bits(q, name)} if late else {}
        if isinstance(node, IntWeights):
            fields["weights"] = node.weight.size * (node.weight_bits - unstored)
        elif isinstance(node, IntLIF):
            fields |= _population(node, per_layer)
        row = Memory(node=name, **fields)
        if row.bits:
            rows.append(row)
    return tuple(rows)


def _once_per_layer(q: IntNetwork) -> bool:
    """Whether the target holds one threshold for a whole layer."""
    return _section(q, "threshold").get("per") == "layer"


def _unstored_bits(q: IntNetwork) -> int:
    """Low bits of weight codes that the target does not store: those below its step."""
    return (_section(q, "weight").get("step", 1) - 1).bit_length()


def _section(q: IntNetwork, name: str) -> dict[str, Any]:
    """A part of the target's description; empty for one that is not shipped."""
    return load_target(q.target).document[name] if q.target in target_names() else {}


def _population(node: IntLIF, per_layer: bool) -> dict[str, int]:
    rules, size = node.rules, int(np.prod(node.shape))
    word = rules.membrane.bits

    def stored(values: np.ndarray, bits: int) -> int:
        same = values.size == 0 or bool((values == values.flat[0]).all())
        return bits if same or per_layer else values.size * bits

    found = {"state": size * word}
    if node.spiking:
        found["thresholds"] = stored(node.threshold, word - node.threshold_shift)
        apart = rules.reset == "value" or bool((node.reset_code != node.threshold).any())
        found["resets"] = stored(node.reset_code, word) if apart else 0
    if node.bias.any():
        found["biases"] = stored(node.bias, word - node.bias_shift)
    if rules.leak.kind != "none":
        found["decays"] = stored(node.decay, _amount_bits(rules.leak.kind, rules.leak.bits, node.decay))
    if rules.current is not None:
        current = rules.current
        found["state"] += size * current.synapses * current.word.bits
        if current.leak.kind != "none":
            bits = _amount_bits(current.leak.kind, current.leak.bits, node.current_decay)
            found["decays"] = found.get("decays", 0) + stored(node.current_decay, bits)
    if rules.refractory and node.refractory.any():
        found["state"] += size * int(node.refractory.max()).bit_length()
    return found


def _amount_bits(kind: str, fraction: int, amounts: np.ndarray) -> int:
    """Width of a factor, or of the largest shift or linear step."""
    return fraction if kind in ("multiply", "toward_input") else max(1, int(amounts.max(initial=0)).bit_length())


def _value_bits(q: IntNetwork, name: str) -> int:
    """Width of a value that leaves a node: codes, spikes, or, from weights, the membrane they feed."""
    node = q.nodes[name]
    if node.role == "input":
        return q.input_code.bits
    if isinstance(node, IntLIF):
        return max(1, int(node.max_spikes or 255).bit_length())
    return 32
