"""A way to break the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A text of a file of the package, another in its place, and the tests that must notice."""

    file: str
    old: str
    new: str
    tests: str
