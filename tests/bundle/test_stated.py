"""What a bundle states is held against its networks; what is only stated is named, and never called proved."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.bundle import Bundle, manifest
from lifexport.bundle.consistency import check_cost, check_fidelity
from lifexport.bundle.documents import check_documents
from lifexport.bundle.measuring import given_inputs, measure
from lifexport.bundle.stating import differences
from lifexport.errors import LifexportError, MismatchError
from lifexport.nodes import FloatDense

UNSEEN = {
    # only a run can tell, and the sums that follow from them are not stated
    "input.digest",
    "input.labels_digest",
    "input.sqnr_db",
    "input.nonzero",
    "input.distinct",
    "input.zeroed",
    "input.clipped",
    "input.calibrated.found",
    "input.calibrated.told",
    "predictions.ties_float",
    "predictions.ties_integer",
    "predictions.classes_float",
    "predictions.classes_integer",
    "changes.label",
    "changes.predicted_float",
    "changes.predicted_integer",
    "first_divergence.step",
    "first_divergence.sample",
    "first_divergence.v_float",
    "first_divergence.v_integer",
    "verdict.asked",
    "causes.predictions.count",
    "causes.accuracy.count",
    "causes.layers.sqnr_local_db",
    "causes.layers.sqnr_db",
    "causes.layers.spikes_differing",
    "layers.spikes.count_error",
    "layers.spikes.van_rossum",
    "layers.membrane.sqnr_db",
    "layers.membrane.sqnr_local_db",
    "layers.membrane.overflows",
    "layers.neurons_silent_float",
    "layers.neurons_silent_integer",
    "layers.neurons_always_firing",
}
"""Leaves of fidelity.json whose change by a little no contradiction shows."""
INDICES = {"decay.index", "threshold.index", "bias.index", "first_divergence.index"}
TEXTS = {"findings", "tool", "schema", "target.not_verified", "causes_missing"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    f, x = float_network(1)
    q = lx.quantize(f, "fpga-q", calibration=x[::-1], weight_bits=4, state_bits=10)
    labels = lx.simulate(f, x).prediction.labels
    labels[0] = (labels[0] + 1) % 5
    asked = lx.Thresholds(accuracy_drop=100, spike_coincidence=0.99, tau_change=0.5)
    saved = lx.save(
        q,
        tmp_path_factory.mktemp("stated") / "out",
        trained=f,
        inputs=x,
        labels=labels,
        spec=lx.QuantSpec(weight_bits=4, state_bits=10),
        thresholds=asked,
        golden_samples=2,
        hdl=True,
    )
    bundle = Bundle(saved.path)
    assert bundle.fidelity["changes"] and bundle.fidelity["first_divergence"], "a case that shows something"
    return bundle, f, q, x, labels


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*path, i))
    else:
        yield path, value


def one_of_each(document):
    """A leaf of every name; the last row of a list where there is one."""
    return {name_of(path): (path, value) for path, value in leaves(document)}.values()


def name_of(path):
    return ".".join(part for part in path if isinstance(part, str))


def forged(document, path, value):
    document = copy.deepcopy(document)
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return document


def other(value):
    """Another value of the same kind, not far away: what a forger would write."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.01 + 0.011
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return 0.5


def checked(document, made):
    _, f, q, *_ = made
    if schemas.violations("fidelity", document, code="LX003"):
        return True
    return bool([*check_fidelity(document, q, f, lx.load_target("fpga-q"))])


def test_every_figure_that_follows_from_others_is_held_against_them(made):
    document = made[0].fidelity
    assert not checked(document, made)
    rows = [(name_of(path), forged(document, path, other(value))) for path, value in one_of_each(document)]
    unseen = {name for name, change in rows if not checked(change, made)}
    unseen = {name for name in unseen if not any(name.endswith(e) for e in INDICES)} - {
        name for name in unseen if any(name.startswith(text) for text in TEXTS)
    }
    assert unseen <= UNSEEN, sorted(unseen - UNSEEN)


def test_every_figure_is_another_one_when_measured(made):
    """Not a single leaf of either report can be changed once the inputs are at hand."""
    bundle, f, q, x, labels = made
    asked = lx.Thresholds(accuracy_drop=100, spike_coincidence=0.99, tau_change=0.5)
    now = lx.compare(f, q, x, labels=labels, thresholds=asked).to_json()
    document = bundle.fidelity
    assert [*differences(document, now)] == []
    for path, value in one_of_each(document):
        assert [*differences(forged(document, path, other(value)), now)], path


def test_costs_are_held_against_network_and_run(made):
    bundle, _, q, x, _ = made
    document = bundle.document("cost.json")
    target, fidelity = lx.load_target("fpga-q"), bundle.fidelity
    assert [*check_cost(document, q, fidelity, target)] == []
    now = lx.cost(q, x).to_json()
    assert [*differences(document, now)] == []
    free = {"work.events", "tool.name", "tool.version", "schema"}
    for path, value in one_of_each(document):
        change = forged(document, path, other(value))
        assert [*differences(change, now)], path
        found = [*check_cost(change, q, fidelity, target)]
        assert found or name_of(path) in free, path
        assert {finding.code for finding in found} <= {"LX608"}


def edit(bundle, name, change):
    """Change a document and seal the bundle again, as a forger would."""
    path = bundle.path / name
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return reseal(bundle.path)


def reseal(folder):
    document = json.loads((folder / manifest.NAME).read_text())
    document["files"] = [manifest._entry(folder, e["path"], e["role"]) for e in document["files"]]
    document["seal"] = manifest.seal(document)
    manifest.write(folder, document)
    return Bundle(folder)


@pytest.fixture
def copied(made, tmp_path):
    import shutil

    return Bundle(shutil.copytree(made[0].path, tmp_path / "out"))


def refuses(bundle, code, said=""):
    with pytest.raises(LifexportError, match=f"(?s)({code}).*{said}"):
        check_documents(bundle)
    return True


def accuracy_of_all(document):
    """A consistent lie about accuracy: counts, rates, intervals and the end of the chain."""
    for share in (document["accuracy"]["float"], document["accuracy"]["integer"]):
        whole = lx.fidelity.statistics.Proportion(count=6, total=6)
        share.update(count=6, rate=1.0, interval=[float(f"{edge:.9g}") for edge in whole.interval])


def gains_and_losses(document):
    """As many gained as lost: every rate stays, and no change of a prediction shows them."""
    change = document["accuracy"]["change"]
    change.update(gained=change["gained"] + 1, lost=change["lost"] + 1)
    paired = lx.fidelity.statistics.PairedChange(gained=change["gained"], lost=change["lost"], total=6)
    change["interval"] = [float(f"{edge:.9g}") for edge in paired.interval]


FORGERIES = {
    "counts beyond samples": lambda d: d["predictions"]["agree"].update(count=7),
    "an interval of other counts": lambda d: d["accuracy"]["integer"].update(interval=[0.9, 1.0]),
    "a rate over 1": lambda d: d["layers"][0]["spikes"].update(agreement=1.5),
    "a divergence beyond the run": lambda d: d["first_divergence"].update(step=40),
    "a divergence of no neuron": lambda d: d["first_divergence"].update(index=[99]),
    "no divergence though spikes differ": lambda d: d.update(first_divergence=None),
    "every threshold holds": lambda d: [row.update(holds=True) for row in d["verdict"]],
    "a threshold that was measured better": lambda d: d["verdict"][1].update(measured=0.999),
    "a better outcome": lambda d: d.update(outcome="holds"),
    "no findings": lambda d: d.update(findings=[]),
    "a finding of nothing": lambda d: d["findings"].append(dict(d["findings"][0], code="LX504", node="in")),
    "weights that are exact": lambda d: d["weights"][0].update(sqnr_db=None),
    "a decay that was kept": lambda d: d["layers"][0]["decay"].update(realised=d["layers"][0]["decay"]["trained"]),
    "samples that are more": lambda d: d["input"].update(samples=600),
    "labels that were none": lambda d: d.update(accuracy=None),
    "calibration on nothing": lambda d: d["input"].update(calibrated=None),
    "another parent": lambda d: d["networks"].update(quantized_from="0" * 64),
    "another layer": lambda d: d["layers"][0].update(node="first"),
    "a count that is no integer": lambda d: d["predictions"]["agree"].update(count=4.0),
    "a divergence of half a neuron": lambda d: d["first_divergence"].update(index=[1.0]),
    "a divergence in no layer": lambda d: d["first_divergence"].update(node="first"),
    "another semantics": lambda d: d["networks"].update(semantics=["LIF"]),
    "a chain of other steps": lambda d: d["causes"].pop(),
    "an accuracy of everything": accuracy_of_all,
    "gains and losses that no change shows": gains_and_losses,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_reports(copied, forgery):
    assert refuses(edit(copied, "fidelity.json", FORGERIES[forgery]), "LX608|LX403|LX003")


def test_forged_documents_of_other_kinds(copied):
    edit(copied, "quantspec.json", lambda d: d.update(weight_bits=6))
    assert refuses(Bundle(copied.path), "LX608", "weight_bits")
    edit(copied, "quantspec.json", lambda d: d.update(weight_bits=4, rounding="half_even"))
    assert refuses(Bundle(copied.path), "LX608", "rounding")
    edit(copied, "quantspec.json", lambda d: d.update(rounding=None))
    check_documents(Bundle(copied.path))
    edit(copied, "golden.json", lambda d: d.update(latency=3))
    assert refuses(Bundle(copied.path), "LX608", "latency")
    edit(copied, "golden.json", lambda d: d.update(latency=0))
    (copied.path / "target.json").write_text(json.dumps(lx.load_target("fpga-q").document | {"name": "mine"}))
    assert refuses(reseal(copied.path), "LX608", "target")


def test_a_forged_manifest(copied):
    def again(**facts):
        document = json.loads((copied.path / manifest.NAME).read_text())
        document.update(facts)
        document["seal"] = manifest.seal(document)
        manifest.write(copied.path, document)
        return Bundle(copied.path)

    whole = copied.manifest["figures"]
    for facts, said in (
        ({"dt": {"num": 1, "den": 2}}, "dt"),
        ({"latency": 1}, "latency"),
        ({"figures": whole | {"samples": 600}}, "figures.samples"),
        ({"figures": whole | {"calibrated": None}}, "figures.calibrated"),
        ({"left_out": [{"path": "model.onnx", "code": "LX401", "why": "no"}]}, "left_out"),
    ):
        before = {key: copied.manifest[key] for key in facts}
        assert refuses(again(**facts), "LX608", said)
        again(**before)
    check_documents(Bundle(copied.path))


def test_text_for_hardware_is_written_again(copied):
    path = copied.path / "hdl" / "input.mem"
    path.write_text(path.read_text().replace("1", "0", 1))
    reseal(copied.path)
    found = lx.verify(copied.path).findings
    assert [(f.code, f.node) for f in found] == [("LX605", "hdl/input.mem")]


def test_a_forged_page_and_figures_are_found_once_the_inputs_are_there(copied, made):
    _, f, q, x, labels = made
    target = lx.load_target("fpga-q")

    def again(inputs, known):
        bundle = Bundle(copied.path)
        return measure(bundle, q, f, target, given_inputs(bundle, inputs, known))

    whole = again(x, labels)
    assert whole.stated == () and "byte for byte" in whole.said[-1]
    lacking = again(x.astype(np.float32), None)
    assert "accuracy of 6 samples: stated, not measured again" in lacking.stated[0]
    part = again(None, None)
    assert part.stated[0] == "fidelity of 6 samples: stated, not measured again"
    assert again(x[:, ::-1], labels).stated[0].endswith("the inputs given are others")
    (copied.path / "report.html").write_text("<h1>accuracy 100 %</h1>")
    reseal(copied.path)
    with pytest.raises(MismatchError, match=r"LX608.*report\.html"):
        again(x, labels)
    assert "report.html: stated, not drawn again" in again(None, None).stated
    assert (
        "accuracy of 6 samples: stated, not measured again (the labels given are others)"
        in again(x, labels[::-1]).stated
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: d["first_divergence"].update(step=39), "first_divergence"),
        (lambda d: d["first_divergence"].update(v_float=0.5), "first_divergence"),
        (lambda d: d["predictions"].update(ties_float=0, ties_integer=0), "predictions.ties"),
        (lambda d: d["layers"][1]["words"][0].update(overflows=0), "overflows"),
    ],
)
def test_golden_samples_are_among_all(copied, made, change, field):
    _, f, q, *_ = made
    bundle = edit(copied, "fidelity.json", change)
    with pytest.raises(MismatchError, match=rf"LX608.*{field}"):
        measure(bundle, q, f, None, given_inputs(bundle, None, None))


def test_the_last_line_names_what_was_not_run(made):
    verification = lx.verify(made[0].path)
    assert verification.ok, verification.findings
    assert verification.verdict.startswith("everything that was run holds; fidelity of 6 samples: stated, not measured")
    assert "report.html: stated, not drawn again" in verification.verdict and "calibration on" in verification.verdict
    assert schemas.violations("verification", verification.to_json(), code="LX003") == []


def test_real_golden_inputs_are_those_of_the_codes(copied):
    path = copied.path / "golden.npz"
    arrays = dict(np.load(path))
    arrays["x"][0, 0, 0] = 1 - arrays["x"][0, 0, 0]
    np.savez(path, **arrays)
    index = json.loads((copied.path / "golden.json").read_text())
    row = next(row for row in index["arrays"] if row["name"] == "x")
    row.update(lx.bundle.tensors.describe(arrays["x"]))
    (copied.path / "golden.json").write_text(json.dumps(index))
    reseal(copied.path)
    assert ("LX605", "x") in {(f.code, f.field) for f in lx.verify(copied.path).findings}


def test_integers_of_another_parent(made, tmp_path):
    _, f, q, x, _ = made
    wide = FloatDense(weight=1.7 * f.nodes["fc0"].weight, bias=f.nodes["fc0"].bias)
    stranger = dataclasses.replace(f, nodes={**f.nodes, "fc0": wide})
    for given in ({"inputs": x}, {}):
        saved = lx.save(q, tmp_path / "out", trained=stranger, golden_samples=1, **given)
        assert "LX511" in {finding.code for finding in saved.findings}
        found = lx.verify(saved.path)
        assert not found.ok and "LX511" in {finding.code for finding in found.findings}


def test_a_trained_network_that_is_none(copied, made):
    lx.to_nir(made[2], copied.path / "model.nir")
    with pytest.raises(LifexportError, match="LX403"):
        _ = reseal(copied.path).trained
    assert not lx.verify(copied.path).ok
