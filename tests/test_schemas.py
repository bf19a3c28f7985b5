from __future__ import annotations

import copy
import json
import re

import jsonschema
import numpy as np
import pytest

from lifexport import schemas
from lifexport.errors import UnknownNameError
from lifexport.findings import Finding
from lifexport.targets import load_target


def test_the_shipped_schemas():
    assert schemas.names() == (
        "certificate",
        "cost",
        "difference",
        "fidelity",
        "findings",
        "golden",
        "intnetwork",
        "manifest",
        "quantspec",
        "recording",
        "replay",
        "sweep",
        "target",
        "verification",
    )
    with pytest.raises(UnknownNameError, match="did you mean 'target'"):
        schemas.load("targets")


@pytest.mark.parametrize("name", schemas.names())
def test_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(schemas.load(name))
    assert schemas.load(name)["$id"] == f"urn:lifexport:schema:{name}:1"


def fields(schema, path=""):
    for key, value in schema.get("properties", {}).items():
        yield f"{path}.{key}", value
        yield from fields(value, f"{path}.{key}")
    for key in ("items", "$defs", "oneOf"):
        inner = schema.get(key, {})
        parts = inner.values() if key == "$defs" else inner if isinstance(inner, list) else [inner] if inner else []
        for part in parts:
            yield from fields(part, f"{path}/{key}")


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_stands_alone(name):
    text = json.dumps(schemas.load(name))
    assert set(re.findall(r'"\$ref": "([^"]*)"', text)) <= {
        f"#/$defs/{key}" for key in schemas.load(name).get("$defs", {})
    }


def test_a_plain_validator_takes_a_report_with_findings():
    finding = Finding(code="LX503", node="hidden", found="3 values", fix="look").to_json()
    whole = schemas.load("fidelity")
    part = {"$defs": whole["$defs"], **whole["properties"]["findings"]}
    jsonschema.Draft202012Validator(part).validate([finding])
    assert not jsonschema.Draft202012Validator(part).is_valid([finding | {"code": "LX5"}])


def test_a_finding_is_the_same_everywhere():
    assert schemas.load("fidelity")["$defs"]["finding"] == schemas.load("findings")["$defs"]["finding"]


@pytest.mark.parametrize("name", schemas.names())
def test_every_field_is_described_and_no_other_is_allowed(name):
    found = list(fields(schemas.load(name)))
    assert len(found) > 8
    for path, field in found:
        assert field.get("description"), path
        if "properties" in field:
            assert field.get("additionalProperties") is False, path


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return value


NEAR_MISSES = {
    "unknown field": (lambda d: d.update(colour="red"), "unknown field 'colour'"),
    "misspelt field": (lambda d: d.update(wieght=d.pop("weight")), "did you mean 'weight'"),
    "missing field": (lambda d: d.pop("leak"), "'leak' is a required property"),
    "number as text": (lambda d: d["weight"]["bits"].update(max="8"), '"8"'),
    "too wide": (lambda d: d["state"]["bits"].update(max=99), "99"),
    "unknown rounding": (lambda d: d["leak"].update(rounding=["nearest"]), "nearest"),
    "newer version": (lambda d: d.update(schema="lifexport.target/2"), "LX004 file of a newer version: schema: "),
    "newer version, told": (lambda d: d.update(schema="lifexport.target/2"), "knows lifexport.target/1"),
    "other version": (lambda d: d.update(schema="lifexport.target/0"), 'use "lifexport.target/1"'),
    "real number": (lambda d: d["weight"]["bits"].update(default=8.0), "weight.bits.default: 8.0"),
    "real number in a bias": (lambda d: d["bias"]["shift"].update(max=24.0), "bias.shift.max: 24.0"),
    "real constant": (lambda d: d["spike"].update(max_per_step=[1.0]), "spike.max_per_step.0: 1.0"),
    "truth for a number": (lambda d: d["limits"].update(neurons=True), "limits.neurons: true"),
    "not a number": (lambda d: d["limits"].update(neurons=float("nan")), "limits.neurons: NaN"),
    "number of another library": (lambda d: d["limits"].update(neurons=np.int64(5)), "limits.neurons: "),
    "name that is no name": (lambda d: d.update({5: 1}), "unknown field '5'"),
    "deep": (lambda d: d.update(name=nested(500)), "nested more than 32 deep"),
    "endless": (lambda d: d.update(name=d), "nested more than 32 deep"),
    "no reset": (lambda d: d.update(reset=[]), "reset"),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses_of_a_target(name):
    change, said = NEAR_MISSES[name]
    document = copy.deepcopy(load_target("fpga-q").document)
    assert schemas.violations("target", document, code="LX201") == []
    change(document)
    found = schemas.violations("target", document, code="LX201")
    assert found and any(said in str(finding) for finding in found), found


@pytest.mark.parametrize("section", ["weight", "bias", "state", "threshold", "input", "leak"])
def test_a_signed_code_has_two_bits(section):
    document = copy.deepcopy(load_target("fpga-q").document)
    document[section]["bits"] = {"min": 1, "max": 1, "default": 1}
    found = schemas.violations("target", document, code="LX201")
    if section in ("input", "leak"):
        assert found == []
    else:
        assert [finding.field for finding in found] == [f"{section}.bits.{key}" for key in ("default", "max", "min")]
        assert all(finding.fix == "minimum: 2" for finding in found)
