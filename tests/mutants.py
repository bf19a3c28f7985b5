"""Break the code on purpose, one rule at a time, and see that the tests notice: python tests/mutants.py [word ...]

Each mutant is a copy of the tree with one text replaced; its tests, which pass without it, must fail. Words select
mutants by file or text. Prints every mutant's fate and exits with the number of survivors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutant import Mutant
from mutant_list import MUTANTS

ROOT = Path(__file__).resolve().parent.parent


def passes(tree: Path, tests: str) -> bool:
    """Whether tests pass on a tree; the tree comes before whatever lifexport is installed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", tests]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "LIFEXPORT_EVERY": "1"}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, check=False).returncode == 0


def copy(folder: Path) -> Path:
    names = shutil.ignore_patterns("__pycache__", ".*", "out")
    return shutil.copytree(ROOT, folder / "tree", ignore=names)


def survives(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        tree = copy(Path(folder))
        path = tree / "lifexport" / mutant.file
        path.write_text(path.read_text().replace(mutant.old, mutant.new, 1))
        return passes(tree, mutant.tests)


def main() -> int:
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in m.file + m.old for word in words)]
    for mutant in chosen:
        text = (ROOT / "lifexport" / mutant.file).read_text()
        assert mutant.old in text, f"{mutant.file}: {mutant.old!r} is not there any more"
    with ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory() as folder:
        sound, files = copy(Path(folder)), sorted({mutant.tests for mutant in chosen})
        for tests, good in zip(files, pool.map(lambda tests: passes(sound, tests), files), strict=True):
            assert good, f"{tests} fails without any mutant"
        survivors = 0
        for mutant, alive in zip(chosen, pool.map(survives, chosen), strict=True):
            survivors += alive
            print(f"{'SURVIVED' if alive else 'killed  '}  {mutant.file}: {mutant.old!r} -> {mutant.new!r}", flush=True)
    print(f"{len(chosen)} mutants, {survivors} survivors")
    return survivors


if __name__ == "__main__":
    sys.exit(main())
