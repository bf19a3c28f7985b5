"""Convolutions, pools and flattenings event-driven against the reference, bit for bit: edges first, then wild nets."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif, population, spatial_network
from wild_nets import wild_spatial_network

from lifexport.bounds import settles
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.simulation import run, simulate
from lifexport.spatial import Flatten, IntConv, SumPool
from tests.simulation.test_event import both

pytestmark = [pytest.mark.thorough, pytest.mark.sampled]

event = pytest.importorskip("lifexport.simulation.event")
source = pytest.importorskip("lifexport.simulation.event_source")

GRADED = InputCode(kind="graded", bits=4, signed=True)


def neurons(shape: tuple[int, ...], **given):
    """Neurons that remember, and hardly ever fire: what arrives is seen in the membrane."""
    fields = {"decay": 15, "decay_bits": 4, "threshold": 1 << 24, "reset_code": 1 << 24, "state_bits": 32}
    return int_lif(shape=shape, unit=Fraction(1), **{**fields, **given})


def chain(code: InputCode, *connections, lif=None, delays: tuple[int, ...] = ()) -> IntNetwork:
    """Connections one after the other, and neurons behind them; ``delays`` of the edges, from the input on."""
    shape = connections[-1].out_shape
    nodes = {"in": IntInput(shape=connections[0].in_shape, code=code)}
    nodes |= {f"c{i}": node for i, node in enumerate(connections)}
    nodes |= {"lif": lif or neurons(shape), "out": Output(shape=shape)}
    pairs = list(zip(nodes, list(nodes)[1:], strict=False))
    late = (*delays, *(0,) * (len(pairs) - len(delays)))
    return IntNetwork(nodes=nodes, edges=[Edge(*pair, d) for pair, d in zip(pairs, late, strict=True)], dt=1e-3)


def impulses(network: IntNetwork) -> np.ndarray:
    """Every input alone, at its lowest and at its highest, and all of them at random."""
    node, fmt = network.nodes["in"], network.input_code.format
    n = math.prod(node.shape)
    alone = np.concatenate([fmt.lo * np.eye(n, dtype=int), fmt.hi * np.eye(n, dtype=int)])
    rows = np.random.default_rng(n).integers(fmt.lo, fmt.hi + 1, (2, len(alone), n))
    return np.stack([alone, *rows]).reshape(3, -1, *node.shape)


def conv(shape: tuple[int, ...], seed: int = 0, **given) -> IntConv:
    rng = np.random.default_rng(seed)
    return IntConv(**{"weight": rng.integers(-127, 128, shape), "unit": Fraction(2) ** given.get("shift", 0), **given})


GEOMETRIES = [
    {"weight": (3, 2, 3), "size": (7,)},
    {"weight": (1, 1, 1), "size": (1,)},
    {"weight": (3, 2, 7), "size": (7,)},
    {"weight": (4, 2, 3), "size": (9,), "stride": 2, "padding": 1},
    {"weight": (4, 2, 2), "size": (9,), "stride": 3},
    {"weight": (3, 2, 3), "size": (11,), "dilation": 2, "padding": ((0, 3),), "drop": 3, "unit": Fraction(1, 8)},
    {"weight": (3, 2, 3), "size": (12,), "stride": 2, "dilation": 3},
    {"weight": (3, 2, 4), "size": (9,), "padding": "same"},
    {"weight": (6, 1, 3), "size": (5,), "groups": 3},
    {"weight": (6, 2, 3), "size": (5,), "groups": 2, "stride": 2, "padding": 4},
    {"weight": (5, 2, 3, 3), "size": (6, 5)},
    {"weight": (5, 2, 6, 5), "size": (6, 5)},
    {"weight": (5, 3, 1, 1), "size": (4, 3)},
    {"weight": (4, 1, 3, 2), "size": (6, 5), "groups": 4, "padding": 1},
    {"weight": (4, 2, 2, 3), "size": (6, 7), "groups": 2, "stride": (2, 1), "dilation": (1, 2), "shift": 3},
    {"weight": (3, 2, 3, 2), "size": (5, 6), "stride": (3, 2), "dilation": (2, 1), "padding": ((2, 1), (0, 3))},
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_every_input_of_every_geometry(geometry):
    given = dict(geometry)
    network = chain(GRADED, conv(given.pop("weight"), **given))
    a = both(network, impulses(network))
    assert a.v["lif"].any()


@pytest.mark.parametrize(
    "pool",
    [
        {"shape": (3, 6), "kernel": 2},
        {"shape": (3, 7), "kernel": 3, "stride": 1, "padding": 2},
        {"shape": (3, 7), "kernel": 2, "stride": 3},
        {"shape": (2, 5, 4), "kernel": (2, 3), "stride": (1, 2), "padding": ((1, 0), (0, 2))},
        {"shape": (2, 5, 4), "kernel": (5, 4)},
    ],
    ids=str,
)
def test_pools_before_weights_behind_them_and_alone(pool):
    """Negative sums among them; where low bits of a sum are dropped, pools do not commute with weights."""
    node = SumPool(**pool)
    axes, channels = len(pool["shape"]) - 1, pool["shape"][0]
    one = (1,) * axes
    after = conv((4, channels, *one), size=node.out_shape[1:])
    before = conv((channels, channels, *one), size=node.shape[1:], drop=4, unit=Fraction(1, 16))
    last = Flatten(shape=node.out_shape)
    dense = IntDense(weight=np.random.default_rng(1).integers(-9, 9, (5, *last.out_shape)))
    for connections in ([node], [node, after], [before, node], [node, last], [node, last, dense], [before, node, last]):
        network = chain(GRADED, *connections)
        both(network, impulses(network))


def test_pools_one_after_the_other_and_delays_at_every_edge():
    connections = (
        SumPool(shape=(2, 9, 8), kernel=2, stride=1),
        conv((3, 2, 2, 2), size=(8, 7)),
        SumPool(shape=(3, 7, 6), kernel=(3, 2), stride=2),
        SumPool(shape=(3, 3, 3), kernel=2, stride=1, padding=1),
        Flatten(shape=(3, 4, 4)),
    )
    codes = np.random.default_rng(0).integers(-8, 8, (9, 2, 2, 9, 8))
    for late in range(7):
        delays = tuple(2 * (edge == late) for edge in range(6))
        network = chain(GRADED, *connections, delays=delays)
        first = both(network, codes[:4])
        both(network, codes[4:], first.final_state)
    both(chain(GRADED, *connections, delays=(1, 0, 2, 1, 3, 1)), codes)


@pytest.mark.parametrize(
    ("taps", "weight", "kind"),
    [(7, 4681, "int16"), (16, 2048, "int32"), (1, (1 << 31) - 1, "int32"), (2, 1 << 30, "int64"), (9, 127, "int16")],
)
def test_sums_of_the_largest_numbers_of_every_width(taps, weight, kind):
    """Sums reach ``2**15 - 1``, one more, ``2**31 - 1`` and one more, in the narrowest numbers that hold them."""
    weights = np.array([[[weight] * taps], [[-weight] * taps]])
    node = IntConv(weight=weights, weight_bits=40, size=(2 * taps,))
    network = chain(InputCode(kind="spikes"), node, lif=neurons(node.out_shape))
    part, _ = event._parts(network, source.Keep(True, True, True))[0]
    assert f"e0_sums = np.empty(e0_sums_size, np.{kind})" in part.text
    codes = np.ones((3, 1, 1, 2 * taps), int)
    codes[1, 0, 0, taps // 2] = 0
    a = both(network, codes)
    assert a.v["lif"][0].max() == min(taps * weight, (1 << 31) - 1)


@pytest.mark.parametrize(("area", "kind"), [(127, "int8"), (128, "int16"), (1 << 15, "int32")])
def test_counts_of_every_width(area, kind):
    pool = SumPool(shape=(2, 2 * area), kernel=area)
    network = chain(InputCode(kind="spikes"), pool, conv((2, 2, 1), size=(2,)))
    part, _ = event._parts(network, source.Keep(True, True, True))[0]
    assert f"e0_row = np.zeros(e0_room, np.{kind})" in part.text
    codes = np.ones((2, 1, *pool.shape), int)
    codes[1, 0, 0, 3] = 0
    both(network, codes)


def test_spikes_that_are_flattened_stay_spikes_and_counts_are_none():
    flat, one = Flatten(shape=(2, 4)), IntDense(weight=np.ones((3, 8), int))
    pool = SumPool(shape=(2, 4), kernel=1)  # sums of one spike: no more than one, but nothing says so
    codes = np.random.default_rng(0).integers(0, 2, (4, 2, 2, 4))
    for connections, kernel in (((flat, one), "add_spikes"), ((pool, flat, one), "add_codes")):
        network = chain(InputCode(kind="spikes"), *connections)
        part, _ = event._parts(network, source.Keep(True, True, True))[0]
        assert kernel in part.text
        both(network, codes)


@pytest.mark.parametrize("overflow", ["saturate", "wrap", "wrap_once"])
def test_inputs_of_a_convolution_one_by_one(overflow):
    """From its rail, or outside where it may lie there, over rails between inputs; a pool brings one increment."""
    rules = Rules(membrane=Word.signed(7, overflow), accumulate="per_event", reset_when="step_end")

    def lif(*shape: int):
        plain = population(np.random.default_rng(0), 1, drive=4, shape=shape)
        numbers = {"decay": 4096, "threshold": 2, "reset_code": 2, "bias": 0, "v_initial": 0}
        return dataclasses.replace(plain, rules=rules, **numbers)

    nodes = {
        "in": IntInput(shape=(4, 5), code=GRADED),
        "fc": conv((3, 4, 2), size=(5,), shift=1, weight=np.random.default_rng(1).integers(-9, 9, (3, 4, 2))),
        "a": lif(3, 4),
        "pool": SumPool(shape=(3, 4), kernel=3, stride=1, padding=1),
        "b": lif(3, 4),
        "flat": Flatten(shape=(3, 4)),
        "c": lif(12),
        "out": Output(shape=(12,)),
    }
    pairs = ["in fc", "fc a", "a pool", "pool b", "b flat", "flat c", "c out"]
    edges = [Edge(*pair.split(), int(pair == "pool b")) for pair in pairs]
    network = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    codes = np.random.default_rng(2).integers(-8, 8, (12, 3, 4, 5))
    codes[3] = 0
    a = both(network, codes)
    assert a.overflowed("a") > 0 and a.spikes["a"].any() and a.spikes["b"].any() and a.v["c"].any()
    begun = {
        name: own._replace(v=np.full_like(own.v, 63 if settles(network, name) else 999))
        for name, own in a.final_state.populations.items()
    }
    both(network, codes, dataclasses.replace(a.final_state, populations=begun))
    assert settles(network, "a") == (overflow != "wrap_once")


def test_weights_that_feed_populations_of_both_kinds():
    """What is taken one by one at one end is a sum at the other."""
    one, more = (Rules(membrane=Word.signed(7), accumulate=how, reset_when="step_end") for how in ("per_event", "sum"))
    lif = dataclasses.replace(population(np.random.default_rng(0), 1, drive=4, shape=(2, 3)), bias=0, v_initial=0)
    lif = dataclasses.replace(lif, threshold=20, reset_code=20)
    nodes = {
        "in": IntInput(shape=(1, 4), code=GRADED),
        "fc": conv((2, 1, 2), size=(4,), weight=np.array([[[9, -7]], [[3, 8]]])),
        "a": dataclasses.replace(lif, rules=one, decay=4096),
        "b": dataclasses.replace(lif, rules=more, decay=4096),
        "out": Output(shape=(2, 3)),
    }
    edges = [Edge(*pair.split()) for pair in ("in fc", "fc a", "fc b", "a b", "b out")]
    codes = np.random.default_rng(0).integers(-8, 8, (12, 3, 1, 4))
    shared = both(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes)
    nodes["own"] = nodes["fc"]
    edges = [
        *(edge for edge in edges if (edge.source, edge.target) != ("fc", "b")),
        Edge("in", "own"),
        Edge("own", "b"),
    ]
    apart = both(IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes)
    for name in "ab":
        np.testing.assert_array_equal(shared.v[name], apart.v[name])
    assert shared.overflows == apart.overflows and shared.overflowed("a") > 0


@pytest.mark.parametrize("seed", range(3))
def test_several_ways_into_a_population_a_loop_and_neurons_that_never_fire(seed):
    network, codes = spatial_network(seed)
    a = both(network, codes)
    plain = simulate(network, codes, backend="event")
    np.testing.assert_array_equal(plain.output_v, a.v["li"])
    assert a.spikes["a"].any() and a.spikes["b"].any()


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 6, 7])
def test_every_rule_and_every_way(seed, monkeypatch):
    """In chunks, from a state that is not the initial one."""
    network, codes = wild_spatial_network(seed)
    whole = both(network, codes)
    monkeypatch.setattr(event, "VALUES", 3 * 2 * 100)
    first = both(network, codes[:4])
    rest = both(network, codes[4:], first.final_state)
    for name in network.populations:
        np.testing.assert_array_equal(np.concatenate([first.v[name], rest.v[name]]), whole.v[name])


def test_the_networks_reach_every_way():
    """What the networks of ``test_every_rule_and_every_way`` do; run with -s to see it."""
    seen = {"spikes": 0, "overflows": 0, "late": 0, "one by one": 0, "groups": 0, "stride": 0, "dilation": 0, "drop": 0}
    for seed in (0, 1, 2, 4, 6, 7):
        network, codes = wild_spatial_network(seed)
        trace = simulate(network, codes, record=("spikes", "overflows"), backend="reference")
        for name, node in network.populations.items():
            seen["spikes"] += bool(trace.spikes[name].any())
            seen["overflows"] += trace.overflowed(name) > 0
            seen["one by one"] += node.per_event and "a" in name
        seen["late"] += sum(edge.delay > 0 for edge in network.edges)
        for node in network.connections.values():
            if isinstance(node, IntConv):
                seen["groups"] += node.groups > 1
                seen["stride"] += max(node.windows.stride) > 1
                seen["dilation"] += max(node.windows.dilation) > 1
                seen["drop"] += node.drop > 0
    print(seen)
    assert min(seen.values()) > 1


def test_auto_counts_the_products_of_convolutions(monkeypatch):
    """Outputs times what each of them sees; pools and flattenings have none."""
    pool, weights = SumPool(shape=(2, 8, 6), kernel=2), conv((4, 1, 2, 3), size=(4, 3), groups=2, padding=1)
    lif = neurons((60,), threshold=99, reset_code=99, state_bits=16)
    network = chain(InputCode(kind="spikes"), pool, weights, Flatten(shape=weights.out_shape), lif=lif)
    codes = np.zeros((20, 3, 2, 8, 6), int)
    products = 20 * 3 * (4 * 5 * 3) * 6
    assert weights.out_shape == (4, 5, 3)
    seen, runner = [], run._runner
    monkeypatch.setattr(run, "_runner", lambda name: seen.append(name) or runner(name))
    for worth in (products, products + 1):
        monkeypatch.setattr(run, "WORTH_COMPILING", worth)
        simulate(network, codes)
    assert seen == ["event", "fast"]
