r"""Proof of an export in float32: no value of a step is further from the float64 simulator's than rounding can take it.

Every step of a run is started anew from the float64 state before it, so that errors do not pile up. A membrane is then

.. math:: |V_{32} - V_{64}| \le (n + 20)\, u\, \bigl(|\alpha|\,(|v| + r) + 2 |v_{rest}| + |\gamma| \sum |w|\,|x|\bigr),
   \qquad u = 2^{-24},

with :math:`r = |v| + |v_{th}| + |v_{reset}|` where a spike is reset, else 0, and :math:`n` the operands of its sums, in
whatever order they are taken (N. J. Higham, *Accuracy and Stability of
Numerical Algorithms*, 2002, section 3.1). Its spike must be the simulator's unless the threshold lies within that
distance. How a whole run in float32 differs from one in float64 is counted, and reported.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import onnx  # noqa: TID251

from ..findings import error
from ..graph import Edge
from ..network import FloatNetwork
from ..neurons import FloatCubaLIF
from ..neurons.membrane import FloatMembrane, FloatState, Spiking
from ..nodes import FloatDense
from ..readout import predict, scores
from ..simulation import simulate
from ..simulation.stepwise import initial_state
from ..simulation.trace import State, Trace
from ..spatial import FloatAvgPool, FloatConv, SumPool
from .onnx_neurons import fires_at
from .onnx_restoring import form_of
from .onnx_running import RUNTIMES, Source, by_steps
from .onnx_step import edge_names, typed

U = 2.0**-24
"""Largest relative error of one rounding to float32."""
TINY = 2.0**-120
"""Far below any potential: room for results below float32's normal numbers."""
OPERATIONS = 20
"""Roundings of a step besides those of its sums, parameters' included; more than there are."""
STEPS, SAMPLES = 6, 3


class Case(NamedTuple):
    """Inputs and, unless the run starts as captured, a state."""

    label: str
    x: np.ndarray
    state: State | None


class Rows(NamedTuple):
    """All steps of a float64 run, side by side as samples of one step."""

    x: np.ndarray
    before: State
    after: State
    v: dict[str, np.ndarray]
    spikes: dict[str, np.ndarray]


class Tally:
    """What was compared, and how it came out."""

    def __init__(self):
        self.values = self.undecided = 0
        self.nearest = 0.0
        """Largest share of its bound that a difference took."""
        self.same_spikes = self.all_spikes = self.same_classes = self.all_classes = 0

    def sentences(self) -> tuple[str, ...]:
        """The proof in words."""
        bounded = f"{self.values} values within the bound of float32's rounding, at most {self.nearest:.2g} of it"
        whole = f"{self.same_spikes} of {self.all_spikes} output spikes"
        whole += f" and {self.same_classes} of {self.all_classes} predictions are the float64 simulator's"
        return (
            f"step by step in {' and '.join(RUNTIMES)}: {bounded}, {self.undecided} too near a threshold to tell",
            f"whole runs in onnxruntime: {whole}",
        )


def prove_float(
    model: onnx.ModelProto, sources: tuple[Source, Source], network: FloatNetwork, inputs: np.ndarray | None
) -> tuple[str, ...]:
    """Run file and twin in every runtime against the float64 simulator.

    Parameters
    ----------
    model : ModelProto
        The file.
    sources : (ModelProto or Path, ModelProto or Path)
        What to run: the file, and its twin, the same step with the state as input and all it computes as output.
    network : FloatNetwork
    inputs : float array, shape ``(time, batch, *features)``, optional
        Further inputs.

    Returns
    -------
    tuple of str
        What was proved, and how whole runs agree.

    Raises
    ------
    MismatchError
        LX402 for a value outside of its bound, and for outputs of the file that are not the twin's.
    """
    tally, form = Tally(), form_of(model)
    taken = {value.name for value in model.graph.input}
    for name, start in RUNTIMES.items():
        run_file, run_twin = ((by_steps(run) if form == "step" else run) for run in map(start, sources))
        for case in _cases(network, inputs):
            label = f"{name}, {case.label}"
            rows = _rows(network, case)
            one = run_twin({"x": rows.x[None].astype(np.float32), **typed(network, rows.before)})
            _check_step(label, network, rows, one, tally)
            if case.state is None:
                states = typed(network, initial_state(network, case.x.shape[1]))
                feed = {"x": case.x.astype(np.float32)}
                whole = run_twin({**feed, **states})
                got = run_file({**feed, **{key: value for key, value in states.items() if key in taken}})
                _check_file(label, network, got, whole)
                if name == "onnxruntime":
                    _count(tally, simulate(network, case.x), whole)
    return tally.sentences()


def _rows(network: FloatNetwork, case: Case) -> Rows:
    state = case.state or initial_state(network, case.x.shape[1])
    before, after, traces = [], [], []
    for now in case.x:
        trace = simulate(network, now[None], record=("v", "spikes"), state=state)
        before.append(state)
        after.append(trace.final_state)
        traces.append(trace)
        state = trace.final_state
    joined = {
        what: {name: np.concatenate([getattr(t, what)[name][0] for t in traces]) for name in network.populations}
        for what in ("v", "spikes")
    }
    x = case.x.reshape(-1, *case.x.shape[2:])
    return Rows(x, _side_by_side(before), _side_by_side(after), joined["v"], joined["spikes"])


def _side_by_side(states: list[State]) -> State:
    """States of several runs as those of the samples of one."""
    first = states[0]

    def joined(name: str) -> FloatState:
        parts: list[FloatState] = [state.populations[name] for state in states]
        waiting = None if parts[0].waiting is None else np.concatenate([part.waiting for part in parts])
        currents = zip(*(part.current for part in parts), strict=True)
        return FloatState(np.concatenate([part.v for part in parts]), tuple(map(np.concatenate, currents)), waiting)

    delayed = {edge: np.concatenate([state.delayed[edge] for state in states], axis=1) for edge in first.delayed}
    return State(populations={name: joined(name) for name in first.populations}, delayed=delayed)


class _Reach(NamedTuple):
    """What leaves a node in one step, for the bound."""

    size: np.ndarray
    """Sum of the magnitudes of what it is made of."""
    terms: int
    """Operands on the longest way to it."""
    doubtful: np.ndarray
    """Samples in which a spike on the way to it may differ, bool ``(samples,)``."""


def _check_step(label: str, network: FloatNetwork, rows: Rows, got: dict[str, np.ndarray], tally: Tally) -> None:
    """Hold one step in float32 against float64, node by node."""
    reached: dict[str, _Reach] = {}
    certain = np.zeros(len(rows.x), bool)
    for name, node in network.nodes.items():
        arriving = [_arriving(rows, edge, reached) for edge in network.incoming(name)]
        if node.role == "input":
            reached[name] = _Reach(np.abs(rows.x), 1, certain)
        elif node.role == "connection":
            reached[name] = _through(node, arriving[0])
        elif node.role == "population":
            reached[name] = _population(label, name, node, arriving, rows, got, tally)
    for edge in network.edges:
        if edge.delay:
            _late(label, network, edge, reached[edge.source], rows, got, tally)


def _arriving(rows: Rows, edge: Edge, reached: dict[str, _Reach]) -> _Reach:
    if not edge.delay:
        return reached[edge.source]
    queue = rows.before.delayed[edge]
    return _Reach(np.abs(queue[0]), 1, np.zeros(queue.shape[1], bool))


def _through(node: Any, before: _Reach) -> _Reach:
    """What a connection makes of magnitudes."""
    terms = 0
    if isinstance(node, FloatDense | FloatConv):
        bias = None if node.bias is None else np.abs(node.bias)
        node, terms = dataclasses.replace(node, weight=np.abs(node.weight), bias=bias), node.weight[0].size + 3
    elif isinstance(node, SumPool | FloatAvgPool):
        terms = node.area + 2
    return _Reach(node.apply(before.size), before.terms + terms, before.doubtful)


def _population(
    label: str,
    name: str,
    node: FloatMembrane,
    arriving: list[_Reach],
    rows: Rows,
    got: dict[str, np.ndarray],
    tally: Tally,
) -> _Reach:
    before, after = rows.before.populations[name], rows.after.populations[name]
    size = sum(part.size for part in arriving)
    terms = max(part.terms for part in arriving) + len(arriving) + OPERATIONS
    doubtful = np.logical_or.reduce([part.doubtful for part in arriving])
    known = np.broadcast_to(~doubtful.reshape(-1, *(1,) * len(node.shape)), rows.v[name].shape)
    if isinstance(node, FloatCubaLIF):
        size = np.abs(node.current_decay * before.current[0]) + np.abs(node.w_in) * size
        _near(f"{label}, current", f"{name}.current0", got, after.current[0], terms * U * size, known, tally)
    size = np.abs(node.gain) * size + np.abs(node.decay * before.v) + 2 * np.abs(node.v_rest)
    if isinstance(node, Spiking):
        threshold = fires_at(node)[0]
        reset = np.abs(node.v_threshold) + np.abs(node.v_reset)
        size = size + np.abs(node.decay) * np.where(node.fires(before.v), np.abs(before.v) + reset, 0)
        known = known & (node.fires(before.v) == (before.v.astype(np.float32) >= threshold))
    if before.waiting is not None:
        size = size + np.abs(before.v) + np.abs(node.after_reset(before.v))
    v, bound = rows.v[name], terms * U * size
    _near(label, f"{name}.V", got, v, bound, known, tally)
    spikes, expected = got[f"{name}.spikes"][0], rows.spikes[name]
    differs = spikes != expected
    if isinstance(node, Spiking):
        known = known & (np.abs(v - node.v_threshold) > bound + U * np.abs(node.v_threshold))
    _require(label, f"{name}.spikes", spikes, expected, differs & known)
    tally.values += int(known.sum())
    tally.undecided += int((~known).sum())
    if after.waiting is not None:
        waiting = got[f"{name}.waiting_final"]
        _require(label, f"{name}.waiting", waiting, after.waiting, (waiting != after.waiting) & known)
    return _Reach(expected.astype(float), 1, doubtful | differs.reshape(len(differs), -1).any(axis=1))


def _late(
    label: str,
    network: FloatNetwork,
    edge: Edge,
    source: _Reach,
    rows: Rows,
    got: dict[str, np.ndarray],
    tally: Tally,
) -> None:
    """What is under way after the step: all but the newest as before, one step nearer."""
    names, was, now = edge_names(network, edge), rows.before.delayed[edge], rows.after.delayed[edge]
    if edge == network.output_edge:
        _require(label, "spikes", got["spikes"][0], was[0], got["spikes"][0] != was[0])
    for name, value in zip(names[:-1], was[1:].astype(np.float32), strict=True):
        _require(label, name, got[f"{name}_final"], value, got[f"{name}_final"] != value)
    known = np.broadcast_to(~source.doubtful.reshape(-1, *(1,) * (now[-1].ndim - 1)), now[-1].shape)
    if network.nodes[edge.source].role == "population":
        known = known & (got[f"{edge.source}.spikes"][0] == rows.spikes[edge.source])  # judged there
    _near(label, names[-1], got, now[-1], source.terms * U * source.size, known, tally)


def _near(
    label: str,
    name: str,
    got: dict[str, np.ndarray],
    right: np.ndarray,
    bound: np.ndarray,
    known: np.ndarray,
    tally: Tally,
) -> None:
    value, bound = got[f"{name}_final"], bound + TINY
    share = np.where(known, np.abs(value.astype(np.float64) - right) / bound, 0.0)
    _require(label, name, value, right, ~(share <= 1))
    tally.values += int(known.sum())
    tally.nearest = max(tally.nearest, float(share.max(initial=0)))


def _require(label: str, name: str, got: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> None:
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        found = f"{label}: {got[index]} instead of {right[index]}"
        raise error("LX402", node=name, index=index, found=found, fix="please report this")


def _check_file(label: str, network: FloatNetwork, got: dict[str, np.ndarray], whole: dict[str, np.ndarray]) -> None:
    """The file's outputs must be the twin's, or follow from them."""
    v = whole[f"{network.readout_name}.V_trace"]
    expected = dict(whole) | {
        f"{name}.count": whole[f"{name}.spikes"].sum(axis=0, dtype=np.int32) for name in network.populations
    }
    if "scores" in whole:
        score = scores(network.readout, whole["spikes"], v)
        expected |= {"scores": score.reshape(len(score), -1), "prediction": predict(score).labels}
    for name, value in [*got.items(), *((name, whole[name]) for name in ("scores", "prediction") if name in whole)]:
        right = expected[name]
        if value.shape != right.shape:
            raise error("LX402", node=name, found=f"{label}: shape {value.shape}", fix="please report this")
        _require(label, name, value, right, value != right)


def _count(tally: Tally, trace: Trace, whole: dict[str, np.ndarray]) -> None:
    tally.same_spikes += int((whole["spikes"] == trace.output).sum())
    tally.all_spikes += trace.output.size
    if "prediction" in whole:
        tally.same_classes += int((whole["prediction"] == trace.prediction.labels).sum())
        tally.all_classes += len(trace.prediction.labels)


def _cases(network: FloatNetwork, inputs: np.ndarray | None) -> list[Case]:
    """Inputs and states to run: spikes, real numbers, one step, states at and beside thresholds, and the caller's."""
    rng, shape = np.random.default_rng(0), network.nodes[network.input_name].shape
    spikes = (rng.random((STEPS, SAMPLES, *shape)) < 0.3).astype(np.float64)
    normal = rng.normal(size=(STEPS, SAMPLES, *shape)).astype(np.float32).astype(np.float64)
    cases = [Case("spikes", spikes, None), Case("real numbers", normal, None), Case("one step", spikes[:1, :1], None)]
    cases += [Case(f"boundary state {k}", normal, _boundary_state(network, rng)) for k in range(4)]
    if inputs is not None:
        network.check_input(inputs)
        cases.append(Case("given input", inputs.astype(np.float32).astype(np.float64), None))
    return cases


def _boundary_state(network: FloatNetwork, rng: np.random.Generator) -> State:
    """Membranes at their thresholds, the next float32 on either side, far above and below; anything under way."""
    start, populations = initial_state(network, SAMPLES), {}
    for name, node in network.populations.items():
        state = start.populations[name]
        ends = fires_at(node)[0] if isinstance(node, Spiking) else node.v_initial.astype(np.float32)
        up, down = (np.nextafter(ends, np.float32(end)) for end in (np.inf, -np.inf))
        points = np.stack([ends, up, down, 40 * ends, -40 * ends, np.zeros_like(ends)]).astype(np.float64)
        chosen = rng.integers(0, len(points), (SAMPLES, *node.shape))
        v = np.take_along_axis(points, chosen, axis=0)
        currents = tuple(rng.choice([-1.0, 0.0, 1.0], current.shape) for current in state.current)
        waiting = state.waiting
        if waiting is not None and isinstance(node, Spiking):
            waiting = rng.integers(0, np.maximum(node.refractory, 1), (SAMPLES, *node.shape))
        populations[name] = FloatState(v, currents, waiting)
    delayed = {}
    for edge, queue in start.delayed.items():
        spiking = network.nodes[edge.source].role == "population"
        delayed[edge] = rng.choice([0.0, 1.0] if spiking else [-1.0, 0.0, 0.5], queue.shape)
    return State(populations=populations, delayed=delayed)
