"""What people and machines are shown."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from ..files import readable_json
from ..findings import CODES, Finding


def say(text: str, *, nl: bool = True, err: bool = False) -> None:
    """Print; a reader that left early is no error."""
    with unheard(err=err):
        click.echo(text, nl=nl, err=err)


def say_json(document: Any) -> None:
    """Print a document for machines."""
    say(readable_json(document), nl=False)


@contextlib.contextmanager
def unheard(*, err: bool) -> Iterator[None]:
    """Go on without a reader: one that left early changes neither the work nor its verdict."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (sys.stderr if err else sys.stdout).fileno())
        os.close(nowhere)


def sentence(finding: Finding) -> str:
    """A finding as people read it: where, what, why, and what to do."""
    place = f" {finding.where}:" if finding.where else ""
    return (
        f"{finding.code} {finding.severity}:{place} {CODES[finding.code].title}: {finding.found}\n"
        f"    why: {CODES[finding.code].why}\n    fix: {finding.fix}"
    )


def tally(findings: Iterable[Finding]) -> str:
    """How many errors, warnings and notes there are."""
    found = tuple(findings)
    counts = {kind: sum(f.severity == kind for f in found) for kind in ("error", "warning", "note")}
    return ", ".join(f"{n} {kind}{'s' * (n != 1)}" for kind, n in counts.items() if n) or "nothing to report"


class Progress:
    """Progress on stderr: a bar on a terminal, plain lines elsewhere."""

    def __enter__(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._lines = not console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._bar = Bar(*columns, console=console, disable=self._lines)
        self._bar.start()
        self._task: Any = None
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def __call__(self, step: str, done: int = 0, total: int = 1, note: str = "") -> None:
        """Report ``done`` of ``total`` of a named step; a new name ends the step before."""
        if self._task is None or self._bar.tasks[self._task].description != step:
            self._finish()
            self._task = self._bar.add_task(step, total=total, note=note)
            if self._lines:
                say(f"{step} ...", err=True)
        self._bar.update(self._task, completed=done, note=note)

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=self._bar.tasks[self._task].total)
