"""The event-driven simulator against the reference, bit for bit: edges, every rule, every way that a graph can go."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from fractions import Fraction

import numpy as np
import pytest
from nets import edge_network, int_lif, population, random_network
from wild_nets import wild_network

from lifexport.bounds import settles
from lifexport.errors import MissingDependencyError, ParameterError, RangeError
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.neurons import Rules, Word
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.ops import OVERFLOWS, ROUNDINGS
from lifexport.simulation import run, simulate
from tests.simulation.test_backends_agree import RECORD, at_edges, require_equal

pytestmark = pytest.mark.thorough

event = pytest.importorskip("lifexport.simulation.event")
source = pytest.importorskip("lifexport.simulation.event_source")


def both(network: IntNetwork, codes: np.ndarray, state=None):
    """The reference's run, which the event-driven one equals in everything."""
    record = (*RECORD, "current")
    a, b = (simulate(network, codes, record=record, backend=how, state=state) for how in ("reference", "event"))
    require_equal(a, b)
    assert a.current.keys() == b.current.keys()
    for name in a.current:
        np.testing.assert_array_equal(a.current[name], b.current[name], err_msg=f"current of {name}")
    for name, own in a.final_state.populations.items():
        np.testing.assert_array_equal(own.current, b.final_state.populations[name].current)
        np.testing.assert_array_equal(own.waiting, b.final_state.populations[name].waiting)
    return a


EDGES = [
    (rounding, *rules, *widths)
    for (rounding, widths), rules in zip(
        itertools.product(ROUNDINGS, [(8, 4), (24, 16)]),
        itertools.cycle([("saturate", "subtract"), ("wrap", "value"), ("wrap_once", "subtract")]),
        strict=False,
    )
]
"""Each costs seconds of compiling: every rounding at both widths, overflows and resets take turns."""


@pytest.mark.parametrize(("rounding", "overflow", "reset", "state_bits", "decay_bits"), EDGES)
def test_from_every_edge(rounding, overflow, reset, state_bits, decay_bits):
    rng = np.random.default_rng(state_bits)
    threshold = rng.integers(20, 100, 6)
    network, codes = edge_network(
        state_bits,
        rounding=rounding,
        overflow=overflow,
        reset=reset,
        threshold=threshold,
        reset_code=threshold + 3 if reset == "subtract" else -threshold // 2,
        v_initial=0,
        state_bits=state_bits,
        decay_bits=decay_bits,
        decay=rng.integers(0, (1 << decay_bits) + 1, 6),
    )
    a = both(network, codes, at_edges(network))
    assert state_bits > 8 or a.overflowed("lif") > 0


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(seed):
    network, codes = random_network(seed, recurrent=bool(seed % 2))
    a = both(network, codes)
    plain = simulate(network, codes, backend="event")
    np.testing.assert_array_equal(plain.output, a.output)
    assert plain.v == plain.v_post == plain.spikes == plain.current == plain.overflows == {}


@pytest.mark.parametrize("seed", range(10))
def test_every_rule(seed, monkeypatch):
    """Rules, words and edges that no one chip has together; in chunks, from a state that is not the initial one."""
    network, codes = wild_network(seed)
    whole = both(network, codes)
    monkeypatch.setattr(event, "VALUES", 3 * 3 * 16)
    first = both(network, codes[:4])
    rest = both(network, codes[4:], first.final_state)
    for name in network.populations:
        np.testing.assert_array_equal(np.concatenate([first.v[name], rest.v[name]]), whole.v[name])
        assert first.overflowed(name) + rest.overflowed(name) == whole.overflowed(name)


def test_the_networks_reach_every_rule():
    """What the networks of ``test_every_rule`` draw, and do; run with -s to see it."""
    seen = {"spikes": 0, "overflows": 0, "ties": 0, "continued": 0}
    drawn: dict[str, set] = {}
    for seed in range(10):
        network, codes = wild_network(seed)
        trace = simulate(network, codes, record=RECORD, backend="reference")
        seen["continued"] += all(settles(network, name) for name in network.populations)
        for name, node in network.populations.items():
            seen["spikes"] += int(trace.spikes[name].sum())
            seen["ties"] += int((trace.v[name] == node.threshold).sum())
            seen["overflows"] += trace.overflowed(name)
            for field in dataclasses.fields(Rules):
                value = getattr(node.rules, field.name)
                own = next(
                    (getattr(value, part) for part in ("kind", "overflow", "when") if hasattr(value, part)), value
                )
                drawn.setdefault(field.name, set()).add(own)
            drawn.setdefault("alias", set()).add(node.alias is None)
    print(seen, drawn)
    assert min(seen.values()) > 0
    assert drawn["leak"] == {"multiply", "shift", "linear", "none"}
    assert drawn["membrane"] == set(OVERFLOWS) and drawn["accumulate"] == {"sum", "per_event"}
    assert drawn["max_spikes"] == {1, 3, None} and drawn["judged"] == {"step_end", "next_step_start"}
    assert all(len(values) > 1 for values in drawn.values())


def chain(n_in: int, n: int, weight: np.ndarray, code: InputCode, lif, **dense) -> IntNetwork:
    bits = int(np.abs(weight).max()).bit_length() + 1
    nodes = {
        "in": IntInput(shape=(n_in,), code=code),
        "fc": IntDense(weight=weight, weight_bits=bits, **dense),
        "lif": lif,
        "out": Output(shape=(n,)),
    }
    return IntNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)


@pytest.mark.parametrize(
    ("code_bits", "weight_bits", "n_in", "partial"),
    [(1, 8, 700, np.int16), (1, 12, 33, np.int16), (4, 8, 90, np.int16), (8, 8, 40, np.int32), (8, 16, 300, np.int32),
     (16, 12, 300, np.int32), (24, 20, 8, np.int64)],
)  # fmt: skip
def test_sums_that_leave_their_first_width(code_bits, weight_bits, n_in, partial):
    """All weights and inputs at their largest: partial sums reach the largest number they are taken to."""
    hi = (1 << (weight_bits - 1)) - 1
    code = InputCode(kind="spikes") if code_bits == 1 else InputCode(kind="counts", bits=code_bits)
    weight = np.array([[hi] * n_in, [-hi] * n_in, [hi, -hi] * (n_in // 2) + [hi] * (n_in % 2)])
    lif = int_lif(shape=(3,), decay=15, decay_bits=4, threshold=9, reset_code=9, unit=Fraction(1), state_bits=32)
    network = chain(n_in, 3, weight, code, lif)
    part, _ = event._parts(network, source.Keep(True, True, True))[0]
    assert f"e0_partial = np.empty(e0_weight.shape[1], np.{np.dtype(partial).name})" in part.text
    top = code.format.hi
    codes = np.random.default_rng(n_in).choice([0, 1, top], (6, 2, n_in))
    codes[0], codes[1] = top, 0
    codes[2, 0, : part.numbers["e0_most"] + 1] = top
    both(network, codes)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.bool_, np.int16, np.int64, np.uint64])
@pytest.mark.parametrize("n_in", [1, 7, 8, 200])
def test_inputs_of_every_type_and_length(kind, n_in):
    """Density from none to all, where the words of a row are full, empty, and cut off."""
    rng = np.random.default_rng(n_in)
    lif = int_lif(shape=(3,), decay=15, decay_bits=4, threshold=99, reset_code=99, unit=Fraction(1))
    network = chain(n_in, 3, rng.integers(-9, 10, (3, n_in)), InputCode(kind="spikes"), lif)
    codes = rng.random((n_in, 6, 9)) < np.linspace(0, 1, 9) ** 4
    both(network, codes.astype(kind).transpose(2, 1, 0))


def test_wide_numbers_are_carried_in_int64():
    network, codes = edge_network(0, state_bits=24)
    fc = dataclasses.replace(network.nodes["fc"], shift=18, unit=Fraction(2) ** 18)
    network = dataclasses.replace(network, nodes={**network.nodes, "fc": fc})
    part, _ = event._parts(network, source.Keep(True, True, True))[0]
    assert "int64(n0_v[b, i]" in part.text and "int32(" not in part.text
    assert both(network, codes, at_edges(network)).overflowed("lif") > 0


def test_constants_beyond_int32_are_carried_in_int64():
    lif = int_lif(shape=(2,), decay=3, decay_bits=2, threshold=2**40, reset_code=1, unit=Fraction(1), state_bits=8)
    network = chain(2, 2, np.array([[1, 1], [-1, 1]]), InputCode(kind="counts", bits=8), lif)
    both(network, np.array([[[255, 255]], [[0, 3]]]))


@pytest.mark.parametrize("rows", [1, 40, 700])
@pytest.mark.parametrize("seed", [1, 6])
def test_rows_at_a_time_change_nothing(seed, rows, monkeypatch):
    network, codes = random_network(seed, recurrent=bool(seed % 2))
    late = [dataclasses.replace(e, delay=3) if e.source == "in" else e for e in network.edges]
    network = dataclasses.replace(network, edges=late)
    monkeypatch.setattr(event, "VALUES", rows)
    both(network, codes)


def test_inputs_and_populations_of_many_axes_that_meet_without_a_connection():
    code = InputCode(kind="counts", bits=8)
    lif = int_lif(shape=(2, 3), decay=3, decay_bits=2, threshold=300, reset_code=300, unit=Fraction(1))
    nodes = {"in": IntInput(shape=(2, 3), code=code), "a": lif, "b": lif, "out": Output(shape=(2, 3))}
    edges = [Edge("in", "a"), Edge("a", "b", 2), Edge("in", "b"), Edge("b", "out", 1)]
    network = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    both(network, np.random.default_rng(0).integers(0, 256, (9, 2, 2, 3)))


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("begins", [-4991, 4991, 5])
def test_a_number_that_begins_outside_its_range_and_inputs_larger_than_it(begins, overflow):
    """The first input brings it into its range, even a zero; where later zeros move it too, none is left out."""
    word = Word.signed(6, overflow)
    rules = Rules(membrane=word, accumulate="per_event", reset_when="step_end")
    lif = dataclasses.replace(population(np.random.default_rng(0), 3, drive=4), rules=rules, reset_code=0, decay=4096)
    lif = dataclasses.replace(lif, threshold=9, bias=0, v_initial=0, reset_code=5000)
    network = chain(
        5, 3, np.array([[90, 0, 0, -1, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]]), InputCode(kind="spikes"), lif
    )
    state = simulate(network, np.zeros((1, 2, 5), int)).final_state
    begun = dataclasses.replace(
        state, populations={"lif": state.populations["lif"]._replace(v=np.full((2, 3), begins))}
    )
    codes = np.random.default_rng(1).integers(0, 2, (7, 2, 5))
    codes[0] = 0
    assert settles(network, "lif") == (overflow != "wrap_once")
    assert both(network, codes, begun).overflowed("lif") > 0


def test_networks_with_the_same_rules_share_what_was_compiled():
    small, _ = random_network(1, recurrent=True)
    other = dataclasses.replace(small, dt=2e-3)
    keep = source.Keep(False, False, False)
    assert [f for _, f in event._parts(small, keep)] == [f for _, f in event._parts(other, keep)]
    assert event._parts(small, keep) is not event._parts(other, keep)


def test_a_connection_of_another_kind_is_refused():
    class Other(IntDense):
        kind = "Other"

    network, codes = random_network(2, recurrent=False)
    nodes = {n: Other(**vars(node)) if n == "fc0" else node for n, node in network.nodes.items()}
    network = dataclasses.replace(network, nodes=nodes)
    with pytest.raises(RangeError, match=r"LX302.*fc0.*Other"):
        simulate(network, codes, backend="event")


@pytest.fixture
def taken(monkeypatch):
    """Names of the backends that are run; every network is worth compiling."""
    seen, runner = [], run._runner
    monkeypatch.setattr(run, "_runner", lambda name: seen.append(name) or runner(name))
    monkeypatch.setattr(run, "WORTH_COMPILING", 1)
    return seen


def sparse(share: float):
    network, codes = random_network(2, recurrent=False)
    codes = np.zeros((40, 2, codes.shape[2]), np.int64)
    codes.ravel()[: int(share * codes.size)] = 1
    return network, np.random.default_rng(0).permuted(codes.ravel()).reshape(codes.shape)


def test_auto_is_event_driven_where_few_inputs_are_not_zero(taken, monkeypatch):
    network, codes = sparse(run.SPARSE / 2)
    dense = sparse(1.0)[1]
    taken.clear()
    simulate(network, codes)
    simulate(network, dense)
    monkeypatch.setattr(run, "WORTH_COMPILING", 1 << 60)
    simulate(network, codes)
    assert taken == ["event", "fast", "fast"]


def test_auto_goes_on_without_numba_and_event_names_it(taken, monkeypatch):
    network, codes = sparse(0.01)
    for name in ("event", "event_kernels"):
        monkeypatch.delitem(sys.modules, f"lifexport.simulation.{name}")
    monkeypatch.delattr("lifexport.simulation.event")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingDependencyError, match=r"LX005.*numba.*pip install"):
        simulate(network, codes, backend="event")
    taken.clear()
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: object())
    simulate(network, codes)
    assert taken == ["event", "fast"]
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    simulate(network, codes)
    assert taken == ["event", "fast", "fast"]


def test_auto_goes_on_where_there_is_no_event_driven_form(taken, monkeypatch):
    network, codes = sparse(0.01)
    taken.clear()
    monkeypatch.setattr(
        event, "require_known", lambda network: (_ for _ in ()).throw(source.error("LX302", found="x", fix="y"))
    )
    event._parts.cache_clear()
    simulate(network, codes)
    assert taken == ["event", "fast"]


def test_float_networks_have_one_backend():
    from float_nets import float_network

    with pytest.raises(ParameterError, match=r"LX006.*event.*FloatNetwork"):
        simulate(*float_network(0), backend="event")
