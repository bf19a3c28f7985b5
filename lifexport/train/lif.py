"""The trainable leaky integrate-and-fire neuron."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np

from ..findings import error, unknown_name
from .inputs import Dynamics
from .parameters import (
    concrete,
    parameter,
    require,
    require_all_or_none,
    require_quantity,
    require_shape,
    unit_name,
)
from .surrogate import ReluGrad

# A parameter may come in any unit of the same dimension; these are the ones an error message asks for.
UNITS = {"R": u.ohm, "tau": u.ms, "V_th": u.mV, "V_reset": u.mV, "V_rest": u.mV, "V_initializer": u.mV}


class LIF(Dynamics):
    r"""Leaky integrate-and-fire neurons, step for step those of ``brainpy.state.LIF``.

    Between spikes the membrane relaxes towards :math:`V_{rest}`,

    .. math:: \tau \frac{dV}{dt} = -(V - V_{rest}) + R\,I(t),

    advanced exactly over one step for a current held constant. One call of ``update``, in this order:

    .. math::
       s &= [V \ge V_{th}] && \text{spikes of the step before, not yet reset} \\
       V &\leftarrow V - (V_{th} - V_{reset})\,s \;\text{(soft)} \quad\text{or}\quad
          V \leftarrow V_{reset} \text{ where } s \;\text{(hard)} \\
       V &\leftarrow V_{rest} + d\,(V - V_{rest}) + (1 - d)\,R\,I, && d = e^{-dt/\tau} \\
       V &\leftarrow V + \text{delta inputs} && \text{neither scaled nor decayed} \\
       \text{return } &[V \ge V_{th}]

    so ``V`` between calls is the membrane *before* its reset and may exceed the threshold; equality fires.
    ``dt`` comes from ``brainstate.environ``.

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of the population (``varshape``).
    R : scalar or array broadcasting to ``in_size``, ohm
        Input resistance.
    tau : scalar or array, time
        Membrane time constant; positive.
    V_th, V_reset, V_rest : scalar or array, volt
        Threshold, reset level, resting potential; ``V_th > V_reset``.
    V_initializer : callable, scalar or array, volt
        Membrane at ``init_state``; a callable is asked for shape ``(batch,) + in_size``.
    spk_fun : callable
        Spike function of the dimensionless :math:`(V - V_{th}) / (V_{th} - V_{reset})`; see ``surrogate``.
    spk_reset : ``"soft"`` | ``"hard"``
        Reset, as above. Soft keeps the overshoot; ``V_reset`` then only sets how much is subtracted.
    name : str, optional
        Name in error messages and exports.

    Attributes
    ----------
    V : HiddenState, shape ``(batch,) + in_size`` or ``in_size``, volt
        Membrane before its reset; exists after ``init_state``.

    Raises
    ------
    ParameterError
        LX006 (not a number, array or callable; ``spk_fun`` no function), LX101 (NaN, infinity), LX104
        (``tau <= 0``), LX105 (``V_th <= V_reset``), LX106 (unknown ``spk_reset``); in ``update`` LX103 (``dt``
        missing or not positive).
    UnitError
        LX109: a unit of another dimension, or some parameters with units and some without, here (a random
        ``V_initializer`` is asked in ``init_state``) or in ``update``.
    ShapeError
        LX102: an array that does not broadcast to ``in_size``, an ``in_size`` not made of positive integers; in
        ``update`` a current that does not broadcast with ``V``.

    Notes
    -----
    The meaning is that of brainpy's code (2.8.2 and 2.9.0), which its text departs from twice: "soft:
    V = V - V_th" is really ``V - (V_th - V_reset)``, and "if V >= V_th: V = V_reset" holds for
    ``spk_reset="hard"`` alone. As in brainpy the gradient passes through both uses of the spike, output and
    reset; the hard reset stops it in the amount only.

    All parameters may be plain numbers, if all are, with ``V_initializer``, input and ``dt`` plain too.
    Parameters may be tracers of ``jax.jit``; their values are then not checked.

    References
    ----------
    .. [1] W. Gerstner, W. M. Kistler, R. Naud, L. Paninski, *Neuronal Dynamics*, Cambridge University Press,
       2014, section 1.3.

    Examples
    --------
    >>> lif = LIF(2, tau=10 * u.ms)
    >>> lif.init_state(batch_size=1)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     for _ in range(11):
    ...         spikes = lif.update([0.5, 1.5] * u.mA)
    >>> spikes.tolist()
    [[0.0, 1.0]]
    >>> [round(float(v / u.mV), 3) for v in lif.V.value[0]]
    [0.334, 1.001]
    >>> LIF(2, tau=-10 * u.ms)
    Traceback (most recent call last):
    lifexport.errors.ParameterError: LX104 time constant not positive: LIF.tau: -10 ms; fix: ...
    """

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm,
        tau=5.0 * u.ms,
        V_th=1.0 * u.mV,
        V_reset=0.0 * u.mV,
        V_rest=0.0 * u.mV,
        V_initializer: Any = brainstate.nn.init.Constant(0.0 * u.mV),  # type: ignore  # noqa: B008
        spk_fun: Callable = ReluGrad(),  # noqa: B008
        spk_reset: str = "soft",
        name: str | None = None,
    ):
        super().__init__(in_size, name=name)
        if spk_reset not in ("soft", "hard"):
            where = {"node": self._label, "field": "spk_reset"}
            raise unknown_name("spk_reset", spk_reset, ("soft", "hard"), code="LX106", **where)

        if not callable(spk_fun) or isinstance(spk_fun, type):
            fix = "give a function, such as lifexport.train.surrogate.Arctan(2.0)"
            raise error("LX006", node=self._label, field="spk_fun", found=f"{spk_fun!r}", fix=fix)

        def checked(field: str, value):
            return parameter(value, self.varshape, UNITS[field], node=self._label, field=field)

        self.R = checked("R", R)
        self.tau = checked("tau", tau)
        self.V_th = checked("V_th", V_th)
        self.V_reset = checked("V_reset", V_reset)
        self.V_rest = checked("V_rest", V_rest)
        self.V_initializer = V_initializer
        self.spk_fun = spk_fun
        self.spk_reset = spk_reset
        self._require_units()
        self._require_dynamics()

    @property
    def _label(self) -> str:
        return self.name or type(self).__name__

    def _require_units(self) -> None:
        values = {field: getattr(self, field) for field in UNITS}
        # Asking any other callable could draw random numbers, which belong to init_state.
        if isinstance(self.V_initializer, brainstate.nn.init.Constant):
            values["V_initializer"] = self.V_initializer.value
        if callable(values["V_initializer"]) and not isinstance(values["V_initializer"], brainstate.nn.Param):
            del values["V_initializer"]
        else:
            require_quantity(values["V_initializer"], u.mV, node=self._label, field="V_initializer")
        require_all_or_none(values, UNITS, node=self._label)

    def _require_dynamics(self) -> None:
        tau, threshold, reset = (concrete(value) for value in (self.tau, self.V_th, self.V_reset))
        if tau is not None:
            fix = "give a positive time"
            require(tau > 0, "LX104", self.tau, node=self._label, field="tau", fix=fix)
        if threshold is not None and reset is not None:
            fix = f"raise V_th above V_reset = {self.V_reset}"
            require(threshold > reset, "LX105", self.V_th, node=self._label, field="V_th", fix=fix)

    def _require_step(self, x) -> None:
        set_dt = "brainstate.environ.set(dt=1 * u.ms), or with brainstate.environ.context(dt=1 * u.ms): ..."
        dt = brainstate.environ.get("dt", default=None)
        if dt is None:
            raise error("LX103", node=self._label, field="dt", found="none in brainstate.environ", fix=set_dt)
        if u.get_dim(dt) != u.get_dim(self.tau):
            fix = f"give dt in the unit of tau = {self.tau}"
            raise error("LX109", node=self._label, field="dt", found=unit_name(dt), fix=fix)
        seconds = concrete(dt)
        if seconds is not None and not 0 < seconds < float("inf"):
            raise error("LX103", node=self._label, field="dt", found=f"dt = {dt}", fix=set_dt)
        if u.get_dim(self.R) * u.get_dim(x) != u.get_dim(self.V_th):
            fix = f"give a current for which R * x has the unit of V_th = {self.V_th} (Linear has unit=u.mA)"
            found = f"{unit_name(x)} with R = {self.R}"
            raise error("LX109", node=self._label, field="x", found=found, fix=fix)
        self._require_broadcast(x)

    def _require_broadcast(self, x) -> None:
        shape, membrane = u.math.shape(x), u.math.shape(self.V.value)
        try:
            both = np.broadcast_shapes(shape, membrane)
        except ValueError:
            both = ()
        if both[-len(self.varshape) :] != self.varshape:
            fix = f"give a current of shape (batch,) + {self.varshape}, with the batch of init_state"
            found = f"shape {shape} for a membrane of shape {membrane}"
            raise error("LX102", node=self._label, field="x", found=found, fix=fix)

    def _initial(self, batch_size: int | None):
        shape = self.varshape if batch_size is None else (batch_size, *self.varshape)
        v = self.V_initializer(shape) if callable(self.V_initializer) else self.V_initializer
        require_quantity(v, u.mV, node=self._label, field="V_initializer")
        if u.get_dim(v) != u.get_dim(self.V_th):
            fix = f"give it in the unit of V_th = {self.V_th}"
            raise error("LX109", node=self._label, field="V_initializer", found=unit_name(v), fix=fix)
        require_shape(v, shape, node=self._label, field="V_initializer")
        # Full shape and float from the start: inside a scan the state may not change either.
        v = u.math.asarray(v)
        if not u.math.issubdtype(v.dtype, float):
            v = v.astype(brainstate.environ.dftype())
        return u.math.broadcast_to(v, shape)

    def init_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Create ``V``, shape ``(batch_size,) + in_size``, or ``in_size`` without a batch."""
        self.V = brainstate.HiddenState(self._initial(batch_size))

    def reset_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Set ``V`` back to its initial value."""
        self.V.value = self._initial(batch_size)

    def get_spike(self, V=None):
        """Spikes (0 or 1, float) of a membrane, by default of the stored one."""
        V = self.V.value if V is None else V
        return self.spk_fun((V - self.V_th) / (self.V_th - self.V_reset))

    def update(self, x=0.0 * u.mA):
        """Advance by one ``dt`` and return the spikes.

        Parameters
        ----------
        x : scalar or array broadcasting with ``V``, ampere
            Current during this step; registered current inputs are added to it.

        Returns
        -------
        float array, shape of ``V``, no unit
            1 where a neuron fires, else 0.
        """
        self._require_step(x)
        before = self.V.value
        spikes = self.get_spike(before)
        top = self.V_th if self.spk_reset == "soft" else jax.lax.stop_gradient(before)
        v = before - (top - self.V_reset) * spikes

        def drift(v):
            return (-v + self.V_rest + self.R * self.sum_current_inputs(x, v)) / self.tau

        # Linearised around v, so a registered current may depend on it (a conductance), as in brainpy.
        v = brainstate.nn.exp_euler_step(drift, v)
        self.V.value = self.sum_delta_inputs(v)
        return self.get_spike(self.V.value)
