"""Files without record: what is asked for, what nobody could have meant, and how the file was read, to the end."""

from __future__ import annotations

import dataclasses
import json

import nir
import numpy as np
import pytest

import lifexport as lx
from lifexport import errors
from lifexport.export.nir_graph import check_nir, from_nir
from lifexport.origin import Origin
from tests.cli.calling import call
from tests.export.nir_files import a

N = 3


def lif(**given):
    full = {"tau": 1e-3, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.LIF(**{field: np.full(N, value, np.float32) for field, value in full.items()})


def cuba(**given):
    full = {"tau_syn": 2e-4, "tau_mem": 1e-3, "r": 10.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "w_in": 2.0}
    return nir.CubaLIF(**{field: np.full(N, value, np.float32) for field, value in (full | given).items()})


def li(**given):
    full = {"tau": 1e-3, "r": 1.0, "v_leak": 0.0} | given
    return nir.LI(**{field: np.full(N, value, np.float32) for field, value in full.items()})


def iaf(r):
    return nir.IF(r=np.full(N, r, np.float32), v_threshold=a(1, 1, 1), v_reset=a(0, 0, 0))


def file(tmp_path, *neurons, last="out"):
    """Layers of three neurons, each behind weights."""
    nodes, path = {"input": nir.Input(np.array([N]))}, ["input"]
    weight = np.random.default_rng(0).normal(0.5, 0.5, (N, N)).astype(np.float32)
    for i, layer in enumerate(neurons):
        nodes |= {f"fc{i}": nir.Linear(weight * 2), f"n{i}": layer}
        path += [f"fc{i}", f"n{i}"]
    nodes["output"] = nir.Output(np.array([N]))
    nir.write(tmp_path / "f.nir", nir.NIRGraph(nodes, list(zip(path, [*path[1:], "output"], strict=True))))
    return tmp_path / "f.nir"


UNMEANT = {
    "norse, dt too long": (lif(tau=1e-5), {"source": "norse", "dt": 1e-3}, "tau", 'norse" with dt <= 9.99e-06'),
    "norse, its own export": (lif(tau=1e-5), {"source": "norse", "dt": 1e-3}, "tau", 'norse-export" with dt = 0.001'),
    "norse-export, dt too long": (
        lif(),
        {"source": "norse-export", "dt": 0.5, "reset": "value"},
        "tau",
        'norse-export"',
    ),
    "spikingjelly": (lif(tau=2e-4), {"source": "spikingjelly", "dt": 1e-3}, "tau", 'spikingjelly" with dt <= 0.0002'),
    "snntorch": (lif(tau=2e-5), {"source": "snntorch", "reset": "value"}, "tau", 'ode"'),
    "snntorch, subtract": (lif(tau=2e-5), {"source": "snntorch", "reset": "subtract"}, "tau", 'ode"'),
    "lava": (cuba(tau_syn=5e-5, w_in=0.5), {"source": "lava"}, "tau_syn", 'ode"'),
    "synapse of norse": (cuba(), {"source": "norse", "dt": 5e-4}, "tau_syn", 'snntorch"'),
    "spyx, seconds for steps": (lif(), {"source": "spyx"}, "tau", 'ode"'),
    "synapse of spyx": (cuba(tau_mem=5.0, tau_syn=0.5), {"source": "spyx"}, "tau_syn", "ode"),
    "sinabs, seconds for steps": (lif(), {"source": "sinabs-single"}, "tau", 'ode"'),
    "ode, dt in other units": (lif(), {"source": "ode", "dt": 1.0}, "tau", 'ode" with dt <= 0.001'),
    "spinnaker2": (lif(), {"source": "spinnaker2", "dt": 1.0, "reset": "value"}, "tau", 'spinnaker2" with dt <= 0.001'),
    "read-out of norse-export": (li(), {"source": "norse-export", "dt": 0.5, "reset": "value"}, "tau", 'norse-export"'),
}


@pytest.mark.parametrize("name", UNMEANT)
def test_values_that_no_tool_could_have_meant(tmp_path, name):
    neurons, options, field, fits = UNMEANT[name]
    (found,) = check_nir(file(tmp_path, neurons), **options)
    assert (found.code, found.node, found.field) == ("LX111", "n0", field), found
    assert fits in found.fix, found.fix


def test_what_several_layers_share_is_one_finding(tmp_path):
    (found,) = check_nir(file(tmp_path, lif(), lif(tau=2e-3), lif()), source="norse", dt=0.1)
    assert found.code == "LX111" and found.node == "n0" and "the same in n1, n2" in found.found
    (found,) = check_nir(file(tmp_path, lif(r=10.0), lif(r=10.0)), source="snn-mlir", dt=1e-3)
    assert found.code == "LX401" and "the same in n1" in found.found and 'snn-mlir" with dt = 0.0001' in found.fix


def test_decays_of_exactly_zero_and_one_may_be_meant(tmp_path):
    """A time constant of one step in float32, a very long one, and a read-out that remembers nothing."""
    for tau, decay in ((1e-4, 0.0), (1e9, 1.0)):
        net = from_nir(file(tmp_path, lif(tau=tau)), source="norse", dt=1e-4)
        np.testing.assert_allclose(net.nodes["n0"].decay, decay, atol=1e-6)
    net = from_nir(file(tmp_path, lif(), li(tau=1e-9)), dt=1e-3)
    assert (net.nodes["n1"].decay == 0).all()


ASKED = {
    "r of snnTorch": ((lif(r=10.0),), "source", ['source="snntorch"', 'spikingjelly" with dt = 0.0001']),
    "r and w_in of snnTorch": ((cuba(),), "source", ['source="snntorch"', 'source="lava"']),
    "r of spikingjelly": ((lif(r=2.0), lif(tau=2e-3, r=4.0)), "source", ['spikingjelly" with dt = 0.0005']),
    "r of integrators": ((iaf(1e3),), "source", ['spikingjelly" with dt = 0.001']),
    "steps": ((lif(tau=20.0, r=10.0),), "dt", ["source=", 'source="sinabs-single"']),
    "one": ((lif(),), "dt", ["pass source= and dt=", 'source="norse" with dt <= 0.001']),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_source_is_asked_for_first(tmp_path, name):
    neurons, field, fixes = ASKED[name]
    (found,) = check_nir(file(tmp_path, *neurons))
    assert (found.code, found.field) == ("LX103", field)
    assert all(fix in found.fix for fix in fixes), found.fix
    if field == "source":
        assert "pass dt=" not in found.fix and "norse" not in found.fix


def test_names_of_snntorch_ask_for_it_too(tmp_path):
    nodes = {"input": nir.Input(np.array([N])), "l.lif": lif(), "l.w_rec": nir.Linear(np.eye(N, dtype=np.float32))}
    nodes["output"] = nir.Output(np.array([N]))
    edges = [("input", "l.lif"), ("l.lif", "l.w_rec"), ("l.w_rec", "l.lif"), ("l.lif", "output")]
    nir.write(tmp_path / "f.nir", nir.NIRGraph(nodes, edges))
    (found,) = check_nir(tmp_path / "f.nir")
    assert found.field == "source" and 'source="snntorch"' in found.fix


def test_a_missing_time_step_hides_nothing_and_adds_nothing(tmp_path):
    """Conventions and delays need dt, so that nothing false is said of them; kinds and shapes do not."""
    (found,) = check_nir(file(tmp_path, lif(r=10.0)), source="spikingjelly")
    assert (found.code, found.field) == ("LX103", "dt") and "dt = 0.0001" in found.fix
    found = check_nir(file(tmp_path, lif(tau=-1.0), lif()), source="norse")
    assert [(f.code, f.node) for f in found] == [("LX103", None), ("LX104", "n0")]
    found = check_nir(file(tmp_path, lif(tau=-1.0)), source="snntorch")
    assert [f.code for f in found] == ["LX112", "LX104"]


def test_no_time_step_where_no_spike_depends_on_it(tmp_path):
    path = file(tmp_path, lif(tau=20.0), iaf(1.0))
    net = from_nir(path, source="sinabs-single")
    x = (np.random.default_rng(1).random((60, 2, N)) < 0.4).astype(float)
    spikes = lx.simulate(net, x).output
    assert net.dt == 1e-3 and 0 < spikes.mean() < 1
    for dt in (1e-6, 1.0):
        assert (lx.simulate(from_nir(path, source="sinabs-single", dt=dt), x).output == spikes).all()
    (note,) = check_nir(path, source="sinabs-single")
    assert "a step is called 0.001 s, on which no spike depends" in note.found


def test_what_else_the_numbers_may_mean_is_told(tmp_path):
    path = file(tmp_path, lif(r=10.0))
    (note,) = check_nir(path, dt=1e-3)
    assert (
        note.code == "LX413"
        and 'source was not told, and the numbers are also those of source="snntorch"' in note.found
    )
    (note,) = check_nir(path, dt=1e-3, source="ode")
    assert "snntorch" not in note.found


def test_options_of_the_command_line(tmp_path):
    path = str(file(tmp_path, lif(r=10.0), lif(r=10.0)))
    told = call("check", path, "--source", "snntorch", "--reset", "value", "--reset", "n1=subtract", "--json")
    assert told.code == 0 and "reset: subtract (n1), value (n0)" in json.loads(told.text)["findings"][0]["found"]
    for wrong, code in (
        (("--source", "snntorch"), "LX112"),
        (("--source", "snntorch", "--reset", "zero"), "LX006"),
        (("--source", "snntorch", "--reset", "value", "--reset", "value"), "LX006"),
        (("--source", "snntorch", "--reset", "n9=value", "--reset", "value"), "LX001"),
        (("--source", "snntorch", "--reset", "subtract", "--reset-delay", "false"), "LX401"),
        (("--source", "norse", "--dt", "1e-3", "--reset-delay", "true"), "LX006"),
    ):
        for verb in (("check", path), ("certify", path)):
            answer = call(*verb, *wrong)
            assert answer.code in (1, 2) and answer.text.count("LX") == 1 and code in answer.text, (verb, wrong, answer)


# How a file was read


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = file(tmp_path_factory.mktemp("read"), lif(r=10.0), lif(r=10.0))
    return from_nir(path, source="snntorch", reset="value")


def test_origin_is_part_of_what_a_network_is(read):
    assert read.origin == Origin(source="snntorch", dt=1e-4, r=read.origin.r, resets=(("n0", "value"), ("n1", "value")))
    unknown = dataclasses.replace(read, origin=None)
    assert unknown.digest() != read.digest() and not lx.same(unknown, read)
    other = dataclasses.replace(read, origin=dataclasses.replace(read.origin, source="spikingjelly"))
    assert other.digest() != read.digest()
    with pytest.raises(errors.ShapeError, match=r"LX107.*origin"):
        dataclasses.replace(read, origin="snntorch")


def test_how_it_was_read_goes_to_the_end(tmp_path, read):
    x = (np.random.default_rng(1).random((30, 8, N)) < 0.5).astype(float)
    q = lx.quantize(read, "fpga-q", calibration=x)
    assert q.origin == read.origin
    saved = lx.save(q, tmp_path / "b", trained=read, inputs=x)
    said = read.origin.to_json()
    assert said["resets"] == {"n0": "value", "n1": "value"} and said["dt"] == {"num": said["dt"]["num"], "den": 2**66}
    card = " ".join(saved.report.card().split())
    assert f"read as: source snntorch; dt 0.0001 s; r: {read.origin.r}; reset: value (n0, n1)" in card
    documents = {
        name: json.loads((tmp_path / "b" / name).read_text())
        for name in ("fidelity.json", "manifest.json", "network.json")
    }
    assert documents["fidelity.json"]["networks"]["origin"] == said
    assert documents["manifest.json"]["origin"] == documents["network.json"]["origin"] == said
    assert f"{read.origin}".split(";")[0] in (tmp_path / "b" / "report.html").read_text()
    assert lx.same(lx.load(tmp_path / "b"), q) and lx.verify(tmp_path / "b").ok
    assert lx.same(lx.from_nir(tmp_path / "b" / "model.nir"), read)
    assert lx.same(lx.from_onnx(tmp_path / "b" / "model.onnx"), q)


@pytest.mark.parametrize(
    "wrong", [None, 3, {}, {"source": "x"}, {"source": 1, "dt": {"num": 1, "den": 2}, "r": "", "resets": {}}]
)
def test_damaged_origins_are_refused(wrong):
    with pytest.raises(errors.FileError, match=r"LX003.*origin"):
        Origin.from_json(wrong)


def test_an_origin_comes_back(read):
    assert Origin.from_json(json.loads(json.dumps(read.origin.to_json()))) == read.origin
    more = read.origin.to_json() | {"dt": {"num": 0, "den": 1}}
    with pytest.raises(errors.FileError, match="LX003"):
        Origin.from_json(more)
