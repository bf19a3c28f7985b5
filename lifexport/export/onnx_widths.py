"""How large the numbers of a recorded step can get, and whether int32 and float32 hold them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..bounds import FLOAT32_WHOLE, INT32, largest, largest_input, membrane_bound, product_bound, require_int64
from ..certificate import Analysis, analyse
from ..findings import error
from ..network import IntNetwork
from ..nodes import IntDense, IntWeights
from ..spatial import Flatten


@dataclass(frozen=True)
class Widths:
    """Largest magnitudes, by node.

    Parameters
    ----------
    inputs, sums : dict from connection to int
        Largest input, and largest partial sum of a product before its shift.
    out : dict from connection to int
        Largest magnitude that leaves.
    steps : dict from population to int
        Largest magnitude inside a step, partial sums included; where it leaves int32, the step is taken in int64.
    reached : Analysis or None
        None if they hold from every state that ``check_state`` admits; else what they hold from: states inside its
        intervals, which no run from the captured initial state leaves.
    """

    inputs: dict[str, int]
    sums: dict[str, int]
    out: dict[str, int]
    steps: dict[str, int]
    reached: Analysis | None


@lru_cache(maxsize=16)
def widths_of(network: IntNetwork) -> Widths:
    """Widths that need no analysis if they are enough, else those of the certificate.

    Networks are frozen, so that identity stands for content.

    Raises
    ------
    RangeError
        LX302 if neither fit.
    """
    require_int64(network)
    connections, populations = network.connections, network.populations
    static = Widths(
        inputs={name: largest_input(network, name) for name in connections},
        sums={name: _static_sum(network, name) for name in connections},
        out={name: largest(network, name) for name in connections},
        steps={name: _room(network, name) + membrane_bound(network, name) for name in populations},
        reached=None,
    )
    if _excess(network, static) is None:
        return static
    found = analyse(network)
    narrower = Widths(
        inputs={name: max(-int(i.lo.min()), int(i.hi.max())) for name, i in found.inputs.items()},
        sums={name: int(reach.partial.max()) for name, reach in found.connections.items()},
        out={name: max(-int(r.lo.min()), int(r.hi.max())) for name, r in found.connections.items()},
        steps={name: int(reach.ops.sums) for name, reach in found.populations.items()},
        reached=found,
    )
    if excess := _excess(network, narrower):
        node, bound, why = excess
        raise error("LX302", node=node, found=f"sums of up to {bound}, {why}", fix="use fewer inputs or fewer bits")
    return narrower


def _static_sum(network: IntNetwork, name: str) -> int:
    return product_bound(network, name) if isinstance(network.nodes[name], IntWeights) else largest(network, name)


def _room(network: IntNetwork, name: str) -> int:
    """What wrapping adds to a sum, at most."""
    rules = network.nodes[name].rules
    words = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment, rules.current and rules.current.word)
    return max(word.largest + 1 for word in words if word)


def _excess(network: IntNetwork, widths: Widths) -> tuple[str, int, str] | None:
    """The first node whose numbers do not fit, how large they are, and what does not hold them."""
    for name, node in network.connections.items():
        if widths.out[name] > INT32:
            return name, widths.out[name], "beyond int32"
        exact = INT32 if isinstance(node, IntDense | Flatten) else FLOAT32_WHOLE
        if widths.sums[name] > exact:
            return name, widths.sums[name], "beyond 2**24, which float32 holds: ONNX convolves and pools no int32"
    return None
