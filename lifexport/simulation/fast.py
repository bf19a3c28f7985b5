"""The fast simulator: layer by layer over the whole time axis, in JAX, bit-equal to the reference.

A connection outside loops is one integer product over all time steps; a population is a scan over time. The nodes of
a loop are scanned together. The kernel of each product is chosen by a proved bound, never by hope: by that of
``bounds.py`` where it is enough, else by the certificate of the network. Inputs that a population takes one by one are
summed where the certificate says that no overflow acts between them.

===========  ======================================================================
``int8``     weights and inputs fit in int8: XLA's fast int8 product, int32 sums; on
             processors alone (``products.kernel`` says why)
``float32``  every partial sum stays below ``2**24``: float32 carries it exactly
``int32``    the rest, as long as sums fit in int32
===========  ======================================================================

What is not proved to fit in int32 is refused (LX302); ``backend="auto"`` then takes the reference. Where there are
several devices, and they divide the batch, each runs its share of the samples.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..bounds import INT32, exact_kernels, largest_input, membrane_bound, product_bound, settles
from ..certificate import Analysis, analyse
from ..findings import error
from ..graph import Edge
from ..network import IntNetwork
from ..nodes import IntWeights
from .chunks import run_chunks
from .layerwise import Keep
from .overflows import tally
from .products import kernel
from .stepwise import initial_state, spike_type
from .trace import State, Trace

ROWS = 2048
"""Rows (time steps times samples) of one product; measured, ``benchmarks/simulators.py``."""


def run(network: IntNetwork, codes: np.ndarray, record: tuple[str, ...], state: State | None) -> Trace:
    """Simulate layer by layer; parameters and result as in ``stepwise.run``.

    Raises
    ------
    RangeError
        LX302 if a sum might leave int32, or an overflow might act between inputs; it names the node.
    """
    if max(-network.input_code.format.lo, network.input_code.format.hi) > INT32:
        raise error("LX302", node=network.input_name, found="input codes beyond int32", fix='use backend="reference"')
    widths = _widths(network, state)
    state = state if state is not None else initial_state(network, codes.shape[1])
    keep_v = "v" in record or "v_post" in record or network.readout != "count"
    compiled = _compiled(network, Keep("spikes" in record, keep_v, "current" in record, "overflows" in record))
    weighted = {name: node for name, node in network.connections.items() if isinstance(node, IntWeights)}
    numbers = {name: node.weight.astype(_kernel(node, *widths[name])) for name, node in weighted.items()}
    carried = jax.tree.map(lambda a: jnp.asarray(a, jnp.int32), (state.populations, _by_name(state.delayed)))
    fmt = network.input_code.format
    narrow = jnp.int8 if fmt.lo >= -128 and fmt.hi <= 127 else jnp.int32
    given = _spread(codes.shape[1], jnp.asarray(codes, narrow), *carried)
    ran = compiled(numbers, *given)
    populations, delayed = ran.state
    spikes = {name: np.asarray(s).astype(spike_type(network.nodes[name])) for name, s in ran.spikes.items()}
    v = {name: np.asarray(a).astype(np.int64) for name, a in ran.v.items()}
    wide = partial(jax.tree.map, lambda a: np.asarray(a).astype(np.int64))
    last = network.readout_name
    return Trace(
        readout=network.readout,
        output=spikes[last] if ran.late is None else np.asarray(ran.late).astype(spikes[last].dtype),
        output_v=v.get(last) if ran.late is None else None,
        spikes=spikes if "spikes" in record else {},
        v=v if "v" in record else {},
        v_post=_after_reset(network, v) if "v_post" in record else {},
        current={name: np.asarray(a).astype(np.int64) for name, a in ran.currents.items()},
        overflows=tally(network, _totals(ran.overflows), codes.shape[0] * codes.shape[1]) if ran.overflows else {},
        final_state=State(populations=wide(populations), delayed={e: wide(delayed[str(e)]) for e in state.delayed}),
    )


def _totals(counts: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts of all chunks together."""
    return jax.tree.map(lambda count: int(np.asarray(count).sum(dtype=np.int64)), counts)


def _by_name(delayed: dict[Edge, np.ndarray]) -> dict[str, np.ndarray]:
    return {str(edge): queue for edge, queue in delayed.items()}


def _after_reset(network: IntNetwork, v: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from ..ops import NumpyOps  # the definition serves where no time is lost

    return {name: node.after_reset(NumpyOps(), v[name]) for name, node in network.populations.items()}


def _kernel(node: IntWeights, largest: int, partial: int) -> Any:
    """Type the product of a connection is carried in."""
    return kernel(exact_kernels(node, largest, partial))


Widths = dict[str, tuple[int, int]]
"""Largest input and largest partial sum of every connection."""


def _widths(network: IntNetwork, state: State | None) -> Widths:
    """Widths of all products of a run from a state, once everything is proved to fit in int32 (else LX302)."""
    if (quick := _quick_widths(network)) is not None:
        return quick
    found = _analysis(network)
    if state is not None and not found.holds(state):
        found = analyse(network, state)
    for name, reached in found.populations.items():
        if reached.ops.events_overflow.any():
            fix = 'use backend="reference"'
            raise error("LX302", node=name, found="inputs added one by one, with overflows in between", fix=fix)
        if reached.ops.sums > INT32:
            much = f"sums of up to {reached.ops.sums}"
            raise error("LX302", node=name, found=much, fix='use backend="reference"')
    widths = {}
    for name, reach in found.connections.items():
        given, partial = found.inputs[name], int(reach.partial.max())
        widths[name] = max(-int(given.lo.min()), int(given.hi.max())), partial
        if max(partial, -int(reach.lo.min()), int(reach.hi.max())) > INT32:
            raise error("LX302", node=name, found=f"sums of up to {partial}", fix='use backend="reference"')
    return widths


@lru_cache(maxsize=16)
def _quick_widths(network: IntNetwork) -> Widths | None:
    """The same from bounds that need no analysis and hold for every state; None if they are not enough."""
    if any(
        node.per_event or membrane_bound(network, name) > INT32 or not settles(network, name)
        for name, node in network.populations.items()
    ):
        return None
    weighted = [name for name, node in network.connections.items() if isinstance(node, IntWeights)]
    return {name: (largest_input(network, name), product_bound(network, name)) for name in weighted}


@lru_cache(maxsize=16)
def _analysis(network: IntNetwork) -> Analysis:
    """What the network reaches from its initial state; networks are frozen, so that identity stands for content."""
    return analyse(network)


@lru_cache(maxsize=16)
def _compiled(network: IntNetwork, keep: Keep):
    """Compiled run of one network; networks are frozen, so that identity stands for content."""
    return jax.jit(partial(run_chunks, network, keep, rows=ROWS))


def _spread(batch: int, codes: jax.Array, populations: Any, delayed: Any) -> tuple[jax.Array, Any, Any]:
    """Samples spread evenly over all devices; everything else follows from where they are."""
    devices = jax.devices()
    if len(devices) == 1 or batch % len(devices):
        return codes, populations, delayed
    mesh = jax.sharding.Mesh(np.array(devices), ("samples",))

    def place(axis: int):
        where = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*[None] * axis, "samples"))
        return lambda a: jax.device_put(a, where)

    return place(1)(codes), jax.tree.map(place(0), populations), jax.tree.map(place(1), delayed)
