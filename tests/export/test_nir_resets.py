"""The reset of every population of a file: as its tool's neuron does it, asked for where nothing says it."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path

import nir
import numpy as np
import pytest

import lifexport as lx
from lifexport import errors
from lifexport.export.nir_graph import check_nir, from_nir

RECORDED = Path(__file__).parent / "recorded"
_spec = importlib.util.spec_from_file_location("recorded_resets", RECORDED / "resets.py")
assert _spec is not None and _spec.loader is not None
resets = importlib.util.module_from_spec(_spec)
sys.modules["recorded_resets"] = resets
_spec.loader.exec_module(resets)

RULES = {
    ("Leaky", True): "value",
    ("Leaky", False): "value",
    ("RLeaky", True): "value_held",
    ("RLeaky", False): "value",
    ("Synaptic", True): "value_held",
    ("Synaptic", False): "value",
    ("RSynaptic", True): "value_held",
    ("RSynaptic", False): "value_held",
}
"""What "zero" does in snnTorch, by neuron and ``reset_delay``."""
REFUSED = ("Leaky-subtract-now", "RLeaky-subtract-now", "Synaptic-subtract-now")


def written(tmp_path, name) -> Path:
    path = tmp_path / f"{name}.nir"
    nir.write(path, resets.graph(resets.CASES[name]))
    return path


def hidden(name: str) -> str:
    return "hidden.lif" if name.startswith("R") else "hidden"


def told(name: str) -> dict[str, str]:
    """Rule of each node of a case."""
    case = resets.CASES[name]
    rule = RULES[case.kind, case.reset_delay] if case.mechanism == "zero" else case.mechanism
    return {hidden(name): rule, "last": "value" if case.mechanism == "zero" else case.mechanism}


def require_spikes(net, name: str) -> None:
    """Every spike of both layers is snnTorch's, and the hidden membranes to its float32."""
    x = resets.inputs().astype(np.float64)
    trace = lx.simulate(net, x, record=("spikes", "v", "v_post"))
    with np.load(RECORDED / "resets.npz") as kept:
        expected = {layer: kept[f"{name}/{layer}"] for layer in ("hidden", "last", "v")}
    assert 0.05 < expected["hidden"].mean() < 0.8 and 0.05 < expected["last"].mean() < 0.8
    assert (trace.spikes[hidden(name)] != expected["hidden"]).sum() == 0
    assert (trace.spikes["last"] != expected["last"]).sum() == 0
    case = resets.CASES[name]
    at_once = not case.reset_delay and case.kind != "RSynaptic"
    ours = (trace.v_post if at_once else trace.v)[hidden(name)][: len(expected["v"]), 0]
    np.testing.assert_allclose(ours, expected["v"], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", [name for name in resets.CASES if name not in REFUSED])
def test_spikes_are_those_of_snntorch_by_rule_of_each_node(tmp_path, name):
    require_spikes(from_nir(written(tmp_path, name), source="snntorch", reset=told(name)), name)


@pytest.mark.parametrize("name", [name for name in resets.CASES if name not in REFUSED])
def test_spikes_are_those_of_snntorch_by_one_word_and_reset_delay(tmp_path, name):
    case = resets.CASES[name]
    word = {"zero": "value"}.get(case.mechanism, case.mechanism)
    if name == "RSynaptic-subtract-now":  # its last layer is a Leaky, which is refused
        return
    net = from_nir(written(tmp_path, name), source="snntorch", reset=word, reset_delay=case.reset_delay)
    require_spikes(net, name)
    assert dict(net.origin.resets) == told(name)


@pytest.mark.parametrize("name", REFUSED)
def test_subtracting_at_once_is_refused(tmp_path, name):
    """Beyond two thresholds snnTorch takes the threshold off twice or gives it back."""
    path = written(tmp_path, name)
    (found,) = check_nir(path, source="snntorch", reset="subtract", reset_delay=False)
    assert (found.code, found.field) == ("LX401", "reset_delay") and hidden(name) in found.found
    net = from_nir(path, source="snntorch", reset="subtract")
    with np.load(RECORDED / "resets.npz") as kept:
        spikes = lx.simulate(net, resets.inputs().astype(float), record=("spikes",)).spikes["last"]
        assert (spikes != kept[f"{name}/last"]).any()


def test_one_word_is_what_the_neuron_makes_of_it(tmp_path):
    path = written(tmp_path, "RLeaky-zero-late")
    require_spikes(from_nir(path, source="snntorch", reset="value"), "RLeaky-zero-late")
    held_less = from_nir(path, source="snntorch", reset={"hidden": "value", "*": "value"})
    assert dict(held_less.origin.resets) == {"hidden.lif": "value", "last": "value"}
    (note,) = check_nir(path, source="snntorch", reset="value")
    assert "reset: value (last), value_held (hidden.lif)" in note.found and "reset_delay=True" in note.found


@pytest.mark.parametrize("name", ["Synaptic-zero-late", "RSynaptic-zero-late"])
def test_what_one_word_leaves_open_is_asked_for(tmp_path, name):
    """Whether such a neuron holds its membrane depends on ``reset_delay``, and on the version it was trained in."""
    (found,) = check_nir(written(tmp_path, name), source="snntorch", reset="value")
    assert (found.code, found.field) == ("LX112", "reset")
    assert hidden(name) in found.found and "last" not in found.found and "reset_delay=False" in found.fix


def test_missing_rules_are_asked_for_by_node(tmp_path):
    path = written(tmp_path, "RLeaky-zero-late")
    (found,) = check_nir(path, source="snntorch")
    assert found.code == "LX112" and "hidden.lif, last" in found.found and "'value_held'" in found.fix
    (found,) = check_nir(path, source="snntorch", reset={"hidden.lif": "value_held"})
    assert found.code == "LX112" and "none for last;" in found.found
    assert from_nir(path, source="norse", dt=1e-4, reset={"last": "value"}).origin.resets[0] == ("hidden.lif", "value")


WRONG = {
    "unknown node": ({"reset": {"hiden": "value", "last": "value"}}, "LX001", "reset", "hidden.lif"),
    "node without neurons": ({"reset": {"fc1": "value", "*": "value"}}, "LX001", "reset", "known"),
    "unknown word": ({"reset": "zero"}, "LX006", "reset", '"zero" is "value"'),
    "unknown word of a node": ({"reset": {"hidden": "soft", "*": "value"}}, "LX006", "reset", "'subtract'"),
    "two rules of one": ({"reset": {"hidden": "value", "hidden.lif": "value"}}, "LX006", "reset", "once"),
    "no word": ({"reset": 3}, "LX006", "reset", "word"),
    "no truth value": ({"reset": "value", "reset_delay": "no"}, "LX006", "reset_delay", "True or False"),
    "held at once": (
        {"reset": {"hidden": "value_held", "last": "value"}, "reset_delay": False},
        "LX006",
        "reset_delay",
        "value",
    ),
    "Leaky that holds": ({"reset": "value_held"}, "LX401", "reset", "last"),
    "wrong dt": ({"reset": "value", "dt": 1e-3}, "LX103", "dt", "leave dt out"),
    "no dt": ({"reset": "value", "dt": -1.0}, "LX103", "dt", "seconds"),
    "wrong source": ({"source": "snntorh", "reset": "value"}, "LX001", "source", "'snntorch'"),
    "reset without source": ({"source": None, "reset": "subtract"}, "LX006", "reset", "source="),
    "delay without source": ({"source": None, "reset_delay": True}, "LX006", "reset_delay", "source="),
    "delay of another tool": (
        {"source": "norse", "dt": 1e-4, "reset_delay": True},
        "LX006",
        "reset_delay",
        "leave it out",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_is_one_finding_about_it(tmp_path, name):
    options, code, field, fix = WRONG[name]
    path, given = written(tmp_path, "RLeaky-zero-late"), {"source": "snntorch", **options}
    (found,) = lx.check(path, **given).findings
    assert (found.code, found.field or "source") == (code, field) and fix in found.fix + found.found, found
    with pytest.raises(errors.LifexportError) as caught:
        from_nir(path, **given)
    assert caught.value.findings == (found,)


def test_a_membrane_without_reset_goes_on(tmp_path):
    """Exports carry it or refuse it by name; no target has it, and it cannot be accepted as another reset."""
    net = from_nir(written(tmp_path, "RLeaky-none-late"), source="snntorch", reset="none")
    x = resets.inputs().astype(np.float64)
    assert lx.same(from_nir(lx.to_nir(net, tmp_path / "plain.nir").path), net)
    found = check_nir(tmp_path / "plain.nir")
    assert [f.node for f in found if f.code == "LX411" and f.field == "reset"] == ["hidden.lif", "last"]
    proofs = lx.to_onnx(net, tmp_path / "m.onnx", inputs=x[:40], form="step").proofs
    assert proofs and lx.same(lx.from_onnx(tmp_path / "m.onnx"), net)
    for target in ("fpga-q", "sinabs-iaf", "loihi-lava"):
        with pytest.raises(errors.UnsupportedError, match=r"LX203.*reset: 'none'"):
            lx.quantize(net, target, calibration=x, approximate=("reset", "decay", "start"))
    for profile in ("norse", "snntorch", "spyx"):
        with pytest.raises(errors.UnsupportedError, match=r"LX401.*reset: 'none'"):
            lx.to_nir(net, tmp_path / "p.nir", profile=profile)


def test_no_reset_is_compared_under_its_own_rule():
    lif = lx.neurons.FloatLIF(shape=(1,), dt=1e-3, tau=1.0, r=1.0, v_threshold=1.0, v_reset=0.0, reset="none")
    v = np.array([[2.5]])
    assert lif.after_reset(v) is v
    assert (dataclasses.replace(lif, reset="value").after_reset(v) == 0).all()
