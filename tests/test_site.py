"""The site of the documentation: pages that are read from top to bottom run so, and nothing public is missing."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs import ROOT, WHOLE

import lifexport as lx

BLOCK = re.compile(r"^```(python|sh|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNNTORCH = """
import nir
import numpy as np

# As snnTorch 1.0 writes Leaky(beta=0.9): dt is 0.1 ms, r = tau / dt.
def leaky(n):
    ones = np.ones(n)
    return nir.LIF(tau=1e-3 * ones, r=10 * ones, v_leak=0 * ones, v_threshold=ones, v_reset=0 * ones)

rng = np.random.default_rng(0)
dense = [nir.Affine(weight=rng.normal(0.1, 0.4, shape), bias=np.zeros(shape[0])) for shape in ((12, 8), (3, 12))]
nodes = {"input": nir.Input({"input": np.array([8])}), "0": dense[0], "1": leaky(12), "2": dense[1], "3": leaky(3)}
nodes["output"] = nir.Output({"output": np.array([3])})
edges = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]
nir.write("model.nir", nir.NIRGraph(nodes=nodes, edges=edges))
x = (rng.random((30, 20, 8)) < 0.4).astype(np.float32)
np.savez("x.npz", x=x, labels=rng.integers(0, 3, 20))
"""
SEALED = """
from pathlib import Path

import numpy as np

import lifexport as lx

f = lx.from_nir("model.nir", source="snntorch", reset="value")
x = np.load("x.npz")["x"]
q = lx.quantize(f, "fpga-q", calibration=x, state_bits=24, decay_bits=16)
saved = lx.save(q, "out", trained=f, inputs=x)
Path("out.seal").write_text(saved.seal)
x = (np.random.default_rng(1).random((100, 300, 8)) < 0.4).astype(np.float32)
np.savez("test.npz", x=x, labels=lx.simulate(f, x).prediction.labels)
"""
BEFORE = {"from-nir.md": SNNTORCH, "ci-gate.md": SNNTORCH + SEALED}
"""What a reader of a page has already."""
SPEC = importlib.util.spec_from_file_location("loads", ROOT / "docs/hooks/loads.py")
assert SPEC is not None and SPEC.loader is not None
LOADS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(LOADS)
VERB = "import sys; sys.path.insert(0, {root!r}); from lifexport.cli import main; main()"


def program(page: Path) -> str:
    """Blocks of a page as one program: Python in one namespace, commands by ``os.system``, files written."""
    parts = [BEFORE.get(page.name, "")]
    for language, block in BLOCK.findall(page.read_text()):
        if language == "python":
            parts.append(block)
        elif language == "toml":
            parts.append(f"open({block.split()[1]!r}, 'w').write({block!r})")
        else:
            parts += [f"assert __import__('os').system({command!r}) == 0" for command in commands(block)]
    return "\n".join(parts)


def commands(block: str) -> list[str]:
    """Commands of lifexport, run by this interpreter in this tree."""
    lines = [line for line in block.splitlines() if line.startswith("lifexport ")]
    here = f"{shlex.quote(sys.executable)} -c {shlex.quote(VERB.format(root=str(ROOT)))}"
    return [line.replace("lifexport", here, 1) for line in lines]


@pytest.mark.parametrize("page", WHOLE, ids=lambda page: page.stem)
def test_a_page_runs_from_top_to_bottom(page, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program(page)], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_blocks_are_found():
    found = {page.stem: len(BLOCK.findall(page.read_text())) for page in WHOLE}
    assert found["tutorial"] >= 9 and found["own-target"] >= 4 and found["from-nir"] >= 2 and found["ci-gate"] >= 3


def test_every_public_name_has_a_place_in_the_reference():
    pages = "\n".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    placed = re.findall(r"^::: lifexport\.(\w+)$", pages, re.MULTILINE)
    assert {name for name in lx.__all__ if name != "__version__"} - set(placed) == set()
    assert len(placed) == len(set(placed))


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text().split("\nnav:\n")[1]
    listed = re.findall(r"[\w/-]+\.md", nav)
    there = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    there |= {f"examples/{path.stem}.md" for path in (ROOT / "examples").glob("*.py")}
    assert there - set(listed) == set() and len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("html", "loads"),
    [
        ('<script src="https://cdn.example/a.js"></script>', 1),
        ("<script defer src=//cdn.example/a.js></script>", 1),
        ('<link rel="stylesheet" href="https://fonts.example/css">', 1),
        ('<img alt="x" src="http://example/x.png">', 1),
        ("<style>@import url('https://example/x.css')</style>", 1),
        ("<style>a { background: url(//example/x.png) }</style>", 1),
        ('<a href="https://example.org">a link is followed by the reader</a>', 0),
        ('<link rel="canonical" href="https://example.org/">', 0),
        ('<script src="../assets/a.js"></script><img src="data:image/png;base64,x">', 0),
    ],
)
def test_loads_from_elsewhere_are_seen(html, loads, tmp_path):
    (tmp_path / "page.html").write_text(html)
    assert len(LOADS.external(tmp_path)) == loads
