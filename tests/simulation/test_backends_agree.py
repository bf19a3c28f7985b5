"""THE table: every neuron kind, every reader, bit for bit; edges first, random second.

The ONNX reader has its own rows in ``tests/export/test_onnx_model.py``.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import jax
import numpy as np
import pytest
from nets import (
    edge_network,
    edge_values,
    int_lif,
    population,
    random_network,
    relaxing_network,
    spatial_network,
    with_fields,
)

from lifexport import neurons
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Arriving, IntPopulation, LIFState
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS, NumpyOps
from lifexport.simulation import fast, simulate
from lifexport.simulation.fast import _kernel, _widths
from lifexport.simulation.jax_ops import JaxOps
from lifexport.simulation.stepwise import initial_state

KINDS = {"LIF": neurons.IntLIF}
RECORD = ("v", "v_post", "spikes", "overflows")


def test_the_table_is_complete():
    kinds = {cls for cls in vars(neurons).values() if isinstance(cls, type) and issubclass(cls, IntPopulation)}
    assert kinds - {IntPopulation} == set(KINDS.values()) != set()


def require_equal(a, b):
    for what in ("v", "v_post", "spikes"):
        one, other = getattr(a, what), getattr(b, what)
        assert one.keys() == other.keys() != set()
        for name in one:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"{what} of {name}")
    assert a.overflows == b.overflows
    np.testing.assert_array_equal(a.output, b.output)
    for name, state in a.final_state.populations.items():
        np.testing.assert_array_equal(state.v, b.final_state.populations[name].v)
    assert a.final_state.delayed.keys() == b.final_state.delayed.keys()
    for edge, queue in a.final_state.delayed.items():
        np.testing.assert_array_equal(queue, b.final_state.delayed[edge])


def at_edges(network: IntNetwork):
    """Row ``b`` of the batch starts with every membrane at edge value ``b``."""
    values = edge_values(network.nodes["lif"])
    start = initial_state(network, len(values))
    v = np.repeat(values[:, None], network.nodes["lif"].shape[0], axis=1)
    return dataclasses.replace(start, populations={"lif": type(start.populations["lif"])(v)})


@pytest.mark.sampled
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize(("state_bits", "decay_bits"), [(8, 4), (16, 12), (24, 16)])
def test_from_every_edge(rounding, overflow, reset, state_bits, decay_bits):
    seed = state_bits + len(rounding) + len(reset)
    rng = np.random.default_rng(seed)
    threshold = rng.integers(20, 100, 6)
    rules = {
        "rounding": rounding,
        "overflow": overflow,
        "reset": reset,
        "threshold": threshold,
        "reset_code": threshold + 3 if reset == "subtract" else -threshold // 2,
        "v_initial": 0,
        "state_bits": state_bits,
        "decay_bits": decay_bits,
        "decay": rng.integers(0, (1 << decay_bits) + 1, 6),
    }
    network, codes = edge_network(seed, **rules)
    state = at_edges(network)
    a, b = (simulate(network, codes, record=RECORD, backend=how, state=state) for how in ("reference", "fast"))
    require_equal(a, b)
    assert state_bits > 8 or a.overflowed("lif") > 0


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize(("state_bits", "decay_bits"), [(8, 4), (16, 12), (24, 16)])
def test_a_step_from_every_edge_to_every_edge(rounding, overflow, reset, state_bits, decay_bits):
    """The input is chosen so that the membrane lands on the rails, the threshold, zero, and one beside each."""
    one = 1 << decay_bits
    node = int_lif(
        shape=(1,),
        decay=one - one // 8 - 1,
        decay_bits=decay_bits,
        rounding=rounding,
        threshold=50,
        reset=reset,
        reset_code=53 if reset == "subtract" else -20,
        bias=-3,
        state_bits=state_bits,
        overflow=overflow,
        unit=Fraction(1),
    )
    lo, hi = node.membrane_range()
    edges = edge_values(node)
    targets = np.unique([*edges, lo - 2, lo - 1, hi + 1, hi + 2, 3 * hi])
    v, target = (a.reshape(-1, 1) for a in np.meshgrid(edges, targets))
    ops, wide = NumpyOps(), node.reset_bound()
    leaked = ops.multiply_shift(node.after_reset(ops, v), node.decay, decay_bits, rounding, wide)
    current = target - leaked - node.bias
    a = node.step(ops, LIFState(v), Arriving.total(current))
    inside = (target >= lo) & (target <= hi)
    np.testing.assert_array_equal(a.v[inside], target[inside])
    assert (a.v == 50).any() and (a.v == lo).any() and (a.v == hi).any()
    np.testing.assert_array_equal(a.spikes, a.v >= 50)
    b = jax.jit(lambda v, i: node.step(JaxOps(), LIFState(v), Arriving.total(i)))(
        v.astype(np.int32), current.astype(np.int32)
    )
    np.testing.assert_array_equal(np.asarray(b.v), a.v)
    np.testing.assert_array_equal(np.asarray(b.spikes), a.spikes)


@pytest.mark.sampled
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("gain_bits", [None, 6])
@pytest.mark.parametrize("waits_at", ["zero", "membrane"])
def test_a_relaxation_from_every_edge(rounding, overflow, gain_bits, waits_at):
    """Towards the input instead of towards zero, with refractory time, in a width that int32 holds."""
    network, codes = relaxing_network(rounding, overflow, gain_bits, waits_at)
    a, b = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(a, b)
    assert a.overflowed("lif") > 0 and 0.01 < a.spikes["lif"].mean() < 0.9


SEEN = {"spikes": 0, "saturated": 0, "wrapped": 0, "ties": 0, "values": 0}


@pytest.mark.parametrize("seed", range(44))
def test_random_networks(seed):
    network, codes = random_network(seed, recurrent=bool(seed % 2))
    a, b = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(a, b)
    for name, node in network.populations.items():
        assert 0.01 <= a.spikes[name].mean() <= 0.6
        SEEN["spikes"] += int(a.spikes[name].sum())
        SEEN["values"] += a.v[name].size
        SEEN["ties"] += int((a.v[name] == node.threshold).sum())
        SEEN["saturated" if node.rules.membrane.overflow == "saturate" else "wrapped"] += a.overflowed(name)


def test_the_random_networks_reached_every_rule():
    """Counts over the networks above; run with -s to see them."""
    print(SEEN)
    if SEEN["values"] == 0:
        for seed in range(44):
            test_random_networks(seed)
    assert min(SEEN.values()) > 0, SEEN


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_chunks_equal_the_whole(backend, seed):
    network, codes = random_network(seed, recurrent=bool(seed % 2))
    whole = simulate(network, codes, record=RECORD, backend=backend)
    state, parts = None, []
    for part in (codes[:1], codes[1:7], codes[7:]):
        trace = simulate(network, part, record=RECORD, backend=backend, state=state)
        state = trace.final_state
        parts.append(trace)
    for name in network.populations:
        np.testing.assert_array_equal(np.concatenate([p.v[name] for p in parts]), whole.v[name])
        assert sum(p.overflowed(name) for p in parts) == whole.overflowed(name)
    np.testing.assert_array_equal(np.concatenate([p.output for p in parts]), whole.output)


@pytest.mark.parametrize("rows", [1, 4, 20, 36])
@pytest.mark.parametrize("seed", [1, 3, 6])
def test_rows_at_a_time_change_nothing(seed, rows, monkeypatch):
    """Chunks of one step, of some, and with a rest that is shorter; state, late edges and counts go on across them."""
    network, codes = random_network(seed, recurrent=bool(seed % 2))
    late = [dataclasses.replace(e, delay=3) if e.source == "in" else e for e in network.edges]
    network = dataclasses.replace(network, edges=late)
    monkeypatch.setattr(fast, "ROWS", rows)
    a, b = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(a, b)
    alone = simulate(network, codes, backend="fast")
    np.testing.assert_array_equal(alone.output, a.output)
    assert alone.spikes == {} and len(codes) > rows // codes.shape[1]


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("delay", [1, 3, 50])
def test_a_delayed_edge_shifts_what_follows(backend, delay):
    """Into a population that starts at rest a delay shifts every membrane; what is under way at the end is kept."""
    network, codes = random_network(6, recurrent=False)
    quiet = {"bias": 0, "v_initial": 0, "threshold": 5, "reset": "subtract", "reset_code": 5}
    nodes = {n: with_fields(node, **quiet) if n.startswith("lif") else node for n, node in network.nodes.items()}
    network = dataclasses.replace(network, nodes=nodes)
    late = dataclasses.replace(
        network, edges=[dataclasses.replace(e, delay=delay if e.source == "in" else 0) for e in network.edges]
    )
    prompt = simulate(network, codes, record=RECORD, backend=backend)
    first = simulate(late, codes, record=RECORD, backend=backend)
    more = np.resize(codes, (delay, *codes.shape[1:]))
    rest = simulate(late, more, record=RECORD, backend=backend, state=first.final_state)
    for name in network.populations:
        both = np.concatenate([first.v[name], rest.v[name]])
        assert not both[:delay].any() and prompt.v[name].any()
        np.testing.assert_array_equal(both[delay : delay + len(codes)], prompt.v[name])


@pytest.mark.parametrize("name", ["back", "zback"])
@pytest.mark.parametrize("bits", [7, 8])
def test_the_input_is_as_wide_as_its_code(name, bits):
    """Whatever it feeds first, and whatever else feeds that: a wide code is not cut to int8."""
    code = InputCode(kind="counts", bits=bits)
    one = int_lif(shape=(2,), decay=3, decay_bits=2, threshold=300, reset_code=300, unit=Fraction(1))
    eye = IntDense(weight=np.eye(2, dtype=int))
    nodes = {"in": IntInput(shape=(2,), code=code), "fc": eye, name: eye, "a": one, "b": one, "out": Output(shape=(2,))}
    pairs = [("in", "b"), ("in", "fc"), ("fc", "a"), ("a", "b"), (name, "a"), ("b", "out")]
    network = IntNetwork(nodes=nodes, edges=[*(Edge(*p) for p in pairs), Edge("a", name, 1)], dt=1e-3)
    codes = np.full((6, 1, 2), code.format.hi)
    a, b = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(a, b)
    assert a.v["b"][0].tolist() == [[code.format.hi] * 2]


@pytest.mark.parametrize("bits", [8, 11, 15], ids=["int8 product", "float32 product", "int32 product"])
def test_every_kernel(bits):
    """Weights too wide for int8, and sums too wide for float32, take the next kernel; all are exact."""
    rng = np.random.default_rng(bits)
    hi = (1 << (bits - 1)) - 1
    nodes = {
        "in": IntInput(shape=(30,), code=InputCode(kind="graded", bits=8, signed=bits > 8)),
        "fc": IntDense(weight=rng.choice([-hi, hi, 1, 0], (7, 30)), weight_bits=bits, unit=Fraction(1)),
        "lif": population(rng, 7, drive=1 << 18, state_bits=24, decay_bits=8, decay=200, v_initial=0),
        "out": Output(shape=(7,)),
    }
    if bits == 8:
        nodes["in"] = IntInput(shape=(30,), code=InputCode(kind="graded", bits=7))
    network = IntNetwork(nodes=nodes, edges=(Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")), dt=1e-3)
    assert (
        _kernel(network.nodes["fc"], *_widths(network, None)["fc"]) == {8: np.int8, 11: np.float32, 15: np.int32}[bits]
    )
    fmt = network.input_code.format
    codes = rng.choice([fmt.lo, fmt.hi], (20, 5, 30))
    a, b = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(a, b)


@pytest.mark.parametrize("seed", range(4))
def test_networks_in_space(seed):
    network, codes = spatial_network(seed)
    reference, fast_ = (simulate(network, codes, record=RECORD, backend=how) for how in ("reference", "fast"))
    require_equal(reference, fast_)
    assert not reference.spikes["li"].any() and reference.v["li"].any()
    first = simulate(network, codes[:5], backend="fast")
    rest = simulate(network, codes[5:], record=RECORD, backend="fast", state=first.final_state)
    np.testing.assert_array_equal(rest.v["li"], reference.v["li"][5:])


def test_networks_in_space_live():
    rates = []
    for seed in range(4):
        network, codes = spatial_network(seed)
        trace = simulate(network, codes, record=("spikes",), backend="reference")
        rates += [trace.spikes[name].mean() for name in ("a", "b")]
    print(f"share of steps with a spike: {np.round(rates, 2)}")
    assert sum(0.01 < rate < 0.6 for rate in rates) >= 4


def test_events_through_convolutions_and_pools():
    """Where nothing overflows in between, inputs one by one are the same as their sum."""
    network, codes = spatial_network(0)
    wide = {
        name: with_fields(node, state_bits=24, overflow="saturate", accumulate="per_event")
        if node.role == "population"
        else node
        for name, node in network.nodes.items()
    }
    summed = {n: with_fields(v, accumulate="sum") if v.role == "population" else v for n, v in wide.items()}
    one_by_one, at_once = (
        simulate(dataclasses.replace(network, nodes=nodes), codes, record=RECORD, backend="reference")
        for nodes in (wide, summed)
    )
    assert not any(map(at_once.overflowed, at_once.overflows))
    require_equal(one_by_one, at_once)


def test_a_number_that_wraps_once_may_stay_outside():
    """Where a sum exceeds the size of the range: run on from such a state, with no kernel that trusts the range."""
    once = int_lif(
        shape=(2,),
        decay=3,
        decay_bits=2,
        threshold=5,
        reset_code=5,
        unit=Fraction(1),
        state_bits=8,
        overflow="wrap_once",
    )
    nodes = {
        "in": IntInput(shape=(3,), code=InputCode(kind="spikes")),
        "fc": IntDense(weight=np.array([[127, 127, 127], [-127, -127, -127]])),
        "lif": once,
        "out": Output(shape=(2,)),
    }
    network = IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    codes = np.ones((6, 1, 3), np.int64)
    whole = simulate(network, codes, record=RECORD, backend="reference")
    assert np.abs(whole.v["lif"]).max() > 128
    first = simulate(network, codes[:3], backend="auto")
    rest = simulate(network, codes[3:], record=RECORD, backend="auto", state=first.final_state)
    np.testing.assert_array_equal(rest.v["lif"], whole.v["lif"][3:])
