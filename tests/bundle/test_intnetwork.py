"""An integer network as JSON: every kind, every rule, and back, and nothing else."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from nets import random_network, relaxing_network, spatial_network
from wild_nets import wild_network, wild_spatial_network

import lifexport as lx
from lifexport import schemas
from lifexport.bundle.intnetwork import (
    from_array,
    from_document,
    load_intnetwork,
    save_intnetwork,
    to_array,
    to_document,
)
from lifexport.errors import FileError, LifexportError, MismatchError


def networks():
    yield from (random_network(seed)[0] for seed in range(3))
    yield from (spatial_network(seed)[0] for seed in range(3))
    yield from (wild_network(seed)[0] for seed in range(25))
    yield from (wild_spatial_network(seed)[0] for seed in range(12))
    yield relaxing_network("half_up", "saturate", 15, "zero")[0]


def test_every_network_comes_back(tmp_path):
    kinds = set()
    for q in networks():
        document = to_document(q)
        assert schemas.violations("intnetwork", json.loads(json.dumps(document)), code="LX003") == []
        back = load_intnetwork(save_intnetwork(q, tmp_path / "q.json"))
        assert lx.same(q, back) and back.digest() == q.digest()
        kinds |= {node.kind for node in q.nodes.values()}
    assert kinds == {"Input", "Output", "Dense", "Conv", "SumPool", "Flatten", "LIF"}


def test_equal_networks_give_equal_bytes(tmp_path):
    one, two = (save_intnetwork(random_network(1)[0], tmp_path / name) for name in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert one.read_text().startswith('{"approximations":[],"digest":"')


@pytest.mark.parametrize(
    ("values", "dtype", "text"),
    [
        ([0, 127, -128], "int8", "AH+A"),
        ([128], "int16", "gAA="),
        ([-(2**31)], "int32", "AAAAgA=="),
        ([2**62], "int64", "AAAAAAAAAEA="),
        ([0.5], "float64", "AAAAAAAA4D8="),
    ],
)
def test_arrays_are_pinned_by_their_bytes(values, dtype, text):
    array = np.array(values)
    entry = to_array(array)
    assert (entry["dtype"], entry["base64"]) == (dtype, text)
    np.testing.assert_array_equal(from_array(entry, "x"), array)


def test_arrays_of_any_shape():
    for shape in ((), (0,), (2, 0, 3), (2, 3), (2, 3, 4)):
        array = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
        back = from_array(json.loads(json.dumps(to_array(array.T.copy().T))), "x")
        assert back.shape == shape and (back == array).all()


def damage():
    def weight(document):
        return next(node for node in document["nodes"] if node["kind"] == "Dense")["weight"]

    yield "unknown field", lambda d: d.update(colour="red"), FileError, "LX003.*unknown field 'colour'"
    yield "newer", lambda d: d.update(schema="lifexport.intnetwork/2"), FileError, "LX004"
    yield "no nodes", lambda d: d.pop("nodes"), FileError, "LX003.*'nodes' is a required"
    yield "decimal dt", lambda d: d.update(dt=0.001), FileError, "LX003"
    yield "dt of nothing", lambda d: d["dt"].update(den=0), FileError, "LX003"
    yield "dt beyond floats", lambda d: d["dt"].update(num=10**400, den=1), FileError, "LX003"
    yield "negative dt", lambda d: d["dt"].update(num=-1), LifexportError, "LX103"
    yield "no base64", lambda d: weight(d).update(base64="!"), FileError, "LX003"
    yield "cut base64", lambda d: weight(d).update(base64=weight(d)["base64"][:-4]), FileError, "LX003.*bytes for"
    yield "huge shape", lambda d: weight(d).update(shape=[10**9, 10**9]), FileError, "LX003.*bytes for"
    yield "number of no use", lambda d: weight(d).update(dtype="float16"), FileError, "LX003"
    yield "twice", lambda d: d["nodes"].append(d["nodes"][0]), FileError, "LX003.*twice"
    yield "another name", lambda d: d["nodes"][1].update(name="other"), LifexportError, "LX107"
    yield "other latency", lambda d: d.update(latency=5), MismatchError, "LX403"
    yield "other target", lambda d: d.update(target="xylo-v2"), MismatchError, "LX403"
    yield "other digest", lambda d: d.update(digest="0" * 64), MismatchError, "LX403"
    yield "other weights", lambda d: weight(d).update(base64="AAAA" + weight(d)["base64"][4:]), LifexportError, "LX403"


@pytest.mark.parametrize(("name", "change", "kind", "said"), [*damage()], ids=[case[0] for case in damage()])
def test_damage_is_told(name, change, kind, said):
    document = to_document(random_network(0)[0])
    document = json.loads(json.dumps(document))
    before = copy.deepcopy(document)
    change(document)
    assert document != before
    with pytest.raises(kind, match=f"(?s){said}"):
        from_document(document)
