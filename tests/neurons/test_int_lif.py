"""The integer step by hand, and what makes no integer neuron."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif

from lifexport.errors import ParameterError, RangeError, ShapeError
from lifexport.neurons import Arriving, Current, IntLIF, Leak, LIFState, Rules, Word
from lifexport.ops import NumpyOps
from lifexport.simulation.driving import drive

INT = {
    "shape": (2,),
    "decay": 3,
    "decay_bits": 2,
    "threshold": 8,
    "reset": "subtract",
    "reset_code": 8,
    "unit": Fraction(1),
    "state_bits": 8,
}


@pytest.mark.parametrize(
    ("change", "kind", "code", "where"),
    [
        ({"decay": -1}, RangeError, "LX204", "decay"),
        ({"decay": 5}, RangeError, "LX204", "decay"),
        ({"decay": 1.5}, ParameterError, "LX006", "decay"),
        ({"threshold": [1, 2, 3]}, ShapeError, "LX102", "threshold"),
        ({"v_initial": 128}, RangeError, "LX204", "v_initial"),
        ({"v_initial": -129}, RangeError, "LX204", "v_initial"),
        ({"rounding": "nearest"}, ParameterError, "LX106", "rounding"),
        ({"overflow": "clip"}, ParameterError, "LX106", "overflow"),
        ({"reset": "hard"}, ParameterError, "LX106", "reset"),
        ({"threshold": 9, "threshold_shift": 1}, RangeError, "LX204", "threshold"),
        ({"bias": 6, "bias_shift": 2}, RangeError, "LX204", "bias"),
    ],
)
def test_bad_integer_parameters(change, kind, code, where):
    with pytest.raises(kind, match=rf"{code}.*{where}.*fix: "):
        int_lif(**INT | change)


def step(lif: IntLIF, v: int, current: int) -> tuple[int, bool]:
    result = lif.step(NumpyOps(), LIFState(np.array([v, v])), Arriving.total(np.array([current, current])))
    return int(result.v[0]), bool(result.spikes[0])


@pytest.mark.parametrize(
    ("change", "v", "current", "expected"),
    [
        ({}, 7, 0, (5, False)),  # 21 / 4 down
        ({}, 8, 0, (0, False)),  # equality fires: the reset comes first
        ({}, 9, 8, (8, True)),  # (9 - 8) * 3/4 = 0, + 8: fires at equality again
        ({}, -1, 0, (-1, False)),
        ({"rounding": "toward_zero"}, -1, 0, (0, False)),
        ({"rounding": "half_up"}, -2, 0, (-1, False)),
        ({"rounding": "half_even"}, -2, 0, (-2, False)),
        ({"rounding": "half_even"}, 2, 0, (2, False)),
        ({"rounding": "half_up"}, 2, 0, (2, False)),
        ({"bias": 3}, 0, 1, (4, False)),
        ({}, 0, 300, (127, True)),
        ({}, 0, -300, (-128, False)),
        ({"overflow": "wrap"}, 0, 129, (-127, False)),
        ({"overflow": "wrap"}, 0, -129, (127, True)),
        ({"reset": "value", "reset_code": -4}, 8, 0, (-3, False)),
        ({"reset": "value", "reset_code": -4}, 7, 0, (5, False)),
        ({"threshold": -5}, -5, 0, (-10, False)),  # executable, if senseless: the step takes any integers
    ],
)
def test_one_step_by_hand(change, v, current, expected):
    assert step(int_lif(**INT | change), v, current) == expected


def test_the_initial_state_may_be_above_threshold():
    """The first step begins with its reset, like every other."""
    assert step(int_lif(**INT | {"v_initial": 20}), 20, 0) == (9, True)


CHIP = {"shape": (3,), "decay": 0, "threshold": 5, "reset_code": 5, "unit": Fraction(1)}


def run(lif: IntLIF, *currents) -> tuple[list, list]:
    """Membranes before reset and spikes of the first neuron."""
    driven = drive(lif, [Arriving.total(np.array([c, c, c])) for c in currents])
    return driven.v[:, 0].tolist(), driven.spikes[:, 0].tolist()


def chip(**rules) -> Rules:
    return Rules(**{"membrane": Word.signed(8), "leak": Leak(kind="none"), "reset_when": "step_end", **rules})


def test_a_membrane_kept_after_its_reset_is_not_judged_before_its_first_step():
    lif = IntLIF(rules=chip(reset="value"), **CHIP | {"v_initial": 40, "reset_code": 0})
    assert run(lif, -40, 1, 4, 0) == ([0, 1, 5, 0], [0, 0, 1, 0])


@pytest.mark.parametrize(("most", "spikes", "left"), [(1, 1, 18), (3, 3, 8), (31, 4, 3), (None, 4, 3)])
def test_a_step_of_several_spikes(most, spikes, left):
    assert run(IntLIF(rules=chip(max_spikes=most), **CHIP), 23, 0) == ([23, left], [spikes, min(left // 5, most or 9)])


def test_a_threshold_of_nothing_fires_as_often_as_it_can():
    lif = IntLIF(rules=chip(max_spikes=31), **CHIP | {"threshold": [0, -2, 0], "reset_code": [0, -2, 0]})
    driven = drive(lif, [Arriving.total(np.array([0, 0, -1]))])
    assert driven.spikes.tolist() == [[31, 31, 0]] and driven.v_post.tolist() == [[0, 62, -1]]


def test_a_neuron_that_waits_holds_zero():
    lif = IntLIF(rules=chip(reset="value", refractory=True), **CHIP | {"reset_code": 0, "refractory": 3})
    assert run(lif, 6, 6, 6, 6, 6) == ([6, 0, 0, 6, 0], [1, 0, 0, 1, 0])


def test_a_neuron_that_waits_where_its_reset_left_it():
    rules = {"reset": "value", "refractory": True, "waits_at": "membrane"}
    late = IntLIF(rules=chip(**rules), **CHIP | {"reset_code": -2, "refractory": 3})
    assert run(late, 6, 6, 6, 6, 9) == ([6, -2, -2, 4, 13], [1, 0, 0, 0, 1])
    soon = IntLIF(rules=chip(**rules, **{"reset_when": "next_step"}), **CHIP | {"reset_code": -2, "refractory": 3})
    assert run(soon, 6, 6, 6, 6, 9) == ([6, -2, -2, 4, 13], [1, 0, 0, 0, 1])


RELAX = {"shape": (3,), "threshold": 90, "reset_code": 0, "unit": Fraction(1), "bias": 3}


@pytest.mark.parametrize(
    ("leak", "gain", "v", "arriving", "expected"),
    [
        ({}, 0, 0, 5, 4),  # 8 - 8 * 1/2
        ({}, 0, 1, 5, 5),  # 8 - 3.5 down
        ({"rounding": "half_up"}, 0, 1, 5, 4),  # 8 - 3.5 up
        ({"rounding": "half_up"}, 0, 9, 5, 8),  # 8 - -0.5 up, to 0
        ({"rounding": "toward_zero"}, 0, 9, 5, 8),
        ({}, 0, 9, 5, 9),  # 8 - -0.5 down, to -1
        ({}, 0, 0, 200, 64),  # the input saturates at 127, half of it stays
        ({}, 0, -128, 200, 64),  # and so does the gap
        ({"gain_bits": 2}, 6, 0, 0, 3),  # 3 * 1.5 = 4.5 up, to 5; 5 - 2
        ({"gain_bits": 2}, 6, 0, -6, -2),  # -3 * 1.5 = -4.5 up, to -4; -4 + 2
        ({"gain_bits": 2}, 99, 0, 100, 64),  # the product saturates at 127
        ({"gain_bits": 2}, 99, 0, -100, -64),
    ],
)
def test_a_relaxation_by_hand(leak, gain, v, arriving, expected):
    rules = chip(leak=Leak(kind="toward_input", **{"bits": 2, **leak}))
    lif = IntLIF(rules=rules, **RELAX | {"gain": gain, "decay": 2, "v_initial": v})
    assert run(lif, arriving)[0] == [expected]


def test_the_bound_of_a_relaxation_holds_its_product():
    leak = Leak(kind="toward_input", bits=2, gain_bits=2)
    lif = IntLIF(rules=chip(leak=leak), **RELAX | {"gain": 99, "decay": 2})
    assert lif.step_bound(100) == 103 * 99 + 2
    assert lif.step_bound(1000) == 128 * 99 + 2  # what arrives is brought into the membrane's range first
    plain = IntLIF(rules=chip(leak=Leak(kind="toward_input", bits=2)), **RELAX | {"decay": 2})
    assert plain.step_bound(5) >= 2 * 128 and plain.step_bound(1000) == 1003


def test_the_product_saturates_where_sums_wrap():
    leak = Leak(kind="toward_input", bits=2, gain_bits=2)
    lif = IntLIF(rules=chip(leak=leak, membrane=Word.signed(8, "wrap")), **RELAX | {"gain": 8, "decay": 0})
    assert run(lif, 97, 98, 124, 125)[0] == [127, 127, 127, -128]
    lif = IntLIF(rules=chip(leak=leak, membrane=Word.signed(8, "wrap")), **RELAX | {"gain": 4, "decay": 2})
    assert run(lif, 97, -123, 0)[0] == [50, 93, 48]  # a gap of -170 is one of 86


def test_aliases_hand_on_what_they_emit_and_keep_what_has_no_room():
    lif = IntLIF(rules=chip(max_spikes=3), **CHIP | {"alias": [1, 2, -1]})
    driven = drive(lif, [Arriving.total(np.array([10, 10, 5]))])
    assert driven.spikes.tolist() == [[2, 3, 3]]
    driven = drive(lif, [Arriving.total(np.array([10, 10, 5])), Arriving.total(np.array([0, 0, 0]))])
    assert driven.v.tolist()[1] == [0, 5, 5]  # one spike of the second and the only one of the third were denied


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"current_decay": 1}, None, ""),
        ({"refractory": 1}, "LX204", "refractory"),
        ({"gain": 1}, "LX204", "gain"),
        ({"rules": chip(leak=Leak(kind="toward_input", bits=2)), "decay": 5}, "LX204", "decay"),
        ({"alias": [3, 0, 0]}, "LX204", "alias"),
        ({"alias": [0, 0]}, "LX102", "alias"),
        ({"rules": chip(max_spikes=None), "threshold": 0}, "LX204", "threshold"),
        ({"decay": 1}, "LX204", "decay"),
        ({"threshold": np.uint64(2**64 - 5)}, "LX204", "threshold"),
        ({"unit": 0}, "LX006", "unit"),
        ({"unit": 0.5}, "LX006", "unit"),
        ({"alias": [[-1, 0, 1]], "shape": (1, 3), "rules": chip(max_spikes=3)}, "LX006", "alias"),
        ({"alias": [-1, 0, 1], "rules": chip(max_spikes=None)}, "LX006", "alias"),
    ],
)
def test_bad_chip_parameters(change, code, where):
    given = {"rules": chip(), **CHIP} | change
    if code is None:
        assert IntLIF(**given).current_decay.size == 0
        return
    with pytest.raises((ParameterError, RangeError, ShapeError), match=rf"{code}.*{where}"):
        IntLIF(**given)


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ({"judged": "next_step_start"}, "reset_when"),
        ({"increment": Word.signed(8)}, "increment"),
        ({"increment": Word(lo=-100, hi=100)}, "increment: 201 values"),
        ({"max_spikes": -1}, "max_spikes"),
        ({"max_spikes": 1.5}, "max_spikes"),
        ({"leak": {"bits": -1}}, "bits"),
        ({"membrane": {"lo": 1.5, "hi": 3}}, "word"),
        ({"sum_word": Word.signed(8), "accumulate": "per_event"}, "sum_word"),
        ({"leak": {"kind": "linear", "at_least_one": True}}, "at_least_one"),
        ({"leak": {"gain_bits": 3}}, "gain_bits"),
        ({"leak": {"kind": "toward_input", "gain_bits": 0}}, "gain_bits"),
        ({"leak": {"kind": "toward_input"}, "accumulate": "per_event"}, "accumulate"),
        ({"leak": {"kind": "toward_input"}, "leak_on_fire": False}, "leak_on_fire"),
        ({"leak": {"kind": "toward_input"}, "current": Current(word=Word.signed(8), leak=Leak())}, "current"),
        ({"waits_at": "membrane"}, "waits_at"),
        ({"waits_at": "top", "refractory": True}, "waits_at"),
        ({"membrane": {"lo": 3, "hi": 2}}, "word"),
        ({"membrane": {"lo": 0, "hi": 6, "overflow": "wrap"}}, "word"),
    ],
)
def test_rules_that_exclude_each_other(rules, where):
    made = {"leak": Leak, "membrane": Word}
    with pytest.raises((ParameterError, RangeError), match=rf"LX(006|106|204).*{where}"):
        chip(**{name: made[name](**value) if isinstance(value, dict) else value for name, value in rules.items()})


def test_a_current_does_not_relax_towards_its_input():
    with pytest.raises(ParameterError, match=r"LX006.*leak"):
        Current(word=Word.signed(8), leak=Leak(kind="toward_input"))


def test_a_reset_that_waits_is_done_once():
    lif = IntLIF(rules=chip(reset_when="next_step"), **CHIP)
    assert run(lif, 17, 0, 0, 0, 1) == ([17, 12, 7, 2, 3], [1, 1, 1, 0, 0])
    assert drive(lif, [Arriving.total(np.array([17, 17, 17]))]).v_post.tolist() == [[12, 12, 12]]


def test_a_neuron_waits_no_longer_than_its_refractory_time():
    lif = IntLIF(rules=chip(reset="value", refractory=True), **CHIP | {"reset_code": 0, "refractory": 3})
    for waiting, good in ((3, True), (0, True), (4, False), (-1, False), (2**31 + 5, False)):
        state = lif.initial_state()._replace(waiting=np.full((1, 3), waiting))
        if good:
            lif.check_state(state)
        else:
            with pytest.raises(ParameterError, match=r"LX304.*waiting"):
                lif.check_state(state)
