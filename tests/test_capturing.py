"""From modules to numbers; what runs in brainstate and what was captured are the same network."""

from __future__ import annotations

import brainpy
import brainstate
import brainunit as u
import numpy as np
import pytest

import lifexport as lx
from lifexport.errors import ParameterError, ShapeError, UnitError, UnknownNameError, UnsupportedError


def chain(lif=lx.LIF, linear=lx.Linear, sequential=lx.Sequential, **fields):
    unit = {"unit": u.mA} if linear is lx.Linear else {}
    fields = {"tau": 8.0 * u.ms, "R": 2.0 * u.ohm} | fields
    return sequential(linear(12, 9, **unit), lif(9, **fields), linear(9, 4, **unit), lif(4, **fields))


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
    import brainpy.state

    brainstate.random.seed(0)
    ours = chain()
    theirs = brainstate.nn.Sequential(
        brainstate.nn.Linear(12, 9),
        brainpy.state.LIF(9, tau=8.0 * u.ms, R=2.0 * u.ohm),
        brainstate.nn.Linear(9, 4),
        brainpy.state.LIF(4, tau=8.0 * u.ms, R=2.0 * u.ohm),
    )
    for mine, other in zip(ours.layers[::2], theirs.layers[::2], strict=True):
        other.weight.value = mine.weight.value
    a, b = lx.capture(ours, dt=1.0 * u.ms), lx.capture(theirs, dt=1.0 * u.ms)
    # brainstate's Linear has no unit: its numbers are SI amperes, ours milliamperes.
    assert list(a.nodes) == list(b.nodes)
    np.testing.assert_allclose(a.nodes["linear0"].weight, b.nodes["linear0"].weight * 1e-3, rtol=1e-7)
    assert lx.same(a.nodes["lif0"], b.nodes["lif0"])


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
    ],
)
def test_bad_dt(dt, kind, said):
    with pytest.raises(kind, match=said + r".*fix: capture\(net"):
        lx.capture(chain(), dt=dt)


def test_numbers_without_units_take_a_dt_without_unit():
    def bare(n):
        return lx.LIF(n, R=1.0, tau=5e-3, V_th=1.0, V_reset=0.0, V_rest=0.0, V_initializer=lambda s: np.zeros(s))

    net = lx.Sequential(lx.Linear(3, 2, unit=u.UNITLESS), bare(2))
    assert lx.capture(net, dt=1e-3).nodes["lif0"].tau[0] == pytest.approx(5e-3)
    with pytest.raises(UnitError, match=r"LX109.*dt.*without units"):
        lx.capture(net, dt=1 * u.ms)


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
    import brainpy.state

    net = chain(lif=brainpy.state.LIF, linear=brainstate.nn.Linear, sequential=brainstate.nn.Sequential, **fields)
    with pytest.raises(ParameterError, match=said):
        lx.capture(net, dt=1 * u.ms)


def test_sizes():
    with pytest.raises(ShapeError, match=r"LX102.*in_size: 13.*\(12,\)"):
        lx.capture(chain(), dt=1 * u.ms, in_size=13)
    with pytest.raises(UnsupportedError, match=r"LX110.*ends in a Linear"):
        lx.capture(lx.Sequential(lx.Linear(3, 2), lx.LIF(2), lx.Linear(2, 2)), dt=1 * u.ms)


class Louder(lx.Linear):
    def update(self, x):
        return 2 * super().update(x)


@pytest.mark.parametrize(
    "layer", [lambda: Louder(9, 9), lambda: brainstate.nn.Dropout(0.5), lambda: brainstate.nn.ReLU(), lambda: np.tanh]
)
def test_what_is_not_understood_is_refused(layer):
    net = brainstate.nn.Sequential(lx.Linear(12, 9), lx.LIF(9, tau=5 * u.ms), layer(), lx.LIF(9, tau=5 * u.ms))
    with pytest.raises(UnsupportedError, match=r"LX110.*fix: build the network from"):
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
