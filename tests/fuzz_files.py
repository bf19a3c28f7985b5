"""Damaged files thrown at every reader, for as long as one likes: python tests/fuzz_files.py [minutes] [seed].

What a reader raises must be a ``LifexportError``, and a file that is taken must be one that was not changed in what it
says. Whatever else happens is printed with the way to make it again, and ends the run with 1; so does a file that takes
more than two seconds of the processor or 500 MB. Hostile files (``hostile_files.py``) are damaged as well as good ones.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hostile_files import FILES  # noqa: E402

import lifexport as lx  # noqa: E402
from lifexport.arrayfiles import read_inputs, read_npz  # noqa: E402
from lifexport.bundle.networks import read_network  # noqa: E402
from lifexport.bundle.specification import load_quantspec  # noqa: E402
from lifexport.bundle.stored import tensors_of  # noqa: E402
from lifexport.errors import LifexportError  # noqa: E402

SECONDS, MEGABYTES = 2.0, 500
LARGEST = 1 << 19
"""Bytes of the largest hostile file that is damaged: of larger ones one would change nothing that matters."""
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x22, 0x5B, 0x7B]


def seeds(folder: Path) -> dict[str, bytes]:
    """One good file of every kind."""
    from float_nets import float_network

    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    lx.save(q, folder / "b", trained=f, inputs=x, spec=lx.QuantSpec(), golden_samples=2)
    np.savez(folder / "x.npz", x=x[:5, :2])
    np.save(folder / "x.npy", x[:5, :2])
    (folder / "t.toml").write_text("[fidelity]\naccuracy_drop = 1\n")
    plain, _ = float_network(1, v_reset=-0.3)
    lx.to_nir(plain, folder / "norse.nir", profile="norse")
    found = {path.name: path.read_bytes() for path in (folder / "b").iterdir() if path.suffix != ".html"}
    found |= {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    for i, (name, (suffix, make)) in enumerate(FILES.items()):
        if not name.startswith(("a FIFO", "a device", "a terminal", "a socket", "a folder")) and "of holes" not in name:
            path = make(folder / f"hostile{i}{suffix}")
            if path.stat().st_size <= LARGEST:
                found[path.name] = path.read_bytes()
    return found


def damaged(rng: np.random.Generator, data: bytes, others: list[bytes]) -> bytes:
    """One to four changes of a file."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        at = int(rng.integers(len(out)))
        kind = int(rng.integers(7))
        if kind == 0:
            out[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            out[at] = int(rng.choice(INTERESTING))
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            del out[at : at + int(rng.integers(1, 64))]
        elif kind == 4:
            out[at:at] = out[at : at + int(rng.integers(1, 64))]
        elif kind == 5:
            out[at : at + 8] = int(rng.integers(0, 1 << 62)).to_bytes(8, "little")
        else:
            other = others[int(rng.integers(len(others)))]
            start = int(rng.integers(max(1, len(other))))
            out[at : at + 32] = other[start : start + 32]
    return bytes(out)


def read(path: Path) -> None:
    """Everything that reads a file of that kind."""
    checked = lx.check(path, **({"target": "fpga-q"} if path.suffix == ".nir" else {}))
    assert all(finding.code for finding in checked.findings)
    tensors_of(path)
    for reader in READERS.get(path.suffix, ()):
        try:
            reader(path)
        except LifexportError:
            continue


READERS = {
    ".nir": (read_network, lambda path: read_network(path, dt=1e-3), lambda path: read_network(path, source="norse")),
    ".onnx": (read_network,),
    ".json": (read_network, lx.load_target, load_quantspec),
    ".npz": (read_inputs, read_npz, lambda path: read_npz(path, checked=False)),
    ".npy": (read_inputs,),
    ".toml": (lx.Thresholds.from_toml,),
}


def _peak() -> int:
    """Largest memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main(minutes: float, seed: int) -> int:
    rng, counts, slowest, largest = np.random.default_rng(seed), Counter(), 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = seeds(folder)
        others = list(good.values())
        for file, data in good.items():  # loads what readers load, so that it is not counted below
            (folder / f"first{Path(file).suffix}").write_bytes(data)
            read(folder / f"first{Path(file).suffix}")
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            file = str(rng.choice([*good]))
            data = damaged(rng, good[file], others)
            path = folder / f"damaged{Path(file).suffix}"
            path.write_bytes(data)
            begun, before = time.process_time(), _peak()
            try:
                read(path)
            except Exception:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{sum(counts.values())}-{file}"
                kept.write_bytes(data)
                print(f"{file} after {sum(counts.values())} files, kept as {kept}")
                traceback.print_exc()
                counts["failed"] += 1
            counts[Path(file).suffix] += 1
            seconds, megabytes = time.process_time() - begun, _peak() - before
            slowest, largest = max(slowest, seconds), max(largest, megabytes)
            if seconds > SECONDS or megabytes > MEGABYTES:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{sum(counts.values())}-{file}"
                kept.write_bytes(data)
                print(f"{file}: took {seconds:.1f} s and {megabytes} MB, kept as {kept}")
                counts["failed"] += 1
    print(dict(counts), f"slowest {slowest:.2f} s of the processor, largest {largest} MB")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(float((sys.argv[1:] or ["10"])[0]), int((sys.argv[2:] or ["0"])[0])))
