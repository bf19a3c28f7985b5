"""From what was found to the exit code of the process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import FileError, MismatchError, OutputError, UnknownNameError
from ..findings import CODES, Finding

if TYPE_CHECKING:
    from ..fidelity import FidelityReport

HOLDS, FOUND, UNUSABLE, MISMATCH, INTERNAL = 0, 1, 2, 3, 70
USAGE = ("LX005", "LX006", "LX112", "LX202")
"""Codes of options that cannot be met, whatever class their error has."""


def exit_code(finding: Finding) -> int:
    """Exit code that one finding asks for; warnings and notes ask for none."""
    if finding.severity != "error":
        return HOLDS
    kind = CODES[finding.code].error
    if issubclass(kind, MismatchError):
        return MISMATCH
    usage = issubclass(kind, FileError | UnknownNameError | OutputError) or finding.code in USAGE
    return UNUSABLE if usage else FOUND


def of_report(report: FidelityReport | None) -> int:
    """Exit code of a comparison: thresholds for which there is no evidence do not pass."""
    if report is None:
        return HOLDS
    return max(worst(report.findings), HOLDS if report.ok else FOUND)


def worst(findings: Iterable[Finding]) -> int:
    """Exit code of several findings: the largest one that any of them asks for."""
    return max((exit_code(finding) for finding in findings), default=HOLDS)
