"""The base of lifexport's modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import brainstate


class Module(brainstate.nn.Module):
    """A brainstate module whose sizes are tuples; nothing else, for those who check types.

    Attributes
    ----------
    in_size, out_size : tuple of int
        Shape of a sample, without time and batch.
    name : str or None
        Name in error messages and exports.

    Examples
    --------
    >>> Module(name="hidden").name
    'hidden'
    """

    if TYPE_CHECKING:
        in_size: tuple[int, ...]  # type: ignore[assignment]
        out_size: tuple[int, ...]  # type: ignore[assignment]

        def __init__(self, name: str | None = None): ...
