"""The trainable leaky integrate-and-fire neuron with a refractory time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from .parameters import concrete, require
from .spiking import Spiking
from .surrogate import ReluGrad


class LIFRef(Spiking):
    r"""Leaky integrate-and-fire neurons that rest after a spike, as those of ``brainpy.state.LIFRef``.

    The step is that of ``LIF``, but in the steps :math:`k = 1, 2, \dots` after a spike for which
    :math:`k\,\Delta t < \tau_{ref}` the membrane stays where the reset left it; current and delta inputs of those
    steps are lost.

    Parameters
    ----------
    in_size, R, tau : as in ``LIF``
    tau_ref : scalar or array broadcasting to ``in_size``, time
        Refractory time, not negative. Counted in steps: what is no multiple of ``dt`` is rounded up, and what is one
        up to a millionth is taken as one.
    V_th, V_reset, V_rest, V_initializer, spk_fun, spk_reset, name, detach_reset
        As in ``LIF``.

    Attributes
    ----------
    V : HiddenState, shape ``(batch,) + in_size`` or ``in_size``, volt
        Membrane before its reset; exists after ``init_state``.
    waiting : ShortTermState, int32, shape of ``V``
        Steps for which the membrane will still be held.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        As ``LIF``; LX104 for ``tau_ref < 0``.

    Notes
    -----
    brainpy remembers the time of the last spike and compares ``t - last_spike_time`` with ``tau_ref``, where ``t`` is
    what the caller put into ``brainstate.environ``. Here steps are counted and no ``t`` is needed. The two agree where
    brainpy's difference of times is exact, or where ``tau_ref`` is no multiple of ``dt``; elsewhere the rounding of
    ``t`` decides in brainpy whether the neuron waits one step longer.

    As in brainpy, a soft reset from above ``2 V_th - V_reset`` leaves the membrane above threshold: it is held there,
    fires again at every step of its refractory time, and the time begins anew, until the resets have brought it below.

    Examples
    --------
    >>> cell = LIFRef(1, R=10 * u.ohm, tau_ref=3 * u.ms)
    >>> cell.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     [int(cell.update(0.6 * u.mA)[0]) for _ in range(8)]
    [1, 0, 0, 1, 0, 0, 1, 0]
    """

    units: ClassVar = {
        "R": u.ohm,
        "tau": u.ms,
        "tau_ref": u.ms,
        "V_th": u.mV,
        "V_reset": u.mV,
        "V_rest": u.mV,
        "V_initializer": u.mV,
    }
    _states: ClassVar = ("V", "waiting")

    tau_ref: Any

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm,
        tau=5.0 * u.ms,
        tau_ref=5.0 * u.ms,
        V_th=1.0 * u.mV,
        V_reset=0.0 * u.mV,
        V_rest=0.0 * u.mV,
        V_initializer: Any = brainstate.nn.init.Constant(0.0 * u.mV),  # type: ignore  # noqa: B008
        spk_fun: Callable = ReluGrad(),  # noqa: B008
        spk_reset: str = "soft",
        name: str | None = None,
        *,
        detach_reset: bool = False,
    ):
        super().__init__(
            in_size,
            name,
            R=R,
            tau=tau,
            tau_ref=tau_ref,
            V_th=V_th,
            V_reset=V_reset,
            V_rest=V_rest,
            V_initializer=V_initializer,
            spk_fun=spk_fun,
            spk_reset=spk_reset,
            detach_reset=detach_reset,
        )
        require_refractory(self.tau_ref, node=self._label)

    def init_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Create ``V`` and ``waiting``; at first nobody waits."""
        super().init_state(batch_size)
        self.waiting = brainstate.ShortTermState(jnp.zeros(u.math.shape(self.V.value), jnp.int32))

    def reset_state(self, batch_size: int | None = None, **kwargs) -> None:
        """Set the states back to their initial values."""
        super().reset_state(batch_size)
        self.waiting.value = jnp.zeros(u.math.shape(self.V.value), jnp.int32)

    def _advance(self, states: tuple, emitted, x) -> tuple:
        v, waiting = states
        held = self._after_reset(v, emitted)
        v = u.math.where(waiting > 0, held, self.sum_delta_inputs(self._integrate(held, x)))
        steps = refractory_steps(self.tau_ref, brainstate.environ.get_dt())
        left = jnp.asarray(steps - 1, jnp.int32)
        return v, jnp.maximum(jnp.where(v >= self.V_th, left, waiting - 1), 0)


def refractory_steps(tau_ref, dt):
    """Steps from a spike to the first in which the membrane integrates again; 0 and 1 are the next one.

    Parameters
    ----------
    tau_ref : array or quantity, any shape
    dt : scalar, in the same unit

    Returns
    -------
    int64 array, or an array of the tracer's type, whole

    Examples
    --------
    >>> [int(refractory_steps(tau, 0.1)) for tau in (0.0, 0.05, 0.1, 0.30000000000000004, 0.31)]
    [0, 1, 1, 3, 4]
    """
    numbers = concrete(tau_ref), concrete(dt)
    if any(number is None for number in numbers):
        return jnp.ceil(u.get_magnitude(tau_ref / dt) * (1 - 1e-6))
    return np.ceil(numbers[0] / numbers[1] * (1 - 1e-6)).astype(np.int64)  # type: ignore[operator]


def require_refractory(tau_ref, *, node: str | None) -> None:
    """Refuse (LX104) a negative refractory time."""
    number = concrete(tau_ref)
    if number is not None:
        require(number >= 0, "LX104", tau_ref, node=node, field="tau_ref", fix="give a time, 0 for none")
