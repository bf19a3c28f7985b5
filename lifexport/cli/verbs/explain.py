"""``lifexport explain``."""

from __future__ import annotations

import click

from ...findings import CODES, unknown_name
from .. import outcome
from ..options import as_json
from ..printing import say, say_json


@click.command()
@click.argument("codes", nargs=-1)
@as_json
def explain(codes: tuple[str, ...], as_json: bool) -> None:
    """Say what finding CODES mean, why they matter, and with which exit code they end; without one, list them all.

    Example: lifexport explain LX206
    """
    wanted = [code.upper() for code in codes] or [*CODES]
    for code in wanted:
        if code not in CODES:
            raise unknown_name("finding code", code, CODES)
    entries = [_entry(code) for code in wanted]
    if as_json:
        say_json(entries)
    elif not codes:
        for entry in entries:
            say(f"{entry['code']}  {entry['severity']:<7}  {entry['title']}")
    else:
        say("\n\n".join(_page(entry) for entry in entries))


def _entry(code: str) -> dict[str, object]:
    from ...findings import Finding

    meaning = CODES[code]
    return {
        "code": code,
        "title": meaning.title,
        "severity": meaning.severity,
        "why": meaning.why,
        "exception": meaning.error.__name__ if meaning.severity == "error" else None,
        "exit_code": outcome.exit_code(Finding(code=code, found="", fix="")),
        "more": meaning.more,
    }


def _page(entry: dict[str, object]) -> str:
    raised = f"; in Python: {entry['exception']}" if entry["exception"] else ""
    lines = [
        f"{entry['code']} {entry['title']} ({entry['severity']})",
        f"  why: {entry['why']}",
        *([f"  more: {entry['more']}"] if entry["more"] else []),
        f"  exit code {entry['exit_code']}{raised}",
    ]
    return "\n".join(lines)
