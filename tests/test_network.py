from __future__ import annotations

import copy
import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from float_nets import float_network
from nets import random_network, spatial_network

from lifexport.arrays import same
from lifexport.errors import ParameterError, RangeError, ShapeError
from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import Current, FloatLI, Leak, Word
from lifexport.nodes import FloatDense, InputCode, IntDense
from lifexport.spatial import Flatten, FloatAvgPool


def changed(network, name, **fields):
    nodes = {**network.nodes, name: dataclasses.replace(network.nodes[name], **fields)}
    return dataclasses.replace(network, nodes=nodes)


@pytest.mark.parametrize("dt", [0, -1e-3, float("nan"), float("inf"), "1 ms", None])
def test_dt(dt):
    f, _ = float_network()
    with pytest.raises(ParameterError, match=r"LX103.*dt.*fix: "):
        dataclasses.replace(f, dt=dt)


@pytest.mark.parametrize("dt", [np.float32(0.25), np.float16(0.25), np.int64(1), 1])
def test_dt_may_be_any_real_scalar(dt):
    f, _ = float_network()
    nodes = {name: dataclasses.replace(n, dt=float(dt)) if n.role == "population" else n for name, n in f.nodes.items()}
    given, plain = (dataclasses.replace(f, nodes=nodes, dt=step) for step in (dt, float(dt)))
    assert type(given.dt) is float and given.digest() == plain.digest()


def test_one_dt_in_the_whole_network():
    f, _ = float_network()
    with pytest.raises(ParameterError, match=r"LX103.*hidden\.dt"):
        changed(f, "hidden", dt=2e-3)


def test_choices_are_named():
    f, _ = float_network()
    with pytest.raises(ParameterError, match=r"LX106.*readout.*did you mean 'count'"):
        dataclasses.replace(f, readout="counts")
    with pytest.raises(ParameterError, match=r"LX106.*state_reset"):
        dataclasses.replace(f, state_reset="always")


def test_the_output_is_fed_by_neurons():
    f, _ = float_network()
    edges = tuple(e for e in f.edges if e.target not in ("last", "out"))
    nodes = {name: node for name, node in f.nodes.items() if name != "last"}
    from lifexport.graph import Edge

    with pytest.raises(ShapeError, match=r"LX107.*fed by a connection"):
        dataclasses.replace(f, nodes=nodes, edges=(*edges, Edge("fc1", "out")))


@pytest.mark.parametrize("weight", [[[np.nan, 1.0]], [[1.0, np.inf]]])
def test_bad_weights(weight):
    with pytest.raises(ParameterError, match=r"LX101.*weight\[0, [01]\].*fix: "):
        FloatDense(weight=weight)


@pytest.mark.parametrize("weight", [[1.0, 2.0], np.zeros((0, 2)), np.zeros((1, 2, 3))])
def test_weights_are_matrices(weight):
    with pytest.raises(ShapeError, match=r"LX102.*weight.*\(out, in\)"):
        FloatDense(weight=weight)
    with pytest.raises(ShapeError, match=r"LX102.*weight"):
        IntDense(weight=np.asarray(weight, int))


def test_bias_has_the_length_of_the_output():
    with pytest.raises(ShapeError, match=r"LX102.*bias"):
        FloatDense(weight=[[1.0, 2.0]], bias=[1.0, 2.0])


def test_codes_fit_their_width():
    with pytest.raises(RangeError, match=r"LX204.*weight\[0, 1\]: 8.*-8\.\.7"):
        IntDense(weight=np.array([[1, 8]]), weight_bits=4)


def test_layers_must_fit():
    f, _ = float_network()
    with pytest.raises(ShapeError, match=r"LX102.*last.*\(4,\).*\(5,\)"):
        changed(f, "fc1", weight=np.ones((4, 9)))


def test_units_are_consistent():
    network, _ = random_network(0)
    with pytest.raises(RangeError, match=r"LX204.*fc0\.unit.*!="):
        changed(network, "fc0", unit=network.nodes["fc0"].unit * 2)


def test_the_order_of_the_nodes_is_that_of_evaluation_whatever_was_given():
    f, _ = float_network(recurrent=True)
    again = dataclasses.replace(f, nodes=dict(reversed(f.nodes.items())), edges=tuple(reversed(f.edges)))
    assert list(again.nodes) == list(f.nodes) and again.digest() == f.digest()


def test_the_digest_sees_everything():
    f, _ = float_network(recurrent=True)
    digests = {f.digest()}
    node = f.nodes["last"]
    for field in ("tau", "r", "v_threshold", "v_reset", "v_rest", "v_initial"):
        values = getattr(node, field).copy()
        values[0] = np.nextafter(values[0], np.inf)
        digests.add(changed(f, "last", **{field: values}).digest())
    for field, value in (("reset", "value"), ("compare", ">")):
        digests.add(changed(f, "last", **{field: value}).digest())
    digests.add(changed(f, "fc1", bias=np.zeros(5)).digest())
    digests.add(dataclasses.replace(f, readout="membrane_last").digest())
    digests.add(dataclasses.replace(f, state_reset="never").digest())
    assert len(digests) == 12


def test_networks_are_frozen():
    f, _ = float_network()
    with pytest.raises(dataclasses.FrozenInstanceError):
        f.dt = 1.0
    with pytest.raises(ValueError, match="read-only"):
        f.nodes["fc0"].weight[0, 0] = 1
    for change in (
        lambda nodes: nodes.__setitem__("fc0", None),
        lambda nodes: nodes.update(fc0=None),
        lambda nodes: nodes.pop("fc0"),
        lambda nodes: nodes.clear(),
    ):
        with pytest.raises(TypeError, match="frozen"):
            change(f.nodes)
    assert same(copy.deepcopy(f), f)


@pytest.mark.parametrize(
    ("change", "kind", "found"),
    [
        ({"nodes": [1, 2]}, ShapeError, r"LX107.*nodes is a list"),
        ({"nodes": {"in": "input"}}, ShapeError, r"LX107.*in: a str.*FloatPopulation"),
        ({"edges": [("in", "fc0")]}, ShapeError, r"LX107.*edges\[0\]: \('in', 'fc0'\).*Edge\("),
        ({"dt": "1 ms"}, ParameterError, "LX103"),
    ],
)
def test_parts_of_another_kind_are_refused(change, kind, found):
    f, _ = float_network()
    with pytest.raises(kind, match=found):
        dataclasses.replace(f, **change)


def test_integer_nodes_make_no_float_network():
    f, _ = float_network()
    network, _ = random_network(0, recurrent=False)
    with pytest.raises(ShapeError, match=r"LX107.*fc0: a IntDense.*FloatDense"):
        dataclasses.replace(f, nodes={**f.nodes, "fc0": network.nodes["fc0"]})


@pytest.mark.parametrize("delay", [0.0, True, "1", -1])
def test_delays_are_whole_steps(delay):
    f, _ = float_network()
    with pytest.raises(ShapeError, match=r"LX107.*delay"):
        dataclasses.replace(f, edges=[dataclasses.replace(edge, delay=delay) for edge in f.edges])


@pytest.mark.parametrize(("node", "field", "value"), [("fc0", "weight", 1j), ("last", "tau", "10 ms")])
def test_parameters_are_real_numbers(node, field, value):
    f, _ = float_network()
    with pytest.raises(ParameterError, match=rf"LX006.*{field}.*dtype"):
        changed(f, node, **{field: value})


@pytest.mark.parametrize("shape", [5, (0,), (2.0,), [5]])
def test_shapes_are_tuples_of_positive_integers(shape):
    f, _ = float_network()
    with pytest.raises(ShapeError, match=r"LX102.*shape"):
        changed(f, "last", shape=shape)


def with_code(code):
    network, _ = random_network(0, recurrent=False)
    nodes = {**network.nodes, "in": dataclasses.replace(network.nodes["in"], code=code)}
    fc = dataclasses.replace(nodes["fc0"], unit=nodes["lif0"].unit * 2 ** nodes["fc0"].shift / code.unit)
    return dataclasses.replace(network, nodes={**nodes, "fc0": fc})


def test_encode_rounds_clips_and_counts():
    network = with_code(InputCode(kind="graded", bits=4, signed=True, unit=Fraction(1, 4)))
    n = network.nodes["in"].shape[0]
    x = np.zeros((1, 1, n))
    x[0, 0, :3] = [0.125, 0.375, 9.0]
    codes, clipped = network.encode(x)
    assert codes[0, 0, :3].tolist() == [0, 2, 7] and clipped == 1 and codes.dtype == np.int64


def test_encode_refuses_what_is_no_spike():
    network = with_code(InputCode(kind="spikes"))
    x = np.zeros((2, 1, network.nodes["in"].shape[0]))
    assert network.encode(x + 1).clipped == 0
    for bad in (x + 0.5, x + 2, x - 1):
        with pytest.raises(ParameterError, match=r"LX205.*in.*other than 0 and 1"):
            network.encode(bad)


def test_encode_refuses_what_is_no_count():
    network = with_code(InputCode(kind="counts", bits=4))
    x = np.full((2, 1, network.nodes["in"].shape[0]), 3.0)
    assert network.encode(x).codes.max() == 3
    with pytest.raises(ParameterError, match=r"LX205.*in.*fractions"):
        network.encode(x - 0.6)


@pytest.mark.parametrize(
    "bad",
    [{"kind": "spike"}, {"kind": "spikes", "bits": 2}, {"kind": "graded", "bits": 0}, {"kind": "counts", "unit": 0}],
)
def test_bad_input_codes(bad):
    with pytest.raises(ParameterError, match=r"LX(106|006).*input"):
        InputCode(**bad)


def joined():
    network, _ = random_network(0, recurrent=False)
    n = network.nodes["lif0"].shape[0]
    nodes = {**network.nodes, "more": IntDense(weight=np.eye(n, dtype=int))}
    edges = [edge for edge in network.edges if edge != Edge("fc0", "lif0")]
    return network, nodes, edges


def test_integer_connections_feed_populations():
    """Codes of a connection have a unit only as increments of a membrane."""
    network, nodes, edges = joined()
    edges += [Edge("fc0", "more"), Edge("more", "lif0")]
    with pytest.raises(ShapeError, match=r"LX107.*more: weights after those of 'fc0'"):
        dataclasses.replace(network, nodes=nodes, edges=edges)


def test_ports_exist_and_are_fed():
    network, _ = random_network(0, recurrent=False)
    with pytest.raises(ShapeError, match=r"LX107.*fc0\.synapse: port 1 of 'lif0'; fix: it has 1"):
        changed(network, "fc0", synapse=1)
    node = network.nodes["lif0"]
    current = Current(word=Word.signed(16), leak=Leak(), synapses=2)
    two = dataclasses.replace(
        node, rules=dataclasses.replace(node.rules, current=current), current_decay=9, current_initial=0
    )
    with pytest.raises(ShapeError, match=r"LX107.*lif0: nothing feeds port 1"):
        dataclasses.replace(network, nodes={**network.nodes, "lif0": two})


def test_latency_counts_edges_and_late_spikes():
    network, _ = random_network(1, recurrent=True)
    assert network.latency == 0
    late = [dataclasses.replace(e, delay=2) if e.source == "in" else e for e in network.edges]
    assert dataclasses.replace(network, edges=late).latency == 2
    node = network.nodes["lif0"]
    slow = dataclasses.replace(node, rules=dataclasses.replace(node.rules, judged="next_step_start"))
    assert dataclasses.replace(network, nodes={**network.nodes, "lif0": slow}).latency == 1


def test_events_are_late_before_their_connection():
    network, _ = random_network(0, recurrent=False)
    node = network.nodes["lif0"]
    one_by_one = dataclasses.replace(node, rules=dataclasses.replace(node.rules, accumulate="per_event"))
    nodes = {**network.nodes, "lif0": one_by_one}
    late = [dataclasses.replace(e, delay=1) if e.source == "fc0" else e for e in network.edges]
    with pytest.raises(ShapeError, match=r"LX107.*fc0: late into 'lif0'"):
        dataclasses.replace(network, nodes=nodes, edges=late)


def silent(readout: str, **more_edges) -> FloatNetwork:
    network, _ = float_network(0)
    li = FloatLI(shape=(5,), dt=network.dt, tau=10e-3, r=1.0)
    nodes = {**network.nodes, "last": li, **more_edges.pop("nodes", {})}
    edges = (*network.edges, *more_edges.pop("edges", ()))
    return dataclasses.replace(network, nodes=nodes, edges=edges, readout=readout)


def test_what_never_spikes_answers_by_its_membrane():
    assert silent("membrane_max").nodes["last"].kind == "LI"
    with pytest.raises(ShapeError, match=r"LX107.*readout: 'count' of 'last'.*membrane_last"):
        silent("count")
    back = {"nodes": {"back": FloatDense(weight=np.zeros((9, 5)))}}
    edges = (Edge("last", "back", 1), Edge("back", "hidden"))
    with pytest.raises(ShapeError, match=r"LX107.*last: feeds 'back' but never spikes"):
        silent("membrane_last", edges=edges, **back)


def test_bits_that_are_dropped_are_part_of_the_unit():
    network, _ = random_network(0, recurrent=False)
    with pytest.raises(RangeError, match=r"LX204.*fc0\.unit"):
        changed(network, "fc0", drop=2)
    assert changed(network, "fc0", drop=2, unit=network.nodes["fc0"].unit / 4).nodes["fc0"].drop == 2


def test_averages_are_no_integers():
    network, _ = spatial_network(0)
    average = FloatAvgPool(shape=(4, 7, 6), kernel=(2, 3), stride=2)
    with pytest.raises(ShapeError, match=r"LX107.*p: a FloatAvgPool"):
        dataclasses.replace(network, nodes={**network.nodes, "p": average})


def test_events_meet_their_weights_last():
    network, _ = spatial_network(0)
    node = network.nodes["li"]
    events = dataclasses.replace(node, rules=dataclasses.replace(node.rules, accumulate="per_event"))
    pool = {"pool": Flatten(shape=(5,))}
    edges = [edge for edge in network.edges if edge != Edge("fc", "li")] + [Edge("fc", "pool"), Edge("pool", "li")]
    with pytest.raises(ShapeError, match=r"LX107.*pool: between weights and 'li'"):
        dataclasses.replace(network, nodes={**network.nodes, "li": events, **pool}, edges=edges)
