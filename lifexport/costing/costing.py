"""Work on given inputs: events, synaptic operations, updates; energy where a target says what they take."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..export.provenance import plain
from ..graph import Edge
from ..network import IntNetwork
from ..nodes import IntDense, IntWeights
from ..schemas import header
from ..simulation import Trace, simulate
from ..spatial import IntConv
from ..targets import Target, load_target, target_names
from .memory import Memory, memory

SCHEMA = "lifexport.cost/1"
NO_ENERGY = "no energy is given: the target states no coefficients, and none are assumed"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one weighted connection does, summed over all samples and steps.

    Parameters
    ----------
    node : str
    events : int
        Inputs that are not zero.
    operations : int
        Synaptic operations: for every event the weights it meets, at the borders of a convolution only those there are.
    dense : int
        Products that a machine without regard to zeros would form.
    """

    node: str
    events: int
    operations: int
    dense: int


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What one population does, summed over all samples and steps."""

    node: str
    neurons: int
    spikes: int
    updates: int
    """Neurons times steps."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Energy of all samples, joule, from the coefficients a target discloses; how they are known, and the source."""

    synaptic_operations: Fraction
    neuron_updates: Fraction
    spikes: Fraction
    how: str
    source: str

    @property
    def total(self) -> Fraction:
        """All of it, joule."""
        return self.synaptic_operations + self.neuron_updates + self.spikes


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Memory of a network, and its work on given inputs.

    Parameters
    ----------
    network, target : str
        Digest and target.
    samples, steps : int
    memory : tuple of Memory
    work : tuple of Work
    activity : tuple of Activity
    energy : Energy or None
        None unless the target discloses coefficients.
    """

    network: str
    target: str
    samples: int
    steps: int
    memory: tuple[Memory, ...]
    work: tuple[Work, ...]
    activity: tuple[Activity, ...]
    energy: Energy | None

    @property
    def memory_bits(self) -> int:
        """Bits of the whole network."""
        return sum(row.bits for row in self.memory)

    @property
    def operations(self) -> int:
        """Synaptic operations of all samples."""
        return sum(row.operations for row in self.work)

    @property
    def spikes(self) -> int:
        """Spikes of all samples."""
        return sum(row.spikes for row in self.activity)

    @property
    def said(self) -> str:
        """One sentence."""
        per = self.samples
        updates = sum(row.updates for row in self.activity) / per
        text = (
            f"{self.memory_bits} bits of memory; per sample of {self.steps} steps {self.operations / per:.1f} synaptic "
            f"operations, {self.spikes / per:.1f} spikes, {updates:.0f} neuron updates"
        )
        if self.energy is None:
            return f"{text}; {NO_ENERGY}"
        joule = float(self.energy.total / per)
        return f"{text}; {1e9 * joule:.4g} nJ by coefficients that are {self.energy.how} ({self.energy.source})"

    def to_json(self) -> dict[str, Any]:
        """Dictionary conforming to ``schemas/cost.schema.json``."""
        energy = self.energy
        return {
            **header(SCHEMA),
            "network": self.network,
            "target": self.target,
            "samples": self.samples,
            "steps": self.steps,
            "memory_bits": self.memory_bits,
            "memory": [
                {
                    "node": row.node,
                    "weights": row.weights,
                    "thresholds": row.thresholds,
                    "resets": row.resets,
                    "biases": row.biases,
                    "decays": row.decays,
                    "state": row.state,
                    "delays": row.delays,
                }
                for row in self.memory
            ],
            "work": [
                {"node": w.node, "events": w.events, "operations": w.operations, "dense": w.dense} for w in self.work
            ],
            "activity": [
                {"node": a.node, "neurons": a.neurons, "spikes": a.spikes, "updates": a.updates} for a in self.activity
            ],
            "energy": None
            if energy is None
            else {
                "synaptic_operations": plain(energy.synaptic_operations),
                "neuron_updates": plain(energy.neuron_updates),
                "spikes": plain(energy.spikes),
                "how": energy.how,
                "source": energy.source,
            },
            "said": self.said,
        }


def cost(q: IntNetwork, x: np.ndarray, *, target: Target | None = None) -> Cost:
    """Count what a network needs and does.

    Parameters
    ----------
    q : IntNetwork
    x : array, shape ``(time, batch, *features)``
        Codes, or real inputs.
    target : Target, optional
        Description whose coefficients of energy are used; by default the shipped one of that name and digest.

    Returns
    -------
    Cost
        Measured activity, nothing assumed. Energy only where the target's section ``energy`` states what an operation
        takes, with its source.

    Raises
    ------
    ParameterError
        LX301, LX205 for unusable inputs.
    """
    trace = simulate(q, x, record=("spikes",))
    codes = q.encode(x).codes if np.asarray(x).dtype.kind == "f" else np.asarray(x)
    steps, samples = codes.shape[:2]
    work = tuple(
        _work(node, name, _arriving(q, name, codes, trace), steps * samples)
        for name, node in q.connections.items()
        if isinstance(node, IntWeights)
    )
    activity = tuple(
        Activity(
            node=name,
            neurons=int(np.prod(node.shape)),
            spikes=int(trace.spikes[name].sum(dtype=np.int64)),
            updates=int(np.prod(node.shape)) * steps * samples,
        )
        for name, node in q.populations.items()
    )
    return Cost(
        network=q.digest(),
        target=q.target,
        samples=samples,
        steps=steps,
        memory=memory(q),
        work=work,
        activity=activity,
        energy=energy_of(target or shipped(q), work, activity),
    )


def _arriving(q: IntNetwork, name: str, codes: np.ndarray, trace: Trace) -> np.ndarray:
    """What enters a connection, at every step: ``(time * batch, *in_shape)``."""
    (edge,) = q.incoming(name)
    return _leaving(q, edge, codes, trace)


def _leaving(q: IntNetwork, edge: Edge, codes: np.ndarray, trace: Trace) -> np.ndarray:
    source = q.nodes[edge.source]
    if source.role == "connection":
        return source.apply(_arriving(q, edge.source, codes, trace))
    rows = codes if source.role == "input" else trace.spikes[edge.source]
    return rows.reshape(-1, *source.out_shape).astype(np.int64)


def _work(node: IntWeights, name: str, arriving: np.ndarray, moments: int) -> Work:
    events = arriving != 0
    fan_out = fan_outs(node)
    return Work(
        node=name,
        events=int(events.sum()),
        operations=int((events.sum(axis=0, dtype=np.int64) * fan_out).sum()),
        dense=int(fan_out.sum()) * moments,
    )


def fan_outs(node: IntWeights) -> np.ndarray:
    """Weights that every input of a connection meets, int64, shape ``in_shape``."""
    if isinstance(node, IntDense):
        return np.full(node.in_shape, len(node.weight), np.int64)
    assert isinstance(node, IntConv)
    places = int(np.prod(node.in_shape[1:]))
    index = np.arange(1, places + 1).reshape(1, 1, *node.in_shape[1:])  # 0 is what padding adds
    met = np.bincount(node.windows.gather(index).ravel(), minlength=places + 1)[1:]
    each = met.reshape(node.in_shape[1:]) * (len(node.weight) // node.groups)
    return np.broadcast_to(each, node.in_shape).astype(np.int64)


def shipped(q: IntNetwork) -> Target | None:
    """Description of the network's target, if it is a shipped one."""
    if q.target not in target_names() or (found := load_target(q.target)).digest != q.target_digest:
        return None
    return found


def energy_of(target: Target | None, work: tuple[Work, ...], activity: tuple[Activity, ...]) -> Energy | None:
    """Energy of counted work by the coefficients that a target discloses; None if it discloses none."""
    given = None if target is None else target.document.get("energy")
    if target is None or given is None:
        return None
    joule = {name: Fraction(entry["num"], entry["den"]) / 10**12 for name, entry in given.items()}
    known = target.evidence("energy")
    return Energy(
        synaptic_operations=joule["per_synaptic_operation"] * sum(row.operations for row in work),
        neuron_updates=joule["per_neuron_update"] * sum(row.updates for row in activity),
        spikes=joule["per_spike"] * sum(row.spikes for row in activity),
        how=known["how"],
        source=known["source"],
    )
