"""Whether int32 carries every number of a run, whatever the weights become."""

from __future__ import annotations

import math

import numpy as np

from ..bounds import INT32, exact_kernels, largest, largest_input, membrane_bound, product_bound, settles
from ..findings import error
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntWeights
from ..simulation.products import kernel

FIX = "use fewer weight_bits or state_bits, or a layer of fewer inputs"


def kernels(envelope: IntNetwork) -> dict[str, type]:
    """Type that carries the product of every connection exactly; refuses (LX302) what none does.

    Parameters
    ----------
    envelope : IntNetwork
        With the largest weights that training can reach.
    """
    found: dict[str, type] = {}
    for name, node in envelope.connections.items():
        if isinstance(node, IntWeights):
            partial = product_bound(envelope, name)
            known = exact_kernels(node, largest_input(envelope, name), partial)
            if not known or partial << node.shift > INT32:
                raise error("LX302", node=name, found=f"sums of up to {partial << node.shift}", fix=FIX)
            found[name] = kernel(known)
    return found


def require_exact(envelope: IntNetwork, steps: int) -> None:
    """Refuse (LX302) a run whose membranes or currents int32 might not hold."""
    for name, node in envelope.populations.items():
        if not settles(envelope, name):
            bound = _unsettled(envelope, name, node)
        elif node.per_event:
            bound = _in_order(envelope, name, node)
        else:
            bound = min(membrane_bound(envelope, name), _grown(envelope, name, node, steps))
        if bound > INT32:
            raise error("LX302", node=name, found=f"membranes and currents of up to {bound}", fix=FIX)


def _in_order(envelope: IntNetwork, name: str, node: IntLIF) -> int:
    """Largest number of inputs that are taken one by one, and of the sums that tell whether order matters.

    Those are of all magnitudes, of one sign and twice that (``InOrder.onto``), added to what the step begins with.
    """
    single = 0
    for edge in envelope.incoming(name):
        source = envelope.nodes[edge.source]
        single = max(single, int(np.abs(source.weight).max()) * largest_input(envelope, edge.source) << source.shift)
    return max(node.step_bound(single), node.step_bound(0) + 2 * _arriving(envelope, name))


def _arriving(envelope: IntNetwork, name: str) -> int:
    return sum(largest(envelope, edge.source) for edge in envelope.incoming(name))


def _grown(envelope: IntNetwork, name: str, node: IntLIF, steps: int) -> int:
    """Largest membrane after some steps of neurons whose reset only ever takes what is there."""
    harmless = node.rules.reset == "value" or (node.reset_code <= node.threshold).all()
    if node.rules.current is not None or node.rules.leak.kind == "toward_input" or not harmless:
        return INT32 + 1
    first = max(int(np.abs(values).max()) for values in (node.v_initial, node.reset_code))
    return first + steps * (_arriving(envelope, name) + int(np.abs(node.bias).max()) + 1)


def _unsettled(envelope: IntNetwork, name: str, node: IntLIF) -> int:
    """Largest number of neurons whose current may stay outside of its word, because it moves back once at most.

    It stays below what arrives, over all steps with the decay in between. The leak's product is then formed in parts
    (``JaxOps.multiply_shift``), which is exact for every int32; a word so narrow that it is not is refused.
    """
    rules = node.rules
    others = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment)
    current = rules.current
    if current is None or node.per_event or any(word and word.overflow == "wrap_once" for word in others):
        return INT32 + 1
    kept = int(node.current_decay.max()) / (1 << current.leak.bits)
    if current.leak.kind != "multiply" or kept == 1 or current.word.largest << current.leak.bits <= INT32:
        return INT32 + 1
    stored = math.ceil((_arriving(envelope, name) + current.word.largest + 1) / (1 - kept))
    return node.reset_bound() + 1 + current.synapses * stored + int(np.abs(node.bias).max())
