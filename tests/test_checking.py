from __future__ import annotations

import json
from importlib import resources

import nir
import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    f, x = float_network(1)
    lx.to_nir(f, folder / "good.nir")
    lx.to_onnx(lx.quantize(f, "fpga-q", calibration=x), folder / "good.onnx")
    (folder / "good.json").write_text(resources.files("lifexport.targets").joinpath("fpga-q.json").read_text())
    for name in ("good.nir", "good.onnx", "good.json"):
        content = (folder / name).read_bytes()
        (folder / name.replace("good", "cut")).write_bytes(content[: len(content) // 2])
    return folder


@pytest.mark.parametrize(
    ("name", "kind", "codes"),
    [
        ("good.nir", "nir", {"LX410", "LX411"}),
        ("good.onnx", "onnx", set()),
        ("good.json", "target", set()),
        ("cut.nir", "nir", {"LX003"}),
        ("cut.onnx", "onnx", {"LX003"}),
        ("cut.json", None, {"LX003"}),
        ("none.nir", None, {"LX003"}),
        ("none", None, {"LX003"}),
    ],
)
def test_files(files, name, kind, codes):
    checked = lx.check(files / name)
    assert checked.kind == kind
    assert {finding.code for finding in checked.findings} == codes
    assert checked.ok == name.startswith("good")
    document = json.loads(json.dumps(checked.to_json()))
    assert schemas.violations("findings", document, code="LX003") == []


def test_every_kind_of_file_is_told_by_its_name(tmp_path):
    """What ``check`` takes a file for is in the schema of what it prints."""
    f, x = float_network(1)
    saved = lx.save(lx.quantize(f, "fpga-q", calibration=x), tmp_path / "out", trained=f, inputs=x, spec=lx.QuantSpec())
    kinds = set()
    for path in (saved.path, *saved.path.iterdir()):
        checked = lx.check(path)
        kinds.add(checked.kind)
        assert schemas.violations("findings", checked.to_json(), code="LX003") == []
        assert checked.ok or path.suffix in (".html", ".npz")
    assert {"bundle", "nir", "onnx", "intnetwork", "manifest", "golden", "cost", "quantspec", "target"} <= kinds
    known = schemas.load("findings")["properties"]["kind"]["enum"]
    assert set(known) == {"nir", "onnx", "bundle", None, *schemas.names()}


@pytest.fixture(scope="module")
def reports(files):
    f, x = float_network(1)
    report = lx.compare(f, lx.quantize(f, "fpga-q", calibration=x), x)
    assert report.findings
    return {"fidelity": report.to_json(), "findings": lx.check(files / "good.nir").to_json()}


def checked_json(folder, document):
    (folder / "a.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return lx.check(folder / "a.json")


@pytest.mark.parametrize("kind", ["fidelity", "findings"])
def test_reports_are_told_by_their_schema(reports, tmp_path, kind):
    checked = checked_json(tmp_path, reports[kind])
    assert checked.kind == kind and checked.findings == ()
    assert schemas.violations("findings", checked.to_json(), code="LX003") == []
    checked = checked_json(tmp_path, reports[kind] | {"tool": None})
    assert checked.kind == kind and [(f.code, f.field) for f in checked.findings] == [("LX003", "tool")]
    checked = checked_json(tmp_path, reports[kind] | {"schema": f"lifexport.{kind}/12", "extra": 1})
    assert checked.kind == kind and [f.code for f in checked.findings] == ["LX004"]


@pytest.mark.parametrize("schema", ["lifexport.fidelty/1", "lifexport.goldens/1", "lifexport.fidelity", "other"])
def test_an_unknown_schema_is_named(tmp_path, schema):
    checked = checked_json(tmp_path, {"schema": schema})
    (finding,) = checked.findings
    assert checked.kind is None and finding.code == "LX003" and finding.field == "schema"
    assert finding.found == f"schema {schema!r}" and "lifexport.fidelity/1" in finding.fix


@pytest.mark.parametrize("document", [{}, [], {"name": "x"}, {"schema": 1}, "[" * 300 + "]" * 300])
def test_json_without_a_schema_is_taken_for_a_target(tmp_path, document):
    checked = checked_json(tmp_path, document)
    assert checked.kind == "target" and {f.code for f in checked.findings} == {"LX201"}


@pytest.mark.parametrize("document", ["[" * 100000 + "]" * 100000, '{"reset": 1, "reset": 2}', '{"name": NaN}'])
def test_strange_json_is_found_and_not_raised(tmp_path, document):
    checked = checked_json(tmp_path, document)
    assert checked.kind is None and [f.code for f in checked.findings] == ["LX003"]


def test_a_name_no_file_can_have():
    assert [f.code for f in lx.check("a\0.nir").findings] == ["LX003"]


def test_unknown_kind(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    checked = lx.check(tmp_path / "a.txt")
    assert checked.kind is None and checked.findings[0].code == "LX003"


def test_a_target_finds_what_it_cannot_express(files, tmp_path):
    document = json.loads((files / "good.json").read_text())
    document["reset"]["modes"] = ["value"]
    document |= {"name": "tiny", "limits": {"neurons": 3, "fan_in": 4}}
    (tmp_path / "tiny.json").write_text(json.dumps(document))
    checked = lx.check(files / "good.nir", target=tmp_path / "tiny.json")
    places = {(f.code, f.node, f.field) for f in checked.findings}
    assert {("LX203", "hidden", "reset"), ("LX203", "fc0", "fan_in"), ("LX203", None, "neurons")} <= places
    assert not checked.ok


def test_options_that_do_not_apply_are_refused(files):
    for options in ({"dt": 1e-3}, {"target": "fpga-q"}, {"source": "norse"}, {"reset": "value"}):
        assert [f.code for f in lx.check(files / "good.onnx", **options).findings] == ["LX006"]
    assert [f.code for f in lx.check(files / "good.nir", dt=2e-3).findings] == ["LX103"]
    assert "LX001" in {f.code for f in lx.check(files / "good.nir", target="fpga-p").findings}


@pytest.mark.parametrize(
    ("path", "value"),
    [(("kind",), "hdf5"), (("ok",), "yes"), (("findings", 0, "code"), "LX41"), (("findings", 0, "index"), [-1])],
)
def test_near_misses_are_refused(files, path, value):
    document = lx.check(files / "good.nir").to_json()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert schemas.violations("findings", document, code="LX003")


def test_random_bytes_are_never_a_network(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("nir", "onnx", "json"):
        for length in (0, 1, 7, 300):
            path = tmp_path / f"noise.{suffix}"
            path.write_bytes(rng.bytes(length))
            assert not lx.check(path).ok


def test_files_of_other_tools_are_checked_under_their_rules(tmp_path):
    path = tmp_path / "f.nir"
    ones = np.ones(2, np.float32)
    nodes = {
        "input": nir.Input(np.array([3])),
        "fc": nir.Affine(np.ones((2, 3), np.float32), ones),
        "lif": nir.LIF(ones * 1e-3, ones * 10, 0 * ones, ones),
        "output": nir.Output(np.array([2])),
    }
    nir.write(path, nir.NIRGraph(nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")]))
    assert [f.code for f in lx.check(path, source="snntorch").findings] == ["LX112"]
    (told,) = lx.check(path, source="snntorch", reset="value").findings
    assert told.code == "LX413" and "as snnTorch 1.0.0 does it" in told.found
    assert [f.code for f in lx.check(path, source="sinabs", dt=1e-3).findings] == ["LX401"]
    checked = lx.check(path, source="snntorch", reset="value", target="fpga-q")
    assert checked.ok
