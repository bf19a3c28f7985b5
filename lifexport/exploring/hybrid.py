"""A network of which some layers are trained ones and others the chip's."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from ..graph import Edge
from ..network import FloatNetwork, IntNetwork, Network
from ..neurons import Arriving
from ..nodes import IntWeights
from ..ops import NumpyOps
from ..readout import Prediction, leaving, predict, scores
from ..simulation.stepwise import initial_state


class Hybrid:
    """Step by step, every population with the weights that feed it either as trained or in integers.

    Spikes go from one to the other as they are. All are delivered when they were in training: what a target delivers
    later is a rule of the whole chip, not of a layer.

    Parameters
    ----------
    f, q : FloatNetwork, IntNetwork
        Trained, and quantized from it.
    integers : collection of str
        Populations that run in integers.

    Examples
    --------
    >>> import lifexport as lx
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense, Input, Output
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[3.0, 4.0]]), "lif": lif, "out": Output(shape=(1,))}
    >>> f = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> x = np.ones((9, 1, 2))
    >>> q = lx.quantize(f, "fpga-q", calibration=x)
    >>> Hybrid(f, q, ["lif"]).run(x)["lif"].ravel().tolist()
    [0, 1, 0, 1, 1, 0, 1, 0, 1]
    """

    def __init__(self, f: FloatNetwork, q: IntNetwork, integers: Collection[str]):
        self.f, self.q, self.integers = f, q, set(integers)
        self.cells = {name: self._cell(name) for name in f.populations}

    def _cell(self, name: str) -> Any:
        if name not in self.integers:
            return self.f.nodes[name]
        node = self.q.nodes[name]
        return dataclasses.replace(node, rules=dataclasses.replace(node.rules, judged="step_end"))

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Spikes of every population, ``(time, batch, *shape)``; ``prediction`` needs the run before it."""
        self.x, self.codes = x.astype(np.float64), self.q.encode(x).codes
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in self.cells}
        states = {name: initial_state(self._network(name), x.shape[1]).populations[name] for name in self.cells}
        out: list[np.ndarray] = []
        for t in range(len(x)):
            for name in self.cells:
                states[name], fired, v = self._step(name, states[name], t)
                self.rows[name].append(fired.astype(np.int64))
                if name == self.f.readout_name:
                    out.append(v)
        last = self.f.readout_name
        volt = self.q.nodes[last].volt if last in self.integers else 1.0
        self.v = np.stack(out) * volt
        return {name: np.stack(rows) for name, rows in self.rows.items()}

    def prediction(self) -> Prediction:
        """Classes that the last run predicts."""
        spikes = leaving(np.stack(self.rows[self.f.readout_name]), self.f.output_edge.delay)
        return predict(scores(self.f.readout, spikes, self.v))

    def _network(self, name: str) -> Network:
        """Whose nodes a population and its weights are."""
        return self.q if name in self.integers else self.f

    def _step(self, name: str, state: Any, t: int) -> tuple[Any, np.ndarray, np.ndarray]:
        cell, edges = self.cells[name], self.f.incoming(name)
        if name not in self.integers:
            return cell.step(state, np.sum([self._value(edge, t, self.f) for edge in edges], axis=0))
        delays = {(edge.source, edge.target): edge for edge in edges}
        ports = [[delays[e.source, e.target] for e in port] for port in self.q.arriving(name)]
        events = tuple([one for edge in port for one in self._increments(cell, edge, t)] for port in ports)
        return cell.step(NumpyOps(), state, Arriving(events))

    def _increments(self, cell: Any, edge: Edge, t: int) -> list[np.ndarray]:
        node = self.q.nodes[edge.source]
        if not (cell.per_event and isinstance(node, IntWeights)):
            return [self._value(edge, t, self.q)]
        (before,) = self.f.incoming(edge.source)
        return node.events(self._value(before, t - edge.delay, self.q))

    def _value(self, edge: Edge, t: int, network: Network) -> np.ndarray:
        """What an edge delivers at a step; nothing before the first one."""
        source, then = network.nodes[edge.source], t - edge.delay
        if then < 0:
            return np.zeros((self.x.shape[1], *source.out_shape), np.int64)
        if source.role == "input":
            return self.codes[then] if network is self.q else self.x[then]
        if source.role == "population":
            return self.rows[edge.source][then]
        (before,) = self.f.incoming(edge.source)
        return source.apply(self._value(before, then, network))
