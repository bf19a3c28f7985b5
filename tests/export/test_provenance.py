from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from lifexport import __version__
from lifexport.arrays import same
from lifexport.errors import FileError
from lifexport.export import provenance
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense
from tests.nets import random_network


def float_network(**lif) -> FloatNetwork:
    given = {"tau": 10e-3, "r": 1.0, "v_threshold": [1.0, 2.0], "v_reset": 0.0, **lif}
    nodes = {
        "in": Input(shape=(3,)),
        "fc": FloatDense(weight=np.arange(6.0).reshape(2, 3)),
        "lif": FloatLIF(shape=(2,), dt=1e-3, **given),
        "out": Output(shape=(2,)),
    }
    return FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def edited(text: str, change) -> str:
    fields = json.loads(text)
    change(fields)
    return json.dumps(fields)


def test_record_holds_the_facts():
    net = float_network(reset="value", compare=">")
    fields = provenance.parse(provenance.record(net, profile="plain"))
    assert fields["schema"] == "lifexport.provenance/1"
    assert fields["tool"] == {"name": "lifexport", "version": __version__}
    assert (fields["kind"], fields["digest"], fields["profile"]) == ("FloatNetwork", net.digest(), "plain")
    lif = fields["nodes"]["lif"]
    assert [lif["fields"][key] for key in ("reset", "compare", "discretisation")] == [
        "value",
        ">",
        "exponential_euler",
    ]
    assert lif["arrays"]["v_threshold"]["shape"] == [2]
    assert fields["nodes"]["fc"]["fields"] == {"bias": None}
    assert ["lif", "out", 0] in fields["edges"]
    assert "target" not in fields


def test_record_is_the_same_text_for_the_same_network():
    assert provenance.record(float_network()) == provenance.record(float_network())


@pytest.mark.parametrize("dt", [1e-3, 0.1, 1.0, 1 / 3, 5e-324, 1.7e308])
def test_time_step_is_exact(dt):
    text = edited(provenance.record(float_network()), lambda f: f.update(dt=provenance.plain(dt)))
    assert provenance.exact_dt(provenance.parse(text)) == dt


def test_values_keep_every_bit():
    values = np.array([[0.1, -0.0], [5e-324, -1e308]])
    fields = provenance.parse(provenance.record(float_network(), values={"lif": {"v_initial": values}}))
    assert same(provenance.decode(fields["nodes"]["lif"]["values"]["v_initial"]), values)


def test_integer_network_names_its_target():
    net, _ = random_network(3)
    net = replace(net, target="fpga-q", target_digest="ab12")
    fields = provenance.parse(provenance.record(net, form="scan"))
    assert (fields["kind"], fields["target"], fields["target_digest"]) == ("IntNetwork", "fpga-q", "ab12")
    assert fields["nodes"]["in"]["fields"]["code"]["unit"] == {"num": 1, "den": 1}
    name = next(iter(net.populations))
    assert fields["nodes"][name]["fields"]["rules"]["leak"]["rounding"] == net.nodes[name].rules.leak.rounding
    assert provenance.changed(fields, net) == []


CHANGES = {
    "a threshold": (float_network(v_threshold=[1.0, 3.0]), [("lif", "v_threshold")]),
    "a rule": (float_network(reset="value"), [("lif", "reset")]),
    "the sign of zero": (float_network(v_reset=-0.0), [("lif", "v_reset")]),
    "readout": (replace(float_network(), readout="membrane_last"), [(None, "readout")]),
    "nothing": (float_network(), []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_names_the_place(name):
    other, places = CHANGES[name]
    assert provenance.changed(provenance.parse(provenance.record(float_network())), other) == places


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda f: array(f).update(sha256="0" * 64), ("lif", "tau")),
        (lambda f: array(f).update(dtype="float32"), ("lif", "tau")),
        (lambda f: f["nodes"]["lif"]["fields"].update(compare=">"), ("lif", "compare")),
        (lambda f: f["nodes"]["lif"]["fields"]["dt"].update(den=1000.0), ("lif", "dt")),
        (lambda f: f["nodes"]["fc"]["fields"].pop("bias"), ("fc", "bias")),
        (lambda f: f.update(target=None), (None, "target")),
        (lambda f: f.update(readout="membrane_max"), (None, "readout")),
    ],
)
def test_an_edited_fact_is_found_under_the_right_digest(change, place):
    fields = json.loads(edited(provenance.record(float_network()), change))
    assert provenance.changed(fields, float_network()) == [place]


def test_changed_names_bias_and_time_step():
    net = float_network()
    biased = replace(net, nodes=net.nodes | {"fc": replace(net.nodes["fc"], bias=[0.0, 0.0])})
    fields = provenance.parse(provenance.record(net))
    assert provenance.changed(fields, biased) == [("fc", "bias")]
    slower = replace(net, dt=2e-3, nodes=net.nodes | {"lif": replace(net.nodes["lif"], dt=2e-3)})
    assert provenance.changed(fields, slower) == [("lif", "dt"), (None, "dt")]


INFINITE = "1e999 without quotes"
"""Stands for a JSON number that Python reads as infinity."""


def array(fields):
    return fields["nodes"]["lif"]["arrays"]["tau"]


DAMAGE = {
    "schema": lambda f: f.pop("schema"),
    "foreign schema": lambda f: f.update(schema="other/1"),
    "version 0": lambda f: f.update(schema="lifexport.provenance/0"),
    "no digest": lambda f: f.pop("digest"),
    "digest is a number": lambda f: f.update(digest=7),
    "dt without num": lambda f: f["dt"].pop("num"),
    "dt true": lambda f: f["dt"].update(num=True),
    "dt over zero": lambda f: f["dt"].update(den=0),
    "dt too large": lambda f: f["dt"].update(num=10**400),
    "nodes is a list": lambda f: f.update(nodes=[]),
    "node without fields": lambda f: f["nodes"]["lif"].pop("fields"),
    "edge of two": lambda f: f["edges"].append(["a", "b"]),
    "edge delay true": lambda f: f["edges"].append(["a", "b", True]),
    "edge delay without end": lambda f: f["edges"].append(["a", "b", 1 << 30]),
    "edge delay negative": lambda f: f["edges"].append(["a", "b", -1]),
    "renamed to a number": lambda f: f["renamed"].update(a=1),
    "array is a list": lambda f: f["nodes"]["lif"]["arrays"].update(tau=[]),
    "array of another key": lambda f: f["nodes"]["lif"]["arrays"]["tau"].update(sha257=array(f).pop("sha256")),
    "array without shape": lambda f: array(f).pop("shape"),
    "array without dtype": lambda f: array(f).pop("dtype"),
    "array of half a size": lambda f: array(f).update(shape=[0.5]),
    "array of size true": lambda f: array(f).update(shape=[True]),
    "array of negative size": lambda f: array(f).update(shape=[-1]),
    "array shape a number": lambda f: array(f).update(shape=2),
    "array digest a number": lambda f: array(f).update(sha256=7),
    "approximations that are no text": lambda f: f.update(
        kind="IntNetwork", target="", target_digest="", approximations=[1]
    ),
    "integer network without target": lambda f: f.update(kind="IntNetwork"),
    "infinity": lambda f: f["nodes"]["lif"]["fields"].update(dt=INFINITE),
    "half a surrogate pair": lambda f: f["nodes"].update({"\ud800": f["nodes"]["lif"]}),
    "value of wrong size": lambda f: f["nodes"]["lif"]["values"].update(v={"shape": [3], "hex": ["0x1p+0"]}),
    "value of negative size": lambda f: f["nodes"]["lif"]["values"].update(v={"shape": [-1], "hex": []}),
    "value not a float": lambda f: f["nodes"]["lif"]["values"].update(v={"shape": [1], "hex": ["x"]}),
    "value a number": lambda f: f["nodes"]["lif"]["values"].update(v={"shape": [1], "hex": [1.5]}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_record_is_refused(name):
    text = edited(provenance.record(float_network()), DAMAGE[name]).replace(f'"{INFINITE}"', "1e999")
    with pytest.raises(FileError) as caught:
        provenance.parse(text)
    assert caught.value.code == "LX003"


DEEP = [f"{start}{inner * 100_000}" for start in ("", '{"nodes":') for inner in ("[", '{"a":')]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"schema":NaN}', *DEEP, None, b"{}", math.pi])
def test_what_is_no_record_is_refused(text):
    with pytest.raises(FileError) as caught:
        provenance.parse(text)
    assert caught.value.code == "LX003"


def test_newer_record_is_refused_as_newer():
    with pytest.raises(FileError, match=r"LX004.*provenance/2"):
        provenance.parse(
            edited(provenance.record(float_network()), lambda f: f.update(schema="lifexport.provenance/2"))
        )
