"""How large the numbers of a recorded step can get, and whether int32 and float32 hold them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..bounds import FLOAT32_WHOLE, INT32, largest, largest_input, membrane_bound, product_bound, require_int64, settles
from ..certificate import Analysis, analyse
from ..findings import error
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntDense, IntWeights
from ..spatial import Flatten, IntConv
from .onnx_neurons import stored_range


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


def digit_bits(node: IntConv, largest: int) -> int | None:
    """Bits of the digits into which a convolution's weights may be split, so that float32 holds the sums of each.

    None if there are none of two bits or more.
    """
    room = FLOAT32_WHOLE // (node.weight[0].size * max(largest, 1))
    return room.bit_length() if room >= 2 else None


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
        split = isinstance(node, IntConv) and digit_bits(node, widths.inputs[name]) is not None
        exact = INT32 if isinstance(node, IntDense | Flatten) or split else FLOAT32_WHOLE
        if widths.sums[name] > exact:
            return name, widths.sums[name], "beyond 2**24, which float32 holds: ONNX convolves and pools no int32"
    return None


def require_words(network: IntNetwork, name: str, node: IntLIF) -> None:
    """Refuse (LX302) neurons whose words or parameters leave int32, or whose words do not keep what is in them."""
    rules = node.rules
    words = (rules.membrane, rules.sum_word, rules.drive_word, rules.increment, rules.current and rules.current.word)
    for word in filter(None, words):
        if word.bits > 32:
            raise error("LX302", found=f"a state of {word.bits} bits", fix="use a state of at most 32 bits")
        if word.overflow != "saturate" and word.hi - word.lo + 1 > INT32:
            raise error("LX302", found=f"{word.bits} bits that wrap", fix="use words of at most 31 bits")
    if not settles(network, name):
        found, fix = "a membrane that may stay outside of its range", "use narrower weights"
        raise error("LX302", field="rules", found=found, fix=fix)
    lowest, highest = stored_range(node)
    if lowest < -INT32 - 1 or highest > INT32:
        fix = "take off no more than the threshold"
        raise error("LX302", field="reset_code", found=f"membranes of {lowest}..{highest}", fix=fix)
    for field in dataclasses.fields(node):
        array = getattr(node, field.name)
        whole = isinstance(array, np.ndarray) and array.dtype.kind == "i"
        if whole and max(-int(array.min(initial=0)), int(array.max(initial=0))) >= INT32:
            raise error("LX302", field=field.name, found="numbers beyond int32", fix="use numbers that int32 holds")
