from __future__ import annotations

import copy

import jsonschema
import pytest

from lifexport import schemas
from lifexport.errors import UnknownNameError
from lifexport.targets import load_target


def test_the_shipped_schemas():
    assert schemas.names() == ("fidelity", "findings", "target")
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
def test_every_field_is_described_and_no_other_is_allowed(name):
    found = list(fields(schemas.load(name)))
    assert len(found) > 8
    for path, field in found:
        assert field.get("description"), path
        if "properties" in field:
            assert field.get("additionalProperties") is False, path


NEAR_MISSES = {
    "unknown field": (lambda d: d.update(colour="red"), "unknown field 'colour'"),
    "misspelt field": (lambda d: d.update(wieght=d.pop("weight")), "did you mean 'weight'"),
    "missing field": (lambda d: d.pop("leak"), "'leak' is a required property"),
    "number as text": (lambda d: d["weight"]["bits"].update(max="8"), '"8"'),
    "too wide": (lambda d: d["state"]["bits"].update(max=99), "99"),
    "unknown rounding": (lambda d: d["leak"].update(rounding=["nearest"]), "nearest"),
    "newer version": (lambda d: d.update(schema="lifexport.target/2"), "lifexport.target/1"),
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
