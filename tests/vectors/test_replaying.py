"""Anybody's recordings against a target: names do not matter, numbers do; what cannot be replayed is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import FileError, ParameterError
from lifexport.vectors import LAYOUTS, replay
from tests.golden.recorded import FOLDER, RUNS


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def cases(layout: str, count: int = 1) -> dict[str, np.ndarray]:
    """Arrays of the first recorded cases of a layout, under names of their own."""
    found = {}
    for i, run in enumerate([run for run in RUNS if run.layout == layout][:count]):
        for side, fields in (("in", run.case.given), ("out", run.case.recorded)):
            found |= {f"mine{i}/{side}/{field}": values.copy() for field, values in fields.items()}
    return found


def write(folder: Path, name: str, stored: dict[str, np.ndarray]) -> Path:
    np.savez(folder / name, **stored)
    return folder


TARGETS = {layout.name: layout.targets for layout in LAYOUTS} | {"network": ("loihi-lava",), "xylo": ("xylo-v2",)}


@pytest.mark.parametrize("layout", TARGETS)
def test_a_folder_of_any_names_and_one_chip(layout, tmp_path):
    write(tmp_path, "what ever.npz", cases(layout, 2))
    (target,) = TARGETS[layout]
    found = replay(tmp_path, target)
    assert found.ok and found.differing == 0 and found.compared > 0 and not found.left_out
    assert len(found.cases) == (1 if layout == "tinyodin" else 2) and {c.layout for c in found.cases} == {layout}


@pytest.mark.parametrize("layout", TARGETS)
def test_every_number_counts(layout, tmp_path):
    """One changed number of each recorded array is found where it stands."""
    stored, (target,) = cases(layout), TARGETS[layout]
    for key in [key for key in stored if "/out/" in key]:
        last = (-1,) * stored[key].ndim
        stored[key][last] += 1
        write(tmp_path, "a.npz", stored)
        stored[key][last] -= 1
        found = replay(tmp_path / "a.npz", target)
        (finding,) = found.findings
        assert finding.code == "LX607" and finding.node == "a.npz: mine0" and finding.field == key.split("/")[2]
        assert finding.index == tuple(n - 1 for n in stored[key].shape) and "1 of " in finding.found
        assert found.differing == 1 and not found.ok


def test_the_first_difference_in_time_is_named(tmp_path):
    stored = cases("sinabs")
    stored["mine0/out/v"][5, 1] += 1
    stored["mine0/out/s"][3, 0] += 2
    (finding,) = replay(write(tmp_path, "a.npz", stored), "sinabs-iaf").findings
    assert (finding.field, finding.index) == ("s", (3, 0)) and "2 of " in finding.found


def test_cases_of_other_targets_are_counted_and_left_out():
    found = replay(FOLDER, "tinyodin")
    assert len(found.cases) == 1
    assert found.left_out == {
        "loihi-lava": 80,
        "loihi1-nengo": 65,
        "sinabs-iaf": 45,
        "spikerplus": 45,
        "xylo-v1": 22,
        "xylo-v2": 58,
    }


def my_core(**rules) -> lx.Target:
    return lx.Target(lx.load_target("sinabs-iaf").document | {"name": "my-core"} | rules)


def test_a_description_of_ones_own(tmp_path):
    write(tmp_path, "a.npz", cases("sinabs", 3))
    with pytest.raises(ParameterError, match=r"LX006.*no case for 'my-core'.*sinabs-iaf.*--as NAME"):
        replay(tmp_path, my_core())
    assert replay(tmp_path, my_core(), recorded_as="sinabs-iaf").ok
    threshold = my_core().document["threshold"] | {"compare": ">"}
    found = replay(tmp_path, my_core(threshold=threshold), recorded_as="sinabs-iaf")
    assert found.target == "my-core" and 0 < found.differing < found.compared


def test_a_recorded_network_is_held_against_the_rules_and_delays_of_a_target(tmp_path):
    write(tmp_path, "a.npz", cases("network"))
    document = lx.load_target("loihi-lava").document
    for section, field, value, said in (
        ("delivery", "feedforward", 0, "feedforward: 1 steps in the recorded network, 0 on target"),
        ("delivery", "input", 0, "input: 1 steps in the recorded network, 0 on target"),
        ("threshold", "compare", ">=", "not those of target"),
        ("state", "hi", 4000000, "not allowed by target"),
    ):
        other = lx.Target(document | {section: document[section] | {field: value}})
        found = replay(tmp_path, other)
        assert found.differing == 0 and not found.ok
        assert {finding.code for finding in found.findings} == {"LX607"}
        assert all(said in finding.found for finding in found.findings), found.findings


def without(stored: dict, *fields: str) -> dict:
    return {key: values for key, values in stored.items() if not key.endswith(fields)}


DAMAGED = {
    "no case": (lambda s: s | {"loose": np.arange(3)}, r"a\.npz\.loose: an array of no case"),
    "no side": (lambda s: s | {"mine0/side/x": np.arange(3)}, r"mine0/side/x: an array of no case"),
    "nothing recorded": (
        lambda s: {k: v for k, v in s.items() if "/out/" not in k},
        r"mine0: nothing under mine0/out/",
    ),
    "fractions": (lambda s: s | {"mine0/in/x": s["mine0/in/x"] + 0.5}, r"mine0/in/x: numbers of type float64"),
    "texts recorded": (lambda s: s | {"mine0/out/v": np.array("x")}, r"mine0/out/v: numbers of type <U1"),
    "a field less": (lambda s: without(s, "/th"), r"mine0: fields of no known simulator.*'sinabs', which misses th"),
    "another field recorded": (
        lambda s: s | {"mine0/out/u": s["mine0/out/v"]},
        r"out/u: nothing that is replayed.*s, v",
    ),
    "steps missing": (lambda s: s | {"mine0/out/v": s["mine0/out/v"][:-1]}, r"out/v: shape .*a row for every step"),
    "another shape": (lambda s: s | {"mine0/in/th": np.arange(5)}, r"mine0: cannot be replayed: "),
    "unknown rule": (lambda s: s | {"mine0/in/spike": np.array("two")}, r"mine0: cannot be replayed: "),
    "beyond 63 bits": (lambda s: s | {"mine0/in/th": np.uint64(2**63)}, r"integers beyond 63 bits"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_cannot_be_replayed_is_refused_by_its_place(damage, tmp_path):
    change, said = DAMAGED[damage]
    write(tmp_path, "a.npz", change(cases("sinabs")))
    with pytest.raises(FileError, match=rf"(?s)LX003.*{said}"):
        replay(tmp_path, "sinabs-iaf")


def test_a_weight_exponent_that_no_word_holds_is_refused(tmp_path):
    stored = cases("lava network") | {"mine0/in/d1.exp": np.array(2**31 - 1)}
    with pytest.raises(FileError, match=r"mine0: cannot be replayed: a shift by"):
        replay(write(tmp_path, "a.npz", stored), "loihi-lava")


def test_damaged_networks_are_refused(tmp_path):
    for text, said in ((b"[" * 5000, "nested"), (b"{}", "LX003"), (b"\xff", "not JSON")):
        stored = cases("network") | {"mine0/in/network": np.frombuffer(text, np.uint8)}
        with pytest.raises(FileError, match=said):
            replay(write(tmp_path, "a.npz", stored), "loihi-lava")
    for odd in (np.arange(600), np.array(["a", "b"]), np.array("{}")):
        with pytest.raises(FileError, match=r"LX003"):
            replay(write(tmp_path, "a.npz", cases("network") | {"mine0/in/network": odd}), "loihi-lava")
    stored = cases("network")
    stored["mine0/in/network"] = np.array(stored["mine0/in/network"].tobytes().decode())
    assert replay(write(tmp_path, "a.npz", stored), "loihi-lava").ok  # as a text
    stored["mine0/out/l9.v"] = stored.pop("mine0/out/l1.v_post")
    with pytest.raises(FileError, match=r"out/l9\.v is no array of this network"):
        replay(write(tmp_path, "a.npz", stored), "loihi-lava")


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileError, match=r"no \.npz file in this folder"):
        replay(tmp_path, "loihi-lava")
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(FileError, match=r"LX003.*a\.npz"):
        replay(tmp_path, "loihi-lava")
    np.savez(tmp_path / "a.npz", **{"a/in/x": np.array([{}], dtype=object)})
    with pytest.raises(FileError, match="LX003"):
        replay(tmp_path, "loihi-lava")
