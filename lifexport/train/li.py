"""The trainable leaky integrator, a readout that never spikes."""

from __future__ import annotations

from typing import Any, ClassVar

import brainstate
import brainunit as u

from .neuron import Neuron


class LI(Neuron):
    r"""Leaky integrators: the membrane of ``LIF`` without threshold; its membrane is what the network answers.

    .. math:: \tau \frac{dV}{dt} = -(V - V_{rest}) + R\,I(t), \qquad
       V \leftarrow V_{rest} + d\,(V - V_{rest}) + (1 - d)\,R\,I + \text{delta inputs}, \quad d = e^{-dt/\tau}

    ``update`` and ``run`` return ``V``, a quantity in volt where the parameters carry units.

    Parameters
    ----------
    in_size : int or tuple of int
        Shape of the population (``varshape``).
    R, tau, V_rest, V_initializer, name
        As in ``LIF``.

    Attributes
    ----------
    V : HiddenState, shape ``(batch,) + in_size`` or ``in_size``, volt
        Membrane; exists after ``init_state``.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        As ``LIF``.

    Notes
    -----
    Captured as ``FloatLI``; a network that ends in one is read by its membrane (``readout="membrane_last"`` or
    ``"membrane_max"``).

    Examples
    --------
    >>> readout = LI(1, tau=10 * u.ms)
    >>> readout.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     v = readout.run([[1.0], [1.0], [0.0]] * u.mA)
    >>> [round(float(a), 4) for a in v.to_decimal(u.mV)[:, 0]]
    [0.0952, 0.1813, 0.164]
    """

    units: ClassVar = {"R": u.ohm, "tau": u.ms, "V_rest": u.mV, "V_initializer": u.mV}
    spiking: ClassVar = False

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm,
        tau=5.0 * u.ms,
        V_rest=0.0 * u.mV,
        V_initializer: Any = brainstate.nn.init.Constant(0.0 * u.mV),  # type: ignore  # noqa: B008
        name: str | None = None,
    ):
        super().__init__(in_size, name, R=R, tau=tau, V_rest=V_rest, V_initializer=V_initializer)

    def _emit(self, states: tuple):
        return states[0]

    def _advance(self, states: tuple, emitted, x) -> tuple:
        return (self.sum_delta_inputs(self._integrate(states[0], x)),)
