"""What a profile is: one importer, and how a trained population must be written for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...findings import error
from .neuron import Neuron

Fields = Mapping[str, np.ndarray]
State = tuple[np.ndarray, ...]
Stepped = tuple[State, np.ndarray, np.ndarray]


class Asked(NamedTuple):
    """What an importer is told beside the file."""

    dt: float
    """Seconds."""
    subtract: bool
    """Whether neurons that know both resets take the threshold off."""


Step = Callable[[Fields, State | None, np.ndarray, Asked], Stepped]
"""An importer's own step in float32.

Of the parameters of a node, its state (None before the first step), and the input ``(batch, *shape)``, it makes the new
state, whether each neuron fires, and the potential that was compared with the threshold.
"""

LAYERS = ("Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten")
"""NIR kinds of connections."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """A population as a NIR node, and what that asks of its inputs.

    Parameters
    ----------
    kind : str
        NIR kind.
    fields : mapping from name to array
        Its parameters, of the population's shape; written as float32.
    scale, bias : float64 array, population's shape
        The importer must be fed ``scale * I + bias`` where ``I`` is the input as trained.
    reset : ``"subtract"`` | ``"value"`` or None
        What the importer must be told, where it is told one reset for all populations that know both.
    settings : tuple of str
        What else must be set on the importer's side, keys of ``SETTINGS``.
    """

    kind: str
    fields: Mapping[str, np.ndarray]
    scale: np.ndarray
    bias: np.ndarray
    reset: str | None = None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """An importer, and what is written for it.

    Parameters
    ----------
    name : str
    importer : str
        The package and version whose import was read and run.
    says : str
        What is rewritten, for people.
    source : str
        Name under which ``from_nir`` reads the file as the importer runs it (``nir_sources.SOURCES``).
    kinds : mapping from kind of population to function
        What is written for it; raises LX401 for what the importer cannot express.
    steps : mapping from NIR kind to function
        What the importer does in a step: the model that stands in where it is not installed.
    layers : tuple of str
        NIR kinds of connections that the importer reads and runs right.
    loops : ``"flat"`` | ``"pair"`` | ``"nested"`` or None
        How a population that feeds itself is written: as it is; so, but by one connection alone; as a graph of its own;
        None where the importer cannot run it.
    merges, branches, dilations, pool_padding : bool
        Whether inputs of a population may come from several connections, whether a node may feed several, whether
        kernels may be dilated and pools padded.
    integers : bool
        Whether the importer takes weights of an integer type.
    ran : bool
        Whether the importer itself was run to verify the profile, or only read.
    step : float, seconds, optional
        Time step that 1 in a time constant stands for; None for seconds.
    only_dt : float, seconds, optional
        The one time step the importer knows; the file then counts in it, whatever the network's own.
    lag : bool
        Whether spikes leave every population one step late.
    bias_neuron : mapping from field to number, optional
        A neuron that fires in every step in which it is fed 2; it carries biases behind late spikes.
    resets : mapping from reset to tuple of str
        Settings for each reset that the importer may be told.
    usage : str
        How the file is read, in code: ``{path}`` and ``{dt}`` stand for themselves, ``{settings}`` for more arguments.
    """

    name: str
    importer: str
    says: str
    source: str
    kinds: Mapping[str, Callable[[Neuron], Written]] = field(repr=False)
    steps: Mapping[str, Step] = field(repr=False)
    layers: tuple[str, ...] = LAYERS
    loops: str | None = None
    merges: bool = True
    branches: bool = True
    dilations: bool = True
    pool_padding: bool = True
    integers: bool = True
    ran: bool = True
    only_dt: float | None = None
    lag: bool = False
    bias_neuron: Mapping[str, float] | None = field(default=None, repr=False)
    resets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    usage: str = ""

    def written(self, form: Neuron) -> Written:
        """A population as this importer must be given it.

        Raises
        ------
        UnsupportedError
            LX401 for what the importer cannot express.
        """
        if form.kind not in self.kinds:
            found = f"a population of kind {form.kind}; profile {self.name!r} has {', '.join(self.kinds)}"
            raise error("LX401", found=found, fix="use another kind")
        return self.kinds[form.kind](form)


def require_reset(form: Neuron, *, subtract: bool, importer: str) -> None:
    """Refuse (LX401) the reset that the importer does not have."""
    if form.subtract is not subtract:
        own, other = ("soft", "hard")[:: 1 if subtract else -1]
        found = f"{'subtract' if form.subtract else 'value'!r}; {importer} has the {own} reset alone"
        raise error("LX401", field="reset", found=found, fix=f"train with the {own} reset, not the {other}")


def require_start(form: Neuron, importer: str, *, at_rest: bool = False) -> None:
    """Refuse (LX401) a first potential that is not the one the importer starts at: reset, or rest where it may."""
    if not np.array_equal(form.start, np.zeros(form.shape)) and not (at_rest and np.array_equal(form.start, form.rest)):
        worst = int(np.argmax(np.abs(form.start)))
        there = "v_reset or v_rest" if at_rest else "v_reset"
        found = f"{form.start.flat[worst]:.6g} V from v_reset; {importer} starts at {there}"
        raise error("LX401", field="v_initial", found=found, fix=f"train with v_initial equal to {there}")


def require_one(values: np.ndarray, name: str, importer: str) -> None:
    """Refuse (LX401) parameters that differ between the neurons of a population."""
    if values.size and not (values == values.flat[0]).all():
        found = f"{values.min():.6g}..{values.max():.6g}; {importer} takes one value for all neurons of a population"
        raise error("LX401", field=name, found=found, fix="train with one value, or use a profile that takes several")


def require_still(form: Neuron, importer: str) -> None:
    """Refuse (LX401) a rest off the reset level behind a synapse, which a constant input would have to pass."""
    if form.kind == "CubaLIF" and form.drift.any():
        worst = int(np.argmax(np.abs(form.rest)))
        found = f"{form.rest.flat[worst]:.6g} V from v_reset; {importer} has no leak potential behind a synapse"
        raise error("LX401", field="v_rest", found=found, fix="train with v_rest equal to v_reset")


def require_leak(form: Neuron, importer: str) -> None:
    """Refuse (LX401) a membrane that forgets nothing where the importer only knows leaky ones."""
    if (form.decay == 1).any():
        found = f"no leak; {importer} has no integrator with this reset"
        raise error("LX401", field="tau", found=found, fix="use a finite tau, or a profile that takes IAF")
