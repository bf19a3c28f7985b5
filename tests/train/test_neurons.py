"""Every neuron kind against its sibling in the installed ``brainpy.state``, step by step and as a sequence."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass, field
from typing import Any

import brainpy.state
import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport import train
from lifexport.train import surrogate

pytestmark = pytest.mark.sampled

STEPS = 200
SIZE = 12


def spread(lo, hi):
    return np.linspace(lo, hi, SIZE)


@dataclass
class Kind:
    """A neuron, its sibling, and what is its own."""

    name: str
    own: dict[str, Any] = field(default_factory=dict)
    """Parameters the plain case has beside the defaults."""
    each: dict[str, Any] = field(default_factory=dict)
    """Parameters of each neuron's own."""
    without: tuple[str, ...] = ()
    """Parameters of the others that it lacks."""
    delta: Any = u.mV
    drive: float = 1.8
    resets: tuple[str, ...] = ("soft", "hard")

    @property
    def ours(self):
        return getattr(train, self.name)

    @property
    def theirs(self):
        return getattr(brainpy.state, self.name)

    def cases(self):
        """Name and parameters of every case."""
        cases = {
            "plain": {"tau": 8.0 * u.ms},
            "shifted": {"tau": 8.0 * u.ms, "V_reset": -0.4 * u.mV, "V_rest": -0.2 * u.mV, "V_th": 0.9 * u.mV},
            "reset above rest": {"R": 1.5 * u.ohm, "V_reset": 0.3 * u.mV, "V_rest": -0.1 * u.mV},
            "each": {
                "R": spread(0.5, 2.0) * u.ohm,
                "tau": spread(3.0, 30.0) * u.ms,
                "V_th": spread(1.2, 0.6) * u.mV,
                "V_reset": spread(-0.5, 0.4) * u.mV,
                "V_rest": spread(0.3, -0.3) * u.mV,
                "V_initializer": spread(-1.0, 2.5) * u.mV,
                **self.each,
            },
            "other units": {"R": 0.002 * u.kohm, "tau": 0.01 * u.second, "V_th": 1e-3 * u.volt},
        }
        for name, given in cases.items():
            yield name, {a: b for a, b in {**self.own, **given}.items() if a not in self.without}


KINDS = {
    kind.name: kind
    for kind in (
        Kind("LIF"),
        Kind("IF", without=("V_reset", "V_rest")),
        # Times of which the differences are exact, or no multiple of dt, so that brainpy's t - last is no matter.
        Kind("LIFRef", {"tau_ref": 2.05 * u.ms}, {"tau_ref": spread(0.0, 5.77) * u.ms}),
        Kind(
            "CubaLIF",
            {"tau_syn": 3.0 * u.ms},
            {"tau_syn": spread(1.0, 9.0) * u.ms, "g_initializer": spread(-1.0, 1.0) * u.mA},
            delta=u.mA,
        ),
    )
}
CASES = [
    (kind.name, case, reset, dt, batch, extra)
    for kind in KINDS.values()
    for (case, reset), dt, batch, extra in zip(
        [(name, reset) for name, _ in kind.cases() for reset in kind.resets],
        (1.0, 0.5, 0.1) * 4,
        (None, 3, 3, None) * 3,
        ("both", "none", "delta", "current", "both") * 2,
        strict=False,
    )
]
EACH = pytest.mark.parametrize(("name", "case", "reset", "dt", "batch", "extra"), CASES)


def drive(kind, batch, dt, seed=0):
    """Currents (mA) and jumps for ``STEPS`` steps, float64."""
    rng = np.random.default_rng(seed)
    shape = (STEPS, SIZE) if batch is None else (STEPS, batch, SIZE)
    jumps = rng.normal(0.0, 0.6, shape) * (rng.random(shape) < 0.1 * dt)
    return kind.drive + rng.normal(0.0, 1.5 / np.sqrt(dt), shape), jumps


def with_inputs(neuron, extra):
    if extra in ("current", "both"):
        neuron.add_current_input("leak", lambda v: (0.2 * u.mV - v) * 0.3 / u.ohm)


def trajectory(neuron, kind, batch, extra, currents, jumps, dt):
    """Membranes (mV) and spikes of every step, and the states after the last."""
    neuron.init_state(batch)
    with_inputs(neuron, extra)

    def step(i, current, jump):
        if extra in ("delta", "both"):
            neuron.add_delta_input("jump", jump * kind.delta)
        with brainstate.environ.context(t=i * dt * u.ms):
            spikes = neuron.update(current * u.mA)
        return neuron.V.value.to_decimal(u.mV), spikes

    index = jnp.arange(len(currents)).astype(brainstate.environ.dftype())
    return [
        np.asarray(a) for a in brainstate.transform.for_loop(step, index, jnp.asarray(currents), jnp.asarray(jumps))
    ]


@EACH
def test_every_step_is_brainpys(name, case, reset, dt, batch, extra):
    kind = KINDS[name]
    currents, jumps = drive(kind, batch, dt)
    with brainstate.environ.context(precision=64, dt=dt * u.ms):
        parameters = dict(kind.cases())[case]
        ours, theirs = (
            trajectory(cls(SIZE, spk_reset=reset, **parameters), kind, batch, extra, currents, jumps, dt)
            for cls in (kind.ours, kind.theirs)
        )
    assert ours[0].dtype == np.float64
    assert 0.01 <= theirs[1].mean() <= 0.6
    assert np.abs(ours[0] - theirs[0]).max() <= 1e-13
    np.testing.assert_array_equal(ours[1], theirs[1])


@EACH
def test_a_sequence_is_its_steps(name, case, reset, dt, batch, extra):
    kind = KINDS[name]
    currents, jumps = drive(kind, batch, dt)
    with brainstate.environ.context(precision=64, dt=dt * u.ms):
        parameters = dict(kind.cases())[case]
        once, often = (kind.ours(SIZE, spk_reset=reset, **parameters) for _ in range(2))
        _, spikes = trajectory(often, kind, batch, extra.replace("delta", "none"), currents, jumps * 0, dt)
        once.init_state(batch)
        with_inputs(once, extra)
        found = [once.run(part * u.mA) for part in np.split(currents, [1, 120])]
    np.testing.assert_array_equal(np.concatenate(found), spikes)
    for one, other in zip(*(neuron.states(brainstate.State).values() for neuron in (once, often)), strict=True):
        a, b = (np.asarray(u.get_mantissa(state.value)) for state in (one, other))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13, strict=True)


def slopes(neuron, how, x, target, late, dt=1.0):
    """Gradients with respect to the currents of a loss of all spikes and of the last membrane."""

    def steps(x):
        def step(i, now):
            with brainstate.environ.context(t=i * dt * u.ms):
                return neuron.update(now * u.mA)

        return brainstate.transform.for_loop(step, jnp.arange(len(x)).astype(x.dtype), x)

    def loss(x, start):
        neuron.init_state(x.shape[1])
        neuron.V.value = neuron.V.value + start * u.mV
        spikes = neuron.run(x * u.mA) if how == "run" else steps(x)
        return (spikes * target).sum() + (neuron.V.value.to_decimal(u.mV) * late).sum(), spikes

    (_, spikes), slope = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(x, jnp.zeros_like(x[0]))
    return [np.asarray(a) for a in (spikes, *slope)]


def sensitive(kind, precision, seed=2):
    rng = np.random.default_rng(seed)
    dtype = {32: np.float32, 64: np.float64}[precision]
    x = jnp.asarray(rng.normal(kind.drive, 1.5, (60, 3, SIZE)), dtype)
    return x, jnp.asarray(rng.normal(size=x.shape), dtype), jnp.asarray(rng.normal(size=x.shape[1:]), dtype)


def close(mine, other, within=1e-5):
    assert np.abs(other).max() > 0
    assert mine.dtype == other.dtype
    assert np.abs(mine - other).max() <= within * np.abs(other).max()


FUNCTIONS = {
    "default": ({}, {}),
    "Arctan": ({"spk_fun": surrogate.Arctan(2.0)}, {"spk_fun": braintools.surrogate.Arctan(2.0)}),
    "braintools' own": ({"spk_fun": braintools.surrogate.Sigmoid()}, {"spk_fun": braintools.surrogate.Sigmoid()}),
}


SLOPES = [
    (name, case, reset, functions, precision)
    for name in KINDS
    for (case, reset), functions, precision in zip(
        itertools.product(("each", "shifted"), ("soft", "hard")),
        ("default", "Arctan", "braintools' own", "default"),
        (32, 64, 32, 32),
        strict=True,
    )
]


@pytest.mark.parametrize(("name", "case", "reset", "functions", "precision"), SLOPES)
def test_gradients_are_brainpys(name, case, reset, functions, precision):
    kind = KINDS[name]
    with brainstate.environ.context(precision=precision, dt=1.0 * u.ms):
        ours, theirs = ({**dict(kind.cases())[case], "spk_reset": reset, **more} for more in FUNCTIONS[functions])
        data = sensitive(kind, precision)
        wanted = slopes(kind.theirs(SIZE, **theirs), "update", *data)
        for how in ("update", "run"):
            found = slopes(kind.ours(SIZE, **ours), how, *data)
            np.testing.assert_array_equal(found[0], wanted[0])
            for mine, other in zip(found[1:], wanted[1:], strict=True):
                close(mine, other, {32: 1e-5, 64: 1e-12}[precision])
    assert 0.01 <= wanted[0].mean() <= 0.6


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("name", [*KINDS, "IAF"])
def test_a_detached_reset_passes_no_gradient(name, reset):
    """``run`` and the steps agree, and differ from the default, by what flows through the spike that resets."""
    kind = KINDS.get(name, Kind("IAF"))
    drift = {"V_reset": -0.4 * u.mV, "R": 0.3 * u.ohm / u.ms} if name == "IAF" else dict(kind.cases())["shifted"]
    with brainstate.environ.context(precision=32, dt=1.0 * u.ms):
        data = sensitive(kind, 32)
        attached, detached = (
            [
                slopes(kind.ours(SIZE, spk_reset=reset, detach_reset=cut, **drift), how, *data)
                for how in ("update", "run")
            ]
            for cut in (False, True)
        )
    for steps, once in (attached, detached):
        np.testing.assert_array_equal(steps[0], once[0])
        close(once[1], steps[1])
        close(once[2], steps[2])
    np.testing.assert_array_equal(attached[0][0], detached[0][0])
    assert np.abs(attached[0][1] - detached[0][1]).max() > 1e-3 * np.abs(attached[0][1]).max()


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("cut", [False, True])
def test_gradients_are_those_of_the_equation(reset, cut):
    """A scan written here, differentiated by JAX."""
    top, low, rest, tau, gain = 0.9, -0.4, -0.2, 8.0, 1.0
    fire = surrogate.Arctan(2.0)
    lif = train.LIF(
        SIZE,
        tau=tau * u.ms,
        V_th=top * u.mV,
        V_reset=low * u.mV,
        V_rest=rest * u.mV,
        spk_fun=fire,
        spk_reset=reset,
        detach_reset=cut,
    )
    x, target, late = sensitive(KINDS["LIF"], 32)

    def loss(x, v):
        def step(v, now):
            s = fire((v - top) / (top - low))
            s = jax.lax.stop_gradient(s) if cut else s
            v = v - ((top if reset == "soft" else jax.lax.stop_gradient(v)) - low) * s
            v = rest + np.exp(-1 / tau) * (v - rest) + (1 - np.exp(-1 / tau)) * gain * now
            return v, fire((v - top) / (top - low))

        v, spikes = jax.lax.scan(step, v, x)
        return (spikes * target).sum() + (v * late).sum()

    wanted = jax.grad(loss, argnums=(0, 1))(x, jnp.zeros_like(x[0]))
    with brainstate.environ.context(dt=1.0 * u.ms):
        found = slopes(lif, "run", x, target, late)
    for mine, other in zip(found[1:], wanted, strict=True):
        close(mine, np.asarray(other))


@pytest.mark.parametrize("name", KINDS)
def test_constructors_are_brainpys(name):
    kind = KINDS[name]
    ours, theirs = (inspect.signature(cls.__init__).parameters for cls in (kind.ours, kind.theirs))
    own = [name for name, parameter in ours.items() if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    assert list(ours) == [*theirs, *own]
    assert own == ["detach_reset", "filtered"][: len(own)] and not any(ours[name].default for name in own)
    for given in theirs:
        mine, other = ours[given].default, theirs[given].default
        if given.endswith("_initializer"):
            assert str(mine((2, 3))) == str(other((2, 3)))
        elif given == "spk_fun":
            assert (type(mine).__name__, mine.alpha, mine.width) == (type(other).__name__, other.alpha, other.width)
        else:
            assert str(mine) == str(other), given
