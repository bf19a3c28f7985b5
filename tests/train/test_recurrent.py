from __future__ import annotations

import brainpy.state
import brainstate
import brainunit as u
import numpy as np
import pytest
from train.sequences import check_gradients, check_run

from lifexport.errors import ShapeError, UnitError
from lifexport.train import LIF, Conv1d, Linear, Recurrent, Sequential
from lifexport.train.activity import recording

pytestmark = pytest.mark.sampled


def cell(size=6, feedback=None, **fields):
    brainstate.random.seed(1)
    return Recurrent(LIF(size, tau=8.0 * u.ms, **fields), feedback or Linear(size, size))


def currents(*shape):
    return np.random.default_rng(0).normal(1.0, 2.0, shape) * u.mA


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_equals_its_equation(reset):
    with brainstate.environ.context(precision=64, dt=1.0 * u.ms):
        net = cell(spk_reset=reset)
        twin = LIF(6, tau=8.0 * u.ms, spk_reset=reset)
        x = currents(30, 4, 6)
        y = check_run(net, x, batch=4)
        brainstate.nn.init_all_states(twin, batch_size=4)
        before = np.zeros((4, 6))
        weight = np.asarray(net.feedback.weight.value["weight"])
        for now, found in zip(x, y, strict=True):
            before = np.asarray(twin(now + before @ weight * u.mA))
            np.testing.assert_array_equal(found, before)
        np.testing.assert_allclose(net.population.V.value.mantissa, twin.V.value.mantissa, rtol=0, atol=1e-12)
        assert 0.05 < y.mean() < 0.8


def test_a_start_above_threshold_is_no_spike_that_comes_back():
    net = cell(1, Linear(1, 1, w_init=np.full((1, 1), 100.0)), V_initializer=brainstate.nn.init.Constant(5.0 * u.mV))
    with brainstate.environ.context(dt=1.0 * u.ms):
        brainstate.nn.init_all_states(net, batch_size=1)
        first = net(np.zeros((1, 1)) * u.mA)
    assert float(net.population.V.value.mantissa[0, 0]) < 5 and first.tolist() == [[1.0]]


@pytest.mark.parametrize("kind", [LIF, brainpy.state.LIF])
def test_convolutions_chains_and_foreign_neurons_come_back_too(kind):
    with brainstate.environ.context(precision=64):
        brainstate.random.seed(1)
        back = Sequential(Conv1d((2, 5), 3, 3, padding=1, unit=None), Conv1d((3, 5), 2, 1))
        net = Recurrent(kind((2, 5), tau=8.0 * u.ms), back)
        x = currents(20, 3, 2, 5)
        check_run(net, x, batch=3)
        check_gradients(net, x, batch=3)


def test_states_follow_the_batch_and_the_run():
    net = cell()
    with brainstate.environ.context(dt=1.0 * u.ms):
        brainstate.nn.init_all_states(net, batch_size=3)
        assert net.spikes.value.shape == (3, 6)
        y = net.run(currents(9, 3, 6))
        np.testing.assert_array_equal(net.spikes.value, y[-1])
        brainstate.nn.reset_all_states(net, batch_size=2)
        assert net.spikes.value.shape == (2, 6) and not net.spikes.value.any()


def test_its_activity_is_noted_once():
    net = cell(name="hidden")
    with brainstate.environ.context(dt=1.0 * u.ms):
        brainstate.nn.init_all_states(net, batch_size=3)
        with recording() as seen:
            y = net.run(currents(9, 3, 6))
    assert list(seen) == ["hidden"] and float(seen["hidden"]) == pytest.approx(float(y.mean()))


@pytest.mark.parametrize(
    ("population", "feedback", "said"),
    [
        (LIF(3), Linear(4, 3), r"feedback Linear takes \(4,\), population LIF gives \(3,\)"),
        (LIF(3, name="a"), Linear(3, 4, name="b"), r"population a takes \(3,\), feedback b gives \(4,\)"),
        (LIF((2, 5)), Conv1d((2, 5), 2, 3), r"population LIF takes \(2, 5\), feedback Conv1d gives \(2, 3\)"),
    ],
)
def test_feedback_that_does_not_fit_is_refused(population, feedback, said):
    with pytest.raises(ShapeError, match=rf"LX102.*loop: {said}; fix: "):
        Recurrent(population, feedback, name="loop")


def test_errors_say_where():
    with brainstate.environ.context(dt=1.0 * u.ms):
        net = cell(3, Linear(3, 3, unit=None))
        brainstate.nn.init_all_states(net)
        with pytest.raises(UnitError, match=r"LX109.*feedback\.unit: no unit, the input has unit mA"):
            net(currents(3))
        net = cell(3, Linear(3, 3, unit=u.mV))
        brainstate.nn.init_all_states(net)
        with pytest.raises(UnitError, match=r"LX109.*LIF\.x: unit mV"):
            net(np.ones(3) * u.mV)
