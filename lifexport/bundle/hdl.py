"""Hand-off to hardware: parameters, stimuli and expected outputs as text for ``$readmemh``.

One word a line, hexadecimal, two's complement of the width that ``layout.json`` states; last axis fastest. Lines that
begin with ``//`` say what follows; ``$readmemh`` (IEEE 1800-2017, 21.4) skips them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..export.restoring import hints
from ..files import canonical_json
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntWeights
from .naming import file_names

LAYOUT = "layout.json"
UNSTEPPED = ("v_rest", "scale")
"""Arrays that say what codes mean; no step uses them."""


def write_hdl(folder: Path, q: IntNetwork, kept: Iterable[dict[str, Any]]) -> list[str]:
    """Write every parameter and golden vector.

    Parameters
    ----------
    folder : Path
        Made.
    q : IntNetwork
    kept : iterable of dict
        Golden vectors, as ``golden.record`` returns them; real numbers are left out.

    Returns
    -------
    list of str
        Names of the files written.
    """
    folder.mkdir()
    rows = [*_parameters(q), *_vectors(q, kept)]
    for row in rows:
        (folder / row["file"]).write_text(_text(row), encoding="ascii")
    layout = [{key: value for key, value in row.items() if key != "values"} for row in rows]
    (folder / LAYOUT).write_text(canonical_json(layout) + "\n", encoding="utf-8")
    return [LAYOUT, *(row["file"] for row in rows)]


def _parameters(q: IntNetwork) -> Iterable[dict[str, Any]]:
    names = file_names(q)
    for name, node in q.nodes.items():
        for field in hints(type(node)):
            values = getattr(node, field)
            if isinstance(values, np.ndarray) and field not in UNSTEPPED and values.size:
                yield _row(f"{names[name]}.{field}", name, field, values, _nominal(node, field))


def _vectors(q: IntNetwork, kept: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    names = file_names(q)
    for entry in kept:
        name, what = entry["node"], entry["what"]
        if what.startswith("float") or what == "x":
            continue
        bits = 1
        if what == "input":
            bits = q.input_code.bits
        elif what == "v":
            bits = q.nodes[name].rules.membrane.bits
        prefix = "" if name is None else f"{names[name]}."
        yield _row(f"expected.{prefix}{what}" if what != "input" else "input", name, what, entry["values"], bits)


def _nominal(node: Any, field: str) -> int:
    """Width that the network states for a parameter; what needs more gets more."""
    if isinstance(node, IntWeights):
        return node.weight_bits
    assert isinstance(node, IntLIF)
    return node.rules.membrane.bits if field in ("threshold", "reset_code", "bias", "v_initial") else 1


def _row(file: str, node: str | None, what: str, values: np.ndarray, bits: int) -> dict[str, Any]:
    lo, hi = int(values.min(initial=0)), int(values.max(initial=0))
    signed = lo < 0 or what in ("weight", "v", "threshold", "reset_code", "bias", "v_initial")
    needed = max(hi.bit_length(), (-1 - lo).bit_length() if lo < 0 else 0) + signed
    return {
        "file": f"{file}.mem",
        "node": node,
        "what": what,
        "shape": list(values.shape),
        "bits": max(bits, needed, 1),
        "signed": bool(signed),
        "values": values,
    }


def _text(row: dict[str, Any]) -> str:
    mask, digits = (1 << row["bits"]) - 1, -(-row["bits"] // 4)
    kind = "two's complement" if row["signed"] else "unsigned"
    about = f"// {row['what']}, shape {row['shape']}, {row['bits']} bits, {kind}, last axis fastest"
    words = (f"{int(value) & mask:0{digits}x}" for value in row["values"].ravel())
    return "\n".join((about, *words)) + "\n"
