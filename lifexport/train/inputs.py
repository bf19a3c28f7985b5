"""Inputs registered with a neuron by others (synapses, stimuli), summed when it steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import brainstate
from brainstate.mixin import ParamDescriber

from ..findings import error
from .parameters import require_size


class Dynamics(brainstate.nn.Dynamics):
    """Module with state that also takes registered inputs, as ``brainpy.state.Dynamics`` does.

    *Current* inputs join the current of the step; *delta* inputs are added to the membrane after it, neither
    scaled by ``R`` nor decayed. Either is an array, used once, or a callable, used at every step.

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of the population.
    name : str, optional
        Name in error messages and exports.

    Raises
    ------
    ShapeError
        LX102: ``in_size`` is not made of positive integers.

    Examples
    --------
    >>> cell = Dynamics(2)
    >>> cell.add_current_input("noise", lambda v: 0.5 * v)
    >>> cell.add_current_input("pulse", 3.0, label="stimulus")
    >>> cell.sum_current_inputs(0.0, 8.0), cell.sum_current_inputs(0.0, 8.0)
    (7.0, 4.0)
    """

    def __init__(self, in_size, name: str | None = None):
        size = require_size(in_size, node=name or type(self).__name__, field="in_size")
        super().__init__(size, name=name)
        self._current_inputs: dict[str, Any] | None = None
        self._delta_inputs: dict[str, Any] | None = None

    @property
    def varshape(self) -> tuple[int, ...]:
        """Shape of the population, without batch."""
        return cast("tuple[int, ...]", self.in_size)

    @property
    def current_inputs(self) -> dict[str, Any] | None:
        """Registered current inputs by key, or ``None`` if there never was one."""
        return self._current_inputs

    @property
    def delta_inputs(self) -> dict[str, Any] | None:
        """Registered delta inputs by key, or ``None`` if there never was one."""
        return self._delta_inputs

    def add_current_input(self, key: str, inp: Callable | Any, label: str | None = None) -> None:
        """Register a current: an array for the next step, or ``inp(v)`` for every step.

        Raises
        ------
        ParameterError
            LX006, if ``key`` (with this ``label``) already stands for another input.
        """
        self._current_inputs = _with_input(self._current_inputs, key, inp, label, node=self.name)

    def add_delta_input(self, key: str, inp: Callable | Any, label: str | None = None) -> None:
        """Register a jump of the membrane: an array for the next step, or ``inp()`` for every step.

        Raises
        ------
        ParameterError
            LX006, if ``key`` (with this ``label``) already stands for another input.
        """
        self._delta_inputs = _with_input(self._delta_inputs, key, inp, label, node=self.name)

    def get_input(self, key: str) -> Callable | Any:
        """Return the input registered under ``key`` (``"label // key"`` if it has a label).

        Raises
        ------
        ParameterError
            LX006, if there is none.
        """
        for inputs in (self._current_inputs, self._delta_inputs):
            if inputs and key in inputs:
                return inputs[key]
        known = ", ".join([*(self._current_inputs or ()), *(self._delta_inputs or ())]) or "none"
        fix = f"registered: {known}"
        raise error("LX006", node=self.name, field="key", found=f"no input {key!r}", fix=fix)

    def sum_current_inputs(self, init, *args, label: str | None = None, pop: bool = True, **kwargs):
        """``init`` plus the current inputs (those of ``label``, or all); callables get the other arguments.

        Arrays are forgotten once used, unless ``pop`` is false.
        """
        return _total(self._current_inputs, init, args, kwargs, label, pop)

    def sum_delta_inputs(self, init, *args, label: str | None = None, pop: bool = True, **kwargs):
        """``init`` plus the delta inputs (those of ``label``, or all); callables get the other arguments.

        Arrays are forgotten once used, unless ``pop`` is false.
        """
        return _total(self._delta_inputs, init, args, kwargs, label, pop)

    def align_pre(self, dyn):
        """Run ``dyn`` on the output of this module, after each of its steps; return ``dyn``.

        Parameters
        ----------
        dyn : module, or a description such as ``LIF.desc(tau=...)``
            A description is built once per module, with ``in_size`` of this one unless it states its own.

        Raises
        ------
        TypeError
            If it is neither.
        """
        if isinstance(dyn, brainstate.nn.Dynamics):
            self.add_after_update(id(dyn), dyn)
            return dyn
        if not isinstance(dyn, ParamDescriber) or not issubclass(dyn.cls, brainstate.nn.Dynamics):
            raise TypeError(f"align_pre takes a brainstate.nn.Dynamics or a description of one, not {dyn!r}")
        if not self.has_after_update(dyn.identifier):
            sized = bool(dyn.args) or "in_size" in dyn.kwargs
            self.add_after_update(dyn.identifier, dyn() if sized else dyn(in_size=self.varshape))
        return self.get_after_update(dyn.identifier)


def _with_input(inputs: dict[str, Any] | None, key: str, inp, label: str | None, node: str | None) -> dict[str, Any]:
    inputs = {} if inputs is None else inputs
    key = key if label is None else f"{label} // {key}"
    if inputs.setdefault(key, inp) is not inp:
        found, fix = f"{key!r} is already an input", "choose another key"
        raise error("LX006", node=node, field="key", found=found, fix=fix)
    return inputs


def _total(inputs: dict[str, Any] | None, total, args, kwargs, label: str | None, pop: bool):
    inputs = {} if inputs is None else inputs
    for key, inp in list(inputs.items()):
        if label is not None and not key.startswith(f"{label} // "):
            continue
        try:
            total = total + (inp(*args, **kwargs) if callable(inp) else inp)
        except Exception as failure:
            failure.add_note(f"while adding the registered input {key!r}")
            raise
        if pop and not callable(inp):
            inputs.pop(key)
    return total
