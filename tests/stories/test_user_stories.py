"""Six people, five minutes each: what they do, and what they must be able to rely on."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import jsonschema
import nir
import numpy as np
import pytest
from cli.bad_models import lif, weight
from cli.calling import call
from float_nets import float_network
from stories.plain_python import run

import lifexport as lx
from lifexport import schemas
from lifexport.bundle import manifest
from lifexport.demo import pipeline


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A trained network as a NIR file, inputs with labels, and a bundle made of them."""
    folder = tmp_path_factory.mktemp("work")
    f, x = float_network(1)
    lx.to_nir(f, folder / "model.nir")
    np.savez(folder / "x.npz", x=x, labels=lx.simulate(f, x).prediction.labels)
    np.savez(folder / "seen.npz", x=x[::-1])
    more = ("--inputs", folder / "x.npz", "--calibration", folder / "seen.npz", "--out", folder / "out")
    done = call("export", folder / "model.nir", "--target", "fpga-q", *more)
    assert done.code == 0, done
    return folder


@pytest.fixture
def out(work, tmp_path) -> Path:
    return shutil.copytree(work / "out", tmp_path / "out")


def test_an_engineer_who_wants_int8_on_an_fpga(tmp_path, monkeypatch):
    """One command, one card, a folder with everything; a second run gives the same digests."""
    monkeypatch.setattr(pipeline, "EPOCHS", 3)
    monkeypatch.setattr(pipeline, "FINE_TUNING_EPOCHS", 1)
    cards = []
    for name in ("one", "two"):
        done = call("demo", "--weight-bits", "8", "--out", tmp_path / name)
        assert done.code == 0 and "train ..." in done.err
        cards.append(done.out.split("\nwritten to")[0])
    assert cards[0] == cards[1]
    for said in ("accuracy float", "accuracy integer", "same prediction", "450", "first divergence", "SQNR", "local"):
        assert said in cards[0]
    assert "[" in cards[0].split("change ")[1].splitlines()[0]  # the change has its interval
    files = {path.name for path in (tmp_path / "one").iterdir()}
    assert {"model.nir", "model.onnx", "manifest.json", "report.html", "fidelity.json"} <= files
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def foreign(path: Path, r: float) -> Path:
    nodes = {
        "input": nir.Input({"input": np.array([4])}),
        "fc": nir.Linear(weight(6, 4)),
        "neurons": lif(6, tau=20e-3, r=r),
        "output": nir.Output({"output": np.array([6])}),
    }
    nir.write(path, nir.NIRGraph(nodes, [("input", "fc"), ("fc", "neurons"), ("neurons", "output")]))
    return path


def test_a_chip_user_with_a_file_of_another_tool(tmp_path):
    """``r = 1`` and ``r = tau / dt`` are two networks: different gains, the same decay, and never a decay of zero."""
    literal, folded = foreign(tmp_path / "literal.nir", 1.0), foreign(tmp_path / "folded.nir", 20.0)
    for path in (literal, folded):
        asked = call("check", path, "--target", "fpga-q")
        assert asked.code == 1 and "LX103" in asked.text and "dt" in asked.text
    found = {}
    for path in (literal, folded):
        done = call("check", path, "--dt", "1e-3", "--target", "fpga-q", "--json")
        document = json.loads(done.out)
        assert done.code == 0 and schemas.violations("findings", document, code="LX003") == []
        assert any("tau in seconds" in f["found"] or "0.001 s" in f["found"] for f in document["findings"])
        network = lx.from_nir(path, dt=1e-3)
        found[path.stem] = network.nodes["neurons"]
    assert np.allclose(found["literal"].decay, np.exp(-1 / 20)) and np.allclose(found["folded"].decay, np.exp(-1 / 20))
    assert np.allclose(found["folded"].gain, 20 * found["literal"].gain)
    x = np.ones((5, 1, 4))
    for path in (literal, folded):
        q = lx.quantize(lx.from_nir(path, dt=1e-3), "fpga-q", calibration=x)
        assert (q.nodes["neurons"].decay > 0).all()
    wrong = call("check", literal, "--dt", "1e-3", "--target", "sinabs-iaf")
    assert wrong.code == 1 and "LX203" in wrong.text and "neurons" in wrong.text


def test_a_verification_engineer(out, work, tmp_path):
    """Everything is run again, bit for bit; one flipped bit of a weight is named by file, tensor and index."""
    done = call("verify", out, "--inputs", work / "x.npz", "--json")
    document = json.loads(done.out)
    assert done.code == 0 and document["ok"]
    assert [check["name"] for check in document["checks"]] == [
        "seal",
        "documents",
        "simulators",
        "onnx",
        "nir",
        "certificate",
        "figures",
        "inputs",
    ]
    assert "0 differ" in document["checks"][2]["said"] and "predict the same" in document["checks"][-1]["said"]
    import onnx

    codes = np.ascontiguousarray(lx.load(out).nodes["fc0"].weight.T.astype(np.int8))
    content = (out / "model.onnx").read_bytes()
    tensor = next(t for t in onnx.load(out / "model.onnx").graph.initializer if t.name == "fc0.weight")
    assert tensor.raw_data == codes.tobytes()
    place = content.find(tensor.raw_data)
    changed = bytearray(content)
    changed[place + 13] ^= 0x10
    (out / "model.onnx").write_bytes(changed)
    done = call("verify", out)
    index = ", ".join(str(int(i)) for i in np.unravel_index(13, codes.shape))
    assert done.code == 3 and f"model.onnx.fc0.weight[{index}]" in done.out
    assert f"{codes.flat[13] ^ 0x10} stands where {codes.flat[13]} was sealed" in done.out


def test_an_architect_who_chooses_widths(work, tmp_path):
    """Accuracy against memory against proven headroom; the same numbers as JSON, as CSV and on the screen."""
    sizes = ("--weight-bits", "3..8", "--state-bits", "10,16,24", "--decay-bits", "6,12")
    names = ("--out", tmp_path / "s.json", "--csv", tmp_path / "s.csv", "--jobs", "1", "--resume", tmp_path / "rows")
    names += ("--plot", tmp_path / "s.svg")
    done = call("sweep", work / "model.nir", "--target", "fpga-q", "--inputs", work / "x.npz", *sizes, *names)
    assert done.code == 0
    document = json.loads((tmp_path / "s.json").read_text())
    assert schemas.violations("sweep", document, code="LX003") == [] and len(document["rows"]) == 36
    with (tmp_path / "s.csv").open() as file:
        lines = list(csv.DictReader(file))
    for row, line, shown in zip(document["rows"], lines, done.out.splitlines()[1:37], strict=True):
        assert (str(row["right"]), str(row["memory_bits"])) == (line["right"], line["memory_bits"])
        marks = ("*" if row["pareto"] else " ") + ("!" if row["unsafe"] else " ")
        assert shown.startswith(marks) and shown.split()[-2:] == [str(row["memory_bits"]), str(row["headroom_bits"])]
    assert (tmp_path / "s.svg").read_text().startswith("<svg")
    assert any(row["unsafe"] for row in document["rows"]) and any(row["pareto"] for row in document["rows"])
    f = lx.from_nir(work / "model.nir")
    assert len(lx.sensitivity(f, "fpga-q", np.load(work / "x.npz")["x"]).layers) == 2


def test_a_colleague_without_a_taste_for_python(work, tmp_path):
    """Any validator takes the documents; the step from the page alone gives the vectors again; so do the text files."""
    done = call("export", work / "out", "--hdl", "--inputs", work / "x.npz", "--out", tmp_path / "out")
    assert done.code == 0, done
    out = tmp_path / "out"
    assert lx.same(lx.Bundle(out).trained, lx.from_nir(work / "model.nir"))  # nothing that was known is lost
    for name in ("manifest", "network", "golden"):
        document = json.loads((out / f"{name}.json").read_text())
        shown = call("schema", {"network": "intnetwork"}.get(name, name))
        jsonschema.Draft202012Validator(json.loads(shown.out)).validate(document)
    network, index = (json.loads((out / f"{name}.json").read_text()) for name in ("network", "golden"))
    golden = np.load(out / "golden.npz")
    arrays = {(entry["what"], entry["node"]): golden[entry["name"]] for entry in index["arrays"]}
    for node, rows in run(network, arrays["input", None][:, 0].tolist())[0].items():
        assert rows["v"] == arrays["v", node][:, 0].tolist() and rows["spikes"] == arrays["spikes", node][:, 0].tolist()
    compared = 0
    for row in json.loads((out / "hdl/layout.json").read_text()):
        lines = (out / "hdl" / row["file"]).read_text().splitlines()
        words = [int(line, 16) for line in lines if not line.startswith("//")]
        sign = 1 << (row["bits"] - 1) if row["signed"] else 0
        values = [(word ^ sign) - sign for word in words]
        assert all(word < 1 << row["bits"] for word in words)
        if (row["what"], row["node"]) in arrays:
            assert values == arrays[row["what"], row["node"]].ravel().tolist()
        else:
            assert values == getattr(lx.load(out).nodes[row["node"]], row["what"]).ravel().tolist()
        compared += len(values)
    assert compared > 2000


def test_a_reviewer(out, work, tmp_path):
    """What changed, in words; and nothing that was tampered with, is missing or is of tomorrow passes."""
    other = tmp_path / "other"
    more = ("--target", "fpga-q", "--inputs", work / "x.npz", "--weight-bits", "5", "--decay-bits", "8")
    assert call("export", work / "model.nir", *more, "--out", other).code == 0
    said = call("diff", out, other)
    assert said.code == 1 and "fc0.weight_bits: 8 -> 5" in said.out and "decay: " in said.out
    assert call("diff", out, out).code == 0
    (tmp_path / "lifexport.toml").write_text("[fidelity]\naccuracy_drop = 0.0\nspike_coincidence = 1.0\n")
    gate = ("compare", out, "--inputs", work / "x.npz", "--thresholds", tmp_path / "lifexport.toml")
    done = call(*gate)
    assert done.code == 1 and "LX506" in done.out and "FAILS  spike_coincidence" in done.out
    (tmp_path / "lifexport.toml").write_text("[fidelity]\naccuracy_drop = 100\n")
    assert call(*gate).code == 0
    no_evidence = call("compare", other, *gate[2:])  # calibrated on what it is evaluated on
    assert no_evidence.code == 1 and "NO EVIDENCE" in no_evidence.out and "LX510" in no_evidence.out
    document = json.loads((out / "network.json").read_text())
    node = next(node for node in document["nodes"] if node["kind"] == "LIF")
    node["threshold"]["base64"] = node["threshold"]["base64"].translate(str.maketrans("AB", "BA"))
    (out / "network.json").write_text(json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n")
    done = call("verify", out)
    assert done.code == 3 and "network.json" in done.out and "threshold" in done.out
    (other / "model.nir").unlink()
    assert call("verify", other).code == 3
    newer = json.loads((out / manifest.NAME).read_text()) | {"schema": "lifexport.manifest/2"}
    (out / manifest.NAME).write_text(json.dumps(newer))
    done = call("verify", out)
    assert done.code == 2 and "LX004" in done.out and "newer" in done.out
