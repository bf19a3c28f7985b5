"""The fast simulator: layer by layer over the whole time axis, in JAX, bit-equal to the reference.

A connection outside loops is one integer product over all time steps; a population is a scan over time. The nodes of
a loop are scanned together. The kernel of each product is chosen by a proved bound, never by hope: by that of
``bounds.py`` where it is enough, else by the certificate of the network. Inputs that a population takes one by one are
summed where the certificate says that no overflow acts between them.

===========  ======================================================================
``int8``     weights and inputs fit in int8: XLA's fast int8 product, int32 sums
``float32``  every partial sum stays below ``2**24``: float32 carries it exactly
``int32``    the rest, as long as sums fit in int32
===========  ======================================================================

What is not proved to fit in int32 is refused (LX302); ``backend="auto"`` then takes the reference. Where there are
several devices, and they divide the batch, each runs its share of the samples.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..bounds import INT32, exact_kernels, largest, largest_input, membrane_bound, product_bound, settles
from ..certificate import Analysis, analyse
from ..findings import at_node, error
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import Arriving
from ..nodes import IntWeights
from .groups import groups
from .jax_ops import JaxOps
from .products import connect
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
    compiled = _compiled(network, _Keep("spikes" in record, keep_v, "current" in record, "overflows" in record))
    weighted = {name: node for name, node in network.connections.items() if isinstance(node, IntWeights)}
    numbers = {name: node.weight.astype(_kernel(node, *widths[name])) for name, node in weighted.items()}
    carried = jax.tree.map(lambda a: jnp.asarray(a, jnp.int32), (state.populations, _by_name(state.delayed)))
    fmt = network.input_code.format
    narrow = jnp.int8 if fmt.lo >= -128 and fmt.hi <= 127 else jnp.int32
    given = _spread(codes.shape[1], jnp.asarray(codes, narrow), *carried)
    spikes, v, currents, overflows, (populations, delayed) = compiled(numbers, *given)
    spikes = {name: np.asarray(s).astype(spike_type(network.nodes[name])) for name, s in spikes.items()}
    v = {name: np.asarray(a).astype(np.int64) for name, a in v.items()}
    wide = partial(jax.tree.map, lambda a: np.asarray(a).astype(np.int64))
    last = network.readout_name
    return Trace(
        readout=network.readout,
        output=spikes[last],
        output_v=v.get(last),
        spikes=spikes if "spikes" in record else {},
        v=v if "v" in record else {},
        v_post=_after_reset(network, v) if "v_post" in record else {},
        current={name: np.asarray(a).astype(np.int64) for name, a in currents.items()},
        overflows={name: int(np.asarray(count).sum(dtype=np.int64)) for name, count in overflows.items()},
        final_state=State(populations=wide(populations), delayed={e: wide(delayed[str(e)]) for e in state.delayed}),
    )


def _by_name(delayed: dict[Edge, np.ndarray]) -> dict[str, np.ndarray]:
    return {str(edge): queue for edge, queue in delayed.items()}


def _after_reset(network: IntNetwork, v: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from ..ops import NumpyOps  # the definition serves where no time is lost

    return {name: node.after_reset(NumpyOps(), v[name]) for name, node in network.populations.items()}


def _kernel(node: IntWeights, largest: int, partial: int) -> Any:
    """Type the product of a connection is carried in."""
    kernels = exact_kernels(node, largest, partial)
    if "int8" in kernels:
        return np.int8
    return np.float32 if "float32" in kernels else np.int32


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


class _Keep(NamedTuple):
    """What is kept of every step besides output spikes."""

    spikes: bool
    v: bool
    current: bool
    count: bool


@lru_cache(maxsize=16)
def _compiled(network: IntNetwork, keep: _Keep):
    """Compiled run of one network; networks are frozen, so that identity stands for content."""
    return jax.jit(partial(_chunks, network, keep))


def _chunks(network: IntNetwork, keep: _Keep, weights, codes, populations, delayed):
    """Run some time steps at a time: what one layer hands to the next then stays in the processor's cache."""
    time, batch = codes.shape[:2]
    size = max(1, min(time, ROWS // batch))
    whole = time // size * size

    def chunk(carry, part):
        *kept, carry = _run(network, keep, weights, part, *carry)
        return carry, kept

    if size == time:
        *kept, carry = _run(network, keep, weights, codes, populations, delayed)
        return *kept, carry
    carry, kept = jax.lax.scan(chunk, (populations, delayed), codes[:whole].reshape(-1, size, *codes.shape[1:]))
    *rows, counts = kept  # counts of single chunks: int32 might not hold their sum
    rows = jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), rows)
    if whole < time:
        carry, (*last, more) = chunk(carry, codes[whole:])
        rows = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), rows, last)
        counts = {name: jnp.append(count, more[name]) for name, count in counts.items()}
    return *rows, counts, carry


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


def _run(network: IntNetwork, keep: _Keep, weights, codes, populations, delayed):
    values, v, currents, overflows = {network.input_name: codes}, {}, {}, {}
    populations, delayed = dict(populations), dict(delayed)
    for group in groups(network):
        outside = {
            edge: _delayed(values[edge.source], delayed, edge)
            for member in group
            for edge in network.incoming(member)
            if edge.source not in group
        }
        if network.nodes[group[0]].role == "connection" and len(group) == 1:
            node = network.nodes[group[0]]
            values[group[0]] = _narrow(network, group[0], connect(node, weights.get(group[0]), *outside.values()))
        else:
            result = _scan(network, group, keep, weights, outside, populations, delayed)
            for kept, new in zip((values, v, currents, overflows), result, strict=True):
                kept |= new
    wanted = network.populations if keep.spikes else (network.readout_name,)
    return {name: values[name] for name in wanted}, v, currents, overflows, (populations, delayed)


def _delayed(sequence, delayed: dict[str, Any], edge: Edge):
    """What arrives over an edge from outside the loop, for all steps; updates what stays under way."""
    if not edge.delay:
        return sequence
    joined = jnp.concatenate([delayed[str(edge)].astype(sequence.dtype), sequence])
    delayed[str(edge)] = joined[len(sequence) :].astype(jnp.int32)
    return joined[: len(sequence)]


def _narrow(network: IntNetwork, name: str, values):
    """What a connection hands on, in the smallest type that holds it."""
    return values.astype(jnp.int8) if largest(network, name) <= 127 else values


def _scan(network: IntNetwork, group, keep: _Keep, weights, outside, populations, delayed):
    """Scan the nodes of a loop (or a lone population) over time; updates ``populations`` and ``delayed``."""
    inner = [edge for edge in network.edges if edge.source in group and edge.target in group and edge.delay]
    members = [name for name in group if network.nodes[name].role == "population"]

    ports = {name: network.arriving(name) for name in members}

    def step(carry, arriving):
        states, queues = carry
        now: dict[str, Any] = {}
        kept, currents, counted = {}, {}, {}
        for name in group:
            node = network.nodes[name]
            parts = {
                edge: arriving[edge] if edge in arriving else queues[str(edge)][0] if edge.delay else now[edge.source]
                for edge in network.incoming(name)
            }
            if node.role == "connection":
                now[name] = _narrow(network, name, connect(node, weights.get(name), *parts.values()))
                continue
            ops = JaxOps(counting=keep.count)
            with at_node(name):
                events = tuple([parts[edge].astype(jnp.int32) for edge in port] for port in ports[name])
                state, spikes, v = node.step(ops, states[name], Arriving(events))
            states = {**states, name: state}
            now[name] = spikes.astype(jnp.int8 if (node.max_spikes or INT32) <= 127 else jnp.int32)
            kept |= {name: v} if keep.v else {}
            currents |= {name: jnp.stack(state.current, axis=1)} if keep.current and state.current else {}
            counted |= {name: ops.overflowed} if keep.count else {}
        queues = {
            str(edge): jnp.concatenate([queues[str(edge)][1:], now[edge.source][None].astype(jnp.int32)])
            for edge in inner
        }
        return (states, queues), ({name: now[name] for name in members}, kept, currents, counted)

    carry = ({name: populations[name] for name in members}, {str(edge): delayed[str(edge)] for edge in inner})
    (states, queues), (spikes, v, currents, counted) = jax.lax.scan(step, carry, outside)
    populations |= states
    delayed |= queues
    return spikes, v, currents, {name: counts.sum(dtype=jnp.int32) for name, counts in counted.items()}
