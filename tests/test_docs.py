"""The pages: their Python runs, their links lead somewhere, the README says what CI does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WHOLE = [ROOT / "docs/tutorial.md", *sorted((ROOT / "docs/howto").glob("*.md"))]
"""Pages whose blocks build on each other: ``test_site.py`` runs them from top to bottom."""


def snippets(language: str) -> list:
    found = []
    for page in [page for page in PAGES if page not in WHOLE]:
        for i, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)):
            found.append(pytest.param(block, id=f"{page.name}-{i}"))
    return found


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder where the demo was run, as a reader of the pages would have it."""
    folder = tmp_path_factory.mktemp("reader")
    run(folder, "from lifexport.cli import main; import sys; sys.argv = ['lifexport', 'demo']; main()")
    return folder


def run(folder: Path, program: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", program]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", snippets("python"))
def test_python_runs(block, workplace):
    run(workplace, block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_readme_opens_with_the_two_commands():
    first = next(iter(re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)))
    commands = [line for line in first.splitlines() if line and not line.startswith("#")]
    assert len(commands) == 2
    assert commands[0].endswith(".venv/bin/lifexport demo") and commands[1].endswith(".venv/bin/pytest")
    assert all(command.startswith("python3 -m venv .venv && ") for command in commands)


def test_names_of_the_api_are_those_of_the_pages():
    import lifexport as lx

    used = {name for page in PAGES for name in re.findall(r"\blx\.([A-Za-z_]\w*)", page.read_text())}
    assert used <= set(lx.__all__)
