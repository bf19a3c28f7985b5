"""brainpy's readout: weights and a leaky sum of what they give."""

from __future__ import annotations

from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from ..findings import error
from .parameters import parameter, require_dt, require_positive_time, require_sequence, require_size, size_of
from .weights import initial, require_features, require_plain


class LeakyRateReadout(brainstate.nn.Module):
    r"""Dense layer and leaky sum in one, step for step those of ``brainpy.state.LeakyRateReadout``.

    .. math:: r \leftarrow e^{-dt/\tau}\, r + x W

    It never spikes; ``update`` and ``run`` return ``r``, plain numbers.

    Parameters
    ----------
    in_size, out_size : int or tuple of one int
        Number of inputs and of classes.
    tau : scalar or array broadcasting to ``out_size``, time
        Time constant; positive. A plain number where ``dt`` is one.
    w_init : callable or array, shape ``(in, out)``
        Initial weights, plain numbers.
    name : str, optional
        Name in error messages and exports.

    Attributes
    ----------
    weight : ParamState, float array, shape ``(in, out)``
    r : HiddenState, float array, shape ``(batch, out)`` or ``(out,)``
        Exists after ``init_state``.

    Raises
    ------
    ParameterError
        LX006, LX101 (NaN, infinity), LX104 (``tau <= 0``); in ``update`` and ``run`` LX103 (``dt`` missing or not
        positive).
    UnitError
        LX109: weights or inputs with a unit, a ``tau`` that is no time, a ``dt`` that is not in its unit.
    ShapeError
        LX102: sizes, weights, ``tau`` or inputs of another shape.

    Notes
    -----
    brainpy computes the decay when the layer is built, from the ``dt`` of that moment; here ``dt`` is that of the step,
    as for all neurons. Random weights come from ``brainstate.random``.

    ``capture`` makes a dense node and a ``FloatLI`` of it, whose ``r`` makes up for the gain ``1 - exp(-dt/tau)``.

    Examples
    --------
    >>> readout = LeakyRateReadout(2, 1, tau=10 * u.ms, w_init=jnp.array([[1.0], [2.0]]))
    >>> readout.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     rates = readout.run(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> [round(float(rate), 4) for rate in rates[:, 0]]
    [1.0, 2.9048]
    """

    units: ClassVar = {"tau": u.ms}

    def __init__(
        self,
        in_size,
        out_size,
        tau=5.0 * u.ms,
        w_init=brainstate.nn.init.KaimingNormal(),  # noqa: B008
        name: str | None = None,
    ):
        super().__init__(name=name)  # type: ignore[call-arg]
        self.in_size = inputs = self._one("in_size", in_size)
        self.out_size = outputs = self._one("out_size", out_size)
        self.tau = parameter(tau, outputs, u.ms, node=self._label, field="tau")
        require_positive_time(self.tau, node=self._label, field="tau")
        self.weight = brainstate.ParamState(
            initial(w_init, inputs + outputs, u.UNITLESS, node=self._label, field="weight")
        )

    @property
    def _label(self) -> str:
        return self.name or type(self).__name__

    def _one(self, field: str, size) -> tuple[int, ...]:
        sizes = require_size(size, node=self._label, field=field)
        if len(sizes) != 1:
            raise error("LX102", node=self._label, field=field, found=f"{size}", fix="give one number, flatten before")
        return sizes

    def init_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Create ``r``, zero, shape ``(batch_size,) + out_size``, or ``out_size`` without a batch."""
        self.r = brainstate.HiddenState(self._zero(batch_size))

    def reset_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Set ``r`` back to zero."""
        self.r.value = self._zero(batch_size)

    def _zero(self, batch_size: int | None) -> jax.Array:
        shape = size_of(self.out_size) if batch_size is None else (batch_size, *size_of(self.out_size))
        return jnp.zeros(shape, brainstate.environ.dftype())

    def _weighted(self, x) -> Any:
        require_dt(u.get_dim(self.tau) != u.DIMENSIONLESS, node=self._label)
        require_plain(x, node=self._label)
        require_features(x, size_of(self.in_size), node=self._label)
        return x @ self.weight.value

    @property
    def decay(self):
        """What is left of ``r`` after one ``dt``, that of ``brainstate.environ``."""
        return u.math.exp(-brainstate.environ.get_dt() / self.tau)

    def update(self, x):
        """Advance by one ``dt``; ``x``: plain numbers, shape ``(batch, in)`` or ``(in,)``."""
        self.r.value = self.decay * self.r.value + self._weighted(x)
        return self.r.value

    def run(self, x):
        """Advance by as many steps as ``x`` is long, shape ``(time, batch, in)``: one product, then a scan.

        The results of ``update`` for every step, shape ``(time, batch, out)``, up to rounding.
        """
        require_sequence(x, 1, node=self._label)
        weighted, decay = self._weighted(x), self.decay

        def step(r, now):
            r = decay * r + now
            return r, r

        after = jax.eval_shape(lambda r, now: step(r, now)[0], self.r.value, weighted[0])
        start = jnp.broadcast_to(jnp.asarray(self.r.value), after.shape).astype(after.dtype)
        # Linear, so JAX saves nothing of the steps.
        self.r.value, rates = jax.lax.scan(step, start, weighted)
        return rates
