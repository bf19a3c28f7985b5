"""The command line: ``lifexport demo``, ``lifexport check``.

Exit codes: 0 holds; 1 a finding or a failed verdict; 2 wrong usage, unreadable input or unwritable output; 3 a mismatch
of things that must be equal; 130, 143 and 129 where SIGINT, SIGTERM or SIGHUP ended the work, and nothing half-written
is left. A reader of the output that leaves early (``| head -1``) changes none of them. People get no traceback, unless
``LIFEXPORT_TRACEBACK`` is set.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from . import __version__
from .errors import FileError, LifexportError, MismatchError, OutputError, UnknownNameError
from .files import readable_json
from .findings import CODES, Finding

HOLDS, FOUND, UNUSABLE, MISMATCH, INTERNAL = 0, 1, 2, 3, 70


class Verbs(click.Group):
    """Commands; a misspelt one is answered with the nearest name."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, 1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            ctx.fail(f"no command {args[0]!r}; {hint}known: {', '.join(sorted(self.commands))}")
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lifexport")
def verbs() -> None:
    """Take spiking networks from training to neuromorphic hardware, and prove what is written.

    Exit codes: 0 holds, 1 a finding, 2 wrong usage or unreadable input, 3 a mismatch of things that must be equal,
    70 a fault of lifexport itself, 128 + n ended by signal n.
    """


def _named(_: click.Context, __: click.Parameter, value: str) -> str:
    if not value:
        raise click.BadParameter("an empty name; '.' is the folder one is in")
    return value


def _time_step(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"{value} is not a time step; give seconds above 0, for example 1e-3")
    return value


@verbs.command()
@click.option(
    "--out", default="out", show_default=True, callback=_named, help="Folder for the results; made if it is not there."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of weights and batches."
)
@click.option("--weight-bits", default=3, show_default=True, help="Width of a weight.")
@click.option("--state-bits", default=12, show_default=True, help="Width of the membrane.")
@click.option("--json", "as_json", is_flag=True, help="Print the fidelity report as JSON instead of the card.")
def demo(out: str, seed: int, weight_bits: int, state_bits: int, as_json: bool) -> None:
    """Train on handwritten digits, quantize, fine-tune in integers, export to NIR and ONNX, read back, prove.

    Example: lifexport demo --out out --weight-bits 6
    """
    from .demo.pipeline import run  # loads jax

    with _Progress() as progress:
        result = run(Path(out), seed=seed, weight_bits=weight_bits, state_bits=state_bits, progress=progress)
    _say(readable_json(result.report.to_json()) if as_json else result.card, nl=False)
    if not as_json:
        _say(f"\nwritten to {out}: {', '.join(path.name for path in result.files)}")


@verbs.command()
@click.argument("file")
@click.option("--dt", type=float, callback=_time_step, help="Time step in seconds, for a NIR file that does not say.")
@click.option("--source", help="Whose network a NIR file without record holds: norse, snntorch, sinabs-single, ...")
@click.option("--reset", help="With which reset it was trained: subtract or value.")
@click.option("--target", help="For a NIR file: also find what this target cannot express.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(file: str, dt: float | None, source: str | None, reset: str | None, target: str | None, as_json: bool) -> int:
    """Find everything wrong with FILE: a .nir or .onnx file, a target description or a report (.json).

    Warnings and notes do not fail. Example: lifexport check out/model.nir --target fpga-q
    """
    from .checking import check as check_file

    checked = check_file(file, dt=dt, source=source, reset=reset, target=target)
    if as_json:
        _say(readable_json(checked.to_json()), nl=False)
    else:
        for finding in checked.findings:
            _say(_sentence(finding))
        _say(f"{checked.file}: {_count(checked.findings)}")
    return max((exit_code(finding) for finding in checked.findings), default=HOLDS)


def exit_code(finding: Finding) -> int:
    """Exit code that one finding asks for; warnings and notes ask for none."""
    if finding.severity != "error":
        return HOLDS
    kind = CODES[finding.code].error
    if issubclass(kind, MismatchError):
        return MISMATCH
    usage = issubclass(kind, FileError | UnknownNameError | OutputError) or finding.code in ("LX006", "LX202")
    return UNUSABLE if usage else FOUND


def main() -> NoReturn:
    """Run the command line; the console script."""
    try:
        with _signals_unwind():
            code = verbs.main(standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.Abort:
        _say("interrupted", err=True)
        code = 130
    except click.ClickException as wrong:
        with _unheard(err=True):
            wrong.show()
        code = UNUSABLE
    except LifexportError as failure:
        for finding in failure.findings:
            _say(_sentence(finding), err=True)
        code = max(exit_code(finding) for finding in failure.findings) or FOUND
    except Exception as bug:
        if os.environ.get("LIFEXPORT_TRACEBACK"):
            raise
        _say(f"internal error: {type(bug).__name__}: {bug}", err=True)
        _say("please report this; LIFEXPORT_TRACEBACK=1 shows where it happened", err=True)
        code = INTERNAL
    sys.exit(code or HOLDS)


@contextlib.contextmanager
def _signals_unwind() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as an exception, so that what is half-written is removed."""

    def leave(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not end the cleaning up
        raise SystemExit(128 + number)

    there = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        there = []
    taken = [number for number in there if signal.getsignal(number) is signal.SIG_DFL]  # nohup ignores SIGHUP
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _say(text: str, *, nl: bool = True, err: bool = False) -> None:
    with _unheard(err=err):
        click.echo(text, nl=nl, err=err)


@contextlib.contextmanager
def _unheard(*, err: bool) -> Iterator[None]:
    """Go on without a reader: one that left early changes neither the work nor its verdict."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (sys.stderr if err else sys.stdout).fileno())
        os.close(nowhere)


def _sentence(finding: Finding) -> str:
    place = f" {finding.where}:" if finding.where else ""
    return (
        f"{finding.code} {finding.severity}:{place} {CODES[finding.code].title}: {finding.found}\n"
        f"    why: {CODES[finding.code].why}\n    fix: {finding.fix}"
    )


def _count(findings: tuple[Finding, ...]) -> str:
    counts = {kind: sum(f.severity == kind for f in findings) for kind in ("error", "warning", "note")}
    return ", ".join(f"{n} {kind}{'s' * (n != 1)}" for kind, n in counts.items() if n) or "nothing to report"


class _Progress:
    """Progress on stderr: a bar on a terminal, plain lines elsewhere."""

    def __enter__(self) -> _Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self._lines = not console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console, disable=self._lines)
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
                _say(f"{step} ...", err=True)
        self._bar.update(self._task, completed=done, note=note)

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=self._bar.tasks[self._task].total)
