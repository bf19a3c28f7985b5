"""Certificates by hand: exact bounds of small nets, what is refused, JSON, text."""

from __future__ import annotations

import copy
import dataclasses
import json
from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif, random_network, spatial_network

import lifexport as lx
from lifexport import schemas
from lifexport.bounds import largest_input
from lifexport.certificate import analyse
from lifexport.certificate.certificate import Bounds
from lifexport.checking import check
from lifexport.errors import ParameterError, RangeError
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Current, IntLIF, Leak, Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.simulation.stepwise import initial_state
from lifexport.spatial import IntConv, SumPool
from lifexport.targets import target_names
from tests.certificate.chips import chip_rules, network

PLAIN = {"decay": 3, "decay_bits": 2, "threshold": 100, "reset_code": 100, "state_bits": 8, "unit": Fraction(1)}


def net(weight, node: IntLIF, **code) -> IntNetwork:
    """One layer of the given weights; spikes come in."""
    weight = np.array(weight)
    nodes = {
        "in": IntInput(shape=weight.shape[1:], code=InputCode(**{"kind": "spikes", **code})),
        "fc": IntDense(weight=weight),
        "lif": node,
        "out": Output(shape=node.shape),
    }
    return IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


def ends(bounds) -> list[tuple[int, int]]:
    return list(zip(bounds.lo.tolist(), bounds.hi.tolist(), strict=True))


@pytest.mark.parametrize(
    ("change", "weight", "v", "before"),
    [
        # v * 3/4 rounded down, + 5: 0, 5, 8, 11, 13, 14, 15, 16, 17 and there it stays; - 2: to -8, where -6 - 2 = -8
        ({}, [5, -2], (-8, 17), (-8, 17)),
        ({"rounding": "toward_zero"}, [5, -2], (-5, 17), (-5, 17)),
        ({"rounding": "half_up"}, [5, -2], (-6, 19), (-6, 19)),
        ({"rounding": "half_even"}, [5, -2], (-6, 19), (-6, 19)),
        ({"decay": 4}, [5, 0], (0, 104), (0, 104)),  # no leak: below the threshold, then one input more; reset
        ({"decay": 4}, [5, -2], (-128, 104), (-130, 104)),  # nothing holds it from below but the word
        ({"decay": 4, "overflow": "wrap"}, [5, -2], (-128, 127), (-130, 104)),  # 127 fires and is 27
        ({"decay": 0}, [5, -2], (-2, 5), (-2, 5)),
        ({"threshold": 10, "reset_code": 10}, [5, 0], (0, 11), (0, 11)),  # 9 * 3/4 + 5
        ({"threshold": 10, "reset": "value", "reset_code": -40}, [5, 0], (-30, 11), (-30, 11)),
        ({"threshold": 10, "reset": "value", "reset_code": -40}, [4, 0], (-30, 10), (-30, 10)),  # 9 * 3/4 + 4: there
        ({"threshold": 10, "reset": "value", "reset_code": -40}, [3, 0], (0, 9), (0, 9)),  # never there: no reset
        ({"bias": 7}, [5, -2], (5, 45), (5, 45)),
        ({"threshold": 127}, [60, 0], (0, 127), (0, 154)),  # 126 * 3/4 + 60 leaves the word at the top alone
        ({"v_initial": 60}, [5, -2], (-8, 50), (-8, 50)),
    ],
)
def test_one_neuron(change, weight, v, before):
    found = lx.certify(net([weight], int_lif(shape=(1,), **PLAIN | change))).populations["lif"]
    assert ends(found.v) == [v] and ends(found.before) == [before]
    word = found.word
    assert found.safe.tolist() == [before[0] >= word.lo and before[1] <= word.hi]


def test_the_initial_membrane_is_part_of_the_state_and_not_of_a_step():
    found = lx.certify(net([[5, -2]], int_lif(shape=(1,), **PLAIN | {"v_initial": 110}))).populations["lif"]
    assert ends(found.v) == [(-8, 17)] and found.silent.tolist() == [True]  # 110 - 100, and never there again


def test_neurons_are_told_apart():
    node = int_lif(shape=(3,), **PLAIN | {"threshold": [10, 17, 18], "reset_code": 10})
    found = lx.certify(net([[5, -2]] * 3, node)).populations["lif"]
    assert found.silent.tolist() == [False, False, True]
    assert ends(found.spikes) == [(0, 1), (0, 1), (0, 0)]
    assert ends(found.v)[1:] == [(-8, 17), (-8, 17)]
    assert ends(found.v_post) == [(-8, 9), (-8, 16), (-8, 17)]


def test_widths():
    found = lx.certify(net([[5, -2]], int_lif(shape=(1,), **PLAIN)))
    p, c = found.populations["lif"], found.connections["fc"]
    assert (p.safe_bits, p.headroom_bits, p.before.bits.tolist()) == (6, 2, [6])  # -8..17
    assert (p.largest_product, p.product_bits) == (51, 7)  # 17 * 3
    assert (p.largest_sum, p.sum_bits) == (17, 6)
    assert (ends(c.delivers), c.partial.tolist(), c.partial_bits) == ([(-2, 5)], [7], 4)
    assert c.kernels == ("int8_pair", "int8", "float32", "int32")


def test_a_word_that_is_too_narrow_is_told_what_would_do():
    found = lx.certify(net([[60, -60]], int_lif(shape=(1,), **PLAIN | {"threshold": 127}))).populations["lif"]
    assert not found.safe.any() and ends(found.v) == [(-128, 127)]
    wide = lx.certify(net([[60, -60]], int_lif(shape=(1,), **PLAIN | {"threshold": 127, "state_bits": 9})))
    assert (found.safe_bits, found.headroom_bits) == (9, -1)
    assert wide.populations["lif"].safe.all() and wide.safe and wide.populations["lif"].safe_bits == 9
    never = lx.certify(net([[5, -2]], int_lif(shape=(1,), **PLAIN | {"decay": 4}))).populations["lif"]
    assert never.safe_bits is None and never.headroom_bits is None


@pytest.mark.parametrize(("late", "lowest"), [((), 6), (("lif", "fcb"), 0), (("fcb", "b"), 0)])
def test_late_edges_bring_nothing_at_first(late, lowest):
    """Neurons that always fire bring 6 in every step, but for the first one of a late edge."""
    always = int_lif(
        shape=(1,), decay=0, decay_bits=2, threshold=1, reset_code=1, bias=9, state_bits=8, unit=Fraction(1)
    )
    nodes = {**net([[1]], always).nodes, "b": int_lif(shape=(1,), **PLAIN), "fcb": IntDense(weight=np.array([[6]]))}
    pairs = (("in", "fc"), ("fc", "lif"), ("lif", "fcb"), ("fcb", "b"), ("b", "out"))
    edges = [Edge(*pair, int(pair == late)) for pair in pairs]
    found = lx.certify(IntNetwork(nodes=nodes, edges=edges, dt=1e-3)).populations["b"]
    assert ends(found.v) == [(lowest, 21)]


def test_a_loop_of_neurons_that_never_fire_brings_nothing():
    node = int_lif(shape=(1,), **PLAIN | {"threshold": 50})
    nodes = {**net([[5, -2]], node).nodes, "back": IntDense(weight=np.array([[8]]))}
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "back", 1), Edge("back", "lif"), Edge("lif", "out")]
    q = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    found = lx.certify(q).populations["lif"]
    assert ends(found.v) == [(-8, 17)] and found.silent.all()  # with what comes back it would be 49


def behind_a_late_edge(**change) -> tuple[IntNetwork, Edge]:
    """Neurons, and others that they reach one step late with a weight of 6."""
    nodes = {**net([[5, -2]], int_lif(shape=(1,), **PLAIN | change)).nodes, "fcb": IntDense(weight=np.array([[6]]))}
    late = Edge("lif", "fcb", 1)
    edges = [Edge("in", "fc"), Edge("fc", "lif"), late, Edge("fcb", "b"), Edge("b", "out")]
    return IntNetwork(nodes={**nodes, "b": int_lif(shape=(1,), **PLAIN)}, edges=edges, dt=1e-3), late


def test_what_is_under_way_at_the_start_arrives():
    """Neurons that never fire, and a spike of theirs that somebody put on its way."""
    q, late = behind_a_late_edge()
    start = initial_state(q, 1)
    assert ends(analyse(q, start).populations["b"].v) == [(0, 0)]
    start.delayed[late][:] = 1
    assert ends(analyse(q, start).populations["b"].v) == [(0, 21)]  # as if one came in every step


def test_a_state_in_which_nothing_is_under_way_yet_is_inside():
    q, late = behind_a_late_edge(threshold=1, reset_code=1, bias=9, decay=0)
    found, state = analyse(q), lx.simulate(q, np.zeros((3, 1, 2), int)).final_state
    assert found.values["lif"].lo == [1] and state.delayed[late] == 1 and found.holds(state)
    state.delayed[late][:] = 0
    assert found.holds(state)
    state.delayed[late][:] = 2
    assert not found.holds(state)


def test_widths_of_both_ends():
    assert Bounds(lo=[-8, -9, 0, 7], hi=[7, 7, 8, 7]).bits.tolist() == [4, 5, 5, 4]


def test_kernels_know_the_largest_input_of_either_sign():
    """-128 has no place in an int8 product of 127 at the most."""
    found = lx.certify(net([[1]], int_lif(shape=(1,), **PLAIN), kind="graded", bits=8, signed=True))
    assert found.connections["fc"].kernels == ("int8_pair", "float32", "int32")


ONE_BY_ONE = {"accumulate": "per_event", "decay": 4, "decay_bits": 2, "unit": Fraction(1)}


def test_inputs_one_by_one_from_beyond_the_word():
    """12 fires and its reset adds 8: 20 - 1 is brought to 15 before 3 more are taken off, which leaves 12."""
    node = int_lif(shape=(1,), state_bits=5, threshold=1, reset_code=-8, v_initial=12, **ONE_BY_ONE)
    found = lx.certify(net([[-1, -3]], node)).populations["lif"]
    assert ends(found.v) == [(11, 15)] and found.summed is False


def test_inputs_one_by_one_that_always_come():
    """-6 and 6 leave 2, by way of -4; their sum would leave 0."""
    always = int_lif(
        shape=(2,), decay=0, decay_bits=2, threshold=1, reset_code=1, bias=9, state_bits=8, unit=Fraction(1)
    )
    node = int_lif(shape=(1,), state_bits=3, threshold=3, reset_code=3, **ONE_BY_ONE)
    nodes = {**net([[1, 0], [0, 1]], always).nodes, "b": node, "fcb": IntDense(weight=np.array([[-6, 6]]))}
    nodes["out"] = Output(shape=(1,))
    edges = [Edge(*pair) for pair in (("in", "fc"), ("fc", "lif"), ("lif", "fcb"), ("fcb", "b"), ("b", "out"))]
    found = lx.certify(IntNetwork(nodes=nodes, edges=edges, dt=1e-3)).populations
    assert ends(found["lif"].spikes) == [(1, 1), (1, 1)]
    assert found["b"].v.hi[0] >= 2 and not found["b"].safe.any() and found["b"].summed is False


def test_a_current_that_runs_away_is_refused():
    """Two inputs beyond the range's size in one step: brought back by one size it never returns."""
    rules = Rules(
        membrane=Word.signed(16),
        leak=Leak(kind="none"),
        current=Current(word=Word(lo=-8, hi=7, overflow="wrap_once"), leak=Leak(kind="none")),
    )
    node = IntLIF(shape=(1,), rules=rules, decay=0, threshold=9, reset_code=9, unit=Fraction(1))
    with pytest.raises(RangeError, match=r"LX302.*lif.*no bound holds"):
        lx.certify(net([[20]], node))
    found = lx.certify(net([[16]], node)).populations["lif"]
    assert ends(found.currents[0]) == [(-8, 7)]


def test_only_integer_networks():
    with pytest.raises(ParameterError, match=r"LX006.*quantize"):
        lx.certify("network")  # type: ignore[arg-type]


@pytest.mark.parametrize("leak", ["multiply", "shift", "linear", "none"])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("reset", ["subtract", "value"])
def test_it_ends_without_a_leak_and_with_the_slowest(leak, overflow, reset):
    slowest = {"multiply": (1 << 16) - 1, "shift": 31, "linear": 1, "none": 0}[leak]
    rules = Rules(membrane=Word.signed(32, overflow), leak=Leak(kind=leak, bits=16), reset=reset)
    node = IntLIF(shape=(2,), rules=rules, decay=slowest, threshold=1 << 20, reset_code=3, unit=Fraction(1))
    found = lx.certify(net([[1, -1], [127, 1]], node)).populations["lif"]
    assert found.v.hi[1] >= 1 << 20
    assert found.v.lo[1] == 0 or (overflow, reset) == ("wrap", "subtract")  # 3 a spike do not make up for 127 a step


# Files


def written(tmp_path, q: IntNetwork):
    return json.loads(lx.certify(q).write(tmp_path / "certificate.json").read_text())


@pytest.mark.parametrize("name", target_names())
def test_what_is_written_conforms(name, tmp_path):
    q = dataclasses.replace(network(chip_rules(name), np.random.default_rng(0)), target=name)
    document = written(tmp_path, q)
    assert schemas.violations("certificate", document, code="LX003") == []
    assert document["network"]["digest"] == q.digest() and document["target"]["name"] == name
    report = check(tmp_path / "certificate.json")
    assert report.ok and report.kind == "certificate"


def test_integers_are_exact(tmp_path):
    rules = Rules(membrane=Word.signed(32), leak=Leak(kind="none"))
    node = IntLIF(shape=(1,), rules=rules, decay=0, threshold=1 << 40, reset_code=1, unit=Fraction(1))
    q = net([[1]], node)
    q = dataclasses.replace(
        q, nodes={**q.nodes, "fc": IntDense(weight=np.array([[1]]), shift=55, unit=Fraction(2) ** 55)}
    )
    found = written(tmp_path, q)["populations"][0]
    assert found["before"]["hi"] == [2**55 + 2**31 - 1] and found["sum"]["largest"] == 2**55 + 2**31 - 1


NEAR_MISSES = {
    "newer": (lambda d: d.update(schema="lifexport.certificate/2"), "LX004"),
    "real number": (lambda d: d["populations"][0]["v"]["lo"].__setitem__(0, -8.0), "-8.0"),
    "truth for a number": (lambda d: d["populations"][0].update(safe_bits=True), "true"),
    "number for a truth": (lambda d: d["populations"][0]["safe"].__setitem__(0, 1), "1"),
    "unknown kernel": (lambda d: d["connections"][0].update(kernels=["bfloat16"]), "bfloat16"),
    "unknown word": (lambda d: d["populations"][0]["words"][0].update(name="v"), '"v"'),
    "no digest": (lambda d: d["network"].update(digest="abc"), "abc"),
    "missing bound": (lambda d: d["populations"][0]["v"].pop("hi"), "'hi' is a required property"),
    "unknown field": (lambda d: d["populations"][0].update(mood="good"), "unknown field 'mood'"),
    "negative magnitude": (lambda d: d["connections"][0]["partial"].update(largest=-1), "-1"),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses(name, tmp_path):
    document = copy.deepcopy(written(tmp_path, net([[5, -2]], int_lif(shape=(1,), **PLAIN))))
    change, said = NEAR_MISSES[name]
    change(document)
    found = schemas.violations("certificate", document, code="LX003")
    assert found and any(said in str(finding) for finding in found), found


def test_the_page():
    node = int_lif(shape=(2,), **PLAIN | {"decay": [3, 4]})
    text = str(lx.certify(net([[5, -2], [5, -2]], node)))
    assert text.splitlines()[1:] == [
        "lif: 1 of 2 neurons cannot overflow, 1 never fire",
        "  membrane -130..104 before overflow; word -128..127 (saturate), 8 bits; safe with more than 32 bits",
        "  sums 9 bits, products 11 bits",
        "  membrane -128..127 may overflow in 1 neurons",
        "fc: delivers -2..5, accumulator 4 bits in any order, exact in int8_pair, int8, float32, int32",
    ]


def test_a_certificate_is_the_same_again():
    q, _ = random_network(5)
    assert lx.certify(q).to_json() == lx.certify(q).to_json()


@pytest.mark.parametrize("seed", range(4))
def test_networks_in_space(seed):
    """Convolutions, pools and what is late: every membrane, spike and sum lies inside, and no bound is far from one."""
    network, codes = spatial_network(seed)
    certificate = lx.certify(network)
    code = network.input_code.format
    rng = np.random.default_rng(seed)
    sparse = rng.choice([code.lo, code.hi], (40, 12, *codes.shape[2:]), p=[0.7, 0.3])
    driven = np.concatenate([np.full((20, 12, *codes.shape[2:]), code.hi), sparse, codes.repeat(4, axis=1)], axis=0)
    trace = lx.simulate(network, driven, record=("v", "spikes"), backend="reference")
    for name, population in certificate.populations.items():
        assert (trace.v[name] >= population.v.lo).all() and (trace.v[name] <= population.v.hi).all()
        assert not trace.spikes[name][..., population.silent].any()
    for name, node in network.connections.items():
        delivered, bounds = certificate.connections[name].delivers, node.reach(*_inputs(network, name))
        assert (delivered.lo >= bounds.lo).all() and (delivered.hi <= bounds.hi).all()
    dense = lx.simulate(network, driven, record=("v",), backend="fast")
    np.testing.assert_array_equal(dense.v["li"], trace.v["li"])


def _inputs(network, name):
    """Widest inputs of a connection, from its source alone."""
    most = largest_input(network, name)
    shape = network.nodes[name].in_shape
    return np.full(shape, -most), np.full(shape, most)


@pytest.mark.parametrize("kind", ["conv", "pool"])
def test_reach_is_attained(kind):
    """The extreme inputs of a connection give its bounds, output by output."""
    rng = np.random.default_rng(1)
    node = (
        IntConv(
            weight=rng.integers(-7, 8, (3, 2, 2, 2)), weight_bits=4, size=(3, 4), padding=1, stride=2, shift=1, drop=1
        )
        if kind == "conv"
        else SumPool(shape=(2, 4, 4), kernel=3, stride=1, padding=1)
    )
    lo, hi = rng.integers(-3, 1, node.in_shape), rng.integers(1, 4, node.in_shape)
    reach = node.reach(lo, hi)
    size = int(np.prod(node.in_shape))
    alone = node.apply(np.eye(size, dtype=int).reshape(size, *node.in_shape) << 1)  # twice, so that no bit is dropped
    for index in np.ndindex(*node.out_shape):
        effect = alone[(slice(None), *index)].reshape(node.in_shape)
        high, low = np.where(effect > 0, hi, lo), np.where(effect > 0, lo, hi)
        assert node.apply(high[None])[0][index] == reach.hi[index]
        assert node.apply(low[None])[0][index] == reach.lo[index]
    if kind == "conv":
        events = node.events(np.stack([lo, hi]))
        least, most = node.event_reach(lo, hi)
        assert np.array_equal(np.minimum(np.min(events, axis=(0, 1)), 0), least)
        assert np.array_equal(np.maximum(np.max(events, axis=(0, 1)), 0), most)
