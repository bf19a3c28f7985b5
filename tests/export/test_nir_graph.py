from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lifexport import errors
from lifexport.arrays import difference, same
from lifexport.export import nir_graph, nir_nodes, nir_raw
from lifexport.export.nir_graph import check_nir, from_nir, to_nir
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatLIF
from lifexport.nodes import FloatDense
from tests.export.nir_files import DT, NETWORKS, chain, lif, recurrent

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
    assert {nir.read(result.path).nodes[n].__class__.__name__ for n in nir.read(result.path).nodes} <= {*nir_raw.KINDS}


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


def test_node_without_nir_kind_is_refused():
    with pytest.raises(errors.UnsupportedError, match=r"LX401.*plain"):
        nir_nodes.written(object())


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
        right = nir_graph._bytes
        monkeypatch.setattr(nir_graph, "_bytes", lambda *args: right(*args)[:500])
        expected = "LX402.*cannot be read back.*LX003"
    with pytest.raises(errors.MismatchError, match=expected):
        to_nir(chain(), tmp_path / "m.nir")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("m.nir", "old")]
