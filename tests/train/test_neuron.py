"""What is common to all kinds: ``run`` at its edges, bad parameters, inputs and time steps by name."""

from __future__ import annotations

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import LifexportError, ParameterError, ShapeError, UnitError
from lifexport.train import IAF, IF, LI, LIF, CubaLIF, LIFRef, surrogate
from lifexport.train.activity import recording

pytestmark = pytest.mark.sampled

KINDS = (LIF, IF, IAF, LIFRef, LI, CubaLIF)
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
SPIKING = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not LI], ids=lambda kind: kind.__name__)
NONE = brainstate.nn.init.Constant(0.0)


def plain(kind, n=3, **given):
    """Neurons without units."""
    values = {"R": 1.0, "tau": 5.0, "tau_syn": 3.0, "tau_ref": 2.0, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0}
    values |= {"V_initializer": NONE, "g_initializer": NONE}
    return kind(n, **{field: values[field] for field in kind.units} | given)


def noise(*shape, mean=2.0):
    return np.random.default_rng(0).normal(mean, 2.0, shape).astype(np.float32)


def states(neuron):
    return [np.asarray(u.get_mantissa(state.value)) for state in neuron.states(brainstate.State).values()]


def both_ways(neuron, x, batch, unit=u.mA):
    """Results and states of ``run``, and of as many calls of ``update``."""
    found = []
    for run in (True, False):
        neuron.init_state(batch)
        y = neuron.run(x * unit) if run else u.math.stack([neuron.update(now * unit) for now in x])
        found.append([np.asarray(u.get_mantissa(y)), *states(neuron)])
    return found


def equal(found):
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=3e-6, strict=True)


@EACH
@pytest.mark.parametrize("steps", [1, 7])
def test_a_run_is_its_steps(kind, steps):
    with brainstate.environ.context(dt=1 * u.ms):
        equal(both_ways(kind(3), noise(steps, 2, 3), 2))


@EACH
def test_a_run_without_units_is_its_steps(kind):
    with brainstate.environ.context(dt=1.0):
        equal(both_ways(plain(kind), noise(7, 2, 3), 2, unit=1.0))


@pytest.mark.parametrize(
    ("size", "batch", "shape"),
    [(3, None, ()), (3, 2, (3,)), (3, 2, (2, 1)), (3, None, (5, 3)), (3, 1, (5, 3)), ((2, 3), 4, (2, 3))],
)
@EACH
def test_currents_broadcast_as_in_a_step(kind, size, batch, shape):
    with brainstate.environ.context(dt=1 * u.ms):
        equal(both_ways(kind(size), noise(6, *shape), batch))


@EACH
def test_whole_numbers_are_currents(kind):
    with brainstate.environ.context(dt=1 * u.ms):
        equal(both_ways(kind(3), noise(6, 2, 3).astype(np.int32), 2))
        kind_, x = kind(3), [[1, 0, 3]] * 4 * u.mA
        kind_.init_state()
        assert kind_.run(x).shape == (4, 3)


@EACH
def test_the_state_goes_on_from_run_to_run(kind):
    x = noise(9, 2, 3) * u.mA
    with brainstate.environ.context(dt=1 * u.ms):
        once, twice = kind(3), kind(3)
        for neuron in (once, twice):
            neuron.init_state(2)
        whole = once.run(x)
        parts = u.math.concatenate([twice.run(x[:4]), twice.run(x[4:])])
        np.testing.assert_allclose(u.get_mantissa(whole), u.get_mantissa(parts), atol=1e-6)
        once.reset_state(2)
        np.testing.assert_allclose(u.get_mantissa(once.run(x)), u.get_mantissa(whole), atol=1e-6)


def test_registered_inputs_act_as_in_steps():
    x, found = noise(8, 2, 3) * u.mA, []
    with brainstate.environ.context(dt=1 * u.ms):
        for run in (True, False):
            lif = LIF(3)
            lif.init_state(2)
            lif.add_current_input("leak", lambda v: (0.2 * u.mV - v) * 0.3 / u.ohm)
            lif.add_current_input("pulse", np.full((2, 3), 4.0, np.float32) * u.mA)
            lif.add_delta_input("jump", lambda: 0.1 * u.mV)
            lif.add_delta_input("once", 0.7 * u.mV)
            seen = []
            lif.add_after_update("watch", lambda spikes, seen=seen: seen.append(spikes))
            y = lif.run(x) if run else jnp.stack([lif(now) for now in x])
            assert seen and list(lif.current_inputs) == ["leak"] and list(lif.delta_inputs) == ["jump"]
            found.append([np.asarray(y), *states(lif)])
            assert lif.run(x[:1]).shape == (1, 2, 3)
    equal(found)


def test_a_parameter_may_be_differentiated():
    x = noise(20, 2, 3) * u.mA

    def loss(tau, how):
        lif = LIF(3, tau=tau * u.ms, spk_fun=surrogate.Arctan(2.0))
        lif.init_state(2)
        spikes = lif.run(x) if how == "run" else brainstate.transform.for_loop(lif.update, x)
        return (spikes * np.arange(3, dtype=np.float32)).sum() + lif.V.value.to_decimal(u.mV).sum()

    with brainstate.environ.context(dt=1 * u.ms):
        mine, other = (jax.grad(loss)(5.0, how) for how in ("run", "update"))
        assert abs(other) > 0.1
        np.testing.assert_allclose(mine, other, rtol=1e-5)
        sharp = jax.grad(lambda a: loss_of_function(a, x))(2.0)
        assert np.isfinite(sharp)


def loss_of_function(alpha, x):
    lif = LIF(3, spk_fun=braintools.surrogate.Sigmoid(alpha))
    lif.init_state(2)
    return lif.run(x).sum()


@SPIKING
def test_inside_jit_grad_and_vmap(kind):
    x = jnp.asarray(noise(12, 4, 2, 3))

    def loss(x):
        neuron = kind(3)
        neuron.init_state(2)
        return (neuron.run(x * u.mA) * jnp.arange(3.0)).sum()

    with brainstate.environ.context(dt=1 * u.ms):
        each = jnp.stack([jax.grad(loss)(x[:, i]) for i in range(4)], axis=1)
        found = jax.jit(jax.vmap(jax.grad(loss), in_axes=1, out_axes=1))(x)
    assert np.abs(each).max() > 0
    np.testing.assert_allclose(found, each, atol=1e-5)


def test_the_gradient_may_be_taken_outside_of_the_context():
    def spikes(x):
        lif = LIF(3)
        lif.init_state(2)
        return lif.run(x * u.mA)

    x = jnp.asarray(noise(12, 2, 3))
    with brainstate.environ.context(dt=1 * u.ms):
        y, transposed = jax.vjp(spikes, x)
        (inside,) = transposed(jnp.ones_like(y))
    with brainstate.environ.context(dt=7 * u.ms):
        (other,) = transposed(jnp.ones_like(y))
    (outside,) = transposed(jnp.ones_like(y))
    np.testing.assert_array_equal(inside, outside)
    np.testing.assert_array_equal(inside, other)


@EACH
def test_spiking_kinds_note_their_activity(kind):
    x = noise(12, 2, 3) * u.mA
    with brainstate.environ.context(dt=1 * u.ms), recording() as seen:
        neuron = kind(3, name="cells")
        neuron.init_state(2)
        y = neuron.run(x)
        neuron.update(x[0])
    if kind is LI:
        assert seen == {} and u.get_dim(y) == u.mV.dim
    else:
        assert {name: float(mean) for name, mean in seen.items()} == {"cells": pytest.approx(float(y.mean()))}


BAD = [
    ("tau", 0.0 * u.ms, "LX104", (LIF, IF, LIFRef, LI, CubaLIF)),
    ("tau_syn", -1.0 * u.ms, "LX104", (CubaLIF,)),
    ("tau_syn", np.array([1.0, 0.0, 1.0]) * u.ms, "LX104", (CubaLIF,)),
    ("tau_ref", -1.0 * u.ms, "LX104", (LIFRef,)),
    ("tau_ref", 3.0, "LX109", (LIFRef,)),
    ("tau_syn", 3.0 * u.mV, "LX109", (CubaLIF,)),
    ("g_initializer", 0.5, "LX109", (CubaLIF,)),
    ("g_initializer", 0.5 * u.mV, "LX109", (CubaLIF,)),
    ("g_initializer", None, "LX006", (CubaLIF,)),
    ("R", 1.0 * u.ohm, "LX109", (IAF,)),
    ("R", 1.0 * u.ohm / u.ms, "LX109", (LIF, IF, LIFRef, LI, CubaLIF)),
    ("R", float("nan") * u.ohm, "LX101", (LIF, LI)),
    ("R", "1 ohm", "LX006", KINDS),
    ("V_th", 0.0 * u.mV, "LX105", (LIF, IF, IAF, LIFRef, CubaLIF)),
    ("V_th", -1.0 * u.mV, "LX105", (IF,)),
    ("V_th", np.ones(4) * u.mV, "LX102", (LIF, IF, IAF)),
    ("V_rest", 0.0, "LX109", (LI, LIFRef, CubaLIF)),
    ("V_initializer", 0.5, "LX109", KINDS),
    ("spk_reset", "sofd", "LX106", (LIF, IF, IAF, LIFRef, CubaLIF)),
    ("spk_fun", "relu", "LX006", (LIF, IF, IAF, LIFRef, CubaLIF)),
    ("spk_fun", surrogate.Arctan, "LX006", (IF, IAF, LIFRef, CubaLIF)),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "code"),
    [
        pytest.param(kind, field, value, code, id=f"{kind.__name__}-{field}-{i}")
        for i, (field, value, code, kinds) in enumerate(BAD)
        for kind in kinds
    ],
)
def test_bad_parameters_are_refused_by_name(kind, field, value, code):
    with pytest.raises(LifexportError) as caught:
        kind(3, name="cells", **{field: value})
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field) == (code, "cells", field)


@EACH
@pytest.mark.parametrize("how", ["run", "update"])
def test_bad_steps_are_refused_by_name(kind, how):
    def advance(neuron, x):
        return neuron.run(x[None]) if how == "run" else neuron.update(x)

    cells, bare = kind(3, name="cells"), plain(kind, name="bare")
    cells.init_state(2)
    with brainstate.environ.context(dt=1.0):
        bare.init_state(2)
    good, numbers = np.ones((2, 3), np.float32) * u.mA, np.ones((2, 3), np.float32)
    for dt, error, said in [
        (None, ParameterError, r"LX103.*cells\.dt: none.*context\(dt=1 \* u.ms\)"),
        (0 * u.ms, ParameterError, r"LX103.*cells\.dt: dt = 0"),
        (-1 * u.ms, ParameterError, r"LX103.*cells\.dt"),
        (float("nan") * u.ms, ParameterError, r"LX103.*cells\.dt"),
        (1.0, UnitError, r"LX109.*cells\.dt: no unit; fix: give dt in ms"),
        (1 * u.mV, UnitError, r"LX109.*cells\.dt: unit mV"),
    ]:
        with brainstate.environ.context(dt=dt), pytest.raises(error, match=said):
            advance(cells, good)
    with brainstate.environ.context(dt=1 * u.ms):
        with pytest.raises(UnitError, match=r"LX109.*bare\.dt: unit ms; fix: give dt without unit"):
            advance(bare, numbers)
        for x in (numbers, numbers * u.mV):
            with pytest.raises(UnitError, match=r"LX109.*cells\.x: .*fix: give a current"):
                advance(cells, x)
        with pytest.raises(ShapeError, match=r"LX102.*cells\.x: shape \(2, 4\) for a membrane of shape \(2, 3\)"):
            advance(cells, np.ones((2, 4), np.float32) * u.mA)
    with brainstate.environ.context(dt=1.0), pytest.raises(UnitError, match=r"LX109.*bare\.x: unit mA.*plain numbers"):
        advance(bare, good)


@EACH
@pytest.mark.parametrize("shape", [(), (0, 2, 3)])
def test_no_step_is_no_sequence(kind, shape):
    cells = kind(3, name="cells")
    cells.init_state(2)
    with (
        brainstate.environ.context(dt=1 * u.ms),
        pytest.raises(ShapeError, match=r"LX102.*cells\.x: shape .*fix: .*\(time, batch\)"),
    ):
        cells.run(np.ones(shape, np.float32) * u.mA)


def test_a_random_current_without_its_unit_is_refused_when_drawn():
    cells = CubaLIF(3, name="cells", g_initializer=brainstate.nn.init.Uniform(0.0, 0.5))
    with pytest.raises(UnitError, match=r"LX109.*cells\.g_initializer: no unit; fix: give it in mA"):
        cells.init_state()


def test_a_refractory_neuron_that_stays_above_threshold_fires_on():
    """Soft reset from 3.5 V_th: held at 2.5 and 1.5, fired again each time, and the wait begins anew."""
    cells = LIFRef(1, tau_ref=3 * u.ms)
    cells.init_state()
    with brainstate.environ.context(dt=1 * u.ms):
        cells.add_delta_input("jump", 3.5 * u.mV)
        fired = [int(cells.update(0.0 * u.mA)[0]) for _ in range(8)]
        assert fired == [1, 1, 1, 0, 0, 0, 0, 0]
        v = float(cells.V.value.to_decimal(u.mV)[0])
    # Held at 0.5 in the two steps after the last spike, then three steps of leak.
    assert v == pytest.approx(0.5 * np.exp(-3 / 5), rel=1e-5)


def test_a_filtered_current_lasts():
    past, through = CubaLIF(1), CubaLIF(1, filtered=True)
    with brainstate.environ.context(dt=1 * u.ms):
        for cells in (past, through):
            cells.init_state()
            cells.run([[1.0], [0.0]] * u.mA)
    decay = np.exp(-1 / 5)
    assert past.g.value.to_decimal(u.mA).tolist() == [0.0]
    np.testing.assert_allclose(through.g.value.to_decimal(u.mA), [decay], rtol=1e-6)
    np.testing.assert_allclose(past.V.value.to_decimal(u.mV), [(1 - decay) * decay], rtol=1e-5)
    np.testing.assert_allclose(through.V.value.to_decimal(u.mV), [(1 - decay) * 2 * decay], rtol=1e-5)


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_an_integrator_is_its_equation(reset):
    rng = np.random.default_rng(3)
    x, jumps = rng.normal(0.3, 0.5, (200, 4, 3)), rng.normal(0.0, 0.2, (200, 4, 3))
    gain, top, low = np.linspace(0.5, 2.0, 3), 1.2, -0.3
    with brainstate.environ.context(precision=64, dt=0.5 * u.ms):
        given = {"R": gain * u.ohm / u.ms, "V_th": top * u.mV, "V_reset": low * u.mV}
        cells = IAF(3, spk_reset=reset, **given)
        cells.init_state(4)
        v, fires = np.zeros((4, 3)), 0
        for now, jump in zip(x, jumps, strict=True):
            cells.add_delta_input("jump", jump * u.mV)
            spikes = cells.update(now * u.mA)
            fired = v >= top
            v = np.where(fired, low if reset == "hard" else v - (top - low), v) + 0.5 * gain * now + jump
            np.testing.assert_allclose(cells.V.value.to_decimal(u.mV), v, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(spikes, v >= top)
            fires += (v >= top).mean()
    assert 0.01 < fires / 200 < 0.6


def test_an_integrator_forgets_nothing():
    cells = IAF(1, V_th=100.0 * u.mV)
    cells.init_state()
    with brainstate.environ.context(dt=0.5 * u.ms):
        cells.run(np.float32([[1.0]] + [[0.0]] * 50) * u.mA)
    assert cells.V.value.to_decimal(u.mV).tolist() == [0.5]


def test_a_leaky_integrator_is_its_equation():
    x = np.random.default_rng(4).normal(0.3, 2.0, (100, 4, 3))
    tau, rest, start = np.linspace(2.0, 20.0, 3), np.array([0.1, -0.2, 0.0]), np.array([1.0, 0.0, -1.0])
    with brainstate.environ.context(precision=64, dt=0.5 * u.ms):
        given = {"tau": tau * u.ms, "V_rest": rest * u.mV, "V_initializer": start * u.mV}
        cells = LI(3, R=2.0 * u.ohm, **given)
        cells.init_state(4)
        found = np.asarray(cells.run(x * u.mA).to_decimal(u.mV))
    decay, v = np.exp(-0.5 / tau), np.broadcast_to(start, (4, 3))
    for now, mine in zip(x, found, strict=True):
        v = rest + decay * (v - rest) + (1 - decay) * 2.0 * now
        np.testing.assert_allclose(mine, v, rtol=0, atol=1e-12)


def test_a_chain_ends_in_a_readout():
    net = lx.Sequential(lx.Linear(4, 3), lx.LIF(3), lx.Linear(3, 2), lx.LI(2))
    brainstate.nn.init_all_states(net, batch_size=5)
    with brainstate.environ.context(dt=1 * u.ms):
        answer = net.run(np.ones((20, 5, 4), np.float32))
    assert answer.shape == (20, 5, 2) and u.get_dim(answer) == u.mV.dim
