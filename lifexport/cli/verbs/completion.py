"""``lifexport completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ..printing import say


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes verbs and options in SHELL.

    Example: lifexport completion bash > ~/.local/share/bash-completion/completions/lifexport
    """
    from ..main import verbs

    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(verbs, {}, "lifexport", "_LIFEXPORT_COMPLETE").source())
