"""``lifexport.LIF`` against the installed ``brainpy.state.LIF``, and against its own equation in NumPy."""

from __future__ import annotations

import inspect
import itertools

import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy.state import LIF as BrainpyLIF  # noqa: N811

from lifexport.errors import ParameterError, ShapeError, UnitError
from lifexport.train import LIF, Linear, Sequential, surrogate

STEPS = 300
SIZE = 12


def per_neuron(lo, hi, size=(SIZE,)):
    return np.linspace(lo, hi, int(np.prod(size))).reshape(size)


PARAMETERS = {
    "defaults": {},
    "rest and reset": {"tau": 8.0 * u.ms, "V_reset": -0.4 * u.mV, "V_rest": -0.2 * u.mV, "V_th": 0.9 * u.mV},
    "reset above rest": {"R": 1.5 * u.ohm, "V_reset": 0.3 * u.mV, "V_rest": -0.1 * u.mV},
    "per neuron": {
        "R": per_neuron(0.5, 2.0) * u.ohm,
        "tau": per_neuron(3.0, 30.0) * u.ms,
        "V_th": per_neuron(1.2, 0.6) * u.mV,
        "V_reset": per_neuron(-0.5, 0.4) * u.mV,
        "V_rest": per_neuron(0.3, -0.3) * u.mV,
        "V_initializer": per_neuron(-1.0, 2.5) * u.mV,
    },
    "other units": {"R": 0.002 * u.kohm, "tau": 0.01 * u.second, "V_th": 1e-3 * u.volt},
}
# Every parameter set meets both resets; time step, batch and extra inputs take turns.
RUNS = [
    (name, reset, dt, batch, extra)
    for (name, reset), dt, batch, extra in zip(
        itertools.product(PARAMETERS, ("soft", "hard")),
        itertools.cycle((1.0, 0.5, 0.1)),
        itertools.cycle((None, 3, 3, None)),
        itertools.cycle(("none", "delta", "current", "both", "both")),
        strict=False,
    )
]


def drive(batch, dt, seed=0):
    """Currents (mA) and jumps (mV) for ``STEPS`` steps, float64."""
    rng = np.random.default_rng(seed)
    shape = (STEPS, SIZE) if batch is None else (STEPS, batch, SIZE)
    jumps = rng.normal(0.0, 0.6, shape) * (rng.random(shape) < 0.1 * dt)
    return 1.8 + rng.normal(0.0, 1.5 / np.sqrt(dt), shape), jumps


def trajectory(lif, batch, extra, currents, jumps):
    """Membranes (mV) and spikes of every step."""
    lif.init_state(batch)
    if extra in ("current", "both"):
        lif.add_current_input("leak", lambda v: (0.2 * u.mV - v) * 0.3 / u.ohm)

    def step(current, jump):
        if extra in ("delta", "both"):
            lif.add_delta_input("jump", jump * u.mV)
        spikes = lif.update(current * u.mA)
        return lif.V.value.to_decimal(u.mV), spikes

    return [np.asarray(a) for a in brainstate.transform.for_loop(step, jnp.asarray(currents), jnp.asarray(jumps))]


@pytest.mark.parametrize(("name", "reset", "dt", "batch", "extra"), RUNS)
def test_every_step_is_brainpys(name, reset, dt, batch, extra):
    currents, jumps = drive(batch, dt)
    with brainstate.environ.context(precision=64, dt=dt * u.ms):
        ours, theirs = (
            trajectory(kind(SIZE, spk_reset=reset, **PARAMETERS[name]), batch, extra, currents, jumps)
            for kind in (LIF, BrainpyLIF)
        )
    assert ours[0].dtype == np.float64
    assert 0.01 <= theirs[1].mean() <= 0.6
    assert np.abs(ours[0] - theirs[0]).max() <= 1e-13
    np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_every_step_is_the_equation(reset):
    currents, jumps = drive(3, 0.5)
    with brainstate.environ.context(precision=64, dt=0.5 * u.ms):
        parameters = PARAMETERS["per neuron"]
        v_trace, s_trace = trajectory(LIF(SIZE, spk_reset=reset, **parameters), 3, "delta", currents, jumps)
    # In mV, ms, ohm, mA.
    r, tau, top, low, rest, v = (np.asarray(u.get_mantissa(value)) for value in parameters.values())
    decay = np.exp(-0.5 / tau)
    v = np.broadcast_to(v, (3, SIZE))
    for current, jump, v_found, s_found in zip(currents, jumps, v_trace, s_trace, strict=True):
        fired = v >= top
        v = np.where(fired, low if reset == "hard" else v - (top - low), v)
        v = rest + decay * (v - rest) + (1 - decay) * r * current + jump
        np.testing.assert_allclose(v_found, v, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(s_found, v >= top)
    assert 0.01 <= s_trace.mean() <= 0.6


def test_population_of_two_axes():
    parameters = {"tau": per_neuron(3.0, 30.0, (2, 3)) * u.ms, "V_th": lambda size: np.full(size, 0.8) * u.mV}
    currents = np.random.default_rng(1).normal(1.0, 1.0, (50, 4, 2, 3))
    with brainstate.environ.context(precision=64, dt=1 * u.ms):
        ours, theirs = (
            trajectory(kind((2, 3), **parameters), 4, "none", currents, currents) for kind in (LIF, BrainpyLIF)
        )
    assert ours[0].shape == (50, 4, 2, 3)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(ours[1], theirs[1])


def counts(kind, weights, reset, spk_fun, x):
    """Output spikes summed over time, as a function of two weight matrices."""
    extra = {} if spk_fun is None else {"spk_fun": spk_fun}
    layers = [kind(w.shape[1], tau=6.0 * u.ms, V_reset=-0.2 * u.mV, spk_reset=reset, **extra) for w in weights]
    for layer in layers:
        layer.init_state(x.shape[1])

    def step(now):
        for w, layer in zip(weights, layers, strict=True):
            now = layer(now @ w * u.mA)
        return now

    return brainstate.transform.for_loop(step, x).sum(axis=0)


SURROGATES = [
    (None, None),
    (surrogate.Arctan(2.0), braintools.surrogate.Arctan(2.0)),
    (surrogate.Sigmoid(), braintools.surrogate.Sigmoid()),
]


@pytest.mark.parametrize("precision", [32, 64])
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize(("ours", "theirs"), SURROGATES, ids=["default", "Arctan", "Sigmoid"])
def test_gradients_of_two_layers_are_brainpys(ours, theirs, reset, precision):
    rng = np.random.default_rng(2)
    with brainstate.environ.context(precision=precision, dt=1.0 * u.ms):
        dtype = brainstate.environ.dftype()
        x = jnp.asarray(rng.random((40, 5, 16)) < 0.3, dtype)
        weights = [jnp.asarray(rng.normal(0.3, 0.8, shape), dtype) for shape in ((16, 20), (20, 6))]
        target = jnp.asarray(rng.normal(size=(5, 6)), dtype)

        def loss(kind, spk_fun, weights):
            fired = counts(kind, weights, reset, spk_fun, x)
            return (fired * target).sum(), fired

        (_, ours_fired), ours_slope = jax.value_and_grad(loss, argnums=2, has_aux=True)(LIF, ours, weights)
        (_, fired), slope = jax.value_and_grad(loss, argnums=2, has_aux=True)(BrainpyLIF, theirs, weights)
    assert 0.01 <= np.asarray(fired).mean() / 40 <= 0.6
    np.testing.assert_array_equal(ours_fired, fired)
    for mine, other in zip(map(np.asarray, ours_slope), map(np.asarray, slope), strict=True):
        assert mine.dtype == dtype
        assert np.abs(other).max() > 0
        assert np.abs(mine - other).max() <= 1e-5 * np.abs(other).max()


def test_constructor_is_brainpys():
    ours, theirs = (inspect.signature(kind.__init__).parameters for kind in (LIF, BrainpyLIF))
    assert list(ours) == [*theirs, "detach_reset"]
    assert ours["detach_reset"].kind is inspect.Parameter.KEYWORD_ONLY and ours["detach_reset"].default is False
    for name in ("R", "tau", "V_th", "V_reset", "V_rest", "spk_reset", "name"):
        assert str(ours[name].default) == str(theirs[name].default), name
    shape = (2, 3)
    for parameters in (ours, theirs):
        assert str(parameters["V_initializer"].default(shape)) == str(jnp.zeros(shape) * u.mV)
    mine, other = ours["spk_fun"].default, theirs["spk_fun"].default
    assert (type(mine).__name__, mine.alpha, mine.width) == (type(other).__name__, other.alpha, other.width)


def test_equality_fires_and_is_reset():
    with brainstate.environ.context(dt=1 * u.ms):
        for reset in ("soft", "hard"):
            lif = LIF(3, spk_reset=reset)
            lif.init_state()
            # Powers of two and one: no rounding anywhere.
            lif.add_delta_input("jump", np.array([np.nextafter(np.float32(1), 0), 1.0, 2.0], np.float32) * u.mV)
            assert lif.update().tolist() == [0, 1, 1]
            lif.update()
            after = lif.V.value.to_decimal(u.mV) / np.float32(np.exp(-1 / 5))
            np.testing.assert_allclose(after, [1, 0, {"soft": 1, "hard": 0}[reset]], atol=1e-6)


def test_get_spike_of_a_given_membrane():
    lif = LIF(2, V_th=0.75 * u.mV, V_reset=-0.25 * u.mV)
    lif.init_state()
    assert lif.get_spike().tolist() == [0, 0]
    assert lif.get_spike(np.array([0.75, 0.7499], np.float32) * u.mV).tolist() == [1, 0]


def test_without_any_units():
    kinds = (LIF, BrainpyLIF)
    plain = {"R": 2.0, "tau": 5.0, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0}
    found = []
    with brainstate.environ.context(dt=1.0):
        for kind in kinds:
            lif = kind(2, V_initializer=brainstate.nn.init.Constant(0.0), **plain)
            lif.init_state(1)
            found.append([(lif.update(np.float32([0.5, 3.0])).tolist(), lif.V.value.tolist()) for _ in range(9)])
    assert found[0] == found[1]
    assert found[0][-1][0] == [[0, 1]]


def test_state_is_made_and_reset():
    lif = LIF(3, V_initializer=brainstate.nn.init.Uniform(0.0, 0.5, unit=u.mV))
    assert lif.in_size == lif.out_size == lif.varshape == (3,)
    lif.init_state()
    assert isinstance(lif.V, brainstate.HiddenState)
    assert lif.V.value.shape == (3,)
    brainstate.nn.init_all_states(lif, batch_size=4)
    assert lif.V.value.shape == (4, 3)
    state, first = lif.V, lif.V.value
    brainstate.nn.reset_all_states(lif, batch_size=4)
    assert lif.V is state
    assert not (lif.V.value == first).any()


@pytest.mark.parametrize("start", [0.25 * u.mV, 1 * u.mV, np.float32([0.1, 0.2, 0.3]) * u.mV])
def test_initial_membrane_fills_its_shape(start):
    lif = LIF(3, V_initializer=start)
    lif.init_state(2)
    assert lif.V.value.shape == (2, 3)
    assert lif.V.value.dtype == jnp.float32
    np.testing.assert_array_equal(lif.V.value.to_decimal(u.mV)[1], np.broadcast_to(u.get_mantissa(start), 3))


def test_parameters_may_be_traced():
    with brainstate.environ.context(dt=1 * u.ms):

        def membrane(tau):
            lif = LIF(2, tau=tau * u.ms)
            lif.init_state()
            lif.update(1.0 * u.mA)
            return lif.V.value.to_decimal(u.mV).sum()

        slope = jax.jit(jax.grad(membrane))(5.0)
        np.testing.assert_allclose(slope, -2 * np.exp(-1 / 5) / 25, rtol=1e-5)


def test_constants_are_judged_inside_jit():
    with pytest.raises(ParameterError, match="LX104"):
        jax.eval_shape(lambda: LIF(2, tau=-1.0 * u.ms).tau)


NAN = float("nan")
PLAIN = {"R": 1.0, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0, "V_initializer": brainstate.nn.init.Constant(0.0)}
AT_START = "V_initializer", None
BAD = [
    ({"tau": 0.0 * u.ms}, ParameterError, "LX104", "tau", None),
    ({"tau": np.array([5.0, 0.0, -1.0]) * u.ms}, ParameterError, "LX104", "tau", (1,)),
    ({"tau": -5.0, **PLAIN}, ParameterError, "LX104", "tau", None),
    ({"V_th": 0.0 * u.mV}, ParameterError, "LX105", "V_th", None),
    ({"V_th": 1.0 * u.mV, "V_reset": 0.001 * u.volt}, ParameterError, "LX105", "V_th", None),
    ({"V_reset": np.array([0.0, 0.5, 1.0]) * u.mV}, ParameterError, "LX105", "V_th", (2,)),
    ({"spk_reset": "sofd"}, ParameterError, "LX106", "spk_reset", None),
    ({"spk_reset": None}, ParameterError, "LX106", "spk_reset", None),
    ({"R": NAN * u.ohm}, ParameterError, "LX101", "R", None),
    ({"tau": float("inf") * u.ms}, ParameterError, "LX101", "tau", None),
    ({"V_th": np.array([1.0, NAN, 1.0]) * u.mV}, ParameterError, "LX101", "V_th", (1,)),
    ({"V_reset": lambda size: np.full(size, -np.inf) * u.mV}, ParameterError, "LX101", "V_reset", (0,)),
    ({"V_rest": NAN * u.mV}, ParameterError, "LX101", "V_rest", None),
    ({"tau": 5.0 * u.mV}, UnitError, "LX109", "tau", None),
    ({"R": 5.0 * u.ms}, UnitError, "LX109", "R", None),
    ({"V_th": 1.0 * u.ohm}, UnitError, "LX109", "V_th", None),
    ({"tau": 10.0}, UnitError, "LX109", "tau", None),
    ({"R": 1.0}, UnitError, "LX109", "R", None),
    ({"R": lambda size: np.ones(size)}, UnitError, "LX109", "R", None),
    ({"V_th": 1.0}, UnitError, "LX109", "V_th", None),
    ({"V_reset": 0.0}, UnitError, "LX109", "V_reset", None),
    ({"V_rest": 0.0}, UnitError, "LX109", "V_rest", None),
    ({"R": 1.0, "tau": 5.0, "V_rest": 0.0}, UnitError, "LX109", "R", None),
    ({"tau": 5.0 * u.ms} | PLAIN, UnitError, "LX109", "tau", None),
    (PLAIN | {"tau": 5.0, "V_initializer": 0.0 * u.mV}, UnitError, "LX109", "V_initializer", None),
    (PLAIN | {"tau": 5.0, "V_initializer": brainstate.nn.init.Constant(0.0 * u.mV)}, UnitError, "LX109", *AT_START),
    ({"V_initializer": 0.5}, UnitError, "LX109", *AT_START),
    ({"V_initializer": np.zeros(3)}, UnitError, "LX109", *AT_START),
    ({"V_initializer": 5.0 * u.ms}, UnitError, "LX109", *AT_START),
    ({"V_initializer": brainstate.nn.init.Constant(0.5)}, UnitError, "LX109", *AT_START),
    ({"V_initializer": NAN * u.mV}, ParameterError, "LX101", *AT_START),
    ({"V_initializer": None}, ParameterError, "LX006", *AT_START),
    ({"V_initializer": brainstate.nn.Param(0.0 * u.mV)}, ParameterError, "LX006", *AT_START),
    ({"spk_fun": "relu"}, ParameterError, "LX006", "spk_fun", None),
    ({"spk_fun": None}, ParameterError, "LX006", "spk_fun", None),
    ({"spk_fun": surrogate.Arctan}, ParameterError, "LX006", "spk_fun", None),
    ({"tau": np.ones(4) * u.ms}, ShapeError, "LX102", "tau", None),
    ({"V_th": np.ones((2, 3)) * u.mV}, ShapeError, "LX102", "V_th", None),
    ({"R": None}, ParameterError, "LX006", "R", None),
    ({"R": "1 ohm"}, ParameterError, "LX006", "R", None),
    ({"R": 1j}, ParameterError, "LX006", "R", None),
    ({"R": np.array(["1", "2", "3"])}, ParameterError, "LX006", "R", None),
    ({"tau": brainstate.ParamState(5.0 * u.ms)}, ParameterError, "LX006", "tau", None),
    ({"tau": brainstate.nn.Param(5.0 * u.ms)}, ParameterError, "LX006", "tau", None),
]


@pytest.mark.parametrize(("given", "kind", "code", "field", "index"), BAD)
def test_bad_parameters_are_refused_by_name(given, kind, code, field, index):
    with pytest.raises(kind) as caught:
        LIF(3, name="hidden", **given)
    (finding,) = caught.value.findings
    assert (finding.code, finding.node, finding.field, finding.index) == (code, "hidden", field, index)


def test_both_sides_of_a_mixture_are_named():
    with pytest.raises(UnitError, match=r"hidden\.tau: no unit, but R has unit ohm; fix: give tau in ms, or every"):
        LIF(3, name="hidden", tau=10.0)
    with pytest.raises(UnitError, match=r"hidden\.tau: unit ms, but R has no unit; fix: give tau without unit, or"):
        LIF(3, name="hidden", tau=10.0 * u.ms, **PLAIN)


@pytest.mark.parametrize("size", [2.5, 0, -1, (3, 0), (), (2.5,), "3", None, np.array([3.0])])
def test_bad_sizes_are_refused_by_name(size):
    with pytest.raises(ShapeError, match=r"LX102.*hidden\.in_size: .*fix: give a positive integer"):
        LIF(size, name="hidden")


@pytest.mark.parametrize(("size", "shape"), [(3, (3,)), (np.int64(3), (3,)), ([2, 3], (2, 3)), ((1,), (1,))])
def test_good_sizes_are_accepted(size, shape):
    assert LIF(size).varshape == LIF(size).out_size == shape


def test_constants_may_be_initialisers_as_in_brainpy():
    constant = brainstate.nn.init.Constant(7.0 * u.ms)
    for kind in (LIF, BrainpyLIF):
        np.testing.assert_array_equal(kind(3, tau=constant).tau.to_decimal(u.ms), [7, 7, 7])


def test_building_a_layer_draws_no_random_numbers():
    brainstate.random.seed(0)
    LIF(3, V_initializer=brainstate.nn.init.Uniform(0.0, 0.5, unit=u.mV))
    after = brainstate.random.rand(3)
    brainstate.random.seed(0)
    np.testing.assert_array_equal(after, brainstate.random.rand(3))


def test_a_random_start_without_its_unit_is_refused_when_drawn():
    lif = LIF(3, name="hidden", V_initializer=brainstate.nn.init.Uniform(0.0, 0.5))
    with pytest.raises(UnitError, match=r"LX109.*hidden\.V_initializer: no unit; fix: .*V_th = 1"):
        lif.init_state()


def test_nearest_reset_is_offered():
    with pytest.raises(ValueError, match="did you mean 'soft'"):
        LIF(3, spk_reset="Soft")


def started(**given):
    lif = LIF(3, name="hidden", **given)
    lif.init_state()
    return lif


@pytest.mark.parametrize("dt", [None, 0.0 * u.ms, -1.0 * u.ms, NAN * u.ms, float("inf") * u.ms])
def test_missing_or_useless_dt_is_refused(dt):
    with (
        brainstate.environ.context(dt=dt),
        pytest.raises(ParameterError, match=r"LX103.*hidden\.dt.*context\(dt="),
    ):
        started().update(1 * u.mA)


def test_dt_never_set_is_refused():
    assert "dt" not in brainstate.environ.all()
    with pytest.raises(ParameterError, match="LX103"):
        started().update(1 * u.mA)


@pytest.mark.parametrize("dt", [1.0, 1.0 * u.mV])
def test_dt_of_the_wrong_unit_is_refused(dt):
    with brainstate.environ.context(dt=dt), pytest.raises(UnitError, match=r"LX109.*hidden\.dt"):
        started().update(1 * u.mA)


@pytest.mark.parametrize("x", [1.0, np.ones(3), 1.0 * u.mV])
def test_input_of_the_wrong_unit_is_refused(x):
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(UnitError, match=r"LX109.*hidden\.x"):
        started().update(x)


@pytest.mark.parametrize(
    ("size", "batch", "shape"),
    [
        (3, None, (4,)),
        (3, 2, (5,)),
        (3, 2, (4, 3)),
        (1, None, (5,)),
        (1, 2, (2, 5)),
        ((2, 3), None, (3, 2)),
        (3, 2, (2,)),
    ],
)
def test_a_current_of_another_shape_is_refused(size, batch, shape):
    lif = LIF(size, name="hidden")
    lif.init_state(batch)
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(ShapeError, match=r"LX102.*hidden\.x: shape \("):
        lif.update(np.ones(shape, np.float32) * u.mA)


@pytest.mark.parametrize(
    ("size", "batch", "shape"),
    [
        (3, None, ()),
        (3, 2, (3,)),
        (3, 2, (2, 1)),
        (3, 2, (2, 3)),
        (3, None, (5, 3)),
        (3, 1, (5, 3)),
        ((2, 3), 4, (2, 3)),
    ],
)
def test_what_broadcasts_is_brainpys(size, batch, shape):
    current = np.random.default_rng(3).normal(2.0, 2.0, shape).astype(np.float32) * u.mA
    found = []
    with brainstate.environ.context(dt=1 * u.ms):
        for kind in (LIF, BrainpyLIF):
            lif = kind(size)
            # brainpy adds up the derivative over an axis that the membrane does not have yet: it begins with it.
            lif.init_state(shape[0] if kind is BrainpyLIF and shape[:-1] == (5,) else batch)
            found.append((np.asarray(lif.update(current)), lif.V.value.to_decimal(u.mV)))
    np.testing.assert_array_equal(*(spikes for spikes, _ in found), strict=True)
    np.testing.assert_array_equal(*(np.asarray(v) for _, v in found), strict=True)


@pytest.mark.parametrize(
    ("start", "kind"), [(0.0, UnitError), (0.0 * u.ms, UnitError), (np.zeros(4) * u.mV, ShapeError)]
)
def test_bad_initial_membrane_is_refused(start, kind):
    with pytest.raises(kind, match=r"hidden\.V_initializer"):
        started(V_initializer=start)


def test_in_a_chain_the_layer_is_named():
    net = Sequential(Linear(2, 3), LIF(3))
    brainstate.nn.init_all_states(net)
    with pytest.raises(ParameterError, match=r"LX103.*(LIF|layers\[1\])\.dt"):
        net(np.ones(2, np.float32))
