"""Errors a user can meet: one root, and children that are also the builtin one would expect.

Every error is built from a finding (``findings.py``): it has a stable code, says where it is, what was found and
how to fix it. ``except ValueError`` keeps working for people who have never heard of lifexport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .findings import Finding


class LifexportError(Exception):
    """Root of all errors lifexport raises on purpose.

    Attributes
    ----------
    findings : tuple of Finding
        What was found, at least one; the message of the error is their text.
    """

    def __init__(self, *findings: Finding):
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))

    @property
    def code(self) -> str:
        """Code of the first finding, for example ``LX104``."""
        return self.findings[0].code


class ParameterError(LifexportError, ValueError):
    """A parameter has a value that no network can have."""


class ShapeError(LifexportError, ValueError):
    """Shapes or sizes do not fit together."""


class UnitError(LifexportError, TypeError):
    """A quantity lacks its unit, or has one of another dimension."""


class RangeError(LifexportError, ValueError):
    """A number does not fit the integers that must hold it."""


class UnsupportedError(LifexportError, NotImplementedError):
    """Something is well defined but cannot be expressed where it should go."""


class UnknownNameError(LifexportError, LookupError):
    """A name (of a target, a profile, a rule) is not one of the known ones."""


class FileError(LifexportError, ValueError):
    """A file cannot be read as what it should be: truncated, foreign, or of another version."""


class OutputError(LifexportError, OSError):
    """Nothing could be written; nothing was left behind."""


class MissingDependencyError(LifexportError, ImportError):
    """An optional package is needed for this and is not installed."""


class MismatchError(LifexportError, ArithmeticError):
    """Two things that must be equal, bit for bit, are not."""


class DivergenceError(LifexportError, FloatingPointError):
    """Training met a number that is NaN or infinite."""


class LifexportWarning(UserWarning):
    """Something was found that does not stop the work; its text begins with the code of the finding."""


class ToolError(LifexportError, ChildProcessError):
    """Another package raised while it ran what was exported."""
