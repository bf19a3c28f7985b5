"""Nothing in a bundle can change without being found: which file, and where it still parses which number."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

import lifexport as lx
from lifexport import files, schemas
from lifexport.bundle import manifest
from lifexport.bundle.intnetwork import save_intnetwork
from lifexport.bundle.opening import damage
from lifexport.bundle.stored import tensors_of
from lifexport.errors import FileError, LifexportError, MismatchError
from lifexport.nodes import IntDense

DOCUMENTS = ("network", "quantspec", "target", "golden", "fidelity", "certificate")
ALL = os.environ.get("LIFEXPORT_EVERY") == "1"
SMALL, SOME = (8000, 1000) if ALL else (1500, 150)
"""Bytes up to which every position of a file is tried, and how many of others."""


def positions(size: int):
    return range(size) if size <= SMALL else np.random.default_rng(0).integers(0, size, SOME)


@pytest.mark.parametrize(
    "name",
    [*(f"{kind}.json" for kind in DOCUMENTS), "golden.npz", "model.onnx", "model.nir"],
)
def test_a_flipped_bit_anywhere_is_found(bundle, name):
    document = json.loads((bundle / manifest.NAME).read_text())
    document["files"] = [entry for entry in document["files"] if entry["path"] == name]
    path, original = bundle / name, (bundle / name).read_bytes()
    assert [f.code for f in damage(bundle, document) if f.severity == "error"] == []
    for i, place in enumerate(positions(len(original))):
        changed = bytearray(original)
        changed[place] ^= 1 << i % 8
        path.write_bytes(changed)
        found = [f for f in damage(bundle, document) if f.severity == "error"]
        assert found and all((f.code, f.node) == ("LX601", name) for f in found), place


def test_a_flipped_bit_of_the_manifest_is_found(bundle):
    path = bundle / manifest.NAME
    original = path.read_bytes()
    manifest.read(bundle)
    every = 1 if ALL else 13  # shares no factor with the 8 bits
    for i, place in enumerate(range(0, len(original), every)):
        changed = bytearray(original)
        changed[place] ^= 1 << i % 8
        path.write_bytes(changed)
        with pytest.raises(LifexportError):
            manifest.read(bundle)


@pytest.mark.parametrize("name", ["network.json", "golden.npz", "model.onnx", "model.nir"])
def test_a_changed_number_is_named_by_tensor_and_index(bundle, name, pair):
    path = bundle / name
    before = {key: values for key, values in tensors_of(path).items() if values.size > 3}
    assert len(before) >= 2
    original, located = path.read_bytes(), 0
    for tensor, values in before.items():
        if name == "network.json":
            change_json(path, tensor)
        else:
            place = original.find(values.tobytes())
            if place < 0 or original.find(values.tobytes(), place + 1) >= 0:
                continue  # stored in another order, or twice
            changed = bytearray(original)
            changed[place + 2 * values.itemsize] ^= 1
            path.write_bytes(changed)
        verification = lx.verify(bundle)
        assert not verification.ok
        (finding,) = [f for f in verification.findings if f.severity == "error"]
        assert (finding.code, finding.node, finding.field) == ("LX601", name, tensor)
        now = tensors_of(path)[tensor]
        index = np.unravel_index(2, values.shape)
        assert finding.index == tuple(map(int, index))
        assert finding.found == f"{now[index]} stands where {values[index]} was sealed"
        path.write_bytes(original)
        located += 1
    assert located >= 2
    assert lx.verify(bundle).ok


def change_json(path, tensor):
    """Change the third number of a tensor of the network's document."""
    import base64

    document = json.loads(path.read_text())
    name, _, field = tensor.rpartition(".")
    entry = next(node for node in document["nodes"] if node["name"] == name)[field]
    data = bytearray(base64.b64decode(entry["base64"]))
    data[2 * len(data) // int(np.prod(entry["shape"]))] ^= 1
    entry["base64"] = base64.b64encode(bytes(data)).decode()
    path.write_text(files.canonical_json(document) + "\n")


def test_files_missing_added_or_linked(bundle, tmp_path):
    (bundle / "notes.txt").write_text("mine")
    verification = lx.verify(bundle)
    assert verification.ok and [f.code for f in verification.findings] == ["LX603"]
    (bundle / "notes.txt").unlink()
    (bundle / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    with pytest.raises(MismatchError, match=r"LX602.*model\.onnx"):
        lx.load(bundle)
    (bundle / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(MismatchError, match=r"LX609.*model\.onnx: a link"):
        lx.load(bundle)


@pytest.mark.parametrize("name", ["manifest.json", "network.json", "notes.txt", "hdl", "a/b/deep", "a/b/folder"])
def test_links_are_refused_wherever_they_are(bundle, tmp_path, name):
    """Files, folders, sealed or not, at any depth: check, verify and load alike."""
    place, kept = bundle / name, tmp_path / "kept"
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(kept)
    elif name in ("hdl", "a/b/folder"):
        kept.mkdir()
    else:
        kept.write_text("{}")
    place.symlink_to(kept)
    found = [("LX609", name)]
    assert [(f.code, f.node) for f in lx.verify(bundle).findings] == found
    assert [(f.code, f.node) for f in lx.check(bundle).findings] == found
    with pytest.raises(MismatchError, match="LX609"):
        lx.load(bundle)


def reseal(bundle, change=lambda document: None):
    """What an attacker does: describe the files as they now are, and seal again."""
    document = json.loads((bundle / manifest.NAME).read_text())
    change(document)
    entries = [
        manifest._entry(bundle, e["path"], e["role"]) for e in document["files"] if (bundle / e["path"]).exists()
    ]
    document["files"] = entries
    document["seal"] = manifest.seal(document)
    manifest.write(bundle, document)
    return document["seal"]


def test_a_bundle_sealed_again_is_held_against_the_anchor_and_against_itself(bundle, pair, saved):
    q = pair[1]
    name = next(name for name, node in q.nodes.items() if isinstance(node, IntDense))
    nodes = dict(q.nodes)
    weight = np.array(nodes[name].weight)
    weight.flat[0] += 1 if weight.flat[0] < 0 else -1
    nodes[name] = dataclasses.replace(nodes[name], weight=weight)
    other = dataclasses.replace(q, nodes=nodes)
    save_intnetwork(other, bundle / "network.json")
    seal = reseal(bundle, lambda document: document["network"].update(integer=other.digest()))
    assert lx.load(bundle) and seal != saved.seal
    codes = {f.code for f in lx.verify(bundle, expect=saved.seal).findings}
    assert "LX604" in codes
    found = lx.verify(bundle).findings  # without an anchor, its other files still speak of the network that was proved
    assert found and {f.code for f in found} <= {"LX403", "LX605", "LX402"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d.update(schema="lifexport.manifest/2"), "LX004"),
        (lambda d: d.update(colour="red"), "LX003"),
        (lambda d: d["files"][0].update(path="../out/golden.json"), "LX003"),
        (lambda d: d["files"][0].update(path="/etc/passwd"), "LX003"),
        (lambda d: d["files"][0].update(path="manifest.json"), "LX003"),
        (lambda d: d["files"].append(d["files"][0]), "LX003"),
        (lambda d: d.pop("seal"), "LX003"),
    ],
)
def test_manifests_that_are_refused_however_they_are_sealed(bundle, change, code):
    document = json.loads((bundle / manifest.NAME).read_text())
    change(document)
    if "seal" in document:
        document["seal"] = manifest.seal(document)
    manifest.write(bundle, document)
    with pytest.raises(FileError, match=code):
        lx.load(bundle)


def test_a_manifest_in_other_words_is_another_manifest(bundle):
    """The same values with spaces, or keys in another order, are not the bytes that were sealed."""
    document = json.loads((bundle / manifest.NAME).read_text())
    for text in (json.dumps(document), json.dumps(document, sort_keys=True, separators=(",", ":"))):
        (bundle / manifest.NAME).write_text(text)
        with pytest.raises(MismatchError, match="LX601"):
            lx.load(bundle)


@pytest.mark.parametrize("text", ["", "[]", "7", '{"seal": 5}', "{", "null", '{"schema": ["lifexport.manifest/9"]}'])
def test_what_is_no_manifest(bundle, text):
    (bundle / manifest.NAME).write_text(text)
    with pytest.raises(FileError, match="LX003"):
        lx.load(bundle)


def test_what_is_no_bundle(tmp_path, bundle):
    (tmp_path / "file").write_text("")
    for path, said in ((tmp_path / "none", "No such file"), (tmp_path / "file", "not a folder"), (tmp_path, "no mani")):
        with pytest.raises(FileError, match=f"LX003.*{said}"):
            lx.load(path)
        assert [f.code for f in lx.verify(path).findings] == ["LX003"]
    shutil.copy(bundle / "network.json", tmp_path / "manifest.json")
    with pytest.raises(FileError, match="LX003"):
        lx.load(tmp_path)


def test_every_document_conforms(saved):
    for path in sorted(saved.path.glob("*.json")):
        document = json.loads(path.read_text())
        name = document["schema"].split(".")[1].split("/")[0]
        assert schemas.violations(name, document, code="LX003") == [], path
    verification = lx.verify(saved.path)
    assert verification.ok and schemas.violations("verification", verification.to_json(), code="LX003") == []
