"""A simulator written from ``docs/arithmetic.md`` alone gives every membrane and every spike, bit for bit."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from nets import ALIVE, random_network
from random_float import random_float_network
from stories.plain_python import run

import lifexport as lx
from lifexport.bundle.intnetwork import to_document
from lifexport.files import canonical_json
from lifexport.neurons import Arriving, Current, IntLIF, Leak, Rules, Word
from lifexport.nodes import IntDense
from lifexport.ops import OVERFLOWS, ROUNDINGS, NumpyOps

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]


def is_dense(node) -> bool:
    return isinstance(node, IntDense)


def changed(network: lx.IntNetwork, change) -> lx.IntNetwork:
    return dataclasses.replace(network, nodes={name: change(node) for name, node in network.nodes.items()})


def dropping(node):
    """Connections that drop two low bits of their sums."""
    return dataclasses.replace(node, drop=2, unit=node.unit / 4) if is_dense(node) else node


def waiting(node):
    """Neurons that wait 0, 1, 2, ... steps."""
    if node.role != "population":
        return node
    rules = dataclasses.replace(node.rules, refractory=True)
    return dataclasses.replace(node, rules=rules, refractory=np.arange(node.shape[0]) % 4)


def filtered(node):
    """Neurons whose input passes a synapse first."""
    if node.role != "population":
        return node
    n, current = node.shape[0], Current(word=Word.signed(11), leak=Leak(bits=5))
    rules = dataclasses.replace(node.rules, current=current)
    decay, start = np.arange(n)[None] % 33, (np.arange(n)[None] - 3) * 8
    return dataclasses.replace(node, rules=rules, current_decay=decay, current_initial=start)


def quantized(seed: int):
    f, codes, choices = random_float_network(seed)
    return lx.quantize(f, "fpga-q", **choices), codes


def case(network, codes, change=None):
    return (network if change is None else changed(network, change)), codes


CASES = {
    **{f"random {seed}": lambda seed=seed: case(*random_network(seed)) for seed in range(12)},
    **{f"quantized {seed}": lambda seed=seed: quantized(seed) for seed in (0, 1, 2)},
    **{f"dropping {seed}": lambda seed=seed: case(*random_network(seed), dropping) for seed in (20, 21)},
    **{f"waiting {seed}": lambda seed=seed: case(*random_network(seed), waiting) for seed in (22, 23)},
    **{f"filtered {seed}": lambda seed=seed: case(*random_network(seed), filtered) for seed in (24, 25)},
}


@pytest.mark.parametrize("name", CASES)
def test_every_membrane_and_spike(name):
    network, codes = CASES[name]()
    trace = lx.simulate(network, codes, record=("v", "spikes"), backend="reference")
    document = json.loads(canonical_json(to_document(network)))
    for sample in range(codes.shape[1]):
        alone, output = run(document, codes[:, sample].tolist())
        assert output == trace.output[:, sample].tolist()
        assert alone.keys() == trace.v.keys() != set()
        for population in alone:
            assert alone[population]["v"] == trace.v[population][:, sample].tolist()
            assert alone[population]["spikes"] == trace.spikes[population][:, sample].tolist()


def test_the_networks_live_and_meet_every_rule():
    seen: Counter[str] = Counter()
    for case in CASES.values():
        network, codes = case()
        trace = lx.simulate(network, codes, record=("v", "spikes", "overflows"), backend="reference")
        seen["living"] += all(ALIVE[0] <= spikes.mean() <= ALIVE[1] for spikes in trace.spikes.values())
        seen["values"] += sum(v.size for v in trace.v.values())
        for name, node in network.populations.items():
            rules, v = node.rules, trace.v[name]
            seen.update([rules.leak.rounding, rules.reset, rules.membrane.overflow])
            seen[f"overflowed: {rules.membrane.overflow}"] += trace.overflowed(name)
            seen["ties"] += int((v == node.threshold).sum())
            seen["negative"] += int((v < 0).sum())
            seen["bias"] += int(np.any(node.bias))
    print(dict(seen))
    words = {"floor", "toward_zero", "half_up", "half_even", "subtract", "value", "saturate", "wrap"}
    words |= {"overflowed: saturate", "overflowed: wrap", "ties", "negative", "bias"}
    assert {word for word in words if not seen[word]} == set()
    assert seen["living"] >= 12


def test_the_golden_vectors_of_a_bundle(tmp_path):
    """As a hardware engineer has them: a folder with ``network.json``, ``golden.json`` and ``golden.npz``."""
    q, codes = quantized(2)
    lx.save(q, tmp_path / "bundle", inputs=codes)
    network, index = (json.loads((tmp_path / "bundle" / name).read_text()) for name in ("network.json", "golden.json"))
    with np.load(tmp_path / "bundle/golden.npz") as arrays:
        found = {(entry["what"], entry["node"]): arrays[entry["name"]] for entry in index["arrays"]}
    compared = 0
    for sample in range(index["samples"]):
        for node, rows in run(network, found["input", None][:, sample].tolist())[0].items():
            for what, values in rows.items():
                assert values == found[what, node][:, sample].tolist()
                compared += np.size(values)
    assert compared == sum(values.size for (what, _), values in found.items() if what in ("v", "spikes")) > 1000


def test_it_is_plain_and_short():
    source = (HERE / "plain_python.py").read_text()
    imports = [ast.unparse(n) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert imports == ["from base64 import b64decode"]
    assert len([line for line in source.splitlines() if line.strip()]) <= 75


def table(name: str) -> dict[str, list[str]]:
    """Columns of a table of the page, by their heads; the name stands in front of it."""
    page = (ROOT / "docs/arithmetic.md").read_text()
    lines = page.split(f"<!-- table: {name} -->\n\n")[1].split("\n\n")[0].splitlines()
    head, _, *rows = ([cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines)
    return dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))


def test_the_rounding_table():
    columns = table("rounding")
    quarters = np.array([int(Fraction(value) * 4) for value in columns.pop("p / 2**k")])
    assert set(columns) == set(ROUNDINGS) and len(quarters) == 18
    for how, cells in columns.items():
        assert NumpyOps().multiply_shift(quarters, 1, 2, how, 100).tolist() == [int(cell) for cell in cells]


def test_the_overflow_table():
    columns = table("overflow")
    values = np.array([int(value) for value in columns.pop("into 8 bits")])
    assert set(columns) == set(OVERFLOWS) and len(values) == 15
    for how, cells in columns.items():
        assert getattr(NumpyOps(), how)(values, -128, 127).tolist() == [int(cell) for cell in cells]


def test_the_run_by_hand():
    page = (ROOT / "docs/arithmetic.md").read_text()
    section = page.split("### A run by hand")[1].split("### Rounding")[0]
    rows = [[float(cell) for cell in line.strip("|").split("|")] for line in re.findall(r"^\| \d.*\|$", section, re.M)]
    rules = Rules(membrane=Word.signed(8), leak=Leak(bits=2))
    lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=50, reset_code=50, unit=Fraction(1))
    v, (state, ops) = 0, (lif.initial_state(), NumpyOps())
    for _, stored, reset, product, leaked, current, u, spike in rows:
        assert (stored, product) == (v, reset * 3 / 4)
        assert reset == lif.after_reset(ops, np.array([v]))[0] and leaked == reset * 3 // 4
        state, spikes, after = lif.step(ops, state, Arriving.total(np.array([int(current)])))
        assert (u, spike) == (after[0], spikes[0])
        v = u
    assert len(rows) == 9
