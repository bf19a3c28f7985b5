"""From numbers to time: how a picture or a vector is shown to a network that lives step by step.

All take ``(batch, ...)`` and give float32 ``(steps, batch, ...)``, traced by ``jax.jit`` as well as not. What decides
a spike is computed in integers, so one seed gives the same bytes on every version of jax and on every device.
"""

from __future__ import annotations

import operator

import jax
import jax.numpy as jnp
import numpy as np

from ..findings import error
from .parameters import concrete

_ONE = 1 << 24  # Intensities in integers: all float32 from 1/2 to 1 are multiples of 2**-24.
_MOST_STEPS = 1 << 15


def constant_current(x, steps: int) -> jax.Array:
    """Show every number for ``steps`` time steps, as a current that does not change.

    Parameters
    ----------
    x : float array, shape ``(batch, ...)``
        Any finite numbers.
    steps : int
        Number of time steps, at least 1.

    Raises
    ------
    ParameterError
        LX006: ``steps`` below 1; LX120: NaN or infinity in ``x``.
    ShapeError
        LX102: no batch axis.

    Examples
    --------
    >>> constant_current(np.zeros((7, 64)), steps=25).shape
    (25, 7, 64)
    """
    x = _checked(x, steps, lowest=-np.inf, highest=np.inf, what="finite numbers")
    return jnp.broadcast_to(x, (steps, *x.shape))


def bernoulli_rate(x, steps: int, *, seed) -> jax.Array:
    r"""Spikes drawn independently at every step, with probability ``x``.

    .. math:: s_t = [u_t < x], \qquad u_t \text{ uniform on the multiples of } 2^{-24} \text{ in } [0, 1)

    Parameters
    ----------
    x : float array, shape ``(batch, ...)``
        Probabilities in ``[0, 1]``, taken to the nearest multiple of ``2**-24``; 0 never fires, 1 always does.
    steps : int
        Number of time steps, at least 1. A longer train begins with the shorter one.
    seed : int or uint32 scalar
        From 0 to 2**32 - 1. The draws depend on it, on the step and on the place of a number in ``x``.

    Raises
    ------
    ParameterError
        LX006: ``steps`` or ``seed`` out of range; LX120: an element of ``x`` outside ``[0, 1]``.
    ShapeError
        LX102: no batch axis.

    Notes
    -----
    The draws are the words of Threefry-2x32 with 20 rounds [1]_, key ``(seed, 0)``, counter ``(step // 2, place)``.

    References
    ----------
    .. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011.

    Examples
    --------
    >>> spikes = bernoulli_rate(np.array([[0.0, 0.25, 1.0]]), steps=1000, seed=0)
    >>> spikes.sum(axis=0).tolist()
    [[0.0, 266.0, 1000.0]]
    """
    x = _checked(x, steps)
    key = _seed(seed)
    pairs = (steps + 1) // 2
    place = jnp.arange(x.size, dtype=jnp.uint32)[None, :]
    step = jnp.arange(pairs, dtype=jnp.uint32)[:, None]
    words = threefry((key, jnp.zeros_like(key)), (step, place))
    draws = jnp.stack(words, axis=1).reshape(2 * pairs, *x.shape)[:steps]
    return (draws >> 8 < _integer(x)).astype(jnp.float32)


def deterministic_rate(x, steps: int) -> jax.Array:
    r"""Spikes as evenly spaced as they can be, ``x`` of them per step.

    .. math:: a \leftarrow a + x, \qquad s = [a \ge 1], \qquad a \leftarrow a - s, \qquad a_0 = 1/2

    so that after every step the number of spikes is what was asked for, rounded.

    Parameters
    ----------
    x : float array, shape ``(batch, ...)``
        Rates in ``[0, 1]``, taken to the nearest multiple of ``2**-24``.
    steps : int
        Number of time steps, at least 1.

    Raises
    ------
    ParameterError
        LX006: ``steps`` below 1; LX120: an element of ``x`` outside ``[0, 1]``.
    ShapeError
        LX102: no batch axis.

    Examples
    --------
    >>> deterministic_rate(np.array([[0.0, 0.25, 1.0]]), steps=8)[:, 0].T.astype(int).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]]
    """
    rate = _integer(_checked(x, steps))

    def step(held, _):
        held = held + rate
        fires = held >= _ONE
        return held - jnp.where(fires, jnp.uint32(_ONE), jnp.uint32(0)), fires.astype(jnp.float32)

    return jax.lax.scan(step, jnp.full_like(rate, _ONE // 2), None, length=steps)[1]


def latency(x, steps: int) -> jax.Array:
    r"""One spike for every number above zero: the larger, the earlier.

    .. math:: t = \left\lfloor (1 - x) (T - 1) + 1/2 \right\rfloor

    Parameters
    ----------
    x : float array, shape ``(batch, ...)``
        Intensities in ``[0, 1]``, taken to the nearest multiple of ``2**-16``: 1 fires at the first step, the smallest
        at the last, 0 not at all.
    steps : int
        Number of time steps, from 1 to 2**15.

    Raises
    ------
    ParameterError
        LX006: ``steps`` out of range; LX120: an element of ``x`` outside ``[0, 1]``.
    ShapeError
        LX102: no batch axis.

    Examples
    --------
    >>> latency(np.array([[0.0, 0.5, 1.0]]), steps=5)[:, 0].T.astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]
    """
    level = _integer(_checked(x, steps, most_steps=_MOST_STEPS), bits=16)
    late = ((1 << 16) - level) * jnp.uint32(steps - 1)
    when = jnp.where(level > 0, (late + (1 << 15)) >> 16, jnp.uint32(steps))
    clock = jnp.arange(steps, dtype=jnp.uint32).reshape(steps, *(1,) * level.ndim)
    return (clock == when).astype(jnp.float32)


ENCODERS = (constant_current, bernoulli_rate, deterministic_rate, latency)
"""All of them."""


def threefry(key: tuple[jax.Array, jax.Array], counter: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    """Two random words for every counter: Threefry-2x32, 20 rounds.

    Examples
    --------
    >>> zero = jnp.uint32(0)
    >>> [hex(int(word)) for word in threefry((zero, zero), (zero, zero))]
    ['0x6b200159', '0x99ba4efe']
    """
    keys = (*key, key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA))
    a, b = counter[0] + keys[0], counter[1] + keys[1]
    for i in range(1, 6):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[(i - 1) % 2]:
            a = a + b
            b = (b << turn | b >> (32 - turn)) ^ a
        a, b = a + keys[i % 3], b + keys[(i + 1) % 3] + jnp.uint32(i)
    return a, b


def _integer(x: jax.Array, bits: int = 24) -> jax.Array:
    return jnp.rint(x * (1 << bits)).astype(jnp.uint32)


def _seed(seed) -> jax.Array:
    if concrete(seed) is not None:
        try:
            good = 0 <= operator.index(np.asarray(seed).item()) < 1 << 32
        except (TypeError, ValueError):
            good = False
        if not good:
            raise error("LX006", field="seed", found=f"{seed!r}", fix="give a whole number from 0 to 2**32 - 1")
    return jnp.asarray(seed, jnp.uint32)


def _checked(
    x, steps: int, *, lowest: float = 0.0, highest: float = 1.0, what: str = "numbers from 0 to 1", most_steps: int = 0
) -> jax.Array:
    """``x`` as float32; refused (LX006, LX102, LX120) what has no encoding."""
    try:
        good = operator.index(steps) >= 1 and (not most_steps or steps <= most_steps)
    except TypeError:
        good = False
    if not good:
        fix = f"give a whole number from 1 to {most_steps}" if most_steps else "give a whole number, at least 1"
        raise error("LX006", field="steps", found=f"{steps!r}", fix=fix)
    if np.ndim(x) == 0:
        raise error("LX102", field="x", found="a scalar", fix="give an array of shape (batch, ...)")
    values = concrete(x)
    if values is not None:
        bad = ~(np.isfinite(values) & (values >= lowest) & (values <= highest))
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            found, fix = f"{values[index]} ({int(bad.sum())} of {bad.size})", f"give {what}"
            raise error("LX120", field="x", index=index, found=found, fix=fix)
    return jnp.asarray(x, jnp.float32)
