"""No run leaves its certificate: chosen inputs first, drawn ones second, under every target's rules and any others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nets import edge_network, random_network

from lifexport.certificate import analyse, certify
from lifexport.errors import RangeError
from lifexport.ops import CountingOps
from lifexport.simulation import simulate, stepwise
from lifexport.targets import target_names
from tests.certificate.adversary import drive, free
from tests.certificate.chips import any_rules, chip_rules, network

pytestmark = pytest.mark.thorough


class Recorder(CountingOps):
    """Remembers the largest number formed, and for every range what came to its overflow rule, neuron by neuron."""

    def __init__(self):
        super().__init__()
        self.largest, self.products = 0, 0
        self.came: dict[tuple[int, int], list[np.ndarray]] = {}

    def _formed(self, x):
        self.largest = max(self.largest, int(np.abs(x).max()))
        return x

    def add(self, x, y):
        return self._formed(super().add(x, y))

    def sub(self, x, y):
        return self._formed(super().sub(x, y))

    def mul(self, x, y):
        self.products = max(self.products, int(np.abs(x * y).max()))
        return self._formed(super().mul(x, y))

    def multiply_shift(self, x, m, k, how, bound):
        self.products = max(self.products, int(np.abs(x * m).max()))
        return super().multiply_shift(x, m, k, how, bound)

    def saturate(self, x, lo, hi):
        return super().saturate(self._met(x, lo, hi), lo, hi)

    def wrap(self, x, lo, hi):
        return super().wrap(self._met(x, lo, hi), lo, hi)

    def wrap_once(self, x, lo, hi):
        return super().wrap_once(self._met(x, lo, hi), lo, hi)

    def _met(self, x, lo, hi):
        x = np.asarray(x)
        batch = x.reshape(-1, *x.shape[1:]) if x.ndim > 1 else x[None]
        self.came.setdefault((lo, hi), []).extend([batch.min(axis=0), batch.max(axis=0)])
        return x


def require_inside(q, certificate, codes) -> None:
    """Run the reference and hold everything it formed against the certificate."""
    recorders: list[Recorder] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepwise, "CountingOps", lambda: recorders.append(Recorder()) or recorders[-1])
        trace = simulate(q, codes, record=("v", "v_post", "spikes", "current"), backend="reference")
    for (name, found), ran in zip(certificate.populations.items(), recorders, strict=True):
        for what in ("v", "v_post", "spikes"):
            inside(getattr(trace, what)[name].astype(np.int64), getattr(found, what), f"{what} of {name}")
        for k, bounds in enumerate(found.currents):
            inside(trace.current[name][:, :, k], bounds, f"current {k} of {name}")
        for (lo, hi), values in ran.came.items():
            same = [word.before for word in found.words if (word.lo, word.hi) == (lo, hi)]
            assert (np.min(values, 0) >= np.min([b.lo for b in same], 0)).all(), f"{name}: {lo}..{hi}"
            assert (np.max(values, 0) <= np.max([b.hi for b in same], 0)).all(), f"{name}: {lo}..{hi}"
        assert ran.largest <= found.largest_sum and ran.products <= found.largest_product
        assert ran.overflowed == 0 or not found.safe.all()


def inside(values, bounds, what) -> None:
    assert (values >= bounds.lo).all() and (values <= bounds.hi).all(), what


def inputs(q, rng, steps=40, batch=6):
    """Codes at random, all at one end, and those that drive some neuron of the first connection furthest."""
    fmt, shape = q.input_code.format, q.nodes[q.input_name].shape
    first = next(node for name, node in q.connections.items() if q.incoming(name)[0].source == q.input_name)
    rows = [np.where(w > 0, fmt.hi, fmt.lo) for w in first.weight] + [
        np.where(w > 0, fmt.lo, fmt.hi) for w in first.weight
    ]
    held = np.broadcast_to(np.array(rows), (steps, len(rows), *shape))
    turned = np.where((np.arange(steps) // 3 % 2 == 0)[:, None, None], held, held[:, ::-1])
    drawn = rng.integers(fmt.lo, fmt.hi + 1, (steps, batch, *shape))
    ends = rng.choice([fmt.lo, fmt.hi], (steps, batch, *shape))
    return np.concatenate([held, turned, drawn, ends], axis=1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("maker", [random_network, edge_network])
def test_random_networks(seed, maker):
    q, codes = maker(seed)
    certificate = certify(q)
    require_inside(q, certificate, codes)
    require_inside(q, certificate, inputs(q, np.random.default_rng(seed)))


@pytest.mark.parametrize("alias", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("target", target_names())
def test_every_target(target, seed, alias):
    rng = np.random.default_rng(seed)
    q = network(chip_rules(target), rng, alias=alias)
    require_inside(q, certify(q), inputs(q, rng, steps=80))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("target", target_names())
def test_an_adversary_of_every_target(target, seed):
    q = network(chip_rules(target), np.random.default_rng(seed))
    driven, found = drive(q, "lif", 60, seed), free(q, "lif")
    for what in ("v", "v_post", "spikes"):
        lo, hi = getattr(driven, what)
        assert (lo >= getattr(found, what).lo).all() and (hi <= getattr(found, what).hi).all(), what
    same = [w for w in found.ops.words.values() if (w.least, w.most) == q.nodes["lif"].membrane_range()]
    assert (driven.before[0] >= np.min([np.broadcast_to(w.lo, 6) for w in same], 0)).all()
    assert (driven.before[1] <= np.max([np.broadcast_to(w.hi, 6) for w in same], 0)).all()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(rules=any_rules(), seed=st.integers(0, 2**32 - 1), alias=st.booleans())
def test_any_rules(rules, seed, alias):
    rng = np.random.default_rng(seed)
    q = network(rules, rng, n=4, n_in=4, alias=alias and rules.max_spikes is not None)
    try:
        certificate = certify(q)
    except RangeError as refused:
        assert "a state that no bound holds" in str(refused)
        assume(False)
    require_inside(q, certificate, inputs(q, rng, steps=30, batch=3))


def test_a_state_inside_stays_inside():
    """From where one run ended another goes on, as the certificate says it may."""
    q, codes = random_network(3, recurrent=True)
    found = certify(q).populations
    state = None
    for part in (codes, codes[::-1], codes):
        trace = simulate(q, part, record=("v",), backend="reference", state=state)
        state = trace.final_state
        for name, v in trace.v.items():
            inside(v, found[name].v, name)


@pytest.mark.parametrize("seed", range(6))
def test_from_a_given_state(seed):
    q, codes = random_network(seed, recurrent=bool(seed % 2))
    start = stepwise.initial_state(q, 3)
    rng, populations = np.random.default_rng(seed), {}
    for name, node in q.populations.items():
        lo, hi = node.membrane_range()
        populations[name] = start.populations[name]._replace(v=rng.integers(lo, hi + 1, (3, *node.shape)))
    delayed = {edge: np.ones_like(queue) for edge, queue in start.delayed.items()}
    start = type(start)(populations=populations, delayed=delayed)
    found = analyse(q, start).populations
    trace = simulate(q, codes[:, :3], record=("v",), backend="reference", state=start)
    for name, v in trace.v.items():
        inside(v, found[name].v, name)
