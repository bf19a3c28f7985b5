"""Every schema takes what lifexport writes, and refuses its near misses; every example in it is one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from float_nets import float_network
from wild_nets import wild_network

import lifexport as lx
from lifexport import schemas
from lifexport.bundle import intnetwork, specification
from lifexport.vectors import replay

SINABS = Path(__file__).parent / "golden" / "vectors" / "sinabs_public.npz"


def fires_late() -> lx.Target:
    """sinabs' neurons, but that they fire above their threshold alone."""
    document = lx.load_target("sinabs-iaf").document
    return lx.Target(document | {"threshold": document["threshold"] | {"compare": ">"}})


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, list[Any]]:
    """Documents of every kind, as they are written."""
    folder = tmp_path_factory.mktemp("written")
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x, weight_bits=4)
    labels = lx.simulate(f, x).prediction.labels
    spec = lx.QuantSpec(weight_bits=4, membrane_range=2.5, layers={"hid*": {"state_bits": 12}}, approximate=("decay",))
    one, two = (lx.save(q, folder / name, trained=f, inputs=x, labels=labels, spec=spec) for name in ("a", "b"))
    lx.save(lx.quantize(f, "fpga-q", calibration=x), folder / "b", golden_samples=1, overwrite=True)
    spikes = lx.simulate(q, x, record=("spikes",)).spikes["last"].copy()
    spikes[3, 0, 0] ^= 1
    documents = {path.stem: [json.loads(path.read_text())] for path in one.path.glob("*.json")}
    documents["intnetwork"] = [*documents.pop("network"), intnetwork.to_document(wild_network(3)[0])]
    documents["quantspec"].append(specification.to_document(lx.QuantSpec()))
    documents["fidelity"].append(lx.compare(f, q, x, thresholds=lx.Thresholds(tau_change=0.1)).to_json())
    documents["findings"] = [lx.check(one.path / "model.nir").to_json(), lx.check(folder / "none").to_json()]
    documents["verification"] = [lx.verify(one.path).to_json(), lx.verify(folder / "none").to_json()]
    documents["difference"] = [lx.diff(one.path, two.path).to_json()]
    documents["recording"] = [lx.compare_recorded(q, {"last.spikes": spikes}, q.encode(x).codes).to_json()]
    documents["replay"] = [replay(SINABS, "sinabs-iaf").to_json(), replay(SINABS, fires_late()).to_json()]
    documents["sweep"] = [
        lx.sweep(f, "fpga-q", x, grid={"weight_bits": [4, 9], "method": ["mse"]}, workers=1).to_json()
    ]
    documents["target"] += [lx.load_target(name).document for name in ("xylo-v2", "tinyodin")]
    return json.loads(json.dumps(documents))


def test_there_is_a_document_of_every_kind(written):
    assert set(written) == set(schemas.names())


@pytest.mark.parametrize("name", schemas.names())
def test_what_is_written_conforms(name, written):
    for document in written[name]:
        assert schemas.violations(name, document, code="LX003") == []
        jsonschema.Draft202012Validator(schemas.load(name)).validate(document)


def near_misses(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Documents that are one step away: of every object a field more, of every value another type."""
    yield "another version", document | {"schema": document["schema"].replace("/1", "/0")}
    yield "a newer version", document | {"schema": document["schema"].replace("/1", "/2")}
    yield "a list", [document]
    yield "nothing", None
    for path, value in places(document):
        if isinstance(value, dict) and not open_ended(path):
            yield f"more in {path}", changed(document, path, value | {"colour": "red"})
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        yield f"another type of {path}", changed(document, path, {"a": value})


OPEN = ("choices", "grid", "layers", "evidence", "sources")
"""Objects whose fields are names that somebody chose."""


def open_ended(path: tuple) -> bool:
    return bool(path) and path[-1] in OPEN


def places(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Every part of a document; of a list the first part alone."""
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def changed(document: Any, path: tuple, value: Any) -> Any:
    other = copy.deepcopy(document)
    if not path:
        return value
    part = other
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return other


@pytest.mark.parametrize("name", schemas.names())
def test_near_misses_are_refused(name, written):
    document, count = written[name][0], 0
    for what, near in near_misses(document):
        if what.startswith("another type of ") and any(part in what for part in ("'choices'", "'grid'")):
            continue  # the values of a quantspec may be of any type here
        assert schemas.violations(name, near, code="LX003"), what
        count += 1
    required = schemas.load(name)["required"]
    for field in required:
        assert schemas.violations(name, {k: v for k, v in document.items() if k != field}, code="LX003"), field
    assert count >= 12 and len(required) >= 5


def leaves(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a single value."""
    for key in ("properties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from leaves(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from leaves(schema[key], f"{path}/{key}")
    for inner in schema.get("oneOf", []):
        yield from leaves(inner, path)
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds and not kinds & {"object", "array"} and kinds != {"null"}:
        yield path, schema


@pytest.mark.parametrize("name", schemas.names())
def test_every_value_has_an_example_that_is_one(name):
    whole, found = schemas.load(name), 0
    for path, leaf in leaves(whole):
        assert {"examples", "const", "enum"} & set(leaf), path
        for example in leaf.get("examples", ()):
            jsonschema.Draft202012Validator(leaf | {"$defs": whole.get("$defs", {})}).validate(example)
            found += 1
    assert found >= 3


def test_numbers_that_are_numpys_are_not_json():
    """What is written is plain: nothing depends on how a library prints its numbers."""
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x)
    for document in (lx.compare(f, q, x).to_json(), lx.certify(q).to_json(), lx.cost(q, x).to_json()):
        for path, value in places(document):
            assert not isinstance(value, np.generic | np.ndarray), path
