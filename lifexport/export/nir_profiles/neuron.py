"""What an importer has to do in a step, measured from the reset level: the common form of all trained populations.

With ``u = v - v_reset`` a reset is to 0, or takes the threshold off, which is what importers do:

    u <- decay * u' + gain * I + drift,    u' = u - height * spike  (subtract),  0 where it fired  (value)

``drift = (1 - decay) * (v_rest - v_reset)`` is what rest pulls a step, ``height = v_threshold - v_reset``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...findings import error
from ...neurons import FloatCubaLIF
from ...neurons.membrane import FloatMembrane


@dataclass(frozen=True, kw_only=True, eq=False)
class Neuron:
    """A trained population as an importer must run it; arrays are float64 of the population's shape.

    Parameters
    ----------
    kind : ``"LIF"`` | ``"IAF"`` | ``"LI"`` | ``"CubaLIF"``
    dt : float, seconds
    decay, gain, drift, height : float array
        See above; the height of a kind that never spikes is infinite, and its potentials are as they were.
    rest, start : float array, volt
        Resting and first potential, from the reset level.
    current_decay : float array
        Decay of the synaptic current per step; 0 where there is none.
    subtract : bool
        Whether the reset takes the height off (soft), or sets to 0 (hard).
    compare : ``">="`` | ``">"``
    """

    kind: str
    dt: float
    decay: np.ndarray
    gain: np.ndarray
    rest: np.ndarray
    start: np.ndarray
    height: np.ndarray
    current_decay: np.ndarray
    subtract: bool
    compare: Literal[">=", ">"]

    @property
    def drift(self) -> np.ndarray:
        """What rest pulls the membrane in a step, volt."""
        return (1 - self.decay) * self.rest

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the population."""
        return self.decay.shape


def neuron(node: FloatMembrane) -> Neuron:
    """The common form of a population.

    Raises
    ------
    UnsupportedError
        LX401 for a refractory time, neurons that are never reset, and currents that do not start at 0, which no
        importer has.

    Examples
    --------
    >>> from lifexport.neurons import FloatLIF
    >>> form = neuron(FloatLIF(shape=(1,), dt=1.0, tau=2.0, r=1.0, v_threshold=1.0, v_reset=-1.0, v_initial=-1.0))
    >>> form.height.tolist(), form.rest.tolist(), form.start.tolist()
    ([2.0], [1.0], [0.0])
    """
    level: Any = getattr(node, "v_reset", 0.0)
    current_decay, gain = np.zeros(node.shape), node.gain
    if isinstance(node, FloatCubaLIF):
        current_decay, gain = node.current_decay, node.gain * node.w_in
        if node.i_initial.any():
            found = "a synaptic current before the first step; every importer starts at 0"
            raise error("LX401", field="i_initial", found=found, fix="train with currents that start at 0")
    if getattr(node, "waits", False):
        found = f"{node.refractory.max()} steps; no importer has a refractory time"  # type: ignore[attr-defined]
        raise error("LX401", field="refractory", found=found, fix="train without it")
    spiking: Any = node
    if node.spiking and spiking.reset not in ("subtract", "value"):
        found, fix = (
            f"{spiking.reset!r}; every importer resets what spiked",
            'train with a reset, or use profile "plain"',
        )
        raise error("LX401", field="reset", found=found, fix=fix)
    return Neuron(
        kind=node.kind,
        dt=node.dt,
        decay=node.decay,
        gain=gain,
        rest=node.v_rest - level,
        start=node.v_initial - level,
        height=spiking.v_threshold - level if node.spiking else np.full(node.shape, np.inf),
        current_decay=current_decay,
        subtract=node.spiking and spiking.reset == "subtract",
        compare=spiking.compare if node.spiking else ">=",
    )
