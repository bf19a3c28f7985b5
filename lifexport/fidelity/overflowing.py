"""What an overflow of a word means: clipped numbers are one thing, numbers that come back at the other end another."""

from __future__ import annotations

from ..findings import Finding
from .report import WordFidelity

SMALLER = "a larger membrane_range (or fewer state_bits, where the target has a choice) makes every code smaller"
FIXES = {
    "membrane": "a larger membrane_range if the local SQNR is low; what is clipped far above threshold fires anyway",
    "current": f"{SMALLER}; a current that is clipped forgets what arrived",
}
"""What to do about words that saturate, by name."""


def overflow_finding(node: str, row: WordFidelity) -> Finding:
    """LX507 for a word that wrapped, LX503 for one that was clipped.

    Examples
    --------
    >>> row = WordFidelity(word="sum", rule="wrap", count=3, judged=12, first=(4, 0, 1))
    >>> print(overflow_finding("lif", row).found)
    3 of 12 neurons and steps (25 %), first in step 4 of sample 0, neuron [1]
    """
    found = f"{row.count} of {row.judged} neurons and steps ({100 * row.rate:.3g} %)"
    if not row.wraps:
        fix = FIXES.get(row.word, SMALLER)
        return Finding(code="LX503", node=node, field=row.word, found=found, fix=fix)
    if row.first is not None:
        step, sample, *neuron = row.first
        found += f", first in step {step} of sample {sample}, neuron {neuron}"
    fix = f"{SMALLER}, until nothing wraps: quantize with these inputs as calibration chooses it"
    return Finding(code="LX507", node=node, field=row.word, found=found, fix=fix)
