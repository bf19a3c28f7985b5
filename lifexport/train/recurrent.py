"""Populations that hear themselves."""

from __future__ import annotations

from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp

from ..findings import at_node, error
from .activity import note
from .chaining import label, size
from .module import Module
from .parameters import unit_name


class Recurrent(Module):
    r"""Population whose spikes of the step before come back to it through a connection.

    .. math:: s_t = \text{population}\big(x_t + \text{feedback}(s_{t-1})\big), \qquad s_{-1} = 0

    Parameters
    ----------
    population : module
        Neurons, such as ``LIF``.
    feedback : module
        From the population's spikes to its input: ``Linear``, a convolution that keeps the size, a ``Sequential``.
    name : str, optional
        Name in error messages.

    Attributes
    ----------
    spikes : HiddenState, shape ``(batch,) + out_size``
        What the population gave in the last step; exists after ``init_state``.
    in_size, out_size : tuple of int
        Of the population.

    Raises
    ------
    ShapeError
        LX102: the feedback does not take what the population gives, or give what it takes.
    UnitError
        LX109, in ``update`` and ``run``: the feedback has another unit than the input.

    Notes
    -----
    ``run`` goes step by step, for every step needs the one before; what stands before it in a ``Sequential`` (the
    weights of the input) has by then treated all steps at once.

    Examples
    --------
    >>> from lifexport.train import LIF, Linear
    >>> cell = Recurrent(LIF(1), Linear(1, 1, w_init=jnp.full((1, 1), -50.0)))
    >>> _ = brainstate.nn.init_all_states(cell)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     cell.run(jnp.full((5, 1), 6.0) * u.mA).ravel().tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, population, feedback, name: str | None = None):
        super().__init__(name=name)
        pairs = [(population, "out_size", feedback, "in_size"), (feedback, "out_size", population, "in_size")]
        for giver, gives, taker, takes in pairs:
            given, taken = size(giver, gives), size(taker, takes)
            if given is not None and taken is not None and given != taken:
                first, second = (label(one, "feedback" if one is feedback else "population") for one in (taker, giver))
                found = f"{first} takes {taken}, {second} gives {given}"
                fix = "the feedback leads from the population's size back to it"
                raise error("LX102", node=name or type(self).__name__, found=found, fix=fix)
        self.population = population
        self.feedback = feedback
        self.in_size, self.out_size = population.in_size, population.out_size

    def init_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Create ``spikes``, all zero; the population makes its own states."""
        self.spikes = brainstate.HiddenState(self._silence(batch_size))

    def reset_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Forget the spikes of the last step."""
        self.spikes.value = self._silence(batch_size)

    def _silence(self, batch_size: int | None):
        shape = self.out_size if batch_size is None else (batch_size, *self.out_size)
        return jnp.zeros(shape, brainstate.environ.dftype())

    def update(self, x):
        """Spikes of one step for a current ``x``, shape ``(batch,) + in_size``."""
        with at_node("feedback"):
            back = self.feedback(self.spikes.value)
            if u.get_dim(back) != u.get_dim(x):
                found, fix = f"{unit_name(back)}, the input has {unit_name(x)}", "give both the same unit"
                raise error("LX109", field="unit", found=found, fix=fix)
        with at_node("population"):
            self.spikes.value = self.population(x + back)
        return self.spikes.value

    def run(self, x):
        """Whole sequence, ``(time, *batch, *in_size)``; equal to ``update`` at every step."""
        spikes: Any = brainstate.transform.for_loop(self.update, x)
        if hasattr(self.population, "get_spike"):
            note(self.population, spikes)
        return spikes
