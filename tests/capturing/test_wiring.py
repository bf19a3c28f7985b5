"""Branches, merges, skips and loops: what runs in brainstate and what was captured are the same network."""

from __future__ import annotations

import brainpy.state
import brainstate
import brainunit as u
import numpy as np
import pytest
from capturing.equality import check_captured, spikes

import lifexport as lx
from lifexport.errors import LifexportError, ShapeError, UnitError, UnsupportedError
from lifexport.graph import Edge

pytestmark = pytest.mark.sampled

MS = 1.0 * u.ms
STRONG = brainstate.nn.init.Normal(mean=3.0, scale=3.0)


def lif(size, **fields):
    return lx.LIF(size, tau=8.0 * u.ms, **fields)


def edges(f):
    return {(edge.source, edge.target, edge.delay) for edge in f.edges}


@pytest.fixture(autouse=True)
def double():
    with brainstate.environ.context(precision=64):
        brainstate.random.seed(0)
        yield


def test_branches_are_edges_into_one_population():
    net = lx.Sequential(
        lx.Parallel(lx.Linear(6, 4), lx.Linear(6, 4, b_init=brainstate.nn.init.Normal(scale=1.0))), lif(4)
    )
    f = check_captured(net, spikes(30, 3, 6), dt=MS)
    assert edges(f) == {
        ("input", "linear0", 0),
        ("input", "linear1", 0),
        ("linear0", "lif0", 0),
        ("linear1", "lif0", 0),
        ("lif0", "output", 0),
    }


def test_a_skip_over_neurons():
    block = lx.Parallel(
        lx.Sequential(lx.Linear(5, 7), lif(7), lx.Linear(7, 5)), lx.Identity(5, scale=4.0), lx.Dropout(0.5)
    )
    net = lx.Sequential(lx.Linear(6, 5), lif(5), block, lif(5))
    with pytest.raises(UnitError, match=r"LX109.*lif0 give.*no unit"):  # spikes as they are
        lx.capture(net, dt=MS)
    net.layers[2].branches.pop()
    f = check_captured(net, spikes(30, 3, 6), dt=MS)
    assert {e for e in edges(f) if e[0] == "lif0"} == {("lif0", "linear1", 0), ("lif0", "identity0", 0)}
    np.testing.assert_allclose(f.nodes["identity0"].weight, 4e-3 * np.eye(5), rtol=1e-12)


def test_a_skip_in_space_is_a_convolution_of_one_point():
    net = lx.Sequential(
        lx.Conv2d((2, 6, 5), 3, 3, padding=1),
        lif((3, 6, 5)),
        lx.Parallel(lx.Conv2d((3, 6, 5), 3, 3, padding="same"), lx.Identity((3, 6, 5), scale=3)),
        lif((3, 6, 5)),
    )
    f = check_captured(net, spikes(15, 2, 2, 6, 5), dt=MS)
    assert f.nodes["identity0"].groups == 3 and f.nodes["identity0"].weight.shape == (3, 1, 1, 1)


def test_a_sum_of_spikes_is_as_many_copies_of_what_takes_it():
    merge = lx.Parallel(lx.Sequential(lx.Linear(6, 6), lif(6)), lx.Identity(6, unit=None))
    net = lx.Sequential(merge, lx.Linear(6, 4, b_init=np.full(4, 0.5), name="fc"), lif(4))
    f = check_captured(net, spikes(30, 3, 6), dt=MS)
    assert {e for e in edges(f) if e[1] == "lif1"} == {("fc", "lif1", 0), ("fc_", "lif1", 0)}
    assert lx.same(f.nodes["fc"].weight, f.nodes["fc_"].weight)
    assert f.nodes["fc"].bias is not None and f.nodes["fc_"].bias is None


def test_spikes_as_they_are_join_in():
    merge = lx.Parallel(lx.Sequential(lx.Linear(6, 6), lif(6)), lx.Dropout(0.5))
    net = lx.Sequential(lx.Linear(6, 6), lif(6), merge, lx.Linear(6, 4, STRONG), lif(4))
    f = check_captured(net, spikes(60, 3, 6), dt=MS)
    assert {e for e in edges(f) if e[0] == "lif0"} == {("lif0", "linear1", 0), ("lif0", "linear2_", 0)}


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_feedback_is_late_by_one_step(reset):
    loop = lx.Recurrent(lif(5, spk_reset=reset), lx.Linear(5, 5))
    net = lx.Sequential(lx.Linear(6, 5), loop, lx.Linear(5, 3), lif(3))
    f = check_captured(net, spikes(40, 3, 6), dt=MS)
    assert Edge("lif0", "linear1", 1) in f.edges and Edge("linear1", "lif0") in f.edges


@pytest.mark.parametrize("kind", [lx.LIF, brainpy.state.LIF])
def test_feedback_through_space_chains_and_branches(kind):
    back = lx.Parallel(
        lx.Sequential(lx.Conv1d((2, 5), 2, 3, padding=1)), lx.Identity((2, 5), scale=-4.0), lx.Conv1d((2, 5), 2, 1)
    )
    loop = lx.Recurrent(kind((2, 5), tau=8.0 * u.ms), back)
    net = lx.Sequential(
        lx.Conv1d((1, 5), 2, 3, padding=1, w_init=STRONG), loop, lx.Flatten((2, 5)), lx.Linear(10, 3, STRONG), lif(3)
    )
    f = check_captured(net, spikes(40, 3, 1, 5), dt=MS)
    assert sum(edge.delay for edge in f.edges) == 3


def test_neurons_within_a_loop():
    back = lx.Sequential(lx.Linear(5, 4), lif(4), lx.Linear(4, 5))
    net = lx.Sequential(lx.Linear(6, 5), lx.Recurrent(lif(5), back), lx.Linear(5, 3), lif(3))
    check_captured(net, spikes(40, 3, 6), dt=MS)


def test_a_whole_network_and_its_integers():
    net = lx.Sequential(
        lx.Conv2d((1, 8, 8), 4, 3, padding=1),
        lx.BatchNorm((4, 8, 8)),
        lif((4, 8, 8)),
        lx.AvgPool((4, 8, 8), 2),
        lx.Parallel(
            lx.Conv2d((4, 4, 4), 4, 3, padding="same", groups=2),
            lx.Sequential(lx.Dropout(0.9), lx.Conv2d((4, 4, 4), 4, 1, b_init=np.full(4, 0.3))),
            lx.Identity((4, 4, 4), scale=5.0),
        ),
        lif((4, 4, 4)),
        lx.SumPool((4, 4, 4), 2),
        lx.Flatten.desc(),
        lx.Linear(16, 9),
        lx.Recurrent(lif(9), lx.Linear(9, 9)),
        lx.Linear(9, 4),
        lif(4),
    )
    x = spikes(25, 4, 1, 8, 8)
    with brainstate.environ.context(fit=True, dt=MS):
        brainstate.nn.init_all_states(net, batch_size=4)
        net.run(x)
    f = check_captured(net, x, dt=MS)
    q = lx.quantize(f, "fpga-q", calibration=x)
    codes = q.encode(x).codes
    slow, fast = (lx.simulate(q, codes, backend=backend, record=("v",)) for backend in ("reference", "fast"))
    for name, v in slow.v.items():
        np.testing.assert_array_equal(v, fast.v[name])
    assert 0.01 < slow.output.mean() < 0.9
    assert (slow.output == lx.simulate(f, x).output).mean() > 0.8


def test_capture_counts_from_the_first_layer_that_states_a_size():
    pool = brainstate.nn.AvgPool1d(2, 2, channel_axis=-2)
    net = brainstate.nn.Sequential(pool, lx.Flatten((2, 3)), lx.Linear(6, 4), lif(4))
    with pytest.raises(ShapeError, match=r"LX102.*avgpool1d0\.in_size: .*fix: give capture\(net, in_size"):
        lx.capture(net, dt=MS)
    assert lx.capture(net, dt=MS, in_size=(2, 6)).nodes["input"].shape == (2, 6)
    with pytest.raises(ShapeError, match=r"LX102"):
        lx.capture(net, dt=MS, in_size=(2, 8))


def refusals():
    shared = lx.Linear(5, 5)
    yield (
        "two ends",
        lx.Sequential(lx.Parallel(*(lx.Sequential(lx.Linear(6, 3), lif(3)) for _ in "ab"))),
        (r"LX110.*does not end in neurons"),
    )
    yield "no end", lx.Sequential(lx.Linear(6, 3), lif(3), lx.Linear(3, 3)), r"LX110.*linear1.*does not end in neurons"
    yield (
        "a chain in a loop",
        lx.Sequential(lx.Recurrent(lx.Sequential(lx.Linear(5, 5), lif(5)), shared)),
        (r"LX110.*Recurrent: around a Sequential; fix: .*neurons alone"),
    )
    cell = lif(5, name="a")
    yield "neurons twice", lx.Sequential(lx.Recurrent(cell, shared), shared, cell), r"LX110.*a: the same neurons at two"
    yield (
        "units",
        lx.Sequential(lx.Linear(6, 5), lx.Recurrent(lif(5), lx.Linear(5, 5, unit=u.mV))),
        (r"LX109.*linear1\.unit: unit mV into lif0"),
    )
    yield (
        "units of branches",
        lx.Sequential(lx.Parallel(lx.Linear(6, 5), lx.Linear(6, 5, unit=u.mV)), lif(5)),
        (r"LX109.*linear1\.unit: linear0 and linear1 give unit mA and unit mV"),
    )
    yield (
        "currents into weights",
        lx.Sequential(lx.Linear(6, 5), lx.Identity(5), lif(5)),
        (r"LX109.*linear0\.unit: unit mA into identity0, which takes plain numbers"),
    )
    yield "twice the same", lx.Sequential(lif(5), lx.Parallel(lx.Dropout(0.5), lx.Dropout(0.5)), lif(5)), "LX10"
    changed = lx.Sequential(lx.Linear(6, 5), lif(5))
    changed.layers[1] = lif(4)
    yield "sizes", changed, r"LX102.*lif0\.in_size: takes \(4,\), linear0 gives \(5,\)"
    changed = lx.Parallel(lx.Linear(6, 5), lx.Linear(6, 5))
    changed.branches[1] = lx.Linear(6, 4)
    yield (
        "sizes of branches",
        lx.Sequential(changed, lif(5)),
        r"LX102.*linear1: linear0 and linear1 give \(5,\) and \(4,\)",
    )


@pytest.mark.parametrize(("net", "said"), [pytest.param(net, said, id=name) for name, net, said in refusals()])
def test_what_cannot_be_wired_is_refused(net, said):
    with pytest.raises(LifexportError, match=said):
        lx.capture(net, dt=MS)


class Twin(lx.Parallel):
    """A subclass, which may compute something else."""


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (brainstate.nn.MaxPool1d(2), r"brainstate\.nn\.MaxPool1d; fix: use AvgPool or SumPool"),
        (brainstate.nn.AdaptiveAvgPool1d(2), r"AdaptiveAvgPool1d; fix: use AvgPool with"),
        (brainstate.nn.LayerNorm((9,)), r"LayerNorm; fix: use BatchNorm"),
        (brainstate.nn.ReLU(), r"ReLU; fix: take it out"),
        (np.tanh, r"the function tanh; fix: take it out"),
        (lambda x: x * u.mA, r"the function <lambda>; fix: take it out"),
        (brainstate.nn.ScaledWSLinear(9, 9), r"ScaledWSLinear; fix: use Linear"),
        (Twin(lx.Linear(9, 9), name="twin"), r"twin: .*Twin; fix: build the network from the layers of lifexport"),
        (brainstate.nn.ValinaRNNCell(9, 9), r"ValinaRNNCell; fix: build the network from"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_to_do(layer, said):
    net = brainstate.nn.Sequential(lx.Linear(12, 9), layer, lif(9))
    for one in (net, lx.Sequential(lx.Parallel(net), lx.Linear(9, 3), lif(3))):
        with pytest.raises(UnsupportedError, match=rf"LX110.*{said}"):
            lx.capture(one, dt=MS)
