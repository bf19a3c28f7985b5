"""Networks in NIR that no verb may swallow in silence: the bad-input table of what users have met."""

from __future__ import annotations

from pathlib import Path

import h5py
import nir
import numpy as np

HIDDEN, CLASSES, INPUTS = 6, 3, 4


def lif(n: int, **given) -> nir.LIF:
    full = {"tau": 10e-3, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.LIF(**{key: np.broadcast_to(np.asarray(value, float), (n,)).copy() for key, value in full.items()})


def weight(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(4.0, 6.0, (rows, columns))


def write(path: Path, nodes: dict | None = None, edges: list | None = None, **given) -> Path:
    """A chain of two populations; ``given`` changes the parameters of the first, ``nodes`` and ``edges`` the graph."""
    w = given.pop("w", weight(HIDDEN, INPUTS))
    own = {
        "input": nir.Input({"input": np.array([w.shape[1]])}),
        "fc": nir.Linear(w),
        "hidden": lif(len(w), **given),
        "fc2": nir.Linear(weight(CLASSES, len(w), 1)),
        "last": lif(CLASSES),
        "output": nir.Output({"output": np.array([CLASSES])}),
    } | (nodes or {})
    chain = [("input", "fc"), ("fc", "hidden"), ("hidden", "fc2"), ("fc2", "last"), ("last", "output")]
    edges = chain if edges is None else edges
    used = {name: node for name, node in own.items() if name in {end for edge in edges for end in edge}}
    nir.write(path, nir.NIRGraph(used if nodes else own, edges, type_check=False))
    return path


def with_number(path: Path, place: str, value: float, index=(0, 0)) -> Path:
    write(path)
    with h5py.File(path, "r+") as file:
        file[f"node/nodes/{place}"][index] = value
    return path


def outlier() -> np.ndarray:
    w = weight(HIDDEN, INPUTS)
    w[0, 0] = 1e6
    return w


def empty(path: Path) -> Path:
    nir.write(path, nir.NIRGraph({}, [], type_check=False))
    return path


def foreign(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones((3, 3))
    return path


def cycle(path: Path) -> Path:
    edges = [("input", "fc"), ("fc", "hidden"), ("hidden", "fc2"), ("fc2", "last"), ("last", "output")]
    loop = {"a": nir.Linear(weight(HIDDEN, HIDDEN)), "b": nir.Linear(weight(HIDDEN, HIDDEN))}
    return write(path, loop, [*edges, ("a", "b"), ("b", "a"), ("hidden", "a"), ("b", "hidden")])


def unknown(path: Path) -> Path:
    write(path)
    with h5py.File(path, "r+") as file:
        del file["node/nodes/hidden/type"]
        file["node/nodes/hidden/type"] = "Spaceship"
    return path


def truncated(path: Path) -> Path:
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def bytes_of(content: bytes):
    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


REFUSED = {
    "NaN weight": (lambda p: with_number(p, "fc/weight", np.nan), "LX101", 1),
    "infinite weight": (lambda p: with_number(p, "fc/weight", np.inf), "LX101", 1),
    "NaN time constant": (lambda p: with_number(p, "hidden/tau", np.nan, 0), "LX101", 1),
    "time constant of zero": (lambda p: write(p, tau=0.0), "LX104", 1),
    "negative time constant": (lambda p: write(p, tau=-0.01), "LX104", 1),
    "infinite time constant": (lambda p: write(p, tau=np.inf), "LX101", 1),
    "negative threshold": (lambda p: write(p, v_threshold=-1.0), "LX105", 1),
    "threshold of zero": (lambda p: write(p, v_threshold=0.0), "LX105", 1),
    "reset above threshold": (lambda p: write(p, v_reset=2.0), "LX105", 1),
    "reset at threshold": (lambda p: write(p, v_reset=1.0), "LX105", 1),
    "shapes that do not fit": (lambda p: write(p, {"fc2": nir.Linear(weight(CLASSES, HIDDEN + 1))}), "LX102", 1),
    "empty graph": (empty, "LX107", 1),
    "nobody feeds a population": (lambda p: write(p, edges=[("input", "fc"), ("last", "output")]), "LX107", 1),
    "loop without neurons": (cycle, "LX108", 1),
    "node nobody knows": (unknown, "LX401", 1),
    "truncated": (truncated, "LX003", 2),
    "empty file": (bytes_of(b""), "LX003", 2),
    "no HDF5": (bytes_of(b"not a network at all"), "LX003", 2),
    "HDF5 of somebody else": (foreign, "LX003", 2),
    "missing": (lambda p: p, "LX003", 2),
}
"""What is wrong -> a function that writes it, the code it is refused with by every verb, the exit code."""

RUN = {
    "a layer of zeros": lambda p: write(p, w=np.zeros((HIDDEN, INPUTS))),
    "one huge weight": lambda p: write(p, w=outlier()),
    "time constant below the step": lambda p: write(p, tau=0.3e-3),
    "unicode names": lambda p: write(
        p,
        {"ニューロン": lif(HIDDEN), "<script>": nir.Linear(weight(HIDDEN, INPUTS))},
        [("input", "<script>"), ("<script>", "ニューロン"), ("ニューロン", "fc2"), ("fc2", "last"), ("last", "output")],
    ),
    "a million inputs of a neuron": lambda p: write(p, w=weight(2, 1_000_000) / 1000),
}
"""Networks that are odd, and are networks: no verb may crash on them or change them in silence."""
