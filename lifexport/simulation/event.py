"""The event-driven simulator: only inputs that are not zero cost anything, bit-equal to the reference.

Needs numba (``pip install lifexport[numba]``). A population and the connections that feed it, or all nodes of a loop,
are one compiled function; ``event_source.py`` prints its text from the neuron's own step. Some time steps are run at a
time, layer by layer: what one layer hands to the next stays small, however long the sequence is.

Weights are added up in int16 where a proved number of them fits, and from there in int32, or in int64 where a sum
needs it; those of a convolution in the narrowest of the three that holds every sum. What the text cannot express is
refused (LX302).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..network import IntNetwork
from ..neurons import LIFState
from ..ops import NumpyOps
from .event_connections import width
from .event_kernels import compiled
from .event_part import EACH, Keep, Part, narrowest
from .event_source import require_known, stored, write
from .groups import groups
from .overflows import Words, tally
from .stepwise import initial_state, spike_type
from .trace import State, Trace

VALUES = 1 << 20
"""Values that the widest layer hands on at a time; measured, ``benchmarks/simulators.py``."""


def run(network: IntNetwork, codes: np.ndarray, record: tuple[str, ...], state: State | None) -> Trace:
    """Simulate event-driven; parameters and result as in ``stepwise.run``.

    Raises
    ------
    RangeError
        LX302 for a network that has no event-driven form; it names the node.
    """
    keep_v = "v" in record or "v_post" in record or network.readout != "count"
    keep = Keep(keep_v, "current" in record, "overflows" in record)
    parts = _parts(network, keep)
    memory = _Memory(network, [part for part, _ in parts], keep, codes, record)
    memory.begin(state if state is not None else initial_state(network, codes.shape[1]))
    changed: dict[str, dict[str, int]] = {name: {} for name in network.populations}
    for _ in memory.chunks():
        for part, function in parts:
            counts = function(*memory.arguments(part))
            for (name, word), count in zip(part.counted.values(), counts, strict=True):
                changed[name][word] = changed[name].get(word, 0) + count
    return memory.trace(tally(network, changed, codes.shape[0] * codes.shape[1]) if keep.count else {})


@lru_cache(maxsize=16)
def _parts(network: IntNetwork, keep: Keep) -> list[tuple[Part, Callable]]:
    """Compiled parts of one network; networks are frozen, so that identity stands for content."""
    require_known(network)
    late = stored(network)
    members = ([name for name in group if name in network.populations or name in late] for group in groups(network))
    parts = [write(network, names, keep) for names in members if names]
    return [(part, compiled(part.text)) for part in parts]


class _Memory:
    """Arrays of one run: over all time steps what is kept, else over as many as are run at a time."""

    def __init__(self, network: IntNetwork, parts: list[Part], keep: Keep, codes: np.ndarray, record: tuple[str, ...]):
        self.network, self.record = network, record
        self.codes = codes.reshape(*codes.shape[:2], -1)
        self.time, self.batch = codes.shape[:2]
        self.widths = {name: bits for part in parts for name, bits in part.widths.items()}
        fmt, late = network.input_code.format, stored(network)
        kinds: dict[str, Any] = {network.input_name: narrowest(fmt.lo, fmt.hi)}
        kinds |= {name: spike_type(node) for name, node in network.populations.items()}
        kinds |= {name: f"int{width(network, name)}" for name in late}
        sizes = {name: int(np.prod(network.nodes[name].out_shape)) for name in kinds}
        self.size = max(1, min(self.time, VALUES // (self.batch * max(sizes.values()))))
        whole = {network.readout_name, *(network.populations if "spikes" in record else ())}
        self.out = {
            name: np.zeros((self.time if name in whole else self.size, self.batch, -(-n // EACH) * EACH), kinds[name])
            for name, n in sizes.items()
        }
        shape = (self.time, self.batch)
        self.v = {name: np.empty((*shape, sizes[name]), np.int64) for name in network.populations if keep.v}
        self.current = {
            name: np.empty((*shape, node.synapses, sizes[name]), np.int64)
            for name, node in network.populations.items()
            if keep.current and node.initial_state().current
        }

    def begin(self, state: State) -> None:
        """Take over the state before the first step."""
        self.states = {name: self._narrow(name, own) for name, own in state.populations.items()}
        self.queues = {edge: self._padded(edge.source, queue) for edge, queue in state.delayed.items()}
        self.leaving = self.queues.get(self.network.output_edge)

    def _narrow(self, name: str, state: LIFState) -> LIFState:
        def own(part):
            return np.array(part, f"int{self.widths[name]}", order="C").reshape(self.batch, -1)

        waiting = None if state.waiting is None else own(state.waiting)
        return LIFState(own(state.v), tuple(own(current) for current in state.current), waiting)

    def _padded(self, name: str, values: np.ndarray) -> np.ndarray:
        padded = np.zeros((len(values), *self.out[name].shape[1:]), self.out[name].dtype)
        values = values.reshape(*values.shape[:2], -1)
        padded[:, :, : values.shape[2]] = values
        return padded

    def chunks(self) -> Iterator[None]:
        """Go through the time steps; ``arguments`` are those of the steps it is at."""
        for first in range(0, self.time, self.size):
            self.steps = slice(first, min(first + self.size, self.time))
            self.now = {name: self._now(out) for name, out in self.out.items()}
            self.now[self.network.input_name] = self._input()
            yield
            for edge, queue in self.queues.items():
                self.queues[edge] = np.concatenate([queue, self.now[edge.source]])[-edge.delay :]

    def _now(self, out: np.ndarray) -> np.ndarray:
        return out[self.steps] if len(out) == self.time else out[: self.steps.stop - self.steps.start]

    def _input(self) -> np.ndarray:
        codes, out = self.codes[self.steps], self.out[self.network.input_name]
        if codes.itemsize == out.itemsize == 1 and codes.shape[2] == out.shape[2]:
            return np.ascontiguousarray(codes).view(out.dtype)
        now = out[: len(codes)]
        now[:, :, : codes.shape[2]] = codes
        return now

    def arguments(self, part: Part) -> list[Any]:
        """Arguments of a part, in order."""
        given: dict[str, Any] = {"steps": self.steps.stop - self.steps.start, "first": 0, "last": self.batch}
        given |= part.numbers
        for prefix, edge in part.edges.items():
            now = self.now[edge.source]
            queue = self.queues[edge] if edge.delay else now[:0]
            given |= {f"{prefix}_given": now, f"{prefix}_queue": queue, f"{prefix}_late": edge.delay}
        for prefix, name in part.nodes.items():
            given[f"{prefix}_out"] = self.now[name]
            if name in self.states:
                v, currents, waiting = self.states[name]
                given |= {f"{prefix}_v": v, f"{prefix}_waiting": waiting}
                given |= {f"{prefix}_current{k}": current for k, current in enumerate(currents)}
            for what, rows in (("v", self.v), ("current", self.current)):
                if name in rows:
                    given[f"{prefix}_kept_{what}"] = rows[name][self.steps]
        return [given[argument] for argument in part.arguments]

    def trace(self, overflows: dict[str, Words]) -> Trace:
        """What the run gives."""
        network, record, last = self.network, self.record, self.network.readout_name
        wanted = network.populations if "spikes" in record else (last,)
        spikes = {name: self._own(name, self.out[name]) for name in wanted}
        v = {name: self._own(name, rows) for name, rows in self.v.items()}
        output = spikes[last]
        if self.leaving is not None:
            output = np.concatenate([self._own(last, self.leaving), output])[: self.time]
        return Trace(
            readout=network.readout,
            output=output,
            output_v=v.get(last) if self.leaving is None else None,
            spikes=spikes if "spikes" in record else {},
            v=v if "v" in record else {},
            v_post={name: network.nodes[name].after_reset(NumpyOps(), v[name]) for name in v if "v_post" in record},
            current={name: self._own(name, rows) for name, rows in self.current.items()},
            overflows=overflows,
            final_state=State(
                populations={name: self._wide(name, state) for name, state in self.states.items()},
                delayed={edge: self._own(edge.source, queue).astype(np.int64) for edge, queue in self.queues.items()},
            ),
        )

    def _own(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Rows in the shape of their node, without what they were filled up with."""
        shape = self.network.nodes[name].out_shape
        return np.ascontiguousarray(rows[..., : int(np.prod(shape))]).reshape(*rows.shape[:-1], *shape)

    def _wide(self, name: str, state: LIFState) -> LIFState:
        def own(part):
            return self._own(name, part).astype(np.int64)

        return LIFState(
            own(state.v),
            tuple(own(current) for current in state.current),
            None if state.waiting is None else own(state.waiting),
        )
