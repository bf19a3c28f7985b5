"""What all trainable populations share: parameters with units, states, one step and a whole sequence."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..findings import error
from .activity import note
from .inputs import Dynamics
from .parameters import (
    parameter,
    require_all_or_none,
    require_dt,
    require_positive_time,
    require_quantity,
    require_sequence,
    require_shape,
    unit_name,
)
from .scans import scan_steps


class Neuron(Dynamics, abc.ABC):
    """A population: a kind says its parameters (``units``), its states (``starts``) and its step (``_advance``).

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of the population (``varshape``).
    name : str, optional
        Name in error messages and exports.
    **given
        Every parameter of ``units``, by name.
    """

    units: ClassVar[Mapping[str, u.Unit]]
    """Parameters; each may come in any unit of this dimension, this one is what an error message asks for."""
    starts: ClassVar[Mapping[str, str]] = {"V": "V_initializer"}
    """States that start with a parameter."""
    _states: ClassVar[tuple[str, ...]] = ("V",)
    """All states, the membrane first."""
    times: ClassVar[tuple[str, ...]] = ("tau",)
    """Parameters that must be positive times."""
    spiking: ClassVar[bool] = True
    """Whether what the population emits are spikes."""

    R: Any
    tau: Any
    V_initializer: Any
    V_rest: Any
    V: brainstate.HiddenState

    def __init__(self, in_size, name: str | None, **given):
        super().__init__(in_size, name=name)
        for field, value in given.items():
            if field not in self.starts.values():
                value = parameter(value, self.varshape, self.units[field], node=self._label, field=field)
            setattr(self, field, value)
        self._require_units()
        for field in self.times:
            require_positive_time(getattr(self, field), node=self._label, field=field)

    @property
    def _label(self) -> str:
        return self.name or type(self).__name__

    @property
    def _with_units(self) -> bool:
        return u.get_dim(self.R) != u.DIMENSIONLESS

    def _dim(self, unit: u.Unit):
        return unit.dim if self._with_units else u.DIMENSIONLESS

    def _require_units(self) -> None:
        values = {field: getattr(self, field) for field in self.units}
        for field in self.starts.values():
            # Asking any other callable could draw random numbers, which belong to init_state.
            if isinstance(values[field], brainstate.nn.init.Constant):
                values[field] = values[field].value
            if callable(values[field]) and not isinstance(values[field], brainstate.nn.Param):
                del values[field]
            else:
                require_quantity(values[field], self.units[field], node=self._label, field=field)
        require_all_or_none(values, self.units, node=self._label)

    def _require_current(self, x, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Refuse a current of another unit or one that does not broadcast; return what ``shape`` makes of ``V``'s."""
        if u.get_dim(x) != self._dim(u.mA):
            wanted = "a current, such as mA (Linear has unit=u.mA)" if self._with_units else "plain numbers"
            found = f"{unit_name(x)} with R = {self.R}"
            raise error("LX109", node=self._label, field="x", found=found, fix=f"give {wanted}")
        membrane = u.math.shape(self.V.value)
        try:
            both = np.broadcast_shapes(shape, membrane)
        except ValueError:
            both = ()
        if both[-len(self.varshape) :] != self.varshape:
            fix = f"give a current of shape (batch,) + {self.varshape}, with the batch of init_state"
            found = f"shape {shape} for a membrane of shape {membrane}"
            raise error("LX102", node=self._label, field="x", found=found, fix=fix)
        return both

    def _initial(self, field: str, batch_size: int | None):
        shape = self.varshape if batch_size is None else (batch_size, *self.varshape)
        given, unit = getattr(self, field), self.units[field]
        value = given(shape) if callable(given) else given
        require_quantity(value, unit, node=self._label, field=field)
        if u.get_dim(value) != self._dim(unit):
            fix = f"give it {f'in {unit}' if self._with_units else 'without unit'}, as the other parameters are"
            fix += "".join(
                f" ({other} = {getattr(self, other)})" for other in ("V_th", "V_rest") if other in self.units
            )
            raise error("LX109", node=self._label, field=field, found=unit_name(value), fix=fix)
        require_shape(value, shape, node=self._label, field=field)
        # Full shape and float from the start: inside a scan the state may not change either.
        value = u.math.asarray(value)
        if not u.math.issubdtype(value.dtype, float):
            value = value.astype(brainstate.environ.dftype())
        return u.math.broadcast_to(value, shape)

    def init_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Create the states, shape ``(batch_size,) + in_size``, or ``in_size`` without a batch."""
        for state, field in self.starts.items():
            setattr(self, state, brainstate.HiddenState(self._initial(field, batch_size)))

    def reset_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Set the states back to their initial values."""
        for state, field in self.starts.items():
            getattr(self, state).value = self._initial(field, batch_size)

    @abc.abstractmethod
    def _emit(self, states: tuple) -> Any:
        """What the population gives out in these states."""

    @abc.abstractmethod
    def _advance(self, states: tuple, emitted: Any, x: Any) -> tuple:
        """States after one step; ``emitted`` is what the states before it give out, ``x`` the current."""

    def _integrate(self, v, current):
        """The membrane after one ``dt`` of leak, current and registered currents."""

        def slope(v):
            return (-v + self.V_rest + self.R * self.sum_current_inputs(current, v)) / self.tau

        # Linearised around v, so a registered current may depend on it (a conductance), as in brainpy.
        return brainstate.nn.exp_euler_step(slope, v)

    def _read(self, shape: tuple[int, ...]) -> tuple:
        """States, of the shape the step will give them: exp_euler_step adds up what it finds along new axes."""
        return tuple(u.math.broadcast_to(getattr(self, state).value, shape) for state in self._states)

    def _write(self, values: tuple) -> None:
        for state, value in zip(self._states, values, strict=True):
            getattr(self, state).value = value

    def update(self, x=0.0 * u.mA):
        """Advance by one ``dt``.

        Parameters
        ----------
        x : scalar or array broadcasting with ``V``, ampere
            Current during this step; registered current inputs are added to it.

        Returns
        -------
        float array, shape of ``V``
            Spikes, 1 where a neuron fires, else 0; of a population that never spikes its membrane, in volt.
        """
        require_dt(self._with_units, node=self._label)
        before = self._read(self._require_current(x, u.math.shape(x)))
        after = self._advance(before, self._emit(before), x)
        self._write(after)
        return self._emit(after)

    def run(self, x):
        """Advance by as many steps as ``x`` is long.

        The state is afterwards what as many calls would have left, and the result what they would have returned, up
        to the rounding of the compiler (the same operations, fused differently). Gradients are those of ``update``,
        by a reversed scan that saves the states alone; they exist in reverse mode only.

        Parameters
        ----------
        x : array, shape ``(time, *batch, *in_size)``, ampere
            Current of every step; what does not have all axes broadcasts with ``V``, as in ``update``.

        Returns
        -------
        float array, shape ``(time,)`` + that of ``V``
            What ``update`` returns, for every step.

        Notes
        -----
        Where inputs, or updates before or after, are registered, or where a parameter or ``dt`` is itself a tracer,
        the steps are taken one by one and differentiated by JAX.
        """
        x, shape = self._sequence(x)
        if self._alone:
            y = self._run_scan(x, shape)
        else:
            # The first step apart: it uses up the inputs that are there for one step, and fixes the states' shapes.
            first, rest = jax.tree.map(lambda leaf: leaf[None], self(x[0])), x[1:]
            y = first
            if len(rest):
                y = u.math.concatenate([first, brainstate.transform.for_loop(self, rest)])
        if self.spiking:
            note(self, y)
        return y

    def _sequence(self, x):
        x = u.math.asarray(x)
        if not u.math.issubdtype(x.dtype, jnp.floating):
            x = x.astype(u.get_mantissa(self.V.value).dtype)
        require_sequence(x, 0, node=self._label)
        require_dt(self._with_units, node=self._label)
        return x, self._require_current(x, x.shape[1:])

    @property
    def _alone(self) -> bool:
        """Whether a step depends on the states and the current alone."""
        if self.current_inputs or self.delta_inputs or self.before_updates or self.after_updates:
            return False
        fixed = [brainstate.environ.get("dt"), *(getattr(self, field) for field in self.units), *self._functions()]
        return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(fixed))

    def _functions(self) -> list:
        """What the functions of a step hold in themselves."""
        return []

    def _run_scan(self, x, shape: tuple[int, ...]):
        dt = brainstate.environ.get("dt")

        def advance(states, emitted, now):
            # The gradient may be taken outside of the context in which the sequence ran.
            with brainstate.environ.context(dt=dt):
                return self._advance(states, emitted, now)

        states = self._read(shape)
        leaves, tree = jax.tree.flatten(states)
        after = jax.eval_shape(lambda states, now: advance(states, self._emit(states), now), states, x[0])
        wide = [
            jnp.broadcast_to(a, b.shape).astype(b.dtype) for a, b in zip(leaves, jax.tree.leaves(after), strict=True)
        ]
        states, y = scan_steps(self._emit, advance, jax.tree.unflatten(tree, wide), x)
        self._write(states)
        return y
