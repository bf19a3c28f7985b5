"""Record networks of several layers in the vendors' own simulators, for ``tests/golden/vectors``.

    python benchmarks/recording/record.py lava=ENV/bin/python nengo=... xylo=... sinabs=... spikerplus=...

Each tool needs an environment of its own: lava-nc 0.10.0 with Python 3.10; nengo-loihi 1.1.0 with numpy < 2; xylosim
0.1.3; sinabs 3.1.3; spikerplus 2.0.3 with tabulate and snntorch, and ghdl on the path. The integers of a network go
into the tool one to one; membranes, currents and spikes of every step come back and are stored beside the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import networks
import numpy as np

from lifexport.bundle.intnetwork import to_document
from lifexport.files import canonical_json
from lifexport.network import IntNetwork

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parents[1] / "tests" / "golden" / "vectors"
FIELDS = ("decay", "threshold", "reset_code", "bias", "v_initial", "current_decay", "current_initial", "refractory")
RECORDINGS = {
    "lava": networks.loihi_lava,
    "nengo": networks.loihi1_nengo,
    "sinabs": networks.sinabs_iaf,
    "spikerplus": networks.spikerplus,
    "xylo": lambda: networks.xylo("xylo-v1", 21) + networks.xylo("xylo-v2", 51),
}


def write_job(path: Path, q: IntNetwork, codes: np.ndarray) -> None:
    """Integers, edges and codes, as ``common.Job`` reads them."""
    nodes, arrays = {}, {"codes": codes}
    for name, node in q.nodes.items():
        fields: dict[str, Any] = {"role": node.role}
        if node.role == "connection":
            arrays[f"{name}.weight"] = node.weight
            fields |= {"shift": node.shift, "drop": node.drop, "bits": node.weight_bits, "synapse": node.synapse}
        if node.role == "population":
            arrays |= {f"{name}.{field}": getattr(node, field) for field in FIELDS}
            fields |= {"lo": node.rules.membrane.lo, "hi": node.rules.membrane.hi, "reset": node.rules.reset}
            fields |= {"max_spikes": node.rules.max_spikes, "bias_shift": node.bias_shift}
        nodes[name] = fields
    edges = [(edge.source, edge.target, edge.delay) for edge in q.edges]
    meta = {"nodes": nodes, "edges": edges, "readout": q.readout_name, "target": q.target}
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)


def run_in(tool: str, python: str, q: IntNetwork, codes: np.ndarray) -> dict[str, np.ndarray]:
    """What a tool records of a network."""
    with tempfile.TemporaryDirectory() as folder:
        job, out = Path(folder) / "job.npz", Path(folder) / "out.npz"
        write_job(job, q, codes)
        done = subprocess.run(
            [python, str(HERE / f"run_{tool}.py"), str(job), str(out)], capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{tool}:\n{done.stderr[-3000:]}")
        with np.load(out) as stored:
            return dict(stored)


def smallest(values: np.ndarray) -> np.ndarray:
    lo, hi = int(values.min()), int(values.max())
    return values.astype(
        next(k for k in (np.int8, np.int16, np.int32) if np.iinfo(k).min <= lo and hi <= np.iinfo(k).max)
    )


def main() -> None:
    for given in sys.argv[1:]:
        tool, _, python = given.partition("=")
        kept = {}
        for k, (name, q, codes) in enumerate(RECORDINGS[tool]()):
            case = f"{k:03d}_network_{name}"
            document = canonical_json(to_document(q)).encode()
            kept[f"{case}/in/network"] = np.frombuffer(document, np.uint8)
            kept[f"{case}/in/codes"] = smallest(codes)
            rows = run_in(tool, python, q, codes)
            kept |= {f"{case}/out/{key}": smallest(values) for key, values in rows.items()}
            print(tool, name, q.target, {key: int(values.sum()) for key, values in rows.items() if "spikes" in key})
        np.savez_compressed(VECTORS / f"networks_{tool}.npz", **kept)


if __name__ == "__main__":
    main()
