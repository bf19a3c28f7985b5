"""Registered inputs, side by side with those of ``brainpy.state.Dynamics``."""

from __future__ import annotations

import brainstate
import brainunit as u
import numpy as np
import pytest
from brainpy.state import Dynamics as BrainpyDynamics

from lifexport.errors import ParameterError
from lifexport.train import LIF
from lifexport.train.inputs import Dynamics


@pytest.mark.parametrize("kind", [Dynamics, BrainpyDynamics])
def test_sums_labels_and_what_is_used_up(kind):
    cell = kind(2)
    assert cell.current_inputs is None and cell.delta_inputs is None
    assert cell.sum_current_inputs(1.0) == 1.0
    cell.add_current_input("a", 10.0)
    cell.add_current_input("b", lambda v, gain=1.0: v * gain)
    cell.add_current_input("a", 100.0, label="east")
    cell.add_delta_input("c", 7.0)
    assert sorted(cell.current_inputs) == ["a", "b", "east // a"]
    assert cell.get_input("c") == 7.0
    assert cell.sum_current_inputs(0.0, 2.0, label="east", pop=False) == 100.0
    assert cell.sum_current_inputs(0.0, 2.0, gain=3.0) == 116.0
    assert cell.sum_current_inputs(0.0, 2.0) == 2.0
    assert (cell.sum_delta_inputs(0.0), cell.sum_delta_inputs(0.0)) == (7.0, 0.0)


@pytest.mark.parametrize("kind", [Dynamics, BrainpyDynamics])
def test_a_key_stands_for_one_input(kind):
    cell = kind(2)
    first = np.ones(2)
    for _ in range(2):
        cell.add_delta_input("a", first)
    with pytest.raises(ValueError, match="a"):
        cell.add_delta_input("a", np.ones(2))
    assert cell.get_input("a") is first
    with pytest.raises(ValueError, match="nothing"):
        cell.get_input("nothing")


def test_refusals_are_typed_and_name_what_exists():
    cell = Dynamics(2, name="cell")
    cell.add_current_input("a", 1.0)
    with pytest.raises(ParameterError, match=r"LX006.*cell\.key.*registered: a"):
        cell.get_input("b")


def test_a_failing_input_is_named():
    cell = Dynamics(2)
    cell.add_current_input("stimulus", 1.0 * u.mV)
    with pytest.raises(u.UnitMismatchError) as caught:
        cell.sum_current_inputs(1.0 * u.mA)
    assert caught.value.__notes__ == ["while adding the registered input 'stimulus'"]


def test_align_pre_runs_after_the_cell():
    first, second = LIF(2), LIF(2)
    assert first.align_pre(second) is second
    described = LIF.desc(tau=7.0 * u.ms)
    third = first.align_pre(described)
    assert first.align_pre(described) is third
    assert (third.varshape, third.tau) == ((2,), 7.0 * u.ms)
    with pytest.raises(TypeError, match="align_pre"):
        first.align_pre(np.sin)
    # Without units what a cell gives, plain numbers, is what the next one takes.
    plain = {"R": 1.0, "tau": 5.0, "V_th": 1.0, "V_reset": 0.0, "V_rest": 0.0, "V_initializer": 0.0}
    first, second = LIF(2, **plain), LIF(2, **plain)
    first.align_pre(second)
    with brainstate.environ.context(dt=1.0):
        for cell in (first, second):
            cell.init_state()
        first(20.0)
    assert second.V.value.round(4).tolist() == [np.float32(0.1813)] * 2
