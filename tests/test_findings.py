from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifexport import errors, schemas
from lifexport.findings import CODES, Finding, at_node, error, raise_errors, unknown_name

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_documented(code):
    entry = CODES[code]
    row = f"| {code} | {entry.title} | {entry.severity} | {entry.why} |"
    assert row in (ROOT / "docs/findings.md").read_text().splitlines()


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_used(code):
    used = re.compile(f'"{code}"(?!: Code)')
    assert any(used.search(path.read_text()) for path in (ROOT / "lifexport").rglob("*.py"))


@pytest.mark.parametrize("code", [code for code in CODES if CODES[code].severity == "error"])
def test_errors_say_where_what_and_how(code):
    failure = error(code, node="hidden", field="tau", index=(3,), found="-1.0 s", fix="give a positive time")
    assert isinstance(failure, CODES[code].error)
    assert isinstance(failure, errors.LifexportError)
    assert failure.code == code
    assert str(failure).startswith(f"{code} ")
    assert "hidden.tau[3]: -1.0 s; fix: give a positive time" in str(failure)


def test_errors_are_builtin_errors_too():
    builtin = (ValueError, TypeError, NotImplementedError, LookupError, OSError, ImportError, ArithmeticError)
    for entry in CODES.values():
        if entry.severity == "error":
            assert issubclass(entry.error, builtin), entry


def test_all_errors_are_raised_at_once_and_warnings_are_not():
    one = Finding(code="LX104", found="-1 s", fix="a")
    two = Finding(code="LX105", found="1 V", fix="b")
    warning = Finding(code="LX501", found="c", fix="d")
    raise_errors([warning])
    with pytest.raises(errors.ParameterError) as caught:
        raise_errors([one, warning, two])
    assert caught.value.findings == (one, two)
    assert "LX105" in str(caught.value)


def test_the_innermost_node_is_named():
    with pytest.raises(errors.ParameterError, match=r"inner\.tau"), at_node("outer"), at_node("inner"):
        raise error("LX104", field="tau", found="0 s", fix="")


def test_unknown_name_without_a_neighbour_lists_what_there_is():
    text = str(unknown_name("readout", "zzz", ["count", "membrane_last"]))
    assert "did you mean" not in text and "count, membrane_last" in text


def test_json_of_a_finding_conforms():
    finding = Finding(code="LX104", node="hidden", field="tau", index=(3,), found="-1.0 s", fix="")
    document = {
        "schema": "lifexport.findings/1",
        "tool": {"name": "lifexport", "version": "0"},
        "file": "a",
        "kind": None,
        "ok": False,
        "findings": [finding.to_json()],
    }
    assert schemas.violations("findings", document, code="LX003") == []
