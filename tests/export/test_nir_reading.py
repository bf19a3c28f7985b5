"""From a file to a network: by the record, which must agree with the arrays, or at NIR's word."""

from __future__ import annotations

import json

import h5py
import nir
import numpy as np
import pytest

from lifexport import errors
from lifexport.arrays import same
from lifexport.export import provenance
from lifexport.export.nir_graph import from_nir, to_nir
from tests.data import DATA, needs
from tests.export.nir_files import DT, N, codes, edit, nir_lif, put, write

GRAPHS = DATA / "nir_paper"

# Files edited after they were written


def edit_record(path, change):
    with h5py.File(path, "r+") as h:
        fields = json.loads(h["node/metadata/lifexport"][()])
        change(fields)
        del h["node/metadata/lifexport"]
        h["node/metadata/lifexport"] = json.dumps(fields)


@pytest.mark.parametrize(
    ("place", "node", "field"),
    [
        ("a_fc/weight", "a.fc", "weight"),
        ("a_rec/bias", "a.rec", "bias"),
        ("b/tau", "b", "tau"),
        ("b/v_leak", "b", "v_rest"),
    ],
)
def test_edited_number_is_found_and_named(file, place, node, field):
    with h5py.File(file) as h:
        index = (0,) * h[f"{N}/{place}"].ndim
        value = np.nextafter(h[f"{N}/{place}"][index], np.inf)
    edit(file, f"{N}/{place}", index, value)
    assert codes(file) == [("LX403", node, field)]


def test_edited_initial_potential_is_found(file):
    edit_record(file, lambda f: f["nodes"]["b"]["values"].pop("v_initial"))
    assert codes(file) == [("LX403", "b", "v_initial")]


RECORD_EDITS = {
    "reset": (lambda f: f["nodes"]["b"]["fields"].update(reset="value"), [("LX403", None, "digest")]),
    "readout": (lambda f: f.update(readout="membrane_last"), [("LX403", None, "digest")]),
    "delay": (lambda f: f["edges"][0].__setitem__(2, 1), [("LX403", None, "digest")]),
    "digest": (lambda f: f.update(digest="0" * 64), [("LX403", None, "digest")]),
    "dt": (lambda f: f.update(dt={"num": 1, "den": 500}), [("LX403", n, "dt") for n in ("a.lif", "b", None)]),
    "missing node": (lambda f: f["nodes"].pop("b"), [("LX403", "b", None)]),
    "other kind": (lambda f: f["nodes"]["b"].update(kind="IAF"), [("LX403", "b", None)] * 2),
    "missing edge": (lambda f: f["edges"].pop(), [("LX403", None, None)]),
    "two of one name": (lambda f: f["renamed"].update(b="y"), [("LX403", "b", None), ("LX403", None, None)]),
    "unknown rule": (lambda f: f["nodes"]["b"]["fields"].update(compare="=>"), [("LX106", "b", "compare")]),
    "rule missing": (lambda f: f["nodes"]["b"]["fields"].pop("reset"), [("LX003", "b", "reset")]),
    "newer": (lambda f: f.update(schema="lifexport.provenance/9"), [("LX004", None, None)]),
    "of an IntNetwork": (
        lambda f: f.update(kind="IntNetwork", target="fpga-q", target_digest="", approximations=[]),
        [("LX003", None, None)],
    ),
    "digest of an array": (lambda f: f["nodes"]["b"]["arrays"]["tau"].update(sha256=""), [("LX403", "b", "tau")]),
    "key of an array's digest": (
        lambda f: f["nodes"]["b"]["arrays"]["tau"].update(sha257=f["nodes"]["b"]["arrays"]["tau"].pop("sha256")),
        [("LX003", None, None)],
    ),
    "shape of an array": (lambda f: f["nodes"]["b"]["arrays"]["tau"].pop("shape"), [("LX003", None, None)]),
    "damaged": (lambda f: f.pop("dt"), [("LX003", None, None)]),
}


@pytest.mark.parametrize("name", RECORD_EDITS)
def test_edited_record_is_found(file, name):
    change, expected = RECORD_EDITS[name]
    edit_record(file, change)
    found = codes(file)
    assert sorted({*found}, key=str) == sorted({*expected}, key=str)


def test_record_that_is_no_text(file):
    put(file, "node/metadata/lifexport", np.arange(3))
    assert codes(file) == [("LX003", None, None)]


def test_removed_node_is_found(file):
    with h5py.File(file, "r+") as h:
        del h[f"{N}/skip"]
        edges = [pair for pair in h["node/edges"][()] if b"skip" not in pair]
        del h["node/edges"]
        h["node/edges"] = edges
    assert ("LX403", "skip", None) in codes(file)


# Time step and source


def test_time_step_must_agree_with_the_record(file):
    assert codes(file, dt=2e-3) == [("LX103", None, "dt")]
    with pytest.raises(errors.ParameterError, match=r"0.002 s; the file's record says 0.001 s"):
        from_nir(file, dt=2e-3)


@pytest.mark.parametrize("dt", [0, -1e-3, float("nan"), float("inf"), "1 ms", True])
def test_time_step_must_be_seconds(file, foreign, dt):
    for path in (file, foreign):
        assert codes(path, dt=dt) == [("LX103", None, "dt")]


def test_source(file, foreign):
    assert same(from_nir(foreign, dt=DT, source="ode"), from_nir(foreign, dt=DT))
    with pytest.raises(errors.UnknownNameError, match=r"LX001.*source 'odd'.*did you mean 'ode'"):
        from_nir(foreign, dt=DT, source="odd")
    with pytest.raises(errors.ParameterError, match="LX006"):
        from_nir(file, source="ode")


# Files of other tools


def test_foreign_file_at_its_word(foreign):
    net = from_nir(foreign, dt=DT)
    node = net.nodes["1"]
    assert (node.reset, node.compare, node.discretisation, net.readout) == (
        "value",
        ">",
        "exponential_euler",
        "count",
    )
    assert node.v_initial.tolist() == node.v_rest.tolist() == [0.5, 0.5]
    assert node.tau.tolist() == [float(np.float32(0.01))] * 2
    assert net.nodes["0"].weight.dtype == np.float64
    assert codes(foreign, dt=DT) == [("LX413", None, None)]
    assert codes(foreign) == [("LX103", None, "dt")]
    with pytest.raises(errors.ParameterError, match=r"pass source= and dt= in seconds.*fit .*ode.* with dt <= 0.0099"):
        from_nir(foreign)


def test_foreign_file_comes_back_from_us(tmp_path, foreign):
    net = from_nir(foreign, dt=DT)
    assert same(from_nir(to_nir(net, tmp_path / "m.nir").path), net)


def test_scalar_parameters_take_the_shape_of_what_feeds_them(tmp_path):
    nodes = {
        "in": nir.Input(np.array([3])),
        "a": nir.Linear(np.ones((2, 3))),
        "b": nir_lif(0),
        "c": nir_lif(0),
    }
    path = write(tmp_path / "f.nir", nodes, ["in a", "a b", "b c"], type_check=False)
    net = from_nir(path, dt=DT)  # the output is missing too
    assert (net.nodes["b"].shape, net.nodes["c"].shape, net.output_name) == ((2,), (2,), "output_c")


def test_missing_input_and_output_are_added(tmp_path):
    path = write(tmp_path / "f.nir", {"a": nir.Linear(np.ones((2, 3))), "b": nir_lif()}, ["a b"], type_check=False)
    net = from_nir(path, dt=DT)
    assert (net.input_name, net.output_name) == ("input_a", "output_b")


def test_missing_reset_level_is_zero(foreign):
    with h5py.File(foreign, "r+") as h:
        del h[f"{N}/1/v_reset"]
    assert from_nir(foreign, dt=DT).nodes["1"].v_reset.tolist() == [0.0, 0.0]


LOOPS = {
    "feedback": (["fc a", "a r", "r a", "a out"], {"a r"}),
    "itself": (["fc a", "a a", "a out"], {"a a"}),
    "over two": (["fc a", "a r", "r b", "b s", "s a", "b out"], {"b s"}),
    "over two and each itself": (
        ["fc a", "a r", "r b", "b s", "s a", "a t", "t a", "b u", "u b", "b out"],
        {"b s", "a t", "b u"},
    ),
    "straight": (["fc a", "a r", "r b", "b out"], set()),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_get_one_late_edge(tmp_path, name):
    edges, late = LOOPS[name]
    used = {part for edge in edges for part in edge.split()}
    square = {n: nir.Linear(np.eye(2)) for n in ("r", "s", "t", "u") if n in used}
    nodes = {
        "in": nir.Input(np.array([2])),
        "fc": nir.Linear(np.eye(2)),
        "out": nir.Output(np.array([2])),
        **square,
    }
    nodes |= {n: nir_lif() for n in ("a", "b") if n in used}
    for order in (edges, edges[::-1]):
        net = from_nir(write(tmp_path / "f.nir", nodes, ["in fc", *order]), dt=DT)
        assert {f"{edge.source} {edge.target}" for edge in net.edges if edge.delay} == late


def test_loop_without_neurons(tmp_path):
    nodes = {
        "in": nir.Input(np.array([2])),
        "a": nir_lif(),
        "r": nir.Linear(np.eye(2)),
        "s": nir.Linear(np.eye(2)),
    }
    path = write(tmp_path / "f.nir", nodes | {"out": nir.Output(np.array([2]))}, ["in a", "a out", "a r", "r s", "s r"])
    assert codes(path, dt=DT) == [("LX108", None, None)]


def test_two_loops_that_share_neurons(tmp_path):
    """Every back edge is one step late, whatever other way round there is."""
    nodes = {
        "in": nir.Input(np.array([2])),
        **{n: nir_lif() for n in "abc"},
        "out": nir.Output(np.array([2])),
    }
    path = write(tmp_path / "f.nir", nodes, ["in a", "a b", "b a", "b c", "c b", "c a", "a c", "c out"])
    late = {f"{edge.source} {edge.target}" for edge in from_nir(path, dt=DT).edges if edge.delay}
    assert late == {"b a", "c a", "c b"}


# The graphs of the NIR paper

PAPER = {
    "01_lif/lif_norse.nir": "LX413",
    "01_lif/two_lif_neurons.nir": "LX413",
    "01_lif/lif_rockpool.nir": "LX102",
    "02_cnn/cnn_sinabs.nir": "LX413",
    "03_rnn/braille_noDelay_bias_zero.nir": "LX413",
    "03_rnn/braille_noDelay_noBias_subtract.nir": "LX413",
    "03_rnn/v02_subgraph/braille_noDelay_bias_zero_subgraph.nir": "LX107",
    "03_rnn/v02_subgraph/braille_noDelay_noBias_subtract_subgraph.nir": "LX107",
}


@needs("nir_paper")
@pytest.mark.parametrize("name", PAPER)
def test_paper_graphs(tmp_path, name):
    assert {code for code, _, _ in codes(GRAPHS / name, dt=1e-4)} == {PAPER[name]}
    if PAPER[name] == "LX413":
        net = from_nir(GRAPHS / name, dt=1e-4)
        assert same(from_nir(to_nir(net, tmp_path / "m.nir").path), net)


@needs("nir_paper")
def test_paper_graph_values():
    net = from_nir(GRAPHS / "01_lif/two_lif_neurons.nir", dt=1e-4)
    assert net.nodes["lif2"].v_threshold.tolist() == [20.0]
    assert net.nodes["lif1"].v_rest.round(6).tolist() == [1.2]


def test_record_key_is_the_one_of_the_design():
    assert provenance.KEY == "lifexport"
