from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from float_nets import float_network
from nets import edge_network, random_network

from lifexport.errors import ParameterError, RangeError
from lifexport.nodes import InputCode
from lifexport.simulation import fast, simulate


@pytest.fixture(scope="module")
def case():
    return random_network(2, recurrent=False)


def test_the_dtype_alone_decides(case):
    network, _ = case
    code = InputCode(kind="graded", bits=4, unit=Fraction(1))
    nodes = {**network.nodes, "in": dataclasses.replace(network.nodes["in"], code=code)}
    network = dataclasses.replace(network, nodes=nodes)
    codes = np.full((3, 2, *network.nodes["in"].shape), 9)
    reals = codes.astype(np.float32)
    a, b = simulate(network, codes, record=("v",)), simulate(network, reals, record=("v",))
    assert all((a.v[name] == b.v[name]).all() for name in a.v)
    clipped = simulate(network, reals * 2)
    assert clipped.input_clipped == codes.size and b.input_clipped == 0


def test_record_keeps_what_was_asked_for(case):
    network, codes = case
    trace = simulate(network, codes)
    assert trace.spikes == trace.v == trace.v_post == {}
    trace = simulate(network, codes, record=("v_post",), backend="fast")
    assert trace.v == {} and set(trace.v_post) == set(network.populations)


@pytest.mark.parametrize("backend", ["reference", "fast"])
def test_v_post_is_v_after_its_spikes(case, backend):
    network, codes = case
    trace = simulate(network, codes, record=("v", "v_post", "spikes"), backend=backend)
    for name, node in network.populations.items():
        v, fired = trace.v[name], trace.spikes[name] == 1
        expected = np.where(fired, v - node.reset_code if node.rules.reset == "subtract" else node.reset_code, v)
        np.testing.assert_array_equal(trace.v_post[name], expected)
        np.testing.assert_array_equal(fired, v >= node.threshold)


def bad(case, change):
    network, codes = case
    return network, change(codes)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda c: c[:, :, :-1], "shape"),
        (lambda c: c[0], "shape"),
        (lambda c: c[:0], "shape"),
        (lambda c: c[:, :0], "shape"),
        (lambda c: c + 1000, "1000|10"),
        (lambda c: c.astype(complex), "complex"),
        (lambda c: np.full(c.shape, "a"), "U1"),
        (lambda c: c * np.nan, "NaN"),
        (lambda c: c * np.inf, "NaN"),
    ],
    ids=["width", "no batch", "no time", "no samples", "out of range", "complex", "text", "nan", "inf"],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_input_is_refused(case, change, found):
    network, codes = case
    with pytest.raises(ParameterError, match=rf"LX(301|205).*in: .*({found}).*fix: "):
        simulate(network, change(codes))


def test_misspelt_options_offer_the_nearest(case):
    network, codes = case
    with pytest.raises(ParameterError, match=r"LX006.*did you mean 'spikes'"):
        simulate(network, codes, record=("spike",))
    with pytest.raises(ParameterError, match=r"LX006.*did you mean 'reference'"):
        simulate(network, codes, backend="referense")


def too_wide():
    network, codes = edge_network(0, state_bits=24)
    fc = dataclasses.replace(network.nodes["fc"], shift=18, unit=Fraction(2) ** 18)
    return dataclasses.replace(network, nodes={**network.nodes, "fc": fc}), codes


def test_fast_refuses_what_int32_cannot_hold_and_auto_takes_the_reference():
    network, codes = too_wide()
    with pytest.raises(RangeError, match=r"LX302.*lif.*reference"):
        simulate(network, codes, backend="fast")
    a = simulate(network, codes, record=("v",), backend="auto")
    b = simulate(network, codes, record=("v",), backend="reference")
    np.testing.assert_array_equal(a.v["lif"], b.v["lif"])


def test_auto_takes_the_fast_path_where_it_is_exact(case, monkeypatch):
    seen = []
    original = fast.run
    monkeypatch.setattr(fast, "run", lambda *args: seen.append(1) or original(*args))
    simulate(*case)
    assert seen == [1]


def test_float_networks_have_one_backend():
    f, x = float_network(0)
    with pytest.raises(ParameterError, match=r"LX006.*fast.*FloatNetwork"):
        simulate(f, x, backend="fast")
    with pytest.raises(ParameterError, match="LX205"):
        simulate(f, x * np.nan)
    with pytest.raises(ParameterError, match="LX301"):
        simulate(f, x[:, :, :2])


def test_integers_are_real_inputs_for_a_float_network():
    f, x = float_network(0)
    a, b = simulate(f, x, record=("v",)), simulate(f, x.astype(np.uint8), record=("v",))
    np.testing.assert_array_equal(a.v["last"], b.v["last"])


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("change", ["batch", "populations", "floats", "range", "edges", "dict"])
def test_the_state_of_something_else_is_refused(backend, change):
    network, codes = random_network(3, recurrent=True)
    state = simulate(network, codes).final_state
    first = next(iter(state.populations))
    own = state.populations[first]
    populations = {
        "batch": {n: type(own)(s.v[:1]) for n, s in state.populations.items()},
        "populations": {"ghost": own},
        "floats": {**state.populations, first: type(own)(own.v.astype(float))},
        "range": {**state.populations, first: type(own)(np.full_like(own.v, 2**33))},
    }.get(change, state.populations)
    wrong = dataclasses.replace(state, populations=populations, delayed={} if change == "edges" else state.delayed)
    with pytest.raises(ParameterError, match="LX304"):
        simulate(network, codes, backend=backend, state={} if change == "dict" else wrong)


def test_float_and_integer_states_do_not_mix():
    f, x = float_network()
    state = simulate(f, x).final_state
    integer = type(state)(
        populations={n: type(s)(s.v.astype(np.int64)) for n, s in state.populations.items()}, delayed={}
    )
    with pytest.raises(ParameterError, match=r"LX304.*codes"):
        simulate(f, x, state=integer)


@pytest.mark.parametrize("x", [1j, "0.5", None])
def test_inputs_are_real_numbers(x):
    f, good = float_network()
    with pytest.raises(ParameterError, match=r"LX301.*dtype"):
        simulate(f, np.full(good.shape, x))


def test_only_networks_are_simulated():
    with pytest.raises(ParameterError, match=r"LX006.*a list.*capture"):
        simulate([], np.ones((1, 1, 1)))  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize("value", [-1, 2, 2**31 + 5])
def test_what_is_under_way_is_what_the_edge_can_carry(backend, value):
    network, codes = random_network(3, recurrent=True)
    state = simulate(network, codes).final_state
    delayed = {edge: np.full_like(queue, value) for edge, queue in state.delayed.items()}
    with pytest.raises(ParameterError, match=r"LX304.*under way.*0\.\.1"):
        simulate(network, codes, backend=backend, state=dataclasses.replace(state, delayed=delayed))


@pytest.mark.parametrize("backend", ["reference", "fast", "auto"])
def test_numbers_beyond_int64_are_refused(backend):
    network, codes = edge_network(0, state_bits=16)
    nodes = {**network.nodes, "fc": dataclasses.replace(network.nodes["fc"], shift=62, unit=Fraction(2) ** 62)}
    with pytest.raises(RangeError, match=r"LX302.*lif"):
        simulate(dataclasses.replace(network, nodes=nodes), codes, backend=backend)
