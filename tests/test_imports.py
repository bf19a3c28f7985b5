"""The rooms point one way, heavy libraries stay in theirs, and ``import lifexport`` is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lifexport"

# Every file, in the order of the walk through the house: a file imports only from its own line or lines before.
ROOMS = [
    ("__init__",),
    ("errors", "findings"),
    ("regular", "drafts", "locking", "archives"),
    ("arrays", "files", "arrayfiles", "schemas", "samples", "origin"),
    ("fixedpoint", "ops"),
    ("graph", "nodes", "windows", "spatial", "neurons"),
    ("readout", "network"),
    ("room",),
    ("bounds",),
    ("certificate",),
    ("targets",),
    ("quantspec", "input_code"),
    ("simulation",),
    ("quantization",),
    ("train",),
    ("capturing",),
    ("finetuning",),
    ("export",),
    ("interop",),
    ("fidelity",),
    ("reporting",),
    ("costing",),
    ("exploring",),
    ("bundle",),
    ("vectors",),
    ("checking",),
    ("demo",),
    ("cli",),
]
# A library, and the only places that may import it.
HOMES = {
    "jax": (
        "train",
        "finetuning",
        "simulation/chunks",
        "simulation/fast",
        "simulation/in_order",
        "simulation/jax_ops",
        "simulation/layerwise",
        "simulation/products",
        "demo/training",
        "demo/fine_tuning",
        "interop/runners/run_spyx",
    ),
    "numba": ("simulation/event_kernels",),
    "brainstate": ("train", "capturing", "finetuning/module", "demo/training"),
    "brainunit": ("train", "capturing", "demo"),
    "nir": ("export/nir_", "interop/runners"),
    "h5py": ("export/nir_",),
    "onnx": ("export/onnx_",),
    "onnxruntime": ("export/onnx_running", "export/onnx_streaming", "interop/runners/run_onnxruntime_old"),
    "openvino": ("interop/runners/run_openvino",),
    "scipy": ("fidelity/statistics", "fidelity/trains"),
    "sklearn": ("demo/training",),
    "optax": ("train/options",),
    "click": ("cli",),
    "matplotlib": ("reporting",),
    "jinja2": ("reporting",),
    "rich": ("train/progress", "cli/printing"),
    "jsonschema": ("schemas",),
    "brainpy": (),
    "pickle": (),
}
FILES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def room(name: str) -> int:
    return next(i for i, names in enumerate(ROOMS) if name in names)


def imports(path: Path):
    """Room or library of every import of a file, those inside functions too; TYPE_CHECKING blocks are not run."""
    tree = ast.parse(path.read_text())
    depth = len(path.relative_to(PACKAGE).parts)
    skipped = {id(n) for block in ast.walk(tree) if is_type_checking(block) for n in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((None, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield None, node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            inside = node.level < depth  # stays in a folder of the package
            if inside:
                yield place(path).split("/")[0], None
            elif node.module:
                yield node.module.split(".")[0], None
            else:
                yield from (
                    (alias.name if not alias.name.startswith("__") else "__init__", None) for alias in node.names
                )


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_the_table_of_rooms_is_complete():
    there = {place(path).split("/")[0] for path in FILES}
    assert there == {name for names in ROOMS for name in names}


@pytest.mark.parametrize("path", FILES, ids=place)
def test_imports_point_one_way(path):
    here = room(place(path).split("/")[0])
    for other, library in imports(path):
        if library is None:
            assert room(other) <= here, f"{place(path)} imports {other}"
        else:
            assert library != "lifexport", f"{place(path)}: use a relative import"
            homes = HOMES.get(library)
            assert homes is None or place(path).startswith(homes), f"{place(path)} imports {library}"


def test_the_check_sees_imports_inside_functions():
    found = {name: set(imports(PACKAGE / "cli" / name)) for name in ("printing.py", "verbs/check.py", "verbs/demo.py")}
    assert (None, "rich") in found["printing.py"]
    assert ("checking", None) in found["verbs/check.py"] and ("demo", None) in found["verbs/demo.py"]
    assert ("fast", None) not in found["verbs/demo.py"]


def loaded_by(program: str) -> set[str]:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_is_cheap():
    assert (
        loaded_by("import lifexport") & {"jax", "numba", "onnx", "onnxruntime", "nir", "brainstate", "numpy", "scipy"}
        == set()
    )


def test_the_core_needs_numpy_alone():
    program = "import lifexport as lx; lx.quantize, lx.simulate, lx.IntNetwork, lx.load_target('fpga-q')"
    assert loaded_by(program) & {"jax", "numba", "onnx", "onnxruntime", "nir", "h5py", "brainstate", "scipy"} == set()


def test_every_public_name_is_there():
    import lifexport as lx

    for name in lx.__all__:
        assert getattr(lx, name) is not None
    assert set(lx.__all__) <= set(dir(lx))
    with pytest.raises(AttributeError, match="no attribute 'quantise'"):
        lx.quantise  # noqa: B018
