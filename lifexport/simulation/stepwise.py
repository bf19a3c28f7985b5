"""The slow and obvious simulator: one time step after the other, node by node, for both networks.

With ``NumpyOps`` on int64 this *is* the definition of the integer network (backend ``reference``); with float64 it is
the definition of the trained one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..network import FloatNetwork, IntNetwork, Network
from ..neurons import FloatPopulation
from ..ops import CountingOps
from .trace import State, Trace


def initial_state(network: Network, batch: int) -> State:
    """State before the first step: captured initial potentials, nothing under way."""
    populations = {}
    for name, node in network.populations.items():
        if isinstance(node, FloatPopulation):
            populations[name] = node.initial_state(batch)
        else:
            state = node.initial_state()
            populations[name] = type(state)(*(np.broadcast_to(a, (batch, *node.shape)) for a in state))
    dtype = np.float64 if isinstance(network, FloatNetwork) else np.int64
    delayed = {
        edge: np.zeros((edge.delay, batch, *network.nodes[edge.source].out_shape), dtype)
        for edge in network.edges
        if edge.delay
    }
    return State(populations=populations, delayed=delayed)


def run(network: Network, x: np.ndarray, record: tuple[str, ...], state: State | None) -> Trace:
    """Simulate step by step.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
    x : float64 array (real inputs) or int64 array (codes), shape ``(time, batch, *features)``
    record : tuple of str
        See ``Trace``.
    state : State, optional
        Where to start; the initial state by default.

    Returns
    -------
    Trace
    """
    time, batch = x.shape[:2]
    dtype = np.int64 if isinstance(network, IntNetwork) else np.float64
    state = state if state is not None else initial_state(network, batch)
    populations, delayed = dict(state.populations), dict(state.delayed)
    ops = {name: CountingOps() for name in network.populations}
    rows: dict[str, dict[str, list]] = {what: {name: [] for name in ops} for what in ("spikes", "v", "v_post")}
    for t in range(time):
        values: dict[str, Any] = {}
        for name, node in network.nodes.items():
            arriving = [delayed[e][0] if e.delay else values[e.source] for e in network.incoming(name)]
            if node.role == "input":
                values[name] = x[t].astype(dtype)
            elif node.role == "connection":
                values[name] = node.apply(arriving[0])
            elif node.role == "output":
                values[name] = arriving[0]
            else:
                current = np.sum(arriving, axis=0)
                populations[name], spikes, v = _step(node, ops[name], populations[name], current)
                values[name] = spikes.astype(dtype)
                rows["spikes"][name].append(spikes.astype(np.uint8))
                rows["v"][name].append(v)
                if "v_post" in record:
                    rows["v_post"][name].append(_after_reset(node, ops[name], v))
        for edge, queue in delayed.items():
            delayed[edge] = np.concatenate([queue[1:], values[edge.source][None]])
    stacked = {what: {name: np.stack(v) for name, v in rows[what].items() if v} for what in rows}
    last = network.readout_name
    return Trace(
        readout=network.readout,
        output=stacked["spikes"][last],
        output_v=stacked["v"][last],
        spikes=stacked["spikes"] if "spikes" in record else {},
        v=stacked["v"] if "v" in record else {},
        v_post=stacked["v_post"],
        overflows={name: counter.overflowed for name, counter in ops.items()} if dtype is np.int64 else {},
        final_state=State(populations=populations, delayed=delayed),
    )


def _step(node: Any, ops: CountingOps, state: Any, current: np.ndarray):
    return node.step(state, current) if isinstance(node, FloatPopulation) else node.step(ops, state, current)


def _after_reset(node: Any, ops: CountingOps, v: np.ndarray) -> np.ndarray:
    return node.after_reset(v) if isinstance(node, FloatPopulation) else node.after_reset(ops, v)
