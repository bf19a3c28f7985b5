"""A run some time steps at a time: what one layer hands to the next then stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..network import IntNetwork
from .layerwise import Began, Keep, Ran, run_layers


def chunk_steps(time: int, batch: int, rows: int) -> int:
    """Time steps of a chunk: at most ``rows`` steps times samples, and the whole time a multiple of it if that can be.

    Examples
    --------
    >>> chunk_steps(100, 64, 2048), chunk_steps(97, 64, 2048), chunk_steps(10, 4096, 2048)
    (25, 32, 1)
    """
    most = max(1, min(time, rows // batch))
    return next((steps for steps in range(most, most // 2, -1) if time % steps == 0), most)


def run_chunks(
    network: IntNetwork,
    keep: Keep,
    weights: Mapping[str, Any],
    codes: Any,
    populations: dict[str, Any],
    delayed: dict[str, Any],
    *,
    rows: int,
    numbers: Mapping[str, Mapping[str, Any]] | None = None,
    in_order: Collection[str] = (),
) -> Ran:
    """The same as ``run_layers``, at most about ``rows`` steps times samples at a time; counts are those of chunks."""
    run = partial(run_layers, network, keep, weights, numbers=numbers, in_order=in_order)
    time, batch = codes.shape[:2]
    steps = chunk_steps(time, batch, rows)
    if steps == time:
        return run(codes, (populations, delayed))

    def chunk(state, part):
        ran = run(part, state)
        began = {name: (began.state, began.v, began.arriving) for name, began in ran.began.items()}
        last = {name: began.last for name, began in ran.began.items()}
        return ran.state, ((ran.spikes, ran.v, ran.currents, began, ran.late), ran.overflows, last)

    whole = time // steps * steps
    parts = codes[:whole].reshape(-1, steps, *codes.shape[1:])
    state, (kept, counts, last) = jax.lax.scan(chunk, (populations, delayed), parts)
    kept, last = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), kept), jax.tree.map(lambda a: a[-1], last)
    if whole < time:
        state, (rest, count, last) = chunk(state, codes[whole:])
        kept = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), kept, rest)
        counts = jax.tree.map(jnp.append, counts, count)  # of single chunks: int32 might not hold their sum
    spikes, v, currents, began, leaving = kept
    began = {name: Began(before, last[name], late, arrived) for name, (before, late, arrived) in began.items()}
    return Ran(spikes, v, currents, counts, began, state, leaving)
