"""``simulate``: one door for both networks and every backend."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np

from .. import arrays
from ..bounds import edge_range, require_int64, settles
from ..errors import MissingDependencyError, RangeError
from ..findings import at_node, error, unknown_name
from ..network import FloatNetwork, IntNetwork
from ..nodes import IntWeights
from . import stepwise
from .trace import State, Trace, check_record, require_like

Backend = Literal["auto", "reference", "fast", "event"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

SPARSE = 0.1
"""Share of inputs that are not zero up to which ``auto`` runs event-driven; ``docs/performance.md`` has the figures."""
WORTH_COMPILING = 100_000_000_000
"""Products of weights and inputs, zeros included, from which ``auto`` does: about the time that compiling takes."""
LOOKED_AT = 32
"""Time steps that ``auto`` counts in, spread over the run."""


def simulate(
    network: FloatNetwork | IntNetwork,
    x: np.ndarray,
    *,
    record: Sequence[str] = (),
    backend: Backend = "auto",
    state: State | None = None,
) -> Trace:
    """Run a network on an input.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
        A float network is simulated in float64 step by step; an integer network by ``backend``.
    x : array, shape ``(time, batch, *features)``
        For an integer network, *integers are codes* (as ``q.encode(x).codes`` returns them) and *floats are real
        inputs*, encoded first; ``Trace.input_clipped`` says how many were clipped. The dtype alone decides.
    record : sequence of ``"spikes"``, ``"v"``, ``"v_post"``, ``"current"``, ``"overflows"``
        What to keep of every population. ``v`` is the membrane after integration and clipping, before reset (what
        is compared with the threshold); ``v_post`` after it.
    backend : ``"auto"`` | ``"reference"`` | ``"fast"`` | ``"event"``
        ``reference`` is the definition (numpy int64); ``fast`` (JAX) and ``event`` (numba, an optional package; only
        inputs that are not zero cost anything) equal it bit for bit or refuse (LX302). ``auto`` takes ``event`` for
        long runs on sparse inputs, else ``fast``, and the reference where they refuse.
    state : State, optional
        Continue from ``Trace.final_state`` of an earlier call; the captured initial state by default.

    Returns
    -------
    Trace

    Raises
    ------
    ParameterError
        LX301 for a wrong shape or codes out of range, LX205 for unusable real inputs, LX304 for the state of another
        network or batch, LX006 for a wrong option.
    RangeError
        LX302 if ``fast`` or ``event`` was asked for and would be inexact.
    MissingDependencyError
        LX005 if ``event`` was asked for and numba cannot be imported.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.neurons import IntLIF, Leak, Rules, Word
    >>> from lifexport.nodes import InputCode, IntDense, IntInput, Output
    >>> rules = Rules(membrane=Word.signed(16), leak=Leak(bits=2))
    >>> lif = IntLIF(shape=(1,), rules=rules, decay=3, threshold=7, reset_code=7, unit=1)
    >>> nodes = {
    ...     "in": IntInput(shape=(2,), code=InputCode(kind="spikes")),
    ...     "fc": IntDense(weight=np.array([[1, 2]])),
    ...     "lif": lif,
    ...     "out": Output(shape=(1,)),
    ... }
    >>> edges = [Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")]
    >>> q = IntNetwork(nodes=nodes, edges=edges, dt=1e-3)
    >>> trace = simulate(q, np.ones((5, 1, 2)), record=("v", "v_post"), backend="reference")
    >>> trace.v["lif"].ravel().tolist(), trace.v_post["lif"].ravel().tolist(), trace.output.ravel().tolist()
    ([3, 5, 6, 7, 3], [3, 5, 6, 0, 3], [0, 0, 0, 1, 0])
    """
    record = tuple(record)
    check_record(record)
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS, code="LX006", field="backend")
    if not isinstance(network, FloatNetwork | IntNetwork):
        fix = "give a FloatNetwork (lifexport.capture, from_nir) or an IntNetwork (lifexport.quantize)"
        raise error("LX006", field="network", found=f"a {type(network).__name__}", fix=fix)
    x = arrays.numbers(x, node=network.input_name, code="LX301")
    if isinstance(network, FloatNetwork):
        if backend in ("fast", "event"):
            found = f"{backend!r} for a FloatNetwork"
            raise error("LX006", field="backend", found=found, fix="quantize it, or leave it out")
        network.check_real(x)
        _check_state(network, x, state)
        return stepwise.run(network, x.astype(np.float64), record, state)
    clipped = 0
    if x.dtype.kind == "f":
        x, clipped = network.encode(x)
    network.check_codes(x)
    _check_state(network, x, state)
    return dataclasses.replace(_run(network, x, record, backend, state), input_clipped=clipped)


def _check_state(network: FloatNetwork | IntNetwork, x: np.ndarray, state: State | None) -> None:
    if state is not None:
        require_like(state, stepwise.initial_state(network, x.shape[1]))
        if isinstance(network, FloatNetwork):
            return
        for name, node in network.populations.items():
            if not settles(network, name):
                continue  # a number that wraps once may lie outside of its range
            with at_node(name):
                node.check_state(state.populations[name])
        for edge, queue in state.delayed.items():
            lo, hi = edge_range(network, edge)
            if queue.size and (queue.min() < lo or queue.max() > hi):
                found, fix = f"{queue.min()}..{queue.max()} under way", f"this edge carries {lo}..{hi}"
                raise error("LX304", node=str(edge), found=found, fix=fix)


def _run(network: IntNetwork, codes: np.ndarray, record: tuple[str, ...], backend: Backend, state: State | None):
    require_int64(network)
    order = (backend,)
    if backend == "auto":
        order = ("event", "fast", "reference") if _worth_events(network, codes) else ("fast", "reference")
    for name in order[:-1]:
        try:
            return _runner(name)(network, codes, record, state)
        except (RangeError, MissingDependencyError) as refused:
            if refused.code not in ("LX005", "LX302"):
                raise
    return _runner(order[-1])(network, codes, record, state)


def _runner(backend: Backend) -> Callable[..., Trace]:
    if backend == "reference":
        return stepwise.run
    if backend == "fast":
        from . import fast  # loads jax

        return fast.run
    try:
        from . import event  # loads numba
    except ImportError as missing:
        raise error("LX005", found=str(missing), fix='pip install "lifexport[numba]"') from missing
    return event.run


def _worth_events(network: IntNetwork, codes: np.ndarray) -> bool:
    """Whether few of the inputs are not zero, and the run is long enough to repay compiling the network."""
    weighted = (node for node in network.connections.values() if isinstance(node, IntWeights))
    products = sum(math.prod(node.out_shape) * node.weight[0].size for node in weighted)
    if codes.shape[0] * codes.shape[1] * products < WORTH_COMPILING or importlib.util.find_spec("numba") is None:
        return False
    some = codes[:: -(-len(codes) // LOOKED_AT)]
    return bool(np.count_nonzero(some) <= SPARSE * some.size)
