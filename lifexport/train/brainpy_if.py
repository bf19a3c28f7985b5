"""What brainpy calls an integrate-and-fire neuron: a LIF whose potentials are measured from rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainstate
import brainunit as u

from .spiking import Spiking
from .surrogate import ReluGrad


class IF(Spiking):
    r"""Integrate-and-fire neurons, step for step those of ``brainpy.state.IF``, which *leak*.

    .. math:: \tau \frac{dV}{dt} = -V + R\,I(t)

    The step is that of ``LIF`` with ``V_rest = V_reset = 0``; ``capture`` makes a ``FloatLIF`` of it. Brainpy's text
    calls it a perfect integrator, its code is this one. An integrator without leak is ``IAF``.

    Parameters
    ----------
    in_size, R, tau, V_th, V_initializer, spk_fun, spk_reset, name, detach_reset
        As in ``LIF``; ``V_th`` is positive.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        As ``LIF``; LX105 for ``V_th <= 0``.

    Examples
    --------
    >>> cell = IF(1, tau=10 * u.ms)
    >>> cell.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     _ = cell.update(0.5 * u.mA), cell.update(0.0 * u.mA)
    >>> [round(float(v / u.mV), 4) for v in cell.V.value]  # 0.5 (1 - exp(-0.1)), decayed once
    [0.0431]
    """

    units: ClassVar = {"R": u.ohm, "tau": u.ms, "V_th": u.mV, "V_initializer": u.mV}

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm,
        tau=5.0 * u.ms,
        V_th=1.0 * u.mV,
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
            V_th=V_th,
            V_initializer=V_initializer,
            spk_fun=spk_fun,
            spk_reset=spk_reset,
            detach_reset=detach_reset,
        )

    @property
    def V_reset(self):  # noqa: N802
        """Zero, in the unit of ``V_th``."""
        return 0.0 * u.get_unit(self.V_th)

    @property
    def V_rest(self):  # noqa: N802
        """Zero, in the unit of ``V_th``."""
        return 0.0 * u.get_unit(self.V_th)
