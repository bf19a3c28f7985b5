"""From modules to numbers; what runs in brainstate and what was captured are the same network."""

from __future__ import annotations

import brainpy
import brainpy.state
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import LifexportError, ParameterError, ShapeError, UnitError, UnknownNameError, UnsupportedError


def chain(lif=lx.LIF, linear=lx.Linear, sequential=lx.Sequential, **fields):
    fields = {"tau": 8.0 * u.ms, "R": 2.0 * u.ohm} | fields
    return sequential(linear(12, 9), lif(9, **fields), linear(9, 4), lif(4, **fields))


def plain_lif(n, kind=lx.LIF, **fields):
    plain = {"R": 1.0, "tau": 5e-3, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0}
    return kind(n, **plain | {"V_initializer": brainstate.nn.init.Constant(0.0)} | fields)


def brainstate_linear(inputs, outputs):
    """brainstate's own layer, its weights in mA."""
    return brainstate.nn.Linear(inputs, outputs, brainstate.nn.init.KaimingNormal(unit=u.mA), b_init=None)


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_captured_network_runs_as_the_module_does(reset):
    rng = np.random.default_rng(0)
    x = (rng.random((60, 5, 12)) < 0.4).astype(np.float64)
    with brainstate.environ.context(precision=64, dt=1.0 * u.ms):
        brainstate.random.seed(1)
        potentials = {"V_th": 0.7 * u.mV, "V_reset": -0.2 * u.mV, "V_rest": -0.1 * u.mV}
        net = chain(spk_reset=reset, V_initializer=brainstate.nn.init.Constant(-0.1 * u.mV), **potentials)
        brainstate.nn.init_all_states(net, batch_size=5)
        rows = {1: [], 3: []}
        for step in x:
            net(step)
            for i, found in rows.items():
                found.append(np.asarray(net.layers[i].V.value / u.volt, np.float64))
        f = lx.capture(net, dt=1.0 * u.ms, in_size=12)
    trace = lx.simulate(f, x, record=("v", "spikes"))
    for i, name in ((1, "lif0"), (3, "lif1")):
        np.testing.assert_allclose(trace.v[name], np.stack(rows[i]), rtol=0, atol=1e-15)  # volt: 1e-12 of a mV
        assert 0.01 < trace.spikes[name].mean() < 0.6


def test_brainpys_own_layers_are_recognised():
    brainstate.random.seed(0)
    ours = chain()
    theirs = chain(brainpy.state.LIF, brainstate_linear, brainstate.nn.Sequential)
    for mine, other in zip(ours.layers[::2], theirs.layers[::2], strict=True):
        other.weight.value = {"weight": mine.weight.value["weight"] * u.mA}
    a, b = lx.capture(ours, dt=1.0 * u.ms), lx.capture(theirs, dt=1.0 * u.ms)
    assert lx.same(a, b)


def test_brainpys_own_layers_without_units():
    ours, theirs = lx.Sequential(lx.Linear(3, 2, unit=None), plain_lif(2)), brainstate.nn.Linear(3, 2, b_init=None)
    theirs.weight.value = ours.layers[0].weight.value
    theirs = brainstate.nn.Sequential(theirs, plain_lif(2, brainpy.state.LIF))
    assert lx.same(lx.capture(ours, dt=1e-3), lx.capture(theirs, dt=1e-3))


def test_units_become_si():
    f = lx.capture(chain(), dt=0.5 * u.ms)
    lif = f.nodes["lif0"]
    assert f.dt == 0.5e-3
    assert lif.tau[0] == pytest.approx(8e-3, rel=1e-7)
    assert lif.v_threshold[0] == pytest.approx(1e-3, rel=1e-7)
    assert (lif.reset, lif.compare, lif.discretisation) == ("subtract", ">=", "exponential_euler")


def test_names_and_ends():
    net = lx.Sequential(
        lx.Linear(3, 2, name="input"), lx.LIF(2, name="output", tau=5 * u.ms), lx.Linear(2, 2), lx.LIF(2, name="x")
    )
    assert list(lx.capture(net, dt=1 * u.ms).nodes) == ["input_", "input", "output", "linear1", "x", "output_"]
    net = lx.Sequential(lx.Linear(3, 2), lx.LIF(2, name="a"), lx.Linear(2, 2), lx.LIF(2, name="a"))
    with pytest.raises(ShapeError, match=r"LX107.*a: a second layer"):
        lx.capture(net, dt=1 * u.ms)


def test_nested_chains_are_flat():
    net = lx.Sequential(lx.Sequential(lx.Linear(3, 2), lx.LIF(2)), lx.Sequential(lx.Linear(2, 2), lx.LIF(2)))
    assert list(lx.capture(net, dt=1 * u.ms).nodes) == ["input", "linear0", "lif0", "linear1", "lif1", "output"]


def test_dt_may_come_from_the_environment():
    with brainstate.environ.context(dt=2 * u.ms):
        assert lx.capture(chain()).dt == 2e-3


@pytest.mark.parametrize(
    ("dt", "kind", "said"),
    [
        (None, ParameterError, r"LX103.*dt: none given"),
        (0 * u.ms, ParameterError, r"LX103.*dt"),
        (-1 * u.ms, ParameterError, r"LX103.*dt"),
        (float("nan") * u.ms, ParameterError, r"LX103.*dt"),
        (1e-3, UnitError, r"LX109.*dt.*with units"),
        (1 * u.mV, UnitError, r"LX109.*dt"),
        ("1 ms", ParameterError, r"LX103.*dt: '1 ms'"),
        (np.array([1.0, 1.0]) * u.ms, ParameterError, r"LX103.*dt"),
    ],
)
def test_bad_dt(dt, kind, said):
    with pytest.raises(kind, match=said + r".*fix: capture\(net"):
        lx.capture(chain(), dt=dt)


def test_numbers_without_units_take_a_dt_without_unit():
    net = lx.Sequential(lx.Linear(3, 2, unit=u.UNITLESS), plain_lif(2, V_initializer=lambda size: np.zeros(size)))
    assert lx.capture(net, dt=1e-3).nodes["lif0"].tau[0] == pytest.approx(5e-3)
    with pytest.raises(UnitError, match=r"LX109.*dt.*without units"):
        lx.capture(net, dt=1 * u.ms)
    with pytest.raises(ParameterError, match=r"LX103.*dt: '1 ms'"):
        lx.capture(net, dt="1 ms")


@pytest.mark.parametrize(
    "dt", [np.float32(0.25), np.float64(0.25), np.float16(0.25), np.array(0.25), jnp.float32(0.25)]
)
def test_dt_may_be_a_numpy_scalar(dt):
    f = lx.capture(lx.Sequential(lx.Linear(3, 2, unit=None), plain_lif(2)), dt=dt)
    assert type(f.dt) is float and f.dt == 0.25
    assert lx.capture(chain(), dt=dt * u.second).dt == 0.25


def unit_cases():
    their, mv = brainpy.state.LIF, u.mV
    start = brainstate.nn.init.Constant(0.5)
    yield "second layer's tau", (lx.Linear(4, 3), lx.LIF(3), lx.Linear(3, 2), their(2, tau=10.0)), "lif1.tau: no unit"
    yield "tau", (lx.Linear(4, 3), their(3, tau=10.0)), "lif0.tau: no unit, but R has unit ohm; fix: give tau in ms"
    yield "R", (lx.Linear(4, 3), their(3, R=1.0)), "lif0.R: no unit, but tau has unit ms"
    yield "tau in mV", (lx.Linear(4, 3), their(3, tau=5 * mv)), "lif0.tau: 5 mV; fix: give it in ms"
    yield "R in mV", (lx.Linear(4, 3), their(3, R=5 * mv)), "lif0.R: 5 mV; fix: give it in ohm"
    yield "V_rest in ms", (lx.Linear(4, 3), their(3, V_rest=5 * u.ms)), "lif0.V_rest: 5 ms; fix: give it in mV"
    yield "start in ms", (lx.Linear(4, 3), their(3, V_initializer=5 * u.ms)), "lif0.V_initializer: 5 ms"
    yield "start", (lx.Linear(4, 3), their(3, V_initializer=start)), "lif0.V_initializer: no unit, but R"
    yield "plain start in mV", (lx.Linear(4, 3, unit=None), plain_lif(3, their, V_initializer=0 * mv)), "V_initializer"
    random = brainstate.nn.init.Uniform(0.0, 0.5)
    yield "random start", (lx.Linear(4, 3), lx.LIF(3, V_initializer=random)), "lif0.V_initializer: no unit"
    yield (
        "brainstate",
        (brainstate.nn.Linear(4, 3), lx.LIF(3)),
        "linear0.unit: no unit into lif0, which takes a current",
    )
    yield "unit=None", (lx.Linear(4, 3, unit=None), lx.LIF(3)), "linear0.unit: no unit into lif0, .*; fix: .*unit=u.mA"
    yield "unit=mV", (lx.Linear(4, 3, unit=mv), lx.LIF(3)), "linear0.unit: unit mV into lif0"
    named = lx.LIF(2, name="last")
    yield (
        "second unit",
        (lx.Linear(4, 3), lx.LIF(3), lx.Linear(3, 2, unit=mv), named),
        "linear1.unit: unit mV into last",
    )
    yield "plain LIF", (lx.Linear(4, 3), plain_lif(3)), "linear0.unit: unit mA into lif0.*plain numbers; .*unit=None"
    yield "no Linear", (lx.Linear(3, 3), lx.LIF(3), lx.LIF(3)), "lif0.unit: no unit into lif1, which takes a current"
    yield "two Linear", (lx.Linear(4, 3), lx.Linear(3, 3), lx.LIF(3)), "linear0.unit: unit mA into linear1"
    passing = brainstate.nn.Linear(3, 3, b_init=None)
    yield "passing on", (lx.Linear(4, 3, unit=mv), passing, lx.LIF(3)), "linear1.unit: unit mV into lif0"
    squared = brainstate_linear(4, 3), brainstate_linear(3, 3), lx.LIF(3)
    yield "ampere squared", squared, "linear1.unit: unit mA.* into lif0"
    bias = brainstate.nn.Linear(4, 3, brainstate.nn.init.KaimingNormal(unit=u.mA))
    yield "bias", (bias, lx.LIF(3)), "linear0.bias: no unit, but the weighted inputs have unit mA"
    mixed = lx.Linear(4, 3), lx.LIF(3), lx.Linear(3, 2, unit=None), plain_lif(2)
    yield "two systems", mixed, "lif1.V_th: no unit, but lif0.V_th has unit mV; fix: give units to every layer"


UNIT_CASES = {name: (layers, said) for name, layers, said in unit_cases()}


@pytest.mark.parametrize("name", UNIT_CASES)
@pytest.mark.parametrize("dt", [1 * u.ms, 1e-3])
def test_units_must_fit(name, dt):
    layers, said = UNIT_CASES[name]
    carries = u.get_dim(next(layer for layer in layers if type(layer).__name__ == "LIF").V_th) != u.DIMENSIONLESS
    if carries != (u.get_dim(dt) != u.DIMENSIONLESS):
        said = ""  # Either is at fault, the layer or dt.
    with pytest.raises(UnitError, match=rf"LX109 .*{said}"):
        lx.capture(brainstate.nn.Sequential(*layers), dt=dt)


def test_brainstates_linear_passes_a_current_on():
    first = lx.Linear(4, 3, w_init=np.full((4, 3), 2.0))
    second = brainstate.nn.Linear(3, 3, np.full((3, 3), 5.0, np.float32), b_init=None)
    f = lx.capture(brainstate.nn.Sequential(first, second, lx.LIF(3)), dt=1 * u.ms)
    assert f.nodes["linear0"].weight[0, 0] * f.nodes["linear1"].weight[0, 0] == pytest.approx(10e-3)


def test_a_unit_that_brainstates_linear_ignores_is_ignored():
    linear = brainstate_linear(4, 3)
    linear.unit = u.kamp
    f = lx.capture(lx.Sequential(linear, lx.LIF(3)), dt=1 * u.ms)
    np.testing.assert_array_equal(
        f.nodes["linear0"].weight.T, np.float64(linear.weight.value["weight"].mantissa) * 1e-3
    )


@pytest.mark.parametrize(
    ("field", "value", "code", "said"),
    [
        ("V_th", 1 * u.ms, "LX109", r"lif0\.V_th: 1 ms"),
        ("V_th", 1.0, "LX109", r"lif0\.V_th: no unit"),
        ("R", 1 * u.siemens, "LX109", r"lif0\.R: 1 S"),
        ("tau", 5.0, "LX109", r"lif0\.tau: no unit"),
        ("tau", None, "LX006", r"lif0\.tau: NoneType"),
        ("tau", "5 ms", "LX006", r"lif0\.tau: str"),
        ("tau", -5 * u.ms, "LX104", r"lif0\.tau"),
        ("tau", np.ones(4) * u.ms, "LX102", r"lif0\.tau"),
        ("V_rest", np.array([0, np.nan, 0]) * u.mV, "LX101", r"lif0\.V_rest\[1\]"),
        ("V_initializer", 5 * u.ms, "LX109", r"lif0\.V_initializer: 5 ms"),
        ("V_initializer", brainstate.nn.init.Constant(0.5), "LX109", r"lif0\.V_initializer: no unit"),
        ("spk_reset", "sfot", "LX106", r"lif0\.spk_reset: spk_reset 'sfot'; fix: did you mean 'soft'"),
        ("spk_reset", None, "LX106", r"lif0\.spk_reset"),
    ],
)
def test_fields_changed_after_construction_are_judged(field, value, code, said):
    lif = lx.LIF(3)
    setattr(lif, field, value)
    with pytest.raises(LifexportError, match=f"{code}.*{said}"):
        lx.capture(lx.Sequential(lx.Linear(4, 3), lif), dt=1 * u.ms)


@pytest.mark.parametrize("unit", ["mA", None, 1 * u.mA])
def test_a_unit_changed_to_what_is_none(unit):
    linear = lx.Linear(4, 3)
    linear.unit = unit
    with pytest.raises(UnitError, match=r"LX109.*linear0\.unit.*fix: give a unit"):
        lx.capture(lx.Sequential(linear, lx.LIF(3)), dt=1 * u.ms)


def test_neurons_at_two_places_are_refused():
    shared = lx.LIF(4, name="shared")
    block = lx.Sequential(lx.Linear(4, 4), lx.LIF(4))
    for net, node in [
        (lx.Sequential(lx.Linear(4, 4), shared, lx.Linear(4, 4), shared), "shared"),
        (lx.Sequential(block, block), "lif1"),
    ]:
        with pytest.raises(UnsupportedError, match=rf"LX110.*{node}: the same neurons at two places.*fix: build a LIF"):
            lx.capture(net, dt=1 * u.ms)


@pytest.mark.parametrize(
    ("name", "other", "nodes"),
    [
        (None, None, ["linear0", "lif0", "linear1", "lif1"]),
        ("fc", None, ["fc", "lif0", "fc_", "lif1"]),
        ("fc", "fc_", ["fc", "lif0", "fc__", "fc_"]),
        (None, "linear1", ["linear0", "lif0", "linear1_", "linear1"]),
    ],
)
def test_shared_weights_are_as_many_nodes(name, other, nodes):
    shared = lx.Linear(4, 4, np.random.default_rng(1).uniform(0.4, 1.6, (4, 4)), name=name)
    net = lx.Sequential(shared, lx.LIF(4), shared, lx.LIF(4, name=other))
    x = (np.random.default_rng(0).random((60, 1, 4)) < 0.5).astype(np.float32)
    f = lx.capture(net, dt=1 * u.ms)
    assert list(f.nodes) == ["input", *nodes, "output"]
    assert lx.same(f.nodes[nodes[0]], f.nodes[nodes[2]])
    with brainstate.environ.context(dt=1 * u.ms):
        brainstate.nn.init_all_states(net, batch_size=1)
        spikes = np.stack([net(step) for step in x])
    assert 0.01 < spikes.mean() < 0.6
    np.testing.assert_array_equal(lx.simulate(f, x.astype(np.float64), record=("spikes",)).spikes[nodes[3]], spikes)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_diverged_weights_are_named(bad):
    net = chain()
    value = dict(net.layers[2].weight.value)
    value["weight"] = value["weight"].at[3, 1].set(bad)
    net.layers[2].weight.value = value
    with pytest.raises(ParameterError, match=r"LX101.*linear1\.weight\[1, 3\].*1 of 36"):
        lx.capture(net, dt=1 * u.ms)


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"tau": 0 * u.ms}, ParameterError, r"LX104.*tau"),
        ({"tau": -1 * u.ms}, ParameterError, r"LX104.*tau"),
        ({"tau": float("nan") * u.ms}, ParameterError, r"LX101.*tau"),
        ({"V_th": 0 * u.mV}, ParameterError, r"LX105.*V_th"),
        ({"V_th": 1 * u.mV, "V_reset": 1 * u.mV}, ParameterError, r"LX105"),
    ],
)
def test_bad_neurons(fields, kind, said):
    with pytest.raises(kind, match=said + ".*fix: "):
        chain(**fields)


def test_unknown_reset():
    with pytest.raises((ParameterError, UnknownNameError), match=r"LX106.*spk_reset.*did you mean 'soft'"):
        chain(spk_reset="sofft")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tau": -1 * u.ms}, r"LX104.*lif0\.tau"),
        ({"V_th": 0 * u.mV}, r"LX105.*lif0\.v_threshold"),
        ({"tau": float("nan") * u.ms}, r"LX101.*lif0\.tau"),
    ],
)
def test_brainpys_neurons_are_judged_at_capture(fields, said):
    net = chain(brainpy.state.LIF, brainstate_linear, brainstate.nn.Sequential, **fields)
    with pytest.raises(ParameterError, match=said):
        lx.capture(net, dt=1 * u.ms)


def test_sizes():
    with pytest.raises(ShapeError, match=r"LX102.*in_size: 13.*\(12,\)"):
        lx.capture(chain(), dt=1 * u.ms, in_size=13)
    with pytest.raises(UnsupportedError, match=r"LX110.*linear1: the network does not end in neurons"):
        lx.capture(lx.Sequential(lx.Linear(3, 2), lx.LIF(2), lx.Linear(2, 2)), dt=1 * u.ms)
    with pytest.raises(UnsupportedError, match=r"LX110.*does not end in neurons"):
        lx.capture(chain()[4:], dt=1 * u.ms)


class Louder(lx.Linear):
    def update(self, x):
        return 2 * super().update(x)


def test_what_is_not_understood_is_refused():
    net = lx.Sequential(lx.Linear(12, 9), lx.LIF(9), Louder(9, 9, name="loud"), lx.LIF(9))
    with pytest.raises(UnsupportedError, match=r"LX110.*loud: .*Louder; fix: build the network from"):
        lx.capture(net, dt=1 * u.ms)


def test_hidden_inputs_are_refused():
    net = chain()
    net.layers[1].add_current_input("noise", lambda *_: 1 * u.mA)
    with pytest.raises(UnsupportedError, match=r"LX110.*lif0.*current_inputs"):
        lx.capture(net, dt=1 * u.ms)


def test_a_random_start_is_drawn_once():
    start = brainstate.nn.init.Uniform(0.0, 0.5, unit=u.mV)
    f = lx.capture(chain(V_initializer=start), dt=1 * u.ms)
    drawn = f.nodes["lif0"].v_initial
    assert len(np.unique(drawn)) == 9 and (drawn >= 0).all() and (drawn <= 0.5e-3).all()


def test_the_installed_brainpy_is_the_one_tested():
    assert brainpy.__version__
