"""What a simulation returns, and the state it can be continued from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ..findings import error, unknown_name
from ..graph import Edge
from ..readout import Prediction, Readout, predict, scores
from .overflows import Words

Record = Literal["spikes", "v", "v_post", "current", "overflows"]
RECORDS: tuple[Record, ...] = get_args(Record)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Everything a network remembers between two time steps.

    Parameters
    ----------
    populations : dict from name to named tuple of arrays, shape ``(batch, *shape)``
        State of every population.
    delayed : dict from Edge to array, shape ``(delay, batch, *shape)``
        What is still under way on every delayed edge, oldest first.
    """

    populations: dict[str, Any]
    delayed: dict[Edge, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """A run of a network; what was not asked for is empty.

    Parameters
    ----------
    readout : str
        Rule that turns output into a class.
    output : uint8 array, shape ``(time, batch, *features)``
        Output spikes as they leave: a late edge into the output is waited for (int32 where a neuron may fire more than
        255 times in a step).
    output_v : array, same shape, or None
        Membrane of the output population before reset, where the readout or ``record`` needs it; None where the edge
        into the output is late, which carries spikes alone.
    spikes, v, v_post : dict from population to array, shape ``(time, batch, *shape)``
        Spikes (uint8); membrane before and after reset (int64 codes, or float64 volt).
    current : dict from population to array, shape ``(time, batch, synapses, *shape)``
        Synaptic currents after the step (int64 codes), of populations that have any.
    overflows : dict from population to dict from word to Overflow
        Of every word that a population has (``membrane``, and ``current``, ``sum``, ``drive``, ``increment``, ``leak``
        by its rules): in how many neurons and steps its overflow rule changed a number, of how many, and which
        rule it is (integer networks; reference: always).
    input_clipped : int
        How many real inputs were clipped when they were encoded.
    final_state : State
        Pass it as ``state=`` to continue.
    """

    readout: Readout
    output: np.ndarray
    final_state: State
    output_v: np.ndarray | None = None
    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    v: dict[str, np.ndarray] = field(default_factory=dict)
    v_post: dict[str, np.ndarray] = field(default_factory=dict)
    current: dict[str, np.ndarray] = field(default_factory=dict)
    overflows: dict[str, Words] = field(default_factory=dict)
    input_clipped: int = 0

    def overflowed(self, name: str) -> int:
        """Neurons and steps of a population in which an overflow rule acted, summed over all of its words."""
        return sum(word.count for word in self.overflows[name].values())

    @property
    def scores(self) -> np.ndarray:
        """Score of every class by the network's readout, shape ``(batch, *features)``."""
        return scores(self.readout, self.output, self.output_v)

    @property
    def prediction(self) -> Prediction:
        """Best class of each sample, ties to the lowest index, and the number of ties."""
        return predict(self.scores)


def require_like(state: State, like: State) -> None:
    """Refuse (LX304) a state whose populations, delayed edges, shapes or number types are not those of ``like``."""
    fix = "pass the final_state of the same network, run on as many samples"
    if not isinstance(state, State):
        raise error("LX304", found=f"a {type(state).__name__}", fix=fix)
    _require_alike("populations", state.populations, like.populations, fix)
    _require_alike("delayed edges", state.delayed, like.delayed, fix)


def _require_alike(what: str, given: Mapping[Any, Any], own: Mapping[Any, Any], fix: str) -> None:
    if given.keys() != own.keys():
        found = f"{what} {sorted(map(str, given))} instead of {sorted(map(str, own))}"
        raise error("LX304", found=found, fix=fix)
    for key in own:
        if _form(given[key]) != _form(own[key]):
            raise error("LX304", node=str(key), found=f"{_form(given[key])} instead of {_form(own[key])}", fix=fix)


def _form(part: Any) -> str:
    """Names, number types and shapes of one part of a state."""
    if isinstance(part, np.ndarray):
        return f"{'codes' if part.dtype.kind in 'iu' else part.dtype} {list(part.shape)}"
    if isinstance(part, tuple):
        names = getattr(part, "_fields", range(len(part)))
        return ", ".join(f"{name}: {_form(value)}" for name, value in zip(names, part, strict=True))
    return type(part).__name__


def check_record(record: tuple[str, ...]) -> None:
    """Refuse unknown names in ``record`` (LX006)."""
    for name in record:
        if name not in RECORDS:
            raise unknown_name("record", name, RECORDS, code="LX006", field="record")
