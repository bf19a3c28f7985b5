"""The fast simulator where the quick bounds are not enough: it runs what the certificate allows, and only that."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from nets import int_lif

from lifexport.errors import RangeError
from lifexport.graph import Edge
from lifexport.network import IntNetwork
from lifexport.nodes import InputCode, IntDense, IntInput, Output
from lifexport.simulation import fast, simulate
from lifexport.simulation.stepwise import initial_state

RECORD = ("v", "v_post", "spikes", "overflows")


def one_by_one(weight: int, *, threshold: int = 200, reset_code: int = 200) -> tuple[IntNetwork, np.ndarray]:
    """Twelve inputs, half of them negative, added one by one in their order, and one that comes back."""
    node = int_lif(
        shape=(3,),
        decay=3,
        decay_bits=2,
        threshold=threshold,
        reset_code=reset_code,
        state_bits=10,
        accumulate="per_event",
        unit=Fraction(1),
    )
    nodes = {
        "in": IntInput(shape=(12,), code=InputCode(kind="spikes")),
        "fc": IntDense(weight=np.repeat([[weight, -weight]], 6, axis=1).repeat(3, axis=0)),
        "back": IntDense(weight=np.eye(3, dtype=int)),
        "lif": node,
        "out": Output(shape=(3,)),
    }
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "back", 1), Edge("back", "lif"), Edge("lif", "out")]
    rng = np.random.default_rng(weight)
    codes = (rng.random((40, 4, 12)) < np.repeat([0.9, 0.2], 6)).astype(int)
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), codes


def require_equal(network, codes, state=None):
    a, b = (simulate(network, codes, record=RECORD, backend=how, state=state) for how in ("reference", "fast"))
    for what in ("v", "v_post", "spikes"):
        np.testing.assert_array_equal(getattr(a, what)["lif"], getattr(b, what)["lif"])
    assert a.overflows == b.overflows
    return a


def test_inputs_one_by_one_are_summed_where_nothing_overflows_in_between():
    network, codes = one_by_one(21)
    assert require_equal(network, codes).spikes["lif"].any()


def test_inputs_one_by_one_are_not_summed_where_the_sum_would_hide_an_overflow():
    """63 * 6 on top of what is there passes 511, though the whole sum need not."""
    network, codes = one_by_one(63)
    trace = simulate(network, codes, record=RECORD, backend="reference")
    assert trace.overflowed("lif") > 0
    with pytest.raises(RangeError, match=r"LX302.*lif.*one by one.*reference"):
        simulate(network, codes, backend="fast")
    np.testing.assert_array_equal(simulate(network, codes, record=("v",)).v["lif"], trace.v["lif"])


def test_a_state_outside_the_certificate_is_proved_anew():
    """From rest these neurons never reach 400; one that is there gains 100 by its reset, and may pass 511."""
    network, codes = one_by_one(15, threshold=400, reset_code=-100)
    assert not require_equal(network, codes).spikes["lif"].any()
    start = initial_state(network, 4)

    def at(v: int):
        return dataclasses.replace(start, populations={"lif": start.populations["lif"]._replace(v=np.full((4, 3), v))})

    with pytest.raises(RangeError, match=r"LX302.*one by one"):
        simulate(network, codes, backend="fast", state=at(480))
    require_equal(network, codes, state=at(370))


def test_where_a_run_ended_the_next_goes_on_without_a_new_proof(monkeypatch):
    network, codes = one_by_one(21)
    state = simulate(network, codes, backend="fast").final_state
    monkeypatch.setattr(fast, "analyse", None)
    require_equal(network, codes, state=state)


def wide(shift: int) -> tuple[IntNetwork, np.ndarray]:
    """Weights that cancel: by their magnitudes sums might pass int32, by their signs they do not."""
    node = int_lif(shape=(1,), decay=3, decay_bits=2, threshold=9, reset_code=9, state_bits=24, unit=Fraction(1))
    nodes = {
        "in": IntInput(shape=(64,), code=InputCode(kind="spikes")),
        "fc": IntDense(weight=np.repeat([[127, -127]], 32, axis=1), shift=shift, unit=Fraction(2) ** shift),
        "lif": node,
        "out": Output(shape=(1,)),
    }
    edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    return IntNetwork(nodes=nodes, edges=edges, dt=1e-3), np.random.default_rng(0).integers(0, 2, (10, 2, 64))


def test_signs_prove_what_magnitudes_do_not():
    network, codes = wide(19)
    assert fast._quick_widths(network) is None
    require_equal(network, codes)
    network, codes = wide(20)
    with pytest.raises(RangeError, match=r"LX302.*lif.*sums"):
        simulate(network, codes, backend="fast")
