"""What trainable populations that spike share: threshold, surrogate, reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from ..findings import error, unknown_name
from .neuron import Neuron
from .parameters import concrete, require

RESETS = ("soft", "hard")


class Spiking(Neuron):
    """A population with a threshold; every parameter is described at ``LIF``."""

    V_th: Any
    V_reset: Any

    def __init__(
        self, in_size, name: str | None, *, spk_fun: Callable, spk_reset: str, detach_reset: bool, **given: Any
    ):
        label = name or type(self).__name__
        if spk_reset not in RESETS:
            raise unknown_name("spk_reset", spk_reset, RESETS, code="LX106", node=label, field="spk_reset")
        if not callable(spk_fun) or isinstance(spk_fun, type):
            fix = "give a function, such as lifexport.train.surrogate.Arctan(2.0)"
            raise error("LX006", node=label, field="spk_fun", found=f"{spk_fun!r}", fix=fix)
        super().__init__(in_size, name, **given)
        self.spk_fun = spk_fun
        self.spk_reset = spk_reset
        self.detach_reset = detach_reset
        threshold, reset = concrete(self.V_th), concrete(self.V_reset)
        if threshold is not None and reset is not None:
            fix = f"raise V_th above V_reset = {self.V_reset}"
            require(threshold > reset, "LX105", self.V_th, node=self._label, field="V_th", fix=fix)

    def get_spike(self, V=None):
        """Spikes (0 or 1, float) of a membrane, by default of the stored one."""
        V = self.V.value if V is None else V
        return self.spk_fun((V - self.V_th) / (self.V_th - self.V_reset))

    def _emit(self, states: tuple):
        return self.get_spike(states[0])

    def _after_reset(self, v, spikes):
        if self.detach_reset:
            spikes = jax.lax.stop_gradient(spikes)
        top = self.V_th if self.spk_reset == "soft" else jax.lax.stop_gradient(v)
        return v - (top - self.V_reset) * spikes

    def _advance(self, states: tuple, emitted, x) -> tuple:
        return (self.sum_delta_inputs(self._integrate(self._after_reset(states[0], emitted), x)),)

    def _functions(self) -> list:
        return list(getattr(self.spk_fun, "__dict__", {}).values())
