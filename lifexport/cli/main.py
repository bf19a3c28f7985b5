"""The process: verbs found by name, and every error as a sentence with its exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from .. import __version__
from ..errors import LifexportError
from .ending import signals_end_the_work
from .outcome import FOUND, HOLDS, INTERNAL, UNUSABLE, worst
from .printing import say, sentence, unheard

VERBS: dict[str, str] = {
    "demo": "Train, quantize, fine-tune, export and prove, on handwritten digits.",
    "check": "Find everything wrong with a file, or with a network for a target.",
    "quantize": "Quantize a trained network for a target.",
    "simulate": "Run a network on inputs.",
    "export": "Write a sealed bundle, or a NIR or ONNX file; read back, run and proved.",
    "certify": "Prove what the integers reach.",
    "sweep": "Try many widths and methods; accuracy against memory and proven headroom.",
    "verify": "Hold a bundle against its seal, and run it again.",
    "compare": "Compare integers with the trained network, or a recording with the simulator.",
    "diff": "Say what changed between two bundles.",
    "targets": "List the shipped targets, or describe one.",
    "schema": "Print the JSON Schema of a file format.",
    "explain": "Say more about a finding code.",
    "doctor": "Print versions, and which optional packages are there.",
    "completion": "Print a script that completes verbs and options in a shell.",
}
"""Verb -> one line about it; each is the function of that name in the file of that name in ``verbs/``."""


class Verbs(click.Group):
    """Commands, each loaded when it is called; a misspelt one is answered with the nearest name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the verbs, in the order of the work."""
        return [*VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb."""
        if cmd_name not in VERBS:
            return None
        return getattr(importlib.import_module(f".verbs.{cmd_name}", __package__), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([*VERBS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, 1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            ctx.fail(f"no command {args[0]!r}; {hint}known: {', '.join(sorted(VERBS))}")
        return super().resolve_command(ctx, args)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lifexport")
def verbs() -> None:
    """Take spiking networks from training to neuromorphic hardware, and prove what is written.

    Exit codes: 0 holds, 1 a finding, 2 wrong usage or unreadable input, 3 a mismatch of things that must be equal,
    70 a fault of lifexport itself, 128 + n ended by signal n.
    """


def main() -> NoReturn:
    """Run the command line; the console script."""
    try:
        with signals_end_the_work():
            code = verbs.main(prog_name="lifexport", standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.Abort:
        say("interrupted", err=True)
        code = 130
    except click.ClickException as wrong:
        with unheard(err=True):
            wrong.show()
        code = UNUSABLE
    except LifexportError as failure:
        for finding in failure.findings:
            say(sentence(finding), err=True)
        code = worst(failure.findings) or FOUND
    except Exception as bug:
        if os.environ.get("LIFEXPORT_TRACEBACK"):
            raise
        say(f"internal error: {type(bug).__name__}: {bug}", err=True)
        say("please report this; LIFEXPORT_TRACEBACK=1 shows where it happened", err=True)
        code = INTERNAL
    sys.exit(code or HOLDS)
