"""The trainable leaky integrate-and-fire neuron."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainstate
import brainunit as u

from .spiking import Spiking
from .surrogate import ReluGrad


class LIF(Spiking):
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
    detach_reset : bool
        Whether the gradient stops at the spike that resets the membrane. By default it does not, as in brainpy.

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

    units: ClassVar = {
        "R": u.ohm,
        "tau": u.ms,
        "V_th": u.mV,
        "V_reset": u.mV,
        "V_rest": u.mV,
        "V_initializer": u.mV,
    }

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
        *,
        detach_reset: bool = False,
    ):
        super().__init__(
            in_size,
            name,
            R=R,
            tau=tau,
            V_th=V_th,
            V_reset=V_reset,
            V_rest=V_rest,
            V_initializer=V_initializer,
            spk_fun=spk_fun,
            spk_reset=spk_reset,
            detach_reset=detach_reset,
        )
