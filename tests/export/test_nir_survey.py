"""Files nobody vouches for: damaged, hostile, or of kinds that cannot be read."""

from __future__ import annotations

import h5py
import nir
import numpy as np
import pytest

from lifexport.arrays import same
from lifexport.export.nir_graph import check_nir, from_nir
from tests.export.nir_files import DT, N, a, codes, edit, nir_lif, put, write


def conv():
    return nir.Conv2d((4, 4), np.ones((1, 1, 3, 3)), 1, 0, 1, 1, np.zeros(1))


class Unknown(nir.Scale):
    """A kind of a future version."""


def nested(*edges, node=None, **more):
    ends = {"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2]))}
    pairs = [tuple(edge.split()) for edge in (*edges, "a out")]
    return nir.NIRGraph({**ends, "a": node or nir_lif(), **more}, pairs, type_check=False)


BAD_GRAPHS = {
    "unknown kinds": (
        {"a": Unknown(a(1, 1)), "b": Unknown(a(1, 1))},
        "in a|a b|b out",
        "LX401 a|LX401 b",
    ),
    "conv": ({"a": conv(), "b": nir_lif()}, "in a|a b|b out", "LX102 b"),
    "nested": ({"a": nested("in a", "in b")}, "in a|a out", "LX107 a"),
    "nested, two inputs": ({"a": nested("in a", "ni a", ni=nir.Input(np.array([2])))}, "in a|a out", "LX401 a"),
    "nested, bad node": ({"a": nested("in a", node=nir_lif(tau=-1.0))}, "in a|a out", "LX104 a.a"),
    "NaN weight": ({"f": nir.Linear(a([1, np.nan], [1, 1])), "a": nir_lif()}, "in f|f a|a out", "LX101 f"),
    "bias of 7": ({"f": nir.Affine(np.eye(2), np.ones(7)), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "3-D weight": ({"f": nir.Linear(np.ones((2, 2, 2))), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "width": ({"f": nir.Linear(np.ones((2, 3))), "a": nir_lif()}, "in f|f a|a out", "LX102 f"),
    "output width": ({"f": nir.Linear(np.ones((3, 2))), "a": nir_lif(3)}, "in f|f a|a out", "LX102 out"),
    "tau": ({"a": nir_lif(tau=0.0), "b": nir_lif(v_threshold=-1.0)}, "in a|a b|b out", "LX104 a|LX105 b"),
    "no neurons": ({"f": nir.Linear(np.eye(2))}, "in f|f out", "LX107 "),
    "connection last": ({"a": nir_lif(), "f": nir.Linear(np.eye(2))}, "in a|a f|f out", "LX107 "),
    "two inputs of space": (
        {"x": nir.Input(np.array([1, 2])), "f": nir.Flatten((1, 2), 0), "a": nir_lif()},
        "in a|x f|f a|a out",
        "LX401 x",
    ),
    "two outputs": ({"x": nir.Output(np.array([2])), "a": nir_lif()}, "in a|a x|a out", "LX401 "),
    "loose end": ({"f": nir.Linear(np.eye(2)), "a": nir_lif()}, "in a|f a|a out", "LX107 f"),
    "some axes flattened": ({"f": nir.Flatten((2,), 1), "a": nir_lif()}, "in f|f a|a out", "LX401 f"),
    "threshold of a membrane": (
        {"l": nir.LI(a(1, 1), a(1, 1), a(0, 0)), "t": nir.Threshold(a(1, 1))},
        "in l|l t|t out",
        "LX107 l",
    ),
    "CubaLI": ({"l": nir.CubaLI(a(1, 1), a(1, 1), a(1, 1), a(0, 0))}, "in l|l out", "LX401 l"),
    "delay of half a step": ({"d": nir.Delay(a(5e-4, 5e-4)), "a": nir_lif()}, "in d|d a|a out", "LX401 d"),
    "two delays": ({"d": nir.Delay(a(0, 1e-3)), "a": nir_lif()}, "in d|d a|a out", "LX401 d"),
    "a long way back": (
        {"d": nir.Delay(a(2e-3, 2e-3)), "a": nir_lif()},
        "in a|a d|d a|a out",
        "LX108 ",
    ),
    "NaN scale": ({"s": nir.Scale(a(1, np.nan)), "a": nir_lif()}, "in s|s a|a out", "LX101 s"),
    "dangling edge": ({"a": nir_lif()}, "in a|a out|a ghost", "LX107 "),
    "ghost loop": ({"a": nir_lif()}, "in a|a out|a g|g h|h g", "LX107 |LX107 |LX107 "),
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
