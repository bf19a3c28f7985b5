from __future__ import annotations

import copy
import json

import pytest

from lifexport.errors import FileError, RangeError, UnknownNameError, UnsupportedError
from lifexport.targets import Target, load_target, target_names
from lifexport.targets.target import Width

SHIPPED = {
    "fpga-q",
    "loihi-lava",
    "loihi1-nengo",
    "sinabs-iaf",
    "spinnaker1-unverified",
    "spikerplus",
    "tinyodin",
    "xylo-v1",
    "xylo-v2",
}


@pytest.fixture
def document():
    return copy.deepcopy(load_target("fpga-q").document)


def test_shipped_targets_load_by_name():
    assert set(target_names()) == SHIPPED
    for name in target_names():
        target = load_target(name)
        assert target.name == name and len(target.digest) == 64
        assert load_target(target) is target


def test_a_file_of_ones_own(tmp_path, document):
    document["name"] = "mine"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document, indent=4))
    assert load_target(path).name == "mine"
    assert load_target(str(path)).digest == Target(document).digest != load_target("fpga-q").digest


@pytest.mark.parametrize("name", ["fpga_q", "fgpa-q", "FPGA-Q"])
def test_unknown_target_offers_the_nearest(name):
    with pytest.raises(UnknownNameError, match=r"LX001.*did you mean 'fpga-q'"):
        load_target(name)


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"', "[1, 2", "\0\1", "[" * 100000 + "]" * 100000, "[NaN]"])
def test_damaged_json(tmp_path, content):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(FileError, match=r"LX003.*t\.json.*not JSON"):
        load_target(tmp_path / "t.json")


def test_a_key_given_twice_is_refused(tmp_path, document):
    text = json.dumps(document).replace('"alias": ', '"alias": true, "alias": ')
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(FileError, match=r"LX003.*t\.json.*key 'alias' is given twice"):
        load_target(tmp_path / "t.json")


def test_nothing_changes_a_target_once_it_is_checked(document):
    target = Target(document)
    digest = target.digest
    document["reset"]["modes"].remove("subtract")
    target.document["weight"]["bits"]["max"] = 99
    target.document["reset"]["modes"].append("none")
    assert target.digest == digest and target.width("weight").max == 8
    assert target.document["reset"]["modes"] == ["subtract", "value"]
    assert target == load_target("fpga-q") and hash(target) == hash(load_target("fpga-q"))


def test_missing_file(tmp_path):
    with pytest.raises(FileError, match=r"LX003.*No such file"):
        load_target(tmp_path / "none.json")


def test_not_an_object():
    with pytest.raises(FileError, match="LX201"):
        Target([1, 2])


def test_everything_wrong_is_told_at_once(document):
    document |= {"colour": "red"}
    document["weight"]["bits"]["max"] = "8"
    del document["leak"]
    with pytest.raises(FileError) as caught:
        Target(document)
    assert len(caught.value.findings) == 3
    assert {finding.code for finding in caught.value.findings} == {"LX201"}


@pytest.mark.parametrize(
    ("section", "bits", "field"),
    [
        ("weight", {"min": 8, "max": 4, "default": 4}, "weight.bits"),
        ("weight", {"min": 2, "max": 4, "default": 8}, "weight.bits"),
        ("state", {"min": 8, "max": 16, "default": None}, "state.bits.default"),
        ("threshold", {"min": 4, "max": 24, "default": None}, None),
    ],
)
def test_contradictory_ranges(document, section, bits, field):
    document[section]["bits"] = bits
    if field is None:
        Target(document)
        return
    with pytest.raises(FileError, match=rf"LX201.*{field}"):
        Target(document)


def test_a_threshold_wider_than_the_state(document):
    document["state"]["bits"]["max"] = 16
    with pytest.raises(FileError, match=r"LX201.*threshold\.bits\.max.*16 bits"):
        Target(document)


def test_widths_and_rules_are_chosen_within_the_range(document):
    width = Width(min=2, max=8, default=6)
    assert width.choose(None, "weight_bits", "t") == 6 and width.choose(3, "weight_bits", "t") == 3
    assert Width(min=4, max=24, default=None).choose(None, "bias_bits", "t", follow=30) == 24
    for bad in (1, 9, 4.0, True, "8"):
        with pytest.raises(RangeError, match=r"LX202.*weight_bits.*2\.\.8"):
            width.choose(bad, "weight_bits", "t")
    target = Target(document)
    assert target.choose("leak", "rounding", None) == "floor"
    with pytest.raises(UnsupportedError, match=r"LX203.*did you mean 'half_even'"):
        target.choose("leak", "rounding", "half_evn")
