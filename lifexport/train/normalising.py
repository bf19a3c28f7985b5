"""Batch normalisation of currents."""

from __future__ import annotations

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from ..findings import error
from .module import Module
from .parameters import concrete, require, require_quantity, require_shape, require_size, require_unit, unit_name
from .phase import fitting
from .weights import initial, require_features, with_unit


class BatchNorm(Module):
    r"""Batch normalisation of currents, channel by channel; ``capture`` folds it into the weights before it.

    .. math:: y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    In training (``brainstate.environ.context(fit=True)``) mean and variance are those of the step, over batch and
    space, and the running ones follow them: ``r <- momentum * r + (1 - momentum) * now``. Else they are the running
    ones.

    Parameters
    ----------
    in_size : int or tuple of int
        Features, or ``(channels, *space)``: the first axis is normalised, each of its entries for itself.
    momentum : float
        How much of the running statistics a step keeps.
    epsilon : float
        Added to the variance, in the square of ``unit``.
    scale_init, bias_init : callable or array, shape ``(channels,)``
        Initial :math:`\gamma` and :math:`\beta`, plain numbers counted in ``unit``. By default 3 and 0: as with
        ``Linear``, currents then reach the 1 mA that a default ``LIF`` needs.
    unit : Unit or None
        Unit of input and output. ``None`` for networks without units.
    name : str, optional
        Name in error messages.

    Attributes
    ----------
    weight : ParamState
        ``{"scale": (channels,), "bias": (channels,)}``: plain float arrays.
    running_mean, running_var : BatchState, shape ``(channels,)``
        Plain numbers counted in ``unit`` and its square; 0 and 1 at first. They are no parameters, but belong to what
        is saved.

    Raises
    ------
    ShapeError
        LX102: sizes and arrays that do not fit, here or in ``update`` and ``run``.
    ParameterError
        LX101 (not finite), LX006 (``momentum`` outside 0..1, ``epsilon`` not positive; in ``update`` and ``run``: no
        ``fit`` in ``brainstate.environ``).
    UnitError
        LX109: an input of another unit.

    Notes
    -----
    Formula, defaults, the biased variance and the update of the running statistics are those of
    ``brainstate.nn.BatchNorm0d`` to ``BatchNorm2d``, except for the scale, the axis (theirs is the last) and the
    variance, which is computed about the mean (``use_fast_variance=False``). ``run`` takes the statistics of every
    step for itself, so that it equals ``update``; a network of few samples and little space is better served by
    larger batches.

    Examples
    --------
    >>> norm = BatchNorm(2)
    >>> with brainstate.environ.context(fit=True):
    ...     norm(np.array([[1.0, 5.0], [3.0, 5.0]]) * u.mA).round(2)
    Quantity([[-3.  0.]
     [ 3.  0.]], "mA")
    >>> norm.running_mean.value.round(3)
    Array([0.02, 0.05], dtype=float32)
    """

    def __init__(
        self,
        in_size,
        momentum: float = 0.99,
        epsilon: float = 1e-5,
        scale_init=brainstate.nn.init.Constant(3.0),  # noqa: B008
        bias_init=brainstate.nn.init.Constant(0.0),  # noqa: B008
        unit: u.Unit | None = u.mA,
        name: str | None = None,
    ):
        super().__init__(name=name)
        label = name or type(self).__name__
        self.in_size = self.out_size = require_size(in_size, node=label, field="in_size")
        self.momentum = _number(momentum, lambda m: (m >= 0) & (m <= 1), "from 0 to 1", node=label, field="momentum")
        self.epsilon = _number(epsilon, lambda e: e > 0, "above 0", node=label, field="epsilon")
        self.unit = u.UNITLESS if unit is None else require_unit(unit, node=label)
        channels = self.in_size[:1]
        inits = {"scale": scale_init, "bias": bias_init}
        self.weight = brainstate.ParamState(
            {field: initial(init, channels, self.unit, node=label, field=field) for field, init in inits.items()}
        )
        dtype = brainstate.environ.dftype()
        self.running_mean = brainstate.BatchState(jnp.zeros(channels, dtype))
        self.running_var = brainstate.BatchState(jnp.ones(channels, dtype))

    def update(self, x):
        """Input ``(..., *in_size)`` in ``unit``, one step, to the same shape and unit."""
        return self._normalised(x, steps=0)

    def run(self, x):
        """Whole sequence, ``(time, *batch, *in_size)``; equal to ``update`` at every step."""
        return self._normalised(x, steps=1)

    def _normalised(self, x, steps: int):
        """Normalise; ``steps`` is 1 where the first axis is time, with statistics of its own for every step."""
        if u.get_dim(x) != self.unit.dim:
            fix = f"feed it from a layer whose unit is {self.unit}, or give it unit=..."
            raise error("LX109", node=self.name, field="x", found=unit_name(x), fix=fix)
        channel = len(require_features(x, self.in_size, node=self.name))
        values = jnp.asarray(u.Quantity(x).to_decimal(self.unit))
        row = (-1, *(1,) * (len(self.in_size) - 1))  # one number for each channel, beside the space
        if fitting(node=self.name):
            axes = tuple(axis for axis in range(steps, values.ndim) if axis != channel)
            mean = values.mean(axes, keepdims=True)
            var = ((values - mean) ** 2).mean(axes, keepdims=True)
            for state, now in ((self.running_mean, mean), (self.running_var, var)):
                state.value = self._followed(state.value, now.reshape(-1, len(state.value)))
        else:
            mean, var = (state.value.reshape(row) for state in (self.running_mean, self.running_var))
        scale, bias = (self.weight.value[field].reshape(row) for field in ("scale", "bias"))
        return with_unit((values - mean) / jnp.sqrt(var + self.epsilon) * scale + bias, self.unit)

    def _followed(self, running, seen):
        """Running statistics after steps whose own are ``seen``, shape ``(time, channels)``: the recursion, summed."""
        left = self.momentum ** np.arange(len(seen), -1, -1)
        left = jnp.asarray(left, running.dtype)
        return left[0] * running + (1 - self.momentum) * (left[1:] @ seen)


def _number(value, good, range_: str, *, node: str, field: str) -> float:
    require_quantity(value, u.UNITLESS, node=node, field=field)
    require_shape(value, (), node=node, field=field)
    number = concrete(value)
    assert number is not None
    require(good(number), "LX006", value, node=node, field=field, fix=f"give a number {range_}")
    return float(number)
