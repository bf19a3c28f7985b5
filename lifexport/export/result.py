"""What every exporter returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..findings import Finding


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """A file that was written, and what was proved about it.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes, those of its data file with them.
    sha256 : str
        Digest of its content.
    proofs : tuple of str
        What was checked by reading the file back, in words; empty if ``verify=False``.
    findings : tuple of Finding
        What a reader of the file should know; never of severity ``error`` (those are raised).
    profile : str
        Importer that a NIR file was written for.
    settings : tuple of str
        What must be set on that importer's side, keys of ``nir_profiles.settings.SETTINGS``.
    lag : int
        Steps by which that importer's output is late.
    """

    path: Path
    size: int
    sha256: str
    proofs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    profile: str = "plain"
    settings: tuple[str, ...] = ()
    lag: int = 0
