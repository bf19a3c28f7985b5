"""The two networks: ``FloatNetwork`` says what was trained, ``IntNetwork`` what the chip runs.

Both are frozen values over the graph of ``graph.py``: checked when built, so that nothing later checks again; nodes
in order of evaluation; compared with ``same``.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar, Literal, NamedTuple, NoReturn, get_args

import numpy as np

from . import arrays, graph
from .findings import error, unknown_name
from .fixedpoint import encode_clipped
from .graph import Edge
from .neurons import FloatPopulation, IntPopulation
from .nodes import Connection, FloatDense, Input, IntInput, IntWeights, Output
from .origin import Origin
from .readout import READOUTS, Readout
from .samples import Samples
from .spatial import Flatten, FloatAvgPool, FloatConv, SumPool

StateReset = Literal["sample", "never"]
STATE_RESETS: tuple[StateReset, ...] = get_args(StateReset)


class FrozenDict(dict):
    """A dictionary whose items stay."""

    def __reduce__(self):
        return type(self), (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("networks are frozen: build another, for example with dataclasses.replace")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = _refuse
    setdefault = update = _refuse  # type: ignore[assignment]


class Encoded(NamedTuple):
    """Integer codes of real inputs, and how many values were clipped to the code's range."""

    codes: np.ndarray
    clipped: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """What both networks share: a valid graph in order of evaluation.

    Parameters
    ----------
    nodes : mapping from name to node
        Exactly one input and one output; connections; at least one population.
    edges : sequence of Edge
        Inputs of a population add up; feedback edges have ``delay=1``.
    dt : float, seconds
        Time step.
    readout : ``"count"`` | ``"membrane_last"`` | ``"membrane_max"``
        How a class is read from the output.
    state_reset : ``"sample"`` | ``"never"``
        Whether what runs the network in the field starts every sample from the initial state, or goes on from where
        the sample before ended. A simulator has no memory between calls: pass it ``state=trace.final_state`` to go on.
    origin : Origin, optional
        How it was read, where it comes from a file of another tool.
    """

    parts: ClassVar[tuple[type, ...]]
    """Kinds of nodes."""

    nodes: Mapping[str, Any]
    edges: tuple[Edge, ...]
    dt: float
    readout: Readout = "count"
    state_reset: StateReset = "sample"
    origin: Origin | None = arrays.later(None)  # noqa: RUF009

    def __post_init__(self):
        if type(self.origin) not in (type(None), Origin):
            raise error("LX107", field="origin", found=f"a {type(self.origin).__name__}", fix="give an Origin, or None")
        if not (isinstance(self.dt, Real) and np.isfinite(self.dt) and self.dt > 0):
            raise error("LX103", field="dt", found=f"{self.dt!r}", fix="give a positive time step in seconds")
        for field, known in (("readout", READOUTS), ("state_reset", STATE_RESETS)):
            if getattr(self, field) not in known:
                raise unknown_name(field, getattr(self, field), known, code="LX106", field=field)
        self._check_parts()
        edges = tuple(sorted(self.edges))
        graph.validate(self.nodes, edges)
        order = graph.schedule(self.nodes, edges)
        last = self.nodes[next(edge.source for edge in edges if self.nodes[edge.target].role == "output")]
        if last.role != "population":
            raise error("LX107", found=f"the output is fed by a {last.role}", fix="feed it by a population of neurons")
        self._check_silent(edges)
        self._check_readout(edges)
        object.__setattr__(self, "dt", float(self.dt))
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "nodes", FrozenDict({name: self.nodes[name] for name in order}))

    def _check_silent(self, edges: tuple[Edge, ...]) -> None:
        """Neurons that never spike answer by their membrane, and nothing else."""
        for name, node in self.nodes.items():
            if node.role == "population" and not node.spiking:
                heard = next(
                    (e.target for e in edges if e.source == name and self.nodes[e.target].role != "output"), ""
                )
                if heard:
                    found, fix = f"feeds {heard!r} but never spikes", "let it feed the output alone"
                    raise error("LX107", node=name, found=found, fix=fix)
                if self.readout == "count":
                    found, fix = f"'count' of {name!r}, which never spikes", 'use "membrane_last" or "membrane_max"'
                    raise error("LX107", field="readout", found=found, fix=fix)

    def _check_readout(self, edges: tuple[Edge, ...]) -> None:
        """An edge carries spikes: membranes are read where they are, not some steps later."""
        last = next(edge for edge in edges if self.nodes[edge.target].role == "output")
        if last.delay and self.readout != "count":
            fix = f"let the edges into {last.source!r} be late instead, or read the count of spikes"
            raise error("LX113", node=last.source, field="readout", found=f"{self.readout!r}, and {last}", fix=fix)

    def _check_parts(self) -> None:
        if not isinstance(self.nodes, Mapping):
            found, fix = f"nodes is a {type(self.nodes).__name__}", 'give {"name": node, ...}'
            raise error("LX107", field="nodes", found=found, fix=fix)
        for name, node in self.nodes.items():
            if not isinstance(node, self.parts):
                fix = f"a {type(self).__name__} is made of {', '.join(part.__name__ for part in self.parts)}"
                raise error("LX107", node=str(name), found=f"a {type(node).__name__}", fix=fix)
        for i, edge in enumerate(self.edges):
            if not isinstance(edge, Edge):
                raise error("LX107", field=f"edges[{i}]", found=f"{edge!r}", fix='give Edge("source", "target")')

    @cached_property
    def input_name(self) -> str:
        """Name of the input node."""
        return next(name for name, node in self.nodes.items() if node.role == "input")

    @cached_property
    def output_name(self) -> str:
        """Name of the output node."""
        return next(name for name, node in self.nodes.items() if node.role == "output")

    @cached_property
    def readout_name(self) -> str:
        """Name of the population whose spikes are the output."""
        return self.output_edge.source

    @cached_property
    def output_edge(self) -> Edge:
        """The edge into the output; where it is late, spikes leave that much later."""
        return self.incoming(self.output_name)[0]

    @cached_property
    def populations(self) -> dict[str, Any]:
        """Neuron populations, in order of evaluation."""
        return {name: node for name, node in self.nodes.items() if node.role == "population"}

    @cached_property
    def connections(self) -> dict[str, Any]:
        """Connections, in order of evaluation."""
        return {name: node for name, node in self.nodes.items() if node.role == "connection"}

    def incoming(self, name: str) -> tuple[Edge, ...]:
        """Edges that end at a node."""
        return tuple(edge for edge in self.edges if edge.target == name)

    def outgoing(self, name: str) -> tuple[Edge, ...]:
        """Edges that start at a node."""
        return tuple(edge for edge in self.edges if edge.source == name)

    @cached_property
    def lateness(self) -> dict[str, int]:
        """Steps from the input to every node, by the longest way: late edges outside of loops, late spikes."""
        loops = [set(loop) for loop in graph.loops(self.nodes, self.edges)]
        back = {e for e in self.edges if e.delay and any({e.source, e.target} <= loop for loop in loops)}
        own = {name: node.latency if node.role == "population" else 0 for name, node in self.nodes.items()}
        late = dict.fromkeys(self.nodes, 0)
        for _ in self.nodes:  # longest paths: without what comes back the graph has no cycle
            for edge in self.edges:
                if edge not in back:
                    late[edge.target] = max(late[edge.target], late[edge.source] + own[edge.source] + edge.delay)
        return late

    def way(self, edge: Edge) -> tuple[str, ...]:
        """Connections that lie before the end of an edge, the nearest first, back to an input or a population."""
        names, source = [], edge.source
        while self.nodes[source].role == "connection":
            names.append(source)
            source = self.incoming(source)[0].source
        return tuple(names)

    def check_input(self, x: np.ndarray) -> None:
        """Refuse an input that is not ``(time, batch, *features)`` with at least one step and one sample.

        Raises
        ------
        ParameterError
            LX301.
        """
        shape = self.nodes[self.input_name].shape
        if x.ndim != 2 + len(shape) or x.shape[2:] != shape or 0 in x.shape[:2]:
            raise error(
                "LX301",
                node=self.input_name,
                found=f"shape {x.shape}",
                fix=f"give (time, batch, {', '.join(map(str, shape))}) with at least one step and one sample",
            )

    def digest(self) -> str:
        """Digest (sha256) of everything the network is: kinds, numbers, edges, dt, rules."""
        sha = hashlib.sha256()
        _feed(sha, self)
        return sha.hexdigest()


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatNetwork(Network):
    """The network as trained: float64, SI units, ``dt`` fixed.

    Parameters are those of ``Network``; populations are ``FloatPopulation``.

    Raises
    ------
    LifexportError
        LX101..LX109: whatever does not make a network, named by node and field.

    Examples
    --------
    >>> from lifexport.neurons import FloatLIF
    >>> from lifexport.nodes import FloatDense
    >>> lif = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(2,)), "fc": FloatDense(weight=[[3.0, 4.0]]), "lif": lif, "out": Output(shape=(1,))}
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge("in", "fc"), Edge("fc", "lif"), Edge("lif", "out")], dt=1e-3)
    >>> list(net.nodes)
    ['in', 'fc', 'lif', 'out']
    """

    parts: ClassVar[tuple[type, ...]] = (
        Input,
        FloatDense,
        FloatConv,
        SumPool,
        FloatAvgPool,
        Flatten,
        FloatPopulation,
        Output,
    )

    def __post_init__(self):
        super().__post_init__()
        for name, node in self.populations.items():
            if node.dt != self.dt:
                raise error(
                    "LX103",
                    node=name,
                    field="dt",
                    found=f"{node.dt} s in a network of {self.dt} s",
                    fix="use one time step in the whole network",
                )

    def check_real(self, x: np.ndarray) -> None:
        """Refuse an input of the wrong shape (LX301), and NaN or infinity (LX205)."""
        self.check_input(x)
        if not np.isfinite(x.astype(np.float64)).all():
            raise error("LX205", node=self.input_name, found="NaN or infinity", fix="clean the input data")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntNetwork(Network):
    """The network as the chip runs it: integers, and the exact ratios that interpret them.

    QAT, every simulator, every exporter and the certificate read this one object; that is why they agree.

    Parameters are those of ``Network`` with integer nodes, and

    target : str
        Name of the target whose rules the integers obey.
    target_digest : str
        Digest of that target's description.
    approximations : tuple of str
        What the target does otherwise than the trained network and the caller accepted, a sentence each.
    trained : str, optional
        Digest of the trained network it was quantized from; None for one made by hand, or by version 0.1.0.
    calibration : Samples, optional
        Samples that its numbers were chosen on; None for none, or where nobody stated them.

    Notes
    -----
    Invariant, checked when built: for weights of unit ``w`` that shift by ``k`` and drop ``d`` bits, fed with codes
    of unit ``a``, into a population of unit ``q``, exactly ``w * a == q * 2**(k - d)``.
    """

    parts: ClassVar[tuple[type, ...]] = (IntInput, IntWeights, SumPool, Flatten, IntPopulation, Output)

    target: str = "custom"
    target_digest: str = ""
    approximations: tuple[str, ...] = ()
    trained: str | None = arrays.later(None)
    calibration: Samples | None = arrays.later(None)  # noqa: RUF009

    def __post_init__(self):
        super().__post_init__()
        for name, node in self.populations.items():
            for edge in self.incoming(name):
                self._check_way(edge, node)
            self._check_population(name, node)

    def _check_way(self, edge: Edge, target: IntPopulation) -> None:
        """Check that codes arrive at a population in its own unit and order."""
        way = self.way(edge)
        weights = [name for name in way if isinstance(self.nodes[name], IntWeights)]
        if len(weights) > 1:
            fix = f"give {edge.target!r} one connection with weights, or put neurons between them"
            raise error("LX107", node=weights[0], found=f"weights after those of {weights[1]!r}", fix=fix)
        if not weights:
            return
        (name,) = weights
        node: IntWeights = self.nodes[name]
        source = self.nodes[self.incoming(way[-1])[0].source]
        arriving = source.code.unit if source.role == "input" else Fraction(1)
        scale = Fraction(2) ** (node.shift - node.drop)
        if node.unit * arriving != target.unit * scale:
            found = f"{node.unit} * {arriving} != {target.unit} * {scale} of {edge.target!r}"
            fix = "choose weight unit, shift and membrane unit so that both sides are equal"
            raise error("LX204", node=name, field="unit", found=found, fix=fix)
        if node.synapse >= target.synapses:
            found, fix = f"port {node.synapse} of {edge.target!r}", f"it has {target.synapses}"
            raise error("LX107", node=name, field="synapse", found=found, fix=fix)
        if target.per_event:
            self._check_events(edge, way, name)

    def _check_events(self, edge: Edge, way: tuple[str, ...], name: str) -> None:
        """Check that inputs that are added one by one reach the weights one by one, in this very step."""
        one_by_one = f"{edge.target!r}, which takes events one by one"
        if way[0] != name:
            fix = f"put {way[0]!r} before the weights"
            raise error("LX107", node=way[0], found=f"between weights and {one_by_one}", fix=fix)
        if edge.delay:
            fix = f"let the edge into {name!r} be late instead"
            raise error("LX107", node=name, found=f"late into {one_by_one}", fix=fix)
        if self.nodes[name].drop:
            found = f"{self.nodes[name].drop} for {one_by_one}"
            raise error("LX204", node=name, field="drop", found=found, fix="only a sum drops low bits")

    def _check_population(self, name: str, node: IntPopulation) -> None:
        ports = {self.synapse(edge) for edge in self.incoming(name)}
        for port in range(node.synapses):
            if port not in ports:
                raise error(
                    "LX107", node=name, found=f"nothing feeds port {port}", fix="connect it, with zeros if need be"
                )

    def synapse(self, edge: Edge) -> int:
        """Input port that an edge into a population feeds."""
        ports = (self.nodes[name].synapse for name in self.way(edge) if isinstance(self.nodes[name], IntWeights))
        return next(ports, 0)

    def arriving(self, name: str) -> tuple[tuple[Edge, ...], ...]:
        """Edges into a population by input port; from outside its loop before what comes back, then by name."""
        looping = {member for loop in graph.loops(self.nodes, self.edges) if name in loop for member in loop}
        edges = sorted(self.incoming(name), key=lambda edge: edge.source in looping)
        node: IntPopulation = self.nodes[name]
        return tuple(tuple(e for e in edges if self.synapse(e) == port) for port in range(node.synapses))

    @property
    def input_code(self) -> Any:
        """How real inputs become integer codes (``nodes.InputCode``)."""
        return self.nodes[self.input_name].code

    @property
    def latency(self) -> int:
        """Steps by which the output lags behind the input: late edges outside of loops, late spikes."""
        return self.lateness[self.output_name]

    def encode(self, x: np.ndarray) -> Encoded:
        """Integer codes of real inputs.

        Parameters
        ----------
        x : float array, shape ``(time, batch, *features)``
            Inputs as in training.

        Returns
        -------
        Encoded
            ``codes`` (int64, same shape) and ``clipped``, how many values were outside the code's range.

        Raises
        ------
        ParameterError
            LX205 for NaN, infinity, and inputs that are no spikes or no counts where only those are taken; LX301 for
            the shape.
        """
        x = arrays.numbers(x, node=self.input_name, code="LX205")
        self.check_input(x)
        values = x.astype(np.float64)
        if not np.isfinite(values).all():
            raise error("LX205", node=self.input_name, found="NaN or infinity", fix="clean the input data")
        if self.input_code.kind == "spikes" and not np.isin(values, (0.0, 1.0)).all():
            raise error(
                "LX205",
                node=self.input_name,
                found="values other than 0 and 1 for a spike input",
                fix="encode the input as spikes, or quantize with graded calibration data",
            )
        if self.input_code.kind == "counts" and (values != np.rint(values)).any():
            raise error(
                "LX205",
                node=self.input_name,
                found="fractions for an input of counts",
                fix="give natural numbers, or quantize with graded calibration data",
            )
        return Encoded(*encode_clipped(values, self.input_code.format))

    def check_codes(self, codes: np.ndarray) -> None:
        """Refuse codes of the wrong shape, dtype or range (LX301)."""
        self.check_input(codes)
        fmt = self.input_code.format
        if codes.dtype.kind not in "iub" or codes.min() < fmt.lo or codes.max() > fmt.hi:
            found = f"dtype {codes.dtype}" if codes.dtype.kind not in "iub" else f"{codes.min()}..{codes.max()}"
            raise error(
                "LX301",
                node=self.input_name,
                found=found,
                fix=f"give the integers {fmt.lo}..{fmt.hi} that q.encode(x) returns",
            )


def _feed(sha: Any, value: Any) -> None:
    """Hash a frozen value by content, with every boundary marked."""
    if dataclasses.is_dataclass(value):
        sha.update(f"<{type(value).__name__}>".encode())
        for field in arrays.hashed_fields(value):
            sha.update(f"{field.name}=".encode())
            _feed(sha, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        sha.update(f"{value.dtype.str}{value.shape}".encode())
        sha.update(value.tobytes())
    elif isinstance(value, Mapping):
        for key, item in value.items():
            sha.update(f"[{key}]".encode())
            _feed(sha, item)
    elif isinstance(value, tuple | list):
        sha.update(f"({len(value)})".encode())
        for item in value:
            _feed(sha, item)
    else:
        sha.update(f"{type(value).__name__}:{value!r};".encode())


__all__ = ["Connection", "Encoded", "FloatNetwork", "Input", "IntNetwork", "Network", "Output"]
