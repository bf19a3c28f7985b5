"""Where other packages are installed, and how their runners are started."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..findings import error

TOOLS = ("norse", "snntorch", "spikingjelly", "sinabs", "rockpool", "spyx")
"""Packages that have a runner."""
ENVIRONMENTS = {
    "norse": "torch",
    "snntorch": "torch",
    "spikingjelly": "torch",
    "sinabs": "torch",
    "rockpool": "torch",
    "snn_mlir": "torch",
    "qonnx": "fpga",
    "hls4ml": "fpga",
    "onnxruntime_1_18": "ort118",
    "onnxruntime_1_23": "ort123",
}
"""Environment a package lies in, if that has another name; ``benchmarks/interop_environments.sh`` makes them."""
RUNNERS = {"onnxruntime_1_18": "onnxruntime_old", "onnxruntime_1_23": "onnxruntime_old"}
"""Runner of a package, if that has another name."""
PATIENCE = 600
"""Seconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One file to run.

    Parameters
    ----------
    file : Path
        A ``.nir`` file.
    x : float32 array, shape ``(time, batch, *features)``
    dt : float, seconds
    reset : ``"subtract"`` | ``"value"``
    settings : tuple of str
        Keys of ``SETTINGS``.
    """

    file: Path
    x: np.ndarray
    dt: float
    reset: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """What came of a job.

    Parameters
    ----------
    importer : str
        Name and version of the package.
    output : float32 array, shape ``(time, batch, *features)``, or None
        None if it raised.
    error : str or None
        What it raised.
    """

    importer: str
    output: np.ndarray | None
    error: str | None


def interpreter(tool: str) -> Path | None:
    """Python in which a package is installed, or None.

    Looked for in the environment variable ``LIFEXPORT_<TOOL>_PYTHON``, in this interpreter, and in ``.interop/`` below
    the current folder or the folder that ``LIFEXPORT_INTEROP`` names.
    """
    if named := os.environ.get(f"LIFEXPORT_{tool.upper()}_PYTHON"):
        return Path(named)
    spec = importlib.util.find_spec(tool)
    if spec is not None and spec.origin is not None:  # a folder of that name is no package
        return Path(sys.executable)
    place = Path(os.environ.get("LIFEXPORT_INTEROP", ".interop")) / ENVIRONMENTS.get(tool, tool)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return python if python.exists() else None


def run_jobs(tool: str, jobs: Sequence[Job]) -> tuple[Ran, ...]:
    """Run files in a package, all in one process of its own.

    Raises
    ------
    MissingDependencyError
        LX005 if the package is not installed anywhere.
    ToolError
        LX419 if its runner did not come to an end.
    """
    python = interpreter(tool)
    if python is None:
        fix = f"install it, or name its interpreter: LIFEXPORT_{tool.upper()}_PYTHON=/path/to/python"
        raise error("LX005", found=tool, fix=fix)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = []
        for i, job in enumerate(jobs):
            np.save(folder / f"x{i}.npy", np.asarray(job.x, np.float32))
            told = {"dt": job.dt, "reset": job.reset, "settings": list(job.settings)}
            listed.append({"file": str(job.file.resolve()), "inputs": f"x{i}.npy", "output": f"y{i}.npy", **told})
        (folder / "jobs.json").write_text(json.dumps(listed))
        report = _report(tool, python, folder)
        who = f"{report['tool']['name']} {report['tool']['version']}"
        return tuple(
            Ran(
                importer=who,
                output=None if done["error"] else np.load(folder / f"y{i}.npy"),
                error=done["error"],
            )
            for i, done in enumerate(report["jobs"])
        )


def _report(tool: str, python: Path, folder: Path) -> dict:
    script = Path(__file__).parent / "runners" / f"run_{RUNNERS.get(tool, tool)}.py"
    quiet = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [python, script, folder],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, **quiet},
            check=False,
        )
        return json.loads((folder / "report.json").read_text())
    except subprocess.TimeoutExpired:
        found = f"{tool} took longer than {PATIENCE} s"
    except OSError as reason:
        last = done.stderr.strip().splitlines()[-1:] if "done" in locals() else []
        found = f"{tool}: {' '.join(last) or reason}"
    raise error("LX419", found=found, fix="run its runner by hand to see what is missing") from None
