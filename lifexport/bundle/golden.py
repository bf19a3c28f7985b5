"""Golden vectors: inputs, and everything the reference simulator makes of them, for people who verify hardware.

``golden.npz`` holds the arrays, ``golden.json`` (``schemas/golden.schema.json``) says what each of them is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import schemas
from ..arrayfiles import read_npz, write_npz
from ..files import canonical_json, read_json, write_text
from ..findings import error, raise_errors
from ..network import FloatNetwork, IntNetwork
from ..schemas import header
from ..simulation import Trace, simulate
from .naming import file_names
from .tensors import describe, is_described

SCHEMA = "lifexport.golden/1"
INDEX, DATA = "golden.json", "golden.npz"
STEPS = 24
"""Steps of inputs that are made up, where none are given."""
WHAT = {
    "input": "Codes that enter: (time, sample, *features).",
    "x": "Real inputs the codes stand for, float64: (time, sample, *features).",
    "v": "Membrane before reset, codes: (time, sample, *shape).",
    "spikes": "Spikes of a step: (time, sample, *shape).",
    "scores": "Score of every class by the readout: (sample, classes).",
    "prediction": "Best class, ties to the lowest index: (sample,).",
    "float_v": "Membrane of the trained network before reset, volt, float64: (time, sample, *shape).",
    "float_spikes": "Spikes of the trained network: (time, sample, *shape).",
}
"""What an array is, by the field ``what`` of its entry."""


class Golden(NamedTuple):
    """Golden vectors as read: arrays by what they are and, where it is of one, by population."""

    codes: np.ndarray
    x: np.ndarray | None
    arrays: dict[tuple[str, str | None], np.ndarray]


def made_up(q: IntNetwork, samples: int) -> np.ndarray:
    """Codes for a network nobody gave inputs for: random, sparse and extreme ones, the same for the same network."""
    rng = np.random.default_rng(0)
    shape, fmt = q.nodes[q.input_name].shape, q.input_code.format
    uniform = rng.integers(fmt.lo, fmt.hi + 1, (STEPS, samples, *shape))
    keep = rng.random(uniform.shape) < np.linspace(0.1, 1, samples).reshape(1, -1, *(1,) * len(shape))
    codes = np.where(keep, uniform, 0)
    codes[:, -1] = fmt.hi
    return codes


def record(q: IntNetwork, codes: np.ndarray, f: FloatNetwork | None, x: np.ndarray | None) -> list[dict[str, Any]]:
    """Run the reference simulator, and the trained network if there is one; arrays with what they are.

    Returns
    -------
    list of dict
        ``what``, ``node`` (a population or None), and ``values``.
    """
    trace = simulate(q, codes, record=("v", "spikes"), backend="reference")
    kept = [_kept("input", None, _smallest(codes))]
    kept += [] if x is None else [_kept("x", None, x.astype(np.float64))]
    kept += _rows(trace, "v", "spikes")
    kept += [_kept("scores", None, _smallest(trace.scores.reshape(len(trace.scores), -1)))]
    kept += [_kept("prediction", None, trace.prediction.labels.astype(np.int32))]
    if f is not None and x is not None:
        kept += _rows(simulate(f, x.astype(np.float64), record=("v", "spikes")), "float_v", "float_spikes")
    return kept


def _rows(trace: Trace, v: str, spikes: str) -> list[dict[str, Any]]:
    whole = v == "v"
    return [
        entry
        for name in trace.v
        for entry in (
            _kept(v, name, _smallest(trace.v[name]) if whole else trace.v[name]),
            _kept(spikes, name, trace.spikes[name]),
        )
    ]


def _kept(what: str, node: str | None, values: np.ndarray) -> dict[str, Any]:
    return {"what": what, "node": node, "values": values}


def _smallest(values: np.ndarray) -> np.ndarray:
    """The same integers in the smallest type that holds them."""
    lo, hi = int(values.min(initial=0)), int(values.max(initial=0))
    kinds = (np.int8, np.int16, np.int32, np.int64)
    return values.astype(next(k for k in kinds if np.iinfo(k).min <= lo and hi <= np.iinfo(k).max))


def by_name(kept: list[dict[str, Any]]) -> dict[tuple[str, str | None], np.ndarray]:
    """Arrays by what they are and of which population."""
    return {(entry["what"], entry["node"]): entry["values"] for entry in kept}


def write(folder: Path, q: IntNetwork, kept: list[dict[str, Any]], origin: str) -> None:
    """Write index and arrays into a folder that is being built."""
    names, named = file_names(q), {}
    for entry in kept:
        prefix = "" if entry["node"] is None else f"{names[entry['node']]}."
        named[f"{prefix}{entry['what']}"] = entry
    write_npz(folder / DATA, {name: entry["values"] for name, entry in named.items()})
    codes = kept[0]["values"]
    index = {
        **header(SCHEMA),
        "network": q.digest(),
        "target": q.target,
        "origin": origin,
        "steps": codes.shape[0],
        "samples": codes.shape[1],
        "latency": q.latency,
        "arrays": [
            {
                "name": name,
                "what": entry["what"],
                "node": entry["node"],
                "description": WHAT[entry["what"]],
                **describe(entry["values"]),
            }
            for name, entry in named.items()
        ],
    }
    write_text(folder / INDEX, canonical_json(index) + "\n")


def read(folder: Path) -> Golden:
    """Golden vectors of a bundle.

    Raises
    ------
    FileError
        LX003 for an index or arrays that are missing or damaged.
    MismatchError
        LX403 if an array is not the one of the index.
    """
    index = read_json(folder / INDEX)
    raise_errors(schemas.violations("golden", index, code="LX003"))
    stored = read_npz(folder / DATA)
    arrays: dict[tuple[str, str | None], np.ndarray] = {}
    fix = "get an undamaged copy, or write the bundle again"
    for entry in index["arrays"]:
        if entry["name"] not in stored:
            raise error("LX003", node=DATA, field=entry["name"], found="missing", fix=fix)
        if not is_described(stored[entry["name"]], entry):
            raise error("LX403", node=DATA, field=entry["name"], found="not the array of the index", fix=fix)
        arrays[entry["what"], entry["node"]] = stored[entry["name"]]
    if ("input", None) not in arrays:
        raise error("LX003", node=INDEX, field="arrays", found="no input", fix=fix)
    return Golden(arrays["input", None].astype(np.int64), arrays.get(("x", None)), arrays)
