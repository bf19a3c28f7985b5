"""Leaky integrate-and-fire neurons as trained; as a chip runs them they are in ``int_lif.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .membrane import Leaky, Spiking


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLIF(Spiking, Leaky):
    r"""Leaky integrate-and-fire neurons as trained: real numbers, fixed time step.

    Between spikes the membrane relaxes towards ``v_rest``,

    .. math:: \tau \dot v = -(v - v_{rest}) + r\,I(t).

    One step, in this order, with decay :math:`\alpha` and gain :math:`\gamma` from ``discretisation``:

    .. math::
       v' &= v - (v_{th} - v_{reset})\,s \quad\text{(subtract)}, \qquad
       v' = v_{reset} \text{ where } s \quad\text{(value)} \\
       v &\leftarrow v_{rest} + \alpha (v' - v_{rest}) + \gamma I \\
       s &= [v \ge v_{th}] \quad\text{(or } v > v_{th}\text{, see } compare)

    so the stored ``v`` is the one compared with the threshold, before its reset.

    Parameters
    ----------
    shape : tuple of int
        Shape of the population.
    dt : float, seconds
        Time step the decay was realised for; the same in the whole network.
    tau : float array, shape ``()`` or ``shape``, seconds
        Membrane time constant; positive.
    r : float array, ohm
        Input resistance.
    v_threshold, v_reset, v_rest, v_initial : float array, volt
        Threshold, reset level, resting and initial potential; ``v_threshold > v_reset``.
    reset : ``"subtract"`` | ``"value"`` | ``"none"``
        Soft (subtract ``v_threshold - v_reset``), hard (set to ``v_reset``), or none: a membrane above its threshold
        goes on, and spikes at every step. No chip has that; ``quantize`` refuses it.
    compare : ``">="`` | ``">"``
        Spike condition.
    refractory : int array
        Steps from one spike to the first in which the membrane integrates again; until then it stays where the reset
        left it, :math:`v \leftarrow v'`. 0 and 1 are the next step.
    discretisation : str
        Key of ``neurons.discretisation.DISCRETISATIONS``: what the training tool makes of ``tau`` and ``r``.

    Raises
    ------
    ParameterError, ShapeError
        LX101..LX106, naming field and index.

    Notes
    -----
    Order and ``>=`` are those of the code of ``brainpy.state.LIF`` (its text says "V - V_th" for the soft reset; the
    code subtracts ``V_th - V_reset``), the refractory time that of ``LIFRef`` with ``tau_ref = refractory * dt``. The
    equation is exact for an input held constant over the step.

    Examples
    --------
    >>> lif = FloatLIF(shape=(2,), dt=1e-3, tau=10e-3, r=1.0, v_threshold=1e-3, v_reset=0.0)
    >>> lif.decay.round(4).tolist()
    [0.9048, 0.9048]
    """

    kind: ClassVar[str] = "LIF"
    real: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys((*Leaky.real, *Spiking.real)))
