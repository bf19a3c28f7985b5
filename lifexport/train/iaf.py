"""The trainable integrate-and-fire neuron without leak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

import brainstate
import brainunit as u

from .spiking import Spiking
from .surrogate import ReluGrad


class IAF(Spiking):
    r"""Integrators with a threshold: what arrives stays until a spike takes it away.

    .. math:: \frac{dV}{dt} = R\,I(t)

    One call of ``update``, in the order of ``LIF``:

    .. math::
       V &\leftarrow V - (V_{th} - V_{reset})\,s \;\text{(soft)} \quad\text{or}\quad
          V \leftarrow V_{reset} \text{ where } s \;\text{(hard)} \\
       V &\leftarrow V + \Delta t\,R\,I + \text{delta inputs} \\
       \text{return } &[V \ge V_{th}]

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of the population (``varshape``).
    R : scalar or array broadcasting to ``in_size``, ohm per time (1 / farad)
        Gain: by default 1 mA moves the membrane by 1 mV in a millisecond.
    V_th, V_reset, V_initializer, spk_fun, spk_reset, name, detach_reset
        As in ``LIF``.

    Attributes
    ----------
    V : HiddenState, shape ``(batch,) + in_size`` or ``in_size``, volt
        Membrane before its reset; exists after ``init_state``.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        As ``LIF``.

    Notes
    -----
    NIR's ``IF`` and sinabs' ``IAF``; brainpy has none (its ``IF`` leaks, as ours). A registered current that depends
    on the membrane is that of the membrane at the beginning of the step.

    Examples
    --------
    >>> cell = IAF(1)
    >>> cell.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     [int(cell.update(0.5 * u.mA)[0]) for _ in range(6)]
    [0, 1, 0, 1, 0, 1]
    """

    units: ClassVar = {"R": cast("u.Unit", u.ohm / u.ms), "V_th": u.mV, "V_reset": u.mV, "V_initializer": u.mV}
    times: ClassVar = ()

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm / u.ms,
        V_th=1.0 * u.mV,
        V_reset=0.0 * u.mV,
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
            V_th=V_th,
            V_reset=V_reset,
            V_initializer=V_initializer,
            spk_fun=spk_fun,
            spk_reset=spk_reset,
            detach_reset=detach_reset,
        )

    def _integrate(self, v, current):
        return v + brainstate.environ.get_dt() * self.R * self.sum_current_inputs(current, v)
