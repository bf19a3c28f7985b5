"""Every door tried with every hostile file, in one process: python tests/hostile_doors.py FOLDER. A row of JSON each.

The folder holds a bundle ``good``, its trained network ``good/model.nir``, inputs ``x.npz``.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from cli.calling import call  # noqa: E402
from hostile_files import FILES  # noqa: E402

from lifexport.bundle import manifest  # noqa: E402

SEALED = (
    *("a FIFO as .onnx", "functions that double", "zeros in an archive", "many chunked data sets", "brackets"),
    *("a population that nobody stores", "members on top of each other"),
)
"""Files that are tried inside of a bundle too."""
MEMBERS = {".nir": "model.nir", ".onnx": "model.onnx", ".json": "network.json", ".npz": "golden.npz"}


def doors(folder: Path, file: Path) -> dict[str, tuple]:
    """Calls that read a file, by name."""
    good, nir = folder / "good", folder / "good" / "model.nir"
    quantize = ("quantize", nir, "--inputs", folder / "x.npz", "--out", folder / "q.json")
    inputs = {
        "simulate --inputs": ("simulate", good, "--inputs", file),
        "verify --inputs": ("verify", good, "--inputs", file),
        "compare --recorded": ("compare", good, "--recorded", file),
    }
    networks = {"check": ("check", file), "simulate": ("simulate", file, "--inputs", folder / "x.npz", "--dt", "1e-3")}
    choices = {"--spec": (*quantize, "--target", "fpga-q", "--spec", file), "--target": (*quantize, "--target", file)}
    return {
        ".nir": networks,
        ".onnx": networks,
        ".json": {"check": ("check", file), "targets": ("targets", file), **choices},
        ".npz": inputs,
        ".npy": {name: args for name, args in inputs.items() if "recorded" not in name},
        ".toml": {"--thresholds": ("compare", good, "--thresholds", file)},
    }[file.suffix]


def sealed(folder: Path, file: Path) -> Path:
    """A bundle in which a file is the hostile one, sealed again by whoever made it."""
    bundle = folder / "sealed"
    shutil.rmtree(bundle, ignore_errors=True)
    shutil.copytree(folder / "good", bundle)
    document = manifest.read(bundle)
    (bundle / MEMBERS[file.suffix]).unlink()
    shutil.move(file, bundle / MEMBERS[file.suffix])
    roles = {entry["path"]: entry["role"] for entry in document["files"]}
    facts = {k: v for k, v in document.items() if k not in ("schema", "tool", "versions", "created", "files", "seal")}
    if (bundle / MEMBERS[file.suffix]).is_file():
        manifest.write(bundle, manifest.build(bundle, roles, **facts))
    return bundle


def tell(name: str, door: str, args: tuple) -> None:
    begun = time.process_time()
    done = call(*args)
    code = next((word for word in done.text.split() if word.startswith("LX")), "")
    row = {"file": name, "door": door, "exit": done.code, "code": code, "seconds": time.process_time() - begun}
    print(json.dumps(row | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}), flush=True)


def main(folder: Path) -> None:
    for name, args in doors(folder, folder / "x.npz").items():  # what a good file takes comes first
        tell("a good file", name, args)
    tell("a good file", "check", ("check", folder / "good"))
    for i, (name, (suffix, make)) in enumerate(FILES.items()):
        file = make(folder / f"hostile{i}{suffix}")
        for door, args in doors(folder, file).items():
            tell(name, door, args)
        if name in SEALED:
            tell(name, "verify", ("verify", sealed(folder, file)))
            if suffix != ".npz":  # arrays are read where they are run
                tell(name, "check a bundle", ("check", folder / "sealed"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
