from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lifexport as lx
from lifexport import errors
from lifexport.export import provenance
from lifexport.export.nir_nesting import flat
from lifexport.export.nir_profiles import PROFILES, folding, model, norse, numbers, proving, rewritten, spikingjelly
from lifexport.export.nir_profiles.neuron import neuron
from lifexport.export.nir_profiles.profile import Asked
from lifexport.export.nir_reading import load
from lifexport.export.nir_survey import read_raw
from lifexport.graph import Edge
from lifexport.interop.verdict import agreement
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatIAF, FloatLIF
from lifexport.nodes import FloatDense, Input, Output
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, SumPool
from tests.export.nir_files import lif
from tests.export.nir_networks import networks
from tests.interop import cases

CELLS = [(name, reset, form) for name in PROFILES for reset in cases.RESETS for form in cases.FORMS]


def chain(*nodes, size=(2,), delay=0) -> FloatNetwork:
    named = {"in": Input(shape=size), **{f"n{i}": node for i, node in enumerate(nodes)}}
    named["out"] = Output(shape=nodes[-1].out_shape)
    names = list(named)
    edges = [Edge(a, b, delay if b == "n0" else 0) for a, b in pairwise(names)]
    return FloatNetwork(nodes=named, edges=edges, dt=1e-3)


def run_by_model(path, x) -> tuple[FloatNetwork, model.Modelled]:
    reading = load(path, None, None)
    assert reading.network is not None and reading.record is not None
    asked = Asked(reading.network.dt, reading.record["reset"] == "subtract")
    nodes = flat(read_raw(path)[0])[0]
    return reading.network, model.modelled(reading.network, nodes, PROFILES[reading.record["profile"]], asked, x)


# What importers are given, and refused


@pytest.mark.parametrize(("name", "reset", "form"), [cell for cell in CELLS if cell[0] in cases.CARRIED])
def test_every_cell_is_carried_or_refused_by_name(tmp_path, name, reset, form):
    net = cases.network(form, reset, 0)
    if form not in cases.CARRIED[name][reset]:
        with pytest.raises(errors.UnsupportedError) as caught:
            lx.to_nir(net, tmp_path / "m.nir", profile=name)
        assert {f.code for f in caught.value.findings} == {"LX401"}
        assert all(f.node and "profiles that carry this network" in f.fix for f in caught.value.findings)
        assert not list(tmp_path.iterdir())
        return
    result = lx.to_nir(net, tmp_path / "m.nir", profile=name)
    assert len(result.proofs) == 2 and "0 spikes differ" in result.proofs[1]
    assert all(array.dtype == np.float32 for array in arrays_of(nir.read(result.path)))
    assert lx.check(result.path).findings == result.findings


def arrays_of(graph):
    for node in graph.nodes.values():
        yield from (
            arrays_of(node)
            if isinstance(node, nir.NIRGraph)
            else (
                value
                for field in dataclasses.fields(node)
                if isinstance(value := getattr(node, field.name), np.ndarray) and value.dtype.kind == "f"
            )
        )


@pytest.mark.sampled
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "reset", "form"), [c for c in CELLS if c[2] in cases.CARRIED.get(c[0], {}).get(c[1], ())]
)
def test_models_of_importers_give_the_spikes_that_were_trained(tmp_path, name, reset, form, seed):
    net = cases.network(form, reset, seed)
    x = cases.inputs(net, seed, steps=150)
    path = lx.to_nir(net, tmp_path / "m.nir", profile=name, verify=False).path
    again, run = run_by_model(path, x)
    skew = again.lateness[again.readout_name]
    trained = lx.simulate(net, x, record=("spikes",))
    assert all(0.01 < spikes.mean() < 0.8 for spikes in trained.spikes.values())
    margins = {name: margin[skew:] for name, margin in run.margin.items()}
    found = agreement(run.spikes[again.readout_name][skew:], trained.output[: len(x) - skew], margins, 8)
    assert found.differing == 0 and (found.exact or form == "grazed") and found.spikes > 30
    if form == "grazed":
        assert found.near_ties > 200 and run.within(1e-6) > 200, "weights one float32 step around a touch"
    if form == "ties" and reset == "value":
        assert found.near_ties > 200, "the thresholds of this network are met exactly"


def test_soft_resets_of_both_kinds_cannot_be_told_to_norse():
    soft, hard = (lif(2, reset=reset) for reset in cases.RESETS)
    net = chain(FloatDense(weight=np.eye(2)), soft, FloatDense(weight=np.eye(2)), hard)
    assert rewritten(net, PROFILES["norse"]).reset == "subtract"  # its LIF neurons reset to 0 whatever they are told
    with pytest.raises(errors.UnsupportedError, match="both resets; sinabs"):
        rewritten(net, PROFILES["sinabs"])


REFUSED = {
    "refractory": (chain(FloatDense(weight=np.eye(2)), lif(2, refractory=3)), "norse", "refractory"),
    "late edge": (chain(FloatDense(weight=np.eye(2)), lif(2), delay=2), "norse", "2 steps late"),
    "initial": (chain(FloatDense(weight=np.eye(2)), lif(2, v_initial=[0.0, 0.3])), "norse", "0.3 V from v_reset"),
    "decay 0": (chain(FloatDense(weight=np.eye(2)), lif(2, tau=1e-3, discretisation="euler")), "rockpool", "0 or 1"),
    "too strong": (chain(FloatDense(weight=1e38 * np.eye(2)), lif(2)), "rockpool", "beyond float32"),
    "heterogeneous": (
        chain(FloatDense(weight=np.eye(2)), lif(2, tau=[5e-3, 6e-3], reset="value")),
        "spikingjelly",
        "one value for all neurons",
    ),
    "dilated": (
        chain(FloatConv(weight=np.ones((1, 1, 2)), size=(4,), dilation=2), lif((1, 2), reset="value"), size=(1, 4)),
        "snn-mlir",
        "has none",
    ),
    "shape": (chain(lif((1, 4)), size=(1, 4)), "sinabs", "one axis alone"),
    "pool": (
        chain(SumPool(shape=(1, 4, 4), kernel=2), lif((1, 2, 2), reset="value"), size=(1, 4, 4)),
        "snntorch",
        "SumPool2d",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_reason(tmp_path, name):
    net, profile, reason = REFUSED[name]
    with pytest.raises(errors.UnsupportedError, match=reason):
        lx.to_nir(net, tmp_path / "m.nir", profile=profile)
    assert not list(tmp_path.iterdir())


def test_feedback_by_two_connections():
    back = FloatDense(weight=np.eye(2))
    nodes = {"in": Input(shape=(2,)), "a": lif(2), "b": back, "c": back, "out": Output(shape=(2,))}
    pairs = [("in", "a", 0), ("a", "out", 0), ("a", "b", 1), ("b", "a", 0), ("a", "c", 1), ("c", "a", 0)]
    net = FloatNetwork(nodes=nodes, edges=[Edge(*pair) for pair in pairs], dt=1e-3)
    for name in ("rockpool", "spyx"):
        with pytest.raises(errors.UnsupportedError, match="feedback by 2 connections"):
            rewritten(net, PROFILES[name])
    assert rewritten(net, PROFILES["norse"]).graph.nodes.keys() == {"input", "a_in", "a", "b", "c", "output"}


def test_loops_that_importers_do_not_run():
    nodes = {"in": Input(shape=(2,)), "a": lif(2), "b": lif(2), "out": Output(shape=(2,))}
    edges = [Edge("in", "a"), Edge("a", "b"), Edge("b", "a", delay=1), Edge("b", "out")]
    with pytest.raises(errors.UnsupportedError, match="a loop through a, b"):
        rewritten(FloatNetwork(nodes=nodes, edges=edges, dt=1e-3), PROFILES["norse"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=networks(), name=st.sampled_from(sorted(PROFILES)))
def test_random_networks_are_written_as_they_run_or_refused(tmp_path, net, name):
    try:
        result = lx.to_nir(net, tmp_path / "m.nir", profile=name)
    except errors.UnsupportedError as refused:
        assert {f.code for f in refused.findings} == {"LX401"}
        return
    again = lx.from_nir(result.path)
    nir.read(result.path)
    assert again.readout == net.readout
    other = lx.to_nir(net, tmp_path / "again.nir", profile=name, verify=False)
    assert other.sha256 == result.sha256


# The record


@pytest.fixture
def file(tmp_path):
    return lx.to_nir(cases.network("recurrent", "subtract", 0), tmp_path / "m.nir", profile="rockpool").path


def edited(file, place, value) -> None:
    with h5py.File(file, "r+") as content:
        stored = content[f"node/nodes/{place}"]
        stored[...] = np.asarray(stored) * 0 + value


@pytest.mark.parametrize(
    ("place", "where"),
    [("fc0/weight", "fc0.weight"), ("last/r", "last.r"), ("hidden/nodes/neurons/v_reset", "hidden.neurons.v_reset")],
)
def test_edited_arrays_are_found(file, place, where):
    edited(file, place, 0.5)
    with pytest.raises(errors.MismatchError, match=f"LX403.*{where}"):
        lx.from_nir(file)
    assert [f.where for f in lx.check(file).findings] == [where]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profile", "nors"), ("profile", ["norse"]), ("reset", "zero"), ("settings", ["x"]), ("settings", [[]]),
        ("settings", []), ("importer", "rockpool 4"), ("trained", {}),
        ("stored", {"fc0": 1}), ("stored", None), ("dt", {"num": 1, "den": 500}), ("readout", "membrane_last"),
    ],
)  # fmt: skip
def test_edited_records_are_found(file, key, value):
    with h5py.File(file, "r+") as content:
        place = content["node/metadata"]
        record = json.loads(place[provenance.KEY][()])
        del place[provenance.KEY]
        place[provenance.KEY] = json.dumps(record | {key: value})
    with pytest.raises(errors.LifexportError) as caught:
        lx.from_nir(file)
    assert {f.code for f in caught.value.findings} <= {"LX003", "LX401", "LX403"}
    assert not lx.check(file).ok


def test_options_that_the_record_answers(file):
    with pytest.raises(errors.ParameterError, match="LX006"):
        lx.from_nir(file, source="rockpool-single")


def test_the_text_beside_the_file_says_how_it_is_read(tmp_path):
    net = cases.network("feed-forward", "subtract", 0)
    for name, line in {
        "norse": "norse.torch.from_nir(nir.read('m.nir'), dt=0.001, reset_method=",
        "spyx": "LX417 output: the output, by 2 steps",
        "spinnaker2": "LX418 output: py-spinnaker2",
    }.items():
        lx.to_nir(net, tmp_path / "m.nir", profile=name)
        text = (tmp_path / "m.nir.txt").read_text()
        assert line in text and text.startswith(f"m.nir: written by lifexport {lx.__version__} for ")


# Folding


def test_what_feeds_a_population_takes_its_gain(tmp_path):
    """Conv with a pool behind, a shared connection, a population fed by the input itself, and one by spikes."""
    rng = np.random.default_rng(0)
    conv = FloatConv(weight=rng.normal(size=(3, 1, 2, 2)), bias=rng.normal(size=3), size=(5, 5))
    channel = np.array([0.5, 1.0, 2.0]).reshape(3, 1, 1)
    behind = lif((3, 2, 2), r=np.broadcast_to(channel, (3, 2, 2)), reset="value")
    pools = chain(conv, FloatAvgPool(shape=(3, 4, 4), kernel=2), behind, size=(1, 5, 5))
    lx.to_nir(pools, tmp_path / "m.nir", profile="snntorch")
    flat_net = chain(conv, Flatten(shape=(3, 4, 4)), lif(48, r=rng.uniform(0.5, 2, 48), reset="value"), size=(1, 5, 5))
    lx.to_nir(flat_net, tmp_path / "m.nir", profile="spikingjelly")
    assert {"n2_in"} <= set(lx.from_nir(tmp_path / "m.nir").nodes), "rows of a convolution cannot differ in space"
    lx.to_nir(chain(lif(2, r=[1.0, 3.0]), lif(2), size=(2,)), tmp_path / "m.nir", profile="norse")
    fc = FloatDense(weight=rng.normal(size=(2, 2)))
    nodes = {"in": Input(shape=(2,)), "fc": fc, "a": lif(2, r=2.0), "b": lif(2, r=3.0), "out": Output(shape=(2,))}
    pairs = [("in", "fc"), ("fc", "a"), ("fc", "b"), ("a", "b"), ("b", "out")]
    shared = FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairs], dt=1e-3)
    lx.to_nir(shared, tmp_path / "m.nir", profile="spinnaker2")
    assert set(lx.from_nir(tmp_path / "m.nir").nodes) == {"input", "fc", "fc_b", "a", "b", "b_in", "output"}


@pytest.mark.parametrize("late", [0, 1])
def test_bias_of_feedback(tmp_path, late):
    """Behind the late edge it acts from the first step on and is folded forward; before it norse runs it as it is."""
    bias = np.array([0.3, -0.2])
    nodes = {
        "in": Input(shape=(2,)), "fc": FloatDense(weight=np.eye(2)), "a": lif(2),
        "back": FloatDense(weight=np.ones((2, 2)), bias=bias), "out": Output(shape=(2,)),
    }  # fmt: skip
    edges = [Edge("in", "fc"), Edge("fc", "a"), Edge("a", "out"), Edge("a", "back", late), Edge("back", "a", 1 - late)]
    net = FloatNetwork(nodes=nodes, edges=edges, dt=1e-3)
    lx.to_nir(net, tmp_path / "m.nir", profile="norse")
    again = lx.from_nir(tmp_path / "m.nir")
    assert (again.nodes["back"].bias is None) == bool(late)
    if late:
        np.testing.assert_allclose(again.nodes["fc"].bias, bias, rtol=1e-6)
        lx.to_nir(net, tmp_path / "m.nir", profile="rockpool")
        return
    with pytest.raises(errors.UnsupportedError, match="adds it in the first step too"):
        lx.to_nir(net, tmp_path / "m.nir", profile="rockpool")


@pytest.mark.parametrize("profile", ["norse", "snntorch", "spikingjelly", "sinabs", "lava", "snn-mlir"])
def test_a_start_at_reset_below_rest(tmp_path, profile):
    """What rest pulls is a bias then: no importer starts apart from its leak potential."""
    node = lif(2, v_rest=0.2, v_reset=0.0, v_initial=0.0, reset="value")
    lx.to_nir(chain(FloatDense(weight=np.eye(2)), node), tmp_path / "m.nir", profile=profile)
    again = lx.from_nir(tmp_path / "m.nir")
    assert (again.nodes["n0"].bias > 0).all() and not again.populations["n1"].v_rest.any()


# The proof notices


def test_a_wrong_rewriting_is_noticed(tmp_path, monkeypatch):
    net = cases.network("per-neuron", "subtract", 0)

    def wrong(**changes):
        def kind(form):
            written = norse._lif(form)
            return dataclasses.replace(
                written, **{name: change(getattr(written, name)) for name, change in changes.items()}
            )

        monkeypatch.setitem(PROFILES, "norse", dataclasses.replace(norse.PROFILE, kinds={"LIF": kind}))
        with pytest.raises(errors.MismatchError, match="LX402"):
            lx.to_nir(net, tmp_path / "m.nir", profile="norse")
        assert not list(tmp_path.iterdir())

    wrong(scale=lambda scale: scale * 1.001)
    wrong(bias=lambda bias: bias + 1e-3)
    wrong(fields=lambda fields: fields | {"tau_mem": fields["tau_mem"] * 1.001})
    wrong(fields=lambda fields: fields | {"v_threshold": fields["v_threshold"] * 1.001})
    wrong(reset=lambda reset: "value")


def test_the_proof_compares_membranes_of_networks_that_fire():
    net = cases.network("feed-forward", "value", 0)
    spikes = lx.simulate(net, proving.inputs(net), record=("spikes",)).spikes
    assert all(0.02 < rows.mean() < 0.6 for rows in spikes.values())


# Numbers


@pytest.mark.parametrize("trained", [">=", ">"])
@pytest.mark.parametrize("importer", [">=", ">"])
def test_thresholds_fire_the_same_float32_potentials(trained, importer):
    for height in (1.0, 0.1, 1 / 3, np.nextafter(1.0, 2), np.nextafter(1.0, 0), 1e-30):
        th = numbers.threshold(np.array([height]), trained, importer)
        around = [np.float32(height)]
        for direction in (np.float32(-1), np.float32(1e9)):
            value = np.float32(height)
            for _ in range(3):
                value = np.nextafter(value, direction)
                around.append(value)
        for v in around:
            want = float(v) >= height if trained == ">=" else float(v) > height
            assert (v >= th[0] if importer == ">=" else v > th[0]) == want


def test_parameters_come_as_near_as_float32_can():
    rng = np.random.default_rng(0)
    rate = rng.uniform(1e-3, 1, 500)
    have = np.float32(1e-3) * (np.float32(1) / norse.tau_of_rate(rate, 1e-3))
    assert np.abs(have / rate - 1).max() < 2e-7
    powers = 2.0 ** -np.arange(1, 12)
    assert (np.float32(1e-3) * (np.float32(1) / norse.tau_of_rate(powers, 1e-3)) == powers).all()


def test_common_form():
    node = lif(2, tau=5e-3, r=2.0, v_rest=-0.1, v_reset=-0.3, v_initial=-0.2, v_threshold=0.9, reset="value")
    form = neuron(node)
    np.testing.assert_allclose(form.height, 1.2)
    np.testing.assert_allclose(form.start, 0.1)
    np.testing.assert_allclose(form.drift, (1 - node.decay) * 0.2)
    assert (form.subtract, form.compare) == (False, ">=")
    v, x = node.v_initial, np.array([0.4, 0.7])
    u = form.decay * (v - node.v_reset) + form.gain * x + form.drift
    np.testing.assert_allclose(node.step(node.initial_state(1), x).v[0] - node.v_reset, u)


def test_integrators_that_were_written_as_leaky(tmp_path):
    """A decay of exactly 1 in the importer's float32."""
    iaf = FloatIAF(shape=(1,), dt=1e-3, r=1e3, v_threshold=50.0, v_reset=0.0, reset="value")
    path = lx.to_nir(chain(FloatDense(weight=[[1.0, 0.0]]), iaf), tmp_path / "m.nir", profile="snntorch").path
    _, run = run_by_model(path, np.ones((500, 1, 2), np.float32))
    assert np.flatnonzero(run.spikes["n1"][:, 0, 0]).tolist() == list(range(49, 500, 50))


def test_leaky_neurons_with_one_decay_of_one_are_integrators():
    node = FloatLIF(
        shape=(2,),
        dt=1e-3,
        tau=[1.0, 1.0],
        r=1.0,
        v_threshold=1.0,
        v_reset=0.0,
        reset="value",
        discretisation="integrator",
    )
    assert spikingjelly.PROFILE.written(neuron(node)).kind == "IF"


def test_delays_outside_of_loops_are_refused_before_anything_else():
    with pytest.raises(errors.UnsupportedError, match="LX401"):
        folding.require_simple_loops(REFUSED["late edge"][0])
