"""Every node kind written and read back: the same network, the same bytes, types that the nir package agrees with."""

from __future__ import annotations

from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from lifexport import errors
from lifexport.arrays import difference
from lifexport.export import nir_conv, nir_names, nir_nodes
from lifexport.export.nir_graph import check_nir, from_nir, to_nir
from lifexport.export.nir_reading import load
from lifexport.graph import Edge
from lifexport.network import FloatNetwork, Input, Output
from lifexport.neurons import FloatCubaLIF, FloatIAF, FloatLI
from lifexport.nodes import FloatDense
from lifexport.simulation import simulate
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv, SumPool
from tests.export import nir_networks
from tests.export.nir_files import DT, N, codes, edit, lif

SPIKING = {"shape": (2,), "dt": DT, "r": 1.0, "v_threshold": 1.0, "v_reset": 0.0}


def network(*nodes, size=(1, 4, 4), readout="count") -> FloatNetwork:
    """Nodes in a row."""
    named = {"in": Input(shape=size), **{f"n{i}": node for i, node in enumerate(nodes)}}
    named["out"] = Output(shape=nodes[-1].out_shape)
    names = list(named)
    edges = [Edge(a, b) for a, b in pairwise(names)]
    return FloatNetwork(nodes=named, edges=edges, dt=DT, readout=readout)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=nir_networks.networks())
def test_round_trip_of_random_networks(tmp_path, net):
    first = to_nir(net, tmp_path / "a.nir", verify=False)
    again = from_nir(first.path)
    assert difference(net, again) is None
    written = nir.read(first.path, type_check=True).nodes
    for name, there in nir_names.written_names(net.nodes).items():
        assert tuple(written[there].input_type["input"]) == net.nodes[name].in_shape
        assert tuple(written[there].output_type["output"]) == net.nodes[name].out_shape
    assert to_nir(again, tmp_path / "b.nir", verify=False).sha256 == first.sha256


def test_convolutions_that_nir_would_take_for_others():
    """A 3 by 5 kernel in two groups becomes 5 by 5 in one, the same sums for every input."""
    rng = np.random.default_rng(0)
    conv = FloatConv(weight=rng.integers(-9, 9, (4, 1, 3, 5)), size=(9, 12), groups=2, stride=(2, 1), dilation=(1, 2))
    written = nir_conv.convolution(conv)
    assert written.weight.shape == (4, 2, 5, 5) and int(written.groups) == 1
    as_written = FloatConv(weight=written.weight, size=(9, 12), stride=(2, 1), dilation=(1, 2), padding=written.padding)
    x = rng.integers(-9, 9, (3, 2, 9, 12)).astype(float)
    np.testing.assert_array_equal(conv.apply(x), as_written.apply(x))
    original = nir_conv.original(written.weight, 2, (4, 1, 3, 5))
    np.testing.assert_array_equal(original, conv.weight)


REFUSED = {
    "kernel": (FloatConv(weight=np.ones((1, 1, 3, 2)), size=(4, 4)), "weight"),
    "padding": (FloatConv(weight=np.ones((1, 1, 3, 3)), size=(4, 4), padding=((0, 1), (0, 1))), "padding"),
    "pool": (SumPool(shape=(1, 4, 4), kernel=2, padding=((0, 1), (0, 1))), "padding"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused(tmp_path, name):
    node, field = REFUSED[name]
    net = network(node, lif(node.out_shape))
    with pytest.raises(errors.UnsupportedError) as caught:
        to_nir(net, tmp_path / "m.nir")
    assert [(f.code, f.node, f.field) for f in caught.value.findings] == [("LX401", "n0", field)]
    assert list(tmp_path.iterdir()) == []


def test_the_graph_means_the_same_without_the_record(tmp_path):
    """Rest and reset off zero, hard reset and ``>``: what NIR can say of every kind; ``w_in`` to a rounding."""
    rng = np.random.default_rng(1)
    spikes = {"reset": "value", "compare": ">", "v_reset": -0.1, "v_threshold": 1.0}
    nodes = [
        FloatConv(weight=rng.normal(1, 2, (3, 1, 3, 1)), bias=rng.normal(size=3), size=(6, 6), padding=1),
        lif((3, 6, 8), tau=5e-3, v_rest=0.2, v_initial=0.2, **spikes),
        FloatAvgPool(shape=(3, 6, 8), kernel=2),
        FloatIAF(shape=(3, 3, 4), dt=DT, r=rng.uniform(300, 900, (3, 3, 4)), **spikes),
        SumPool(shape=(3, 3, 4), kernel=(3, 2)),
        Flatten(shape=(3, 1, 2)),
        FloatDense(weight=rng.normal(2, 3, (4, 6))),
        FloatCubaLIF(shape=(4,), dt=DT, tau=5e-3, tau_syn=2e-3, w_in=0.5, r=2.0, **spikes),
        FloatDense(weight=rng.normal(0, 1, (2, 4))),
        FloatLI(shape=(2,), dt=DT, tau=9e-3, r=1.5, v_rest=0.1, v_initial=0.1),
    ]
    net = network(*nodes, size=(1, 6, 6), readout="membrane_last")
    path = to_nir(net, tmp_path / "m.nir").path
    with h5py.File(path, "r+") as h:
        del h["node/metadata"]
    other = from_nir(path, dt=DT)
    x = (rng.random((60, 3, 1, 6, 6)) < 0.3).astype(float)
    ours, theirs = (simulate(f, x, record=("spikes", "v")) for f in (net, other))
    for name in net.populations:
        assert ours.spikes[name].mean() > 0.01 or name == "n9"
        np.testing.assert_array_equal(ours.spikes[name], theirs.spikes[name])
        np.testing.assert_allclose(ours.v[name], theirs.v[name], rtol=1e-12, atol=1e-12)


def test_what_has_no_place_is_told(tmp_path):
    iaf = FloatIAF(**SPIKING, v_rest=0.5, v_initial=0.5, refractory=2, reset="value")
    cuba = FloatCubaLIF(**SPIKING, tau=1e-2, tau_syn=1e-3, i_initial=0.1, reset="value")
    result = to_nir(network(iaf, FloatDense(weight=np.eye(2)), cuba, size=(2,)), tmp_path / "m.nir")
    told = [(f.code, f.node, f.field) for f in result.findings]
    assert told == [
        ("LX411", None, None),
        ("LX412", "n0", "v_initial"),
        ("LX412", "n2", "i_initial"),
        ("LX414", "n0", "refractory"),
    ]
    assert check_nir(result.path) == result.findings


EDITS = {
    "zeros around a kernel": ("n0/weight", (0, 0, 0, 0), "n0", "weight"),
    "a bias that was none": ("n0/bias", (0,), "n0", "bias"),
    "what the synapse takes in": ("n2/w_in", (0, 0, 0), "n2", "w_in"),
    "a pool": ("n1/stride", (0,), "n1", "stride"),
}


@pytest.mark.parametrize("name", EDITS)
def test_edited_numbers_that_only_nir_needs_are_found(tmp_path, name):
    place, index, node, field = EDITS[name]
    conv = FloatConv(weight=np.ones((1, 1, 3, 1)), size=(4, 4))
    pool = SumPool(shape=(1, 2, 4), kernel=2)
    cuba = FloatCubaLIF(**{**SPIKING, "shape": (1, 1, 2)}, tau=1e-2, tau_syn=1e-3)
    path = to_nir(network(conv, pool, cuba), tmp_path / "m.nir").path
    edit(path, f"{N}/{place}", index, 7)
    assert (("LX403", node, field)) in codes(path)


def test_every_kind_of_a_float_network_is_written():
    kinds = {kind for known in nir_nodes.WRITTEN_AS.values() for kind in known}
    populations = {cls.kind for cls in (FloatCubaLIF, FloatIAF, FloatLI, type(lif()))}
    assert kinds == {part.kind for part in FloatNetwork.parts if hasattr(part, "kind")} | populations
    assert load("missing.nir", None, None).network is None
