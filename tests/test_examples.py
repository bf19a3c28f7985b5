"""Every example is a script that runs; the list is complete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from data import DATA, needs

ROOT = Path(__file__).resolve().parent.parent
# Script, what it needs from the data folder, arguments after the folder (a short run), files it writes.
EXAMPLES = [
    ("01_train_export.py", None, (), ("model.nir", "model.onnx")),
    ("02_qat.py", None, ("1",), ("tuned.onnx",)),
    ("03_japanese_vowels.py", "japanese_vowels.npz", ("2",), ("vowels.npz",)),
    ("04_nmnist.py", "nmnist_events_train.npz", ("1",), ("nmnist.npz",)),
]


def test_the_list_is_complete():
    assert sorted(path.name for path in (ROOT / "examples").glob("*.py")) == [name for name, *_ in EXAMPLES]


CASES = [pytest.param(*case, id=case[0], marks=[needs(case[1])] if case[1] else []) for case in EXAMPLES]


@pytest.mark.parametrize(("name", "data", "arguments", "files"), CASES)
def test_example(name, data, arguments, files, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIFEXPORT_DATA": str(DATA)}
    command = [sys.executable, str(ROOT / "examples" / name), str(tmp_path / "out"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "fidelity on target fpga-q" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(files)
