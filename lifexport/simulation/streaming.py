"""Runs of any length in bounded memory: one chunk of time steps after the other, the state handed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..findings import error
from ..network import FloatNetwork, IntNetwork
from .run import Backend, simulate
from .trace import State, Trace


def stream(
    network: FloatNetwork | IntNetwork,
    chunks: Iterable[np.ndarray],
    *,
    record: Sequence[str] = (),
    backend: Backend = "auto",
    state: State | None = None,
) -> Iterator[Trace]:
    """Run a network on a sequence that comes in chunks of time steps; every chunk's trace as soon as it is done.

    Only one chunk is held at a time, so that memory is bounded by the chunk and not by the sequence, and whoever
    takes the traces sees how far the run is. Chunks of one length are compiled once.

    Parameters
    ----------
    network, record, backend, state
        As in ``simulate``.
    chunks : iterable of arrays, shape ``(time, batch, *features)``
        Consecutive parts of the sequence, of any lengths; the batch stays the same.

    Yields
    ------
    Trace
        That of ``simulate`` on the chunk; its ``final_state`` starts the next one.

    Raises
    ------
    ParameterError
        What ``simulate`` refuses, LX304 where the batch changes.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import FloatIAF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> iaf = FloatIAF(shape=(1,), dt=1.0, r=1.0, v_threshold=3.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(1,)), "fc": FloatDense(weight=[[1.0]]), "iaf": iaf, "out": Output(shape=(1,))}
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "iaf"), Edge("iaf", "out")], dt=1.0)
    >>> [trace.output.ravel().tolist() for trace in stream(net, [np.ones((2, 1, 1))] * 3)]
    [[0, 0], [1, 0], [0, 1]]
    """
    if isinstance(chunks, np.ndarray):
        found, fix = "one array", "give a list or generator of arrays; simulate takes one array"
        raise error("LX006", field="chunks", found=found, fix=fix)
    return _run(network, chunks, record, backend, state)


def _run(network, chunks, record, backend, state) -> Iterator[Trace]:
    for chunk in chunks:
        trace = simulate(network, chunk, record=record, backend=backend, state=state)
        state = trace.final_state
        yield trace
