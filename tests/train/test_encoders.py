from __future__ import annotations

import hashlib
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lifexport.errors import ParameterError, ShapeError
from lifexport.train import encoders

pytestmark = pytest.mark.sampled

UNIT = 2.0**-24
# Both ends, their nearest neighbours, ties of the rounding and of the spacing, numbers with no short binary form.
VALUES = np.array(
    [0.0, UNIT / 2, UNIT, 2**-16, 2**-17, 0.1, 0.25, 1 / 3, 0.5 - UNIT, 0.5, 0.5 + UNIT, 0.75, 0.9, 1 - UNIT, 1.0],
    np.float32,
)
SEEDED = partial(encoders.bernoulli_rate, seed=3)
CODES = [encoders.constant_current, SEEDED, encoders.deterministic_rate, encoders.latency]


def test_the_list_is_complete():
    assert [getattr(code, "func", code) for code in CODES] == list(encoders.ENCODERS)


def _name(encode) -> str:
    return getattr(encode, "func", encode).__name__


@pytest.mark.parametrize("encode", CODES, ids=_name)
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3), (2, 3, 4), (0, 3)])
def test_time_comes_first(encode, steps, shape):
    coded = encode(np.full(shape, 0.5), steps)
    assert coded.shape == (steps, *shape) and coded.dtype == jnp.float32


@pytest.mark.parametrize("encode", CODES, ids=_name)
def test_the_same_inside_jit_and_from_any_float(encode):
    expected = np.asarray(encode(VALUES[None], 9))
    np.testing.assert_array_equal(jax.jit(lambda x: encode(x, 9))(VALUES[None]), expected)
    np.testing.assert_array_equal(encode(VALUES[None].astype(np.float64), 9), expected)
    halves = np.array([[0, 0.25, 1]], np.float16)
    np.testing.assert_array_equal(encode(halves, 9), encode(halves.astype(np.float32), 9))


def test_constant_current_takes_any_finite_number():
    x = np.array([[-3.0, 0.0, 1e30]], np.float32)
    np.testing.assert_array_equal(encoders.constant_current(x, 4), np.stack([x] * 4))


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 1000])
def test_deterministic_counts_are_rounded_rates_at_every_step(steps):
    spikes = np.asarray(encoders.deterministic_rate(VALUES[None], steps))[:, 0].astype(int)
    for x, train in zip(VALUES.tolist(), spikes.T, strict=True):
        rate = Fraction(round(Fraction(x) * 2**24), 2**24)
        expected = [int(t * rate + Fraction(1, 2)) for t in range(1, steps + 1)]
        assert np.cumsum(train).tolist() == expected, x


@pytest.mark.parametrize("steps", [1, 2, 5, 100, 1 << 15])
def test_latency_is_its_formula(steps):
    spikes = np.asarray(encoders.latency(VALUES[None], steps))[:, 0]
    for x, train in zip(VALUES.tolist(), spikes.T, strict=True):
        level = Fraction(round(Fraction(x) * 2**16), 2**16)
        expected = [int((1 - level) * (steps - 1) + Fraction(1, 2))] if level else []
        assert np.flatnonzero(train).tolist() == expected, x


# Known answers of the Random123 distribution (kat_vectors: threefry2x32 20).
ANSWERS = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "words"), ANSWERS)
def test_random_words_are_the_published_ones(key, counter, words):
    pairs = [tuple(jnp.uint32(word) for word in pair) for pair in (key, counter)]
    assert tuple(int(word) for word in encoders.threefry(*pairs)) == words


def test_bernoulli_never_always_and_in_between():
    spikes = np.asarray(encoders.bernoulli_rate(np.tile(VALUES, (50, 1)), 400, seed=7))
    rates, n = spikes.mean(axis=(0, 1)), 50 * 400
    assert rates[0] == 0 and rates[-1] == 1
    # Five standard deviations of a binomial count.
    assert (np.abs(rates - VALUES) <= 5 * np.sqrt(VALUES * (1 - VALUES) / n) + 1e-9).all()
    a = spikes[:, :, 9].ravel() - 0.5  # neighbours in time, in the batch, and the two words of one counter
    for lag in (1, 2, 50, 51):
        assert abs((a[lag:] * a[:-lag]).mean()) < 5 * 0.25 / np.sqrt(n)


def test_bernoulli_bytes_are_fixed():
    spikes = np.asarray(encoders.bernoulli_rate(np.tile(VALUES, (4, 1)), 25, seed=0)).astype(np.uint8)
    digest = hashlib.sha256(spikes.tobytes()).hexdigest()
    assert digest[:16] == "56a0ac417a9fc787"


def test_bernoulli_seeds_count_and_a_longer_train_begins_with_the_shorter():
    x = np.full((2, 50), 0.5)
    first = np.asarray(encoders.bernoulli_rate(x, 9, seed=0))
    assert not np.array_equal(first, encoders.bernoulli_rate(x, 9, seed=1))
    assert not np.array_equal(first, encoders.bernoulli_rate(x, 9, seed=2**32 - 1))
    np.testing.assert_array_equal(first, encoders.bernoulli_rate(x, 20, seed=jnp.uint32(0))[:9])


@pytest.mark.parametrize("encode", CODES, ids=_name)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-7, 1 + 1e-7, 2.0])
def test_values_out_of_range_are_refused_by_index(encode, value):
    x = np.full((2, 3), 0.5)
    x[1, 2] = value
    if encode is encoders.constant_current and np.isfinite(value):
        return
    with pytest.raises(ParameterError, match=r"LX120.*x\[1, 2\]: .* \(1 of 6\); fix: give (numbers from 0|finite)"):
        encode(x, 3)


@pytest.mark.parametrize("encode", CODES, ids=_name)
@pytest.mark.parametrize("steps", [0, -1, 2.5, None, "3"])
def test_useless_steps_are_refused(encode, steps):
    with pytest.raises(ParameterError, match=r"LX006.*steps: "):
        encode(np.zeros((2, 3)), steps)


def test_latency_has_a_last_step():
    with pytest.raises(ParameterError, match=r"LX006.*steps: 32769; fix: give a whole number from 1 to 32768"):
        encoders.latency(np.zeros((1, 1)), (1 << 15) + 1)


@pytest.mark.parametrize("encode", CODES, ids=_name)
def test_a_scalar_is_refused(encode):
    with pytest.raises(ShapeError, match=r"LX102.*x: a scalar"):
        encode(0.5, 3)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None, "0"])
def test_useless_seeds_are_refused(seed):
    with pytest.raises(ParameterError, match=r"LX006.*seed"):
        encoders.bernoulli_rate(np.zeros((1, 1)), 3, seed=seed)


def test_a_draw_of_zero_fires_above_zero_alone():
    seed = 4166419  # found by search: its first draw is 0 in 24 bits
    spikes = [encoders.bernoulli_rate(np.array([x]), 1, seed=seed).item() for x in (0.0, UNIT)]
    assert spikes == [0.0, 1.0]
