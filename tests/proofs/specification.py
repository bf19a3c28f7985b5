"""What the operations mean, as conditions on a result: for z3's integers and for arrays alike."""

from __future__ import annotations

from typing import Any


def rounds(how: str, p: Any, q: Any, k: int, both: Any, either: Any) -> Any:
    """Whether ``q`` is ``p / 2**k`` rounded as ``how`` says; ``both`` and ``either`` join conditions."""
    one = 2**k
    beyond = p - q * one  # how far the exact quotient lies above the rounded one, times 2**k
    match how:
        case "floor":
            return both(beyond >= 0, beyond < one)
        case "toward_zero":
            return either(both(p >= 0, both(beyond >= 0, beyond < one)), both(p <= 0, both(beyond <= 0, beyond > -one)))
        case "half_up":
            return both(2 * beyond >= -one, 2 * beyond < one)
        case "half_even":
            near = both(2 * beyond > -one, 2 * beyond < one)
            tie = either(2 * beyond == one, 2 * beyond == -one)
            return either(near, both(tie, q % 2 == 0))
    raise AssertionError(how)
