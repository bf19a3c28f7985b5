"""The trainable leaky integrate-and-fire neuron behind an exponential synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainstate
import brainunit as u

from .spiking import Spiking
from .surrogate import ReluGrad


class CubaLIF(Spiking):
    r"""Current-based leaky integrate-and-fire neurons, step for step those of ``brainpy.state.CubaLIF``.

    .. math:: \tau_{syn} \frac{dg}{dt} = -g, \qquad \tau \frac{dV}{dt} = -(V - V_{rest}) + R\,(g + I(t))

    One call of ``update``, in the order of ``LIF``:

    .. math::
       V &\leftarrow V - (V_{th} - V_{reset})\,s \;\text{(soft)} \quad\text{or}\quad
          V \leftarrow V_{reset} \text{ where } s \;\text{(hard)} \\
       g &\leftarrow e^{-dt/\tau_{syn}}\, g + \text{delta inputs} \;(+\, x \text{ if filtered}) \\
       V &\leftarrow V_{rest} + d\,(V - V_{rest}) + (1 - d)\,R\,(g + \text{current inputs} \;(+\, x
          \text{ if not filtered})), && d = e^{-dt/\tau} \\
       \text{return } &[V \ge V_{th}]

    Parameters
    ----------
    in_size, R, tau : as in ``LIF``
    tau_syn : scalar or array broadcasting to ``in_size``, time
        Time constant of the synaptic current; positive.
    V_th, V_reset, V_rest, V_initializer : as in ``LIF``
    g_initializer : callable, scalar or array, ampere
        Synaptic current at ``init_state``; a callable is asked for shape ``(batch,) + in_size``.
    spk_fun, spk_reset, name, detach_reset
        As in ``LIF``.
    filtered : bool
        Whether the input of ``update`` and ``run`` goes through the synapse. By default it does not, as in brainpy,
        where synapses are registered as delta inputs and ``x`` is an electrode in the soma. **In a chain of layers
        give** ``filtered=True``: that is the neuron of Loihi, of NIR's ``CubaLIF`` and of ``FloatCubaLIF``.

    Attributes
    ----------
    V : HiddenState, shape ``(batch,) + in_size`` or ``in_size``, volt
        Membrane before its reset; exists after ``init_state``.
    g : HiddenState, shape of ``V``, ampere
        Synaptic current.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        As ``LIF``; LX104 for ``tau_syn <= 0``.

    Examples
    --------
    >>> cell = CubaLIF(1, tau_syn=2 * u.ms, filtered=True)
    >>> cell.init_state()
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     _ = cell.run([[1.0], [0.0]] * u.mA)
    >>> [round(float(g / u.mA), 4) for g in cell.g.value]
    [0.6065]
    """

    units: ClassVar = {
        "R": u.ohm,
        "tau": u.ms,
        "tau_syn": u.ms,
        "V_th": u.mV,
        "V_reset": u.mV,
        "V_rest": u.mV,
        "V_initializer": u.mV,
        "g_initializer": u.mA,
    }
    starts: ClassVar = {"V": "V_initializer", "g": "g_initializer"}
    _states: ClassVar = ("V", "g")
    times: ClassVar = ("tau", "tau_syn")

    tau_syn: Any
    g_initializer: Any
    g: brainstate.HiddenState

    def __init__(
        self,
        in_size,
        R=1.0 * u.ohm,
        tau=5.0 * u.ms,
        tau_syn=5.0 * u.ms,
        V_th=1.0 * u.mV,
        V_reset=0.0 * u.mV,
        V_rest=0.0 * u.mV,
        V_initializer: Any = brainstate.nn.init.Constant(0.0 * u.mV),  # type: ignore  # noqa: B008
        g_initializer: Any = brainstate.nn.init.Constant(0.0 * u.mA),  # type: ignore  # noqa: B008
        spk_fun: Callable = ReluGrad(),  # noqa: B008
        spk_reset: str = "soft",
        name: str | None = None,
        *,
        detach_reset: bool = False,
        filtered: bool = False,
    ):
        super().__init__(
            in_size,
            name,
            R=R,
            tau=tau,
            tau_syn=tau_syn,
            V_th=V_th,
            V_reset=V_reset,
            V_rest=V_rest,
            V_initializer=V_initializer,
            g_initializer=g_initializer,
            spk_fun=spk_fun,
            spk_reset=spk_reset,
            detach_reset=detach_reset,
        )
        self.filtered = filtered

    def _advance(self, states: tuple, emitted, x) -> tuple:
        (v, g), x = states, 1.0 * x  # a float, if it was a whole number
        g = brainstate.nn.exp_euler_step(lambda g: -g / self.tau_syn, g)
        g = self.sum_delta_inputs(g + x if self.filtered else g)
        return self._integrate(self._after_reset(v, emitted), g if self.filtered else g + x), g
