from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lifexport import errors
from lifexport.arrays import difference, same
from lifexport.export import nir_graph, provenance
from lifexport.export.nir_graph import check_nir, from_nir, to_nir
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense
from tests.data import DATA, needs
from tests.nets import random_network

GRAPHS = DATA / "nir_paper"
DT = 1e-3


def lif(n=2, **given) -> FloatLIF:
    shape = (n,) if isinstance(n, int) else n
    return FloatLIF(**{"shape": shape, "dt": DT, "tau": 10e-3, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0, **given})


def dense(n_out, n_in, bias=False, seed=0) -> FloatDense:
    rng = np.random.default_rng(seed)
    return FloatDense(weight=rng.normal(size=(n_out, n_in)), bias=rng.normal(size=n_out) if bias else None)


def chain(population=None, bias=False) -> FloatNetwork:
    population = population or lif()
    nodes = {"in": Input(shape=(3,)), "fc": dense(2, 3, bias), "lif": population, "out": Output(shape=(2,))}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT)


def recurrent(**given) -> FloatNetwork:
    nodes = {
        "x": Input(shape=(3,)),
        "a.fc": dense(4, 3, True),
        "a.lif": lif(4, tau=[1e-3, 2e-3, 3e-3, 4e-3], v_threshold=[1.0, 2.0, 0.5, 3.0]),
        "a.rec": dense(4, 4, True, seed=1),
        "skip": dense(2, 3, seed=2),
        "lambda": dense(2, 4, seed=3),
        "b": lif(2, v_rest=-0.3, v_reset=-0.5, v_initial=[-0.3, 0.1]),
        "y": Output(shape=(2,)),
    }
    pairs = ["x a.fc", "a.fc a.lif", "a.rec a.lif", "a.lif lambda", "lambda b", "x skip", "skip b", "b y"]
    edges = [Edge(*pair.split()) for pair in pairs] + [Edge("a.lif", "a.rec", delay=1)]
    return FloatNetwork(nodes=nodes, edges=edges, dt=DT, **given)


NETWORKS = {
    "chain": chain(),
    "bias": chain(bias=True),
    "hard, >": chain(lif(reset="value", compare=">")),
    "per neuron": chain(lif(tau=[1e-3, 7.7e-3], r=[0.1, 3.0], v_threshold=[0.3, 1.0], v_reset=[-1.0, 0.25])),
    "rest and initial": chain(lif(v_rest=[-0.065, 0.1], v_initial=[-0.07, 0.1])),
    "negative zero": chain(lif(v_rest=0.0, v_initial=-0.0)),
    "recurrent, branched, renamed": recurrent(readout="membrane_max", state_reset="never"),
    "delay on a straight path": replace(chain(), edges=(Edge("in", "fc"), Edge("fc", "lif", 3), Edge("lif", "out"))),
    "feedback without connection": replace(chain(), edges=(*chain().edges, Edge("lif", "lif", 1))),
    "two dimensions": FloatNetwork(
        nodes={
            "in": Input(shape=(2, 3)),
            "lif": lif((2, 3), tau=np.arange(1.0, 7).reshape(2, 3)),
            "out": Output(shape=(2, 3)),
        },
        edges=(Edge("in", "lif"), Edge("lif", "out")),
        dt=DT,
    ),
    "no dimension": FloatNetwork(
        nodes={"in": Input(shape=()), "lif": lif(()), "out": Output(shape=())},
        edges=(Edge("in", "lif"), Edge("lif", "out")),
        dt=DT,
    ),
}


# Round trips


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(tmp_path, name, compress):
    net = NETWORKS[name]
    result = to_nir(net, tmp_path / "m.nir", compress=compress)
    content = result.path.read_bytes()
    assert (result.size, len(result.sha256), len(result.proofs)) == (len(content), 64, 1)
    assert difference(net, from_nir(result.path)) is None
    assert same(from_nir(result.path, dt=DT), net)
    assert check_nir(result.path) == result.findings
    assert {nir.read(result.path).nodes[n].__class__.__name__ for n in nir.read(result.path).nodes} <= {
        *nir_graph.FIELDS
    }


@st.composite
def networks(draw) -> FloatNetwork:
    finite = st.floats(-1e3, 1e3, allow_subnormal=True)
    dt = draw(st.sampled_from([1e-3, 1e-4, 0.1, 1 / 3]))
    letters = st.text(
        st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="/"), min_size=1, max_size=4
    )
    name = iter(
        draw(st.lists(letters | st.sampled_from(["in", "a.b", "a_b", "."]), min_size=8, max_size=8, unique=True))
    )
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))

    def array(n, low, high):
        size = draw(st.sampled_from([(), (n,)]))
        return draw(hnp.arrays(np.float64, size, elements=st.floats(low, high)))

    def connection(n_out, n_in):
        weight = draw(hnp.arrays(np.float64, (n_out, n_in), elements=finite))
        bias = draw(st.none() | hnp.arrays(np.float64, (n_out,), elements=finite))
        return FloatDense(weight=weight, bias=bias)

    before = next(name)
    nodes, edges = {before: Input(shape=(sizes[0],))}, []
    for n_in, n_out in pairwise(sizes):
        fc, population = next(name), next(name)
        nodes[fc] = connection(n_out, n_in)
        rest = array(n_out, -1.0, 1.0)
        nodes[population] = FloatLIF(
            shape=(n_out,),
            dt=dt,
            tau=array(n_out, 1e-4, 1.0),
            r=array(n_out, -5.0, 5.0),
            v_threshold=array(n_out, 0.1, 2.0),
            v_reset=array(n_out, -2.0, 0.0),
            v_rest=rest,
            v_initial=draw(st.sampled_from([rest, 0.0, -0.0])),
            reset=draw(st.sampled_from(["subtract", "value"])),
            compare=draw(st.sampled_from([">=", ">"])),
        )
        edges += [Edge(before, fc), Edge(fc, population)]
        if draw(st.booleans()):
            back = next(name)
            nodes[back] = connection(n_out, n_out)
            late = draw(st.sampled_from([0, 1]))
            edges += [Edge(population, back, late), Edge(back, population, 1 - late)]
        before = population
    last = next(name)
    nodes[last] = Output(shape=(sizes[-1],))
    readout = draw(st.sampled_from(["count", "membrane_last", "membrane_max"]))
    return FloatNetwork(nodes=nodes, edges=(*edges, Edge(before, last)), dt=dt, readout=readout)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=networks(), compress=st.booleans())
def test_round_trip_of_random_networks(tmp_path, net, compress):
    result = to_nir(net, tmp_path / "m.nir", verify=False, compress=compress)
    assert difference(net, from_nir(result.path)) is None
    nir.read(result.path, type_check=True)


@pytest.mark.parametrize("compress", [False, True])
def test_rewriting_gives_the_same_bytes(tmp_path, compress):
    first = to_nir(recurrent(), tmp_path / "a.nir", compress=compress)
    second = to_nir(from_nir(first.path), tmp_path / "b.bin", compress=compress)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256


def test_another_process_writes_the_same_bytes(tmp_path):
    first = to_nir(recurrent(), tmp_path / "a.nir")
    code = "import sys; from lifexport.export.nir_graph import *; to_nir(from_nir(sys.argv[1]), 'b.nir')"
    root = str(Path(__file__).parents[2])
    env = {"PYTHONPATH": root, "PYTHONHASHSEED": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code, str(first.path)], check=True, cwd=tmp_path, env=env)
    assert (tmp_path / "b.nir").read_bytes() == first.path.read_bytes()


def test_the_graph_says_the_equation(tmp_path):
    net = recurrent()
    graph = nir.read(to_nir(net, tmp_path / "m.nir").path)
    assert sorted(graph.nodes) == ["a_fc", "a_lif", "a_rec", "b", "lambda_", "skip", "x", "y"]
    assert isinstance(graph.nodes["a_fc"], nir.Affine) and isinstance(graph.nodes["skip"], nir.Linear)
    node = graph.nodes["b"]
    assert (node.tau.dtype, node.v_leak.tolist(), node.v_reset.tolist()) == (
        np.float64,
        [-0.3] * 2,
        [-0.5] * 2,
    )
    assert ("a_lif", "a_rec") in graph.edges and ("a_rec", "a_lif") in graph.edges
    assert list(graph.metadata) == ["lifexport"]


def test_names_stay_apart(tmp_path):
    nodes = {"in": Input(shape=(2,)), "a.b": lif(), "a_b": lif(r=2.0), "a_b_2": Output(shape=(2,))}
    net = FloatNetwork(nodes=nodes, edges=[Edge("in", "a.b"), Edge("a.b", "a_b"), Edge("a_b", "a_b_2")], dt=DT)
    path = to_nir(net, tmp_path / "m.nir").path
    assert sorted(nir.read(path).nodes) == ["a_b", "a_b_2", "a_b_3", "in_"]
    assert nir.read(path).nodes["a_b"].r.tolist() == [2.0, 2.0]


# What is told, what is refused


def test_findings_say_what_others_do_differently(tmp_path):
    codes = [(f.code, f.node) for f in to_nir(recurrent(), tmp_path / "m.nir").findings]
    assert codes == [("LX410", "a.lif"), ("LX410", "b"), ("LX411", None), ("LX412", "b")]
    hard = to_nir(chain(lif(reset="value", compare=">")), tmp_path / "m.nir")
    assert [f.code for f in hard.findings] == ["LX411"]


def test_unknown_profile_offers_the_nearest(tmp_path):
    with pytest.raises(errors.UnknownNameError, match=r"LX001.*'plane'.*did you mean 'plain'"):
        to_nir(chain(), tmp_path / "m.nir", profile="plane")
    assert list(tmp_path.iterdir()) == []


def test_integer_network_is_refused(tmp_path):
    with pytest.raises(errors.UnsupportedError, match=r"LX401.*IntNetwork.*FloatNetwork"):
        to_nir(random_network(0)[0], tmp_path / "m.nir")
    assert list(tmp_path.iterdir()) == []


def test_node_without_nir_kind_is_refused():
    with pytest.raises(errors.UnsupportedError, match=r"LX401.*plain"):
        nir_graph._nir_node(object())


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "missing" / "m.nir", tmp_path / "file" / "m.nir"):
        with pytest.raises(errors.OutputError) as caught:
            to_nir(chain(), path)
        assert caught.value.code == "LX002"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("found", ["difference", "error"])
def test_a_file_that_does_not_come_back_is_not_written(tmp_path, monkeypatch, found):
    """Break the exporter: what is written is not the network."""
    (tmp_path / "m.nir").write_text("old")
    if found == "difference":
        other = chain(lif(r=1.5))
        monkeypatch.setattr(nir_graph, "from_nir", lambda path: other)
        expected = r"LX402.*nodes\['lif'\].r: 1.0 != 1.5 at index \(0,\)"
    else:
        right = nir_graph._encode
        monkeypatch.setattr(nir_graph, "_encode", lambda *args: right(*args)[:500])
        expected = "LX402.*cannot be read back.*LX003"
    with pytest.raises(errors.MismatchError, match=expected):
        to_nir(chain(), tmp_path / "m.nir")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("m.nir", "old")]


# Files edited after they were written


@pytest.fixture
def file(tmp_path) -> Path:
    return to_nir(recurrent(), tmp_path / "m.nir").path


def codes(path, **kw) -> list[tuple[str, str | None, str | None]]:
    found = [(f.code, f.node, f.field) for f in check_nir(path, **kw)]
    if any(f.severity == "error" for f in check_nir(path, **kw)):
        with pytest.raises(errors.LifexportError) as caught:
            from_nir(path, **kw)
        assert [(f.code, f.node, f.field) for f in caught.value.findings] == found
    return found


def put(path, place, value):
    with h5py.File(path, "r+") as h:
        del h[place]
        h[place] = value


def edit(path, place, index, value):
    with h5py.File(path, "r+") as h:
        h[place][index] = value


def edit_record(path, change):
    with h5py.File(path, "r+") as h:
        fields = json.loads(h["node/metadata/lifexport"][()])
        change(fields)
        del h["node/metadata/lifexport"]
        h["node/metadata/lifexport"] = json.dumps(fields)


N = "node/nodes"


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
    "of an IntNetwork": (lambda f: f.update(kind="IntNetwork"), [("LX401", None, None)]),
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


def a(*values, dtype=np.float32):
    return np.array(values, dtype)


def nir_lif(n=2, **given):
    full = {"tau": 0.01, "r": 1.0, "v_leak": 0.5, "v_threshold": 1.0, "v_reset": 0.0}
    return nir.LIF(**{k: np.full((n,) if n else (), v, np.float32) for k, v in (full | given).items()})


def write(path, nodes, edges, **kw) -> Path:
    graph = nir.NIRGraph(nodes, [tuple(edge.split()) for edge in edges], **kw)
    nir.write(path, graph, compression=None)  # compression refuses scalars
    return path


@pytest.fixture
def foreign(tmp_path) -> Path:
    nodes = {
        "in": nir.Input(np.array([3])),
        "0": nir.Affine(np.ones((2, 3), np.int8), a(1, 2)),
        "1": nir_lif(),
    }
    return write(tmp_path / "f.nir", nodes | {"out": nir.Output(np.array([2]))}, ["in 0", "0 1", "1 out"])


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
    with pytest.raises(errors.ParameterError, match="pass dt= in seconds"):
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


# Bad files


def conv():
    return nir.Conv2d((4, 4), np.ones((1, 1, 3, 3)), 1, 0, 1, 1, np.zeros(1))


BAD_GRAPHS = {
    "unknown kinds": (
        {"a": nir.IF(a(1, 1), a(1, 1)), "b": nir.Scale(a(1, 1))},
        "in a|a b|b out",
        "LX401 a|LX401 b",
    ),
    "conv": ({"a": conv()}, "in a|a out", "LX401 a"),
    "nested": ({"a": nir.NIRGraph({"n": nir_lif()}, [])}, "in a|a out", "LX401 a"),
    "NaN weight": ({"f": nir.Linear(a([1, np.nan], [1, 1])), "a": nir_lif()}, "in f|f a|a out", "LX101 f"),
    "bias of 7": ({"f": nir.Affine(np.eye(2), np.ones(7)), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "3-D weight": ({"f": nir.Linear(np.ones((2, 2, 2))), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "width": ({"f": nir.Linear(np.ones((2, 3))), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "output width": ({"f": nir.Linear(np.ones((3, 2))), "a": nir_lif(3)}, "in f|f a|a out", "LX102 out"),
    "tau": ({"a": nir_lif(tau=0.0), "b": nir_lif(v_threshold=-1.0)}, "in a|a b|b out", "LX104 a|LX105 b"),
    "no neurons": ({"f": nir.Linear(np.eye(2))}, "in f|f out", "LX107 "),
    "connection last": ({"a": nir_lif(), "f": nir.Linear(np.eye(2))}, "in a|a f|f out", "LX107 "),
    "two inputs": ({"x": nir.Input(np.array([2])), "a": nir_lif()}, "in a|x a|a out", "LX107 "),
    "dangling edge": ({"a": nir_lif()}, "in a|a out|a ghost", "LX107 "),
    "ghost loop": ({"a": nir_lif()}, "in a|a out|a g|g h|h g", "LX108 "),
    "duplicate edge": ({"a": nir_lif()}, "in a|in a|a out", "LX107 "),
}


@pytest.mark.parametrize("name", BAD_GRAPHS)
def test_bad_graph(tmp_path, name):
    nodes, edges, expected = BAD_GRAPHS[name]
    nodes = {"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2])), **nodes}
    path = write(tmp_path / "f.nir", nodes, edges.split("|"), type_check=False)
    assert "|".join(f"{code} {node or ''}" for code, node, _ in codes(path, dt=DT)) == expected


def test_findings_do_not_wait_for_the_time_step(tmp_path, foreign):
    edit(foreign, f"{N}/1/tau", 0, -1.0)
    assert codes(foreign) == [("LX103", None, "dt"), ("LX104", "1", "tau")]


def virtual(h):
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (2,))
    del h[f"{N}/1/tau"]
    h.create_virtual_dataset(f"{N}/1/tau", layout)


def outside(h):
    del h[f"{N}/1/tau"]
    h.create_dataset(f"{N}/1/tau", (2,), "f4", external=[("/etc/hostname", 0, 8)])


def huge(h):
    del h[f"{N}/0/weight"]
    h.create_dataset(f"{N}/0/weight", (10**9, 10**9), "f8", chunks=(10, 10))


def replaced(place, value):
    def change(h):
        del h[place]
        h[place] = value

    return change


DAMAGED = {
    "no version": lambda h: h.__delitem__("version"),
    "no node": lambda h: h.__delitem__("node"),
    "node is data": replaced("node", 3),
    "no edges": lambda h: h.__delitem__("node/edges"),
    "edges of three": replaced("node/edges", [[b"a", b"b", b"c"]]),
    "no type": lambda h: h.__delitem__(f"{N}/1/type"),
    "node is no group": replaced(f"{N}/1", 3),
    "no tau": lambda h: h.__delitem__(f"{N}/1/tau"),
    "tau is text": replaced(f"{N}/1/tau", "10 ms"),
    "tau is complex": replaced(f"{N}/1/tau", [1j, 1j]),
    "tau is a record": replaced(f"{N}/1/tau", np.zeros(2, [("x", "f4")])),
    "tau is a group": lambda h: (h.__delitem__(f"{N}/1/tau"), h.create_group(f"{N}/1/tau")),
    "unknown field": lambda h: h.__setitem__(f"{N}/1/extra", 3),
    "shape of floats": replaced(f"{N}/in/shape", [3.0]),
    "shape of shapes": replaced(f"{N}/in/shape", [[3]]),
    "huge": huge,
    "virtual": virtual,
    "outside": outside,
    "soft link": lambda h: h.__setitem__("node/more", h5py.SoftLink("/node")),
    "external link": lambda h: h.__setitem__("node/more", h5py.ExternalLink("/etc/hostname", "/")),
    "round in circles": lambda h: h.__setitem__("node/nodes/again", h["node"]),
    "deep": lambda h: h.create_group("node/metadata" + "/x" * 500),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file(foreign, name):
    with h5py.File(foreign, "r+") as h:
        DAMAGED[name](h)
    assert {code for code, _, _ in codes(foreign, dt=DT)} == {"LX003"}


def test_mixed_parameter_shapes(foreign):
    put(foreign, f"{N}/1/v_reset", np.zeros(3))
    assert codes(foreign, dt=DT) == [("LX102", "1", "v_reset")]


def test_scalars_do_not_make_a_small_file_large(tmp_path):
    nodes = {"in": nir.Input(np.array([10**12])), "a": nir_lif(0), "out": nir.Output(np.array([10**12]))}
    path = write(tmp_path / "f.nir", nodes, ["in a", "a out"], type_check=False)
    assert codes(path, dt=DT) == [("LX003", "in", None)]


def test_lone_node(tmp_path):
    nir.write(tmp_path / "f.nir", nir_lif())
    assert codes(tmp_path / "f.nir", dt=DT) == [("LX401", None, None)]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(5000)])
def test_no_hdf5(tmp_path, content):
    (tmp_path / "f.nir").write_bytes(content)
    assert codes(tmp_path / "f.nir", dt=DT) == [("LX003", None, None)]


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "missing.nir", tmp_path):
        assert codes(path, dt=DT) == [("LX003", None, None)]


def test_truncated_file_is_refused_at_every_length(file):
    content = file.read_bytes()
    for length in [*range(0, len(content), 997), len(content) - 1]:
        file.write_bytes(content[:length])
        assert [code for code, _, _ in codes(file)] == ["LX003"], length


def test_flipped_bytes_are_refused_or_harmless(file):
    """Any byte may be damaged: a finding or the same network, never another network, never a foreign exception."""
    content, net = file.read_bytes(), from_nir(file)
    rng, noticed = np.random.default_rng(0), 0
    for place in rng.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        if any(finding.severity == "error" for finding in check_nir(file)):
            noticed += 1
        else:
            assert same(from_nir(file), net)
    assert noticed > 30


# The graphs of the NIR paper

PAPER = {
    "01_lif/lif_norse.nir": "LX413",
    "01_lif/two_lif_neurons.nir": "LX413",
    "01_lif/lif_rockpool.nir": "LX102",
    "02_cnn/cnn_sinabs.nir": "LX401",
    "03_rnn/braille_noDelay_bias_zero.nir": "LX401",
    "03_rnn/v02_subgraph/braille_noDelay_bias_zero_subgraph.nir": "LX401",
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
