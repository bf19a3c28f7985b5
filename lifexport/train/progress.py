"""What training shows while it runs: one line on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def training_bar(epochs: int, show: bool) -> Iterator[Callable[[int, str], None]]:
    """Bar on stderr over the epochs, if that is a terminal and ``show`` is true.

    Yields
    ------
    callable
        ``(done, note)``: number of epochs done, and what to say beside the bar.

    Examples
    --------
    >>> with training_bar(2, show=False) as tell:
    ...     tell(1, "loss 0.5")
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    note = TextColumn("{task.fields[note]}")
    columns = (TextColumn("{task.description}"), BarColumn(), note, TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not (show and console.is_terminal)) as bar:
        task = bar.add_task("train", total=epochs, note="compiling")
        yield lambda done, note: bar.update(task, completed=done, note=note)
