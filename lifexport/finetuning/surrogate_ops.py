r"""The named operations once more, for gradients: what an integer step is linear in, and by how much.

A value is a pair: the integer that the simulator has, and a stand-in for the real number it means. The stand-ins obey
the equation without rounding and without steps:

=====================  ==========================================================================
``add``, ``sub``       as they are
``mul``                the product rule
``multiply_shift``     :math:`x\,m / 2^k`: rounding passes gradients as if it were not there
``shift_right``        :math:`x / 2^k`, likewise
``saturate``           ``x`` inside of the range, constant at its ends
``wrap``, ``wrap_once``  ``x``
``minimum``, ``maximum``  the operand that was taken
``ge`` (threshold)     the surrogate: :math:`g((x - y) / c)\,(x - y) / c`
``count`` (threshold)  the sum of the surrogates of the two multiples of ``y`` next to ``x``
``gate``               ``x`` where ``c``, and ``x`` times the stand-in of ``c``
=====================  ==========================================================================

with :math:`c` the distance from reset to threshold. As in ``train.LIF``, what a spike takes off a membrane on its way
to a reset value is held constant. Stand-ins are only ever differentiated; their values mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..ops import Rounding
from ..simulation.jax_ops import JaxOps

ROLES = {"threshold": "threshold", "above_threshold": "threshold", "reset_code": "reset"}
"""What constants are, by the name that the step gives them."""


class Pair(NamedTuple):
    """An integer of the simulator, and its differentiable stand-in."""

    code: Any
    """None where it was not kept: what arrives, currents that wrap, and what is formed of them."""
    real: Any = 0.0
    role: str = ""
    """``threshold``, ``reset`` (its code), ``gap`` (from a membrane to it), ``spike``, or none of them."""


class SurrogateOps:
    """Reads a neuron step as a linear map of stand-ins.

    Parameters
    ----------
    codes : JaxOps
        The simulator's own reader.
    reals : mapping from name to float32 array
        Stand-ins of the constants that are trained.
    gradient : callable
        Of the spike function, at a distance from threshold in units of ``distance``.
    distance : float32 array
        From reset to threshold, in codes.
    detach_reset : bool
        Whether no gradient flows through the spikes that reset the membrane.
    known : sequence of int32 array
        What numbers without a code are once their overflow rule has acted, in the order of the step.
    """

    def __init__(
        self,
        codes: JaxOps,
        reals: Mapping[str, Any],
        gradient: Callable,
        distance: Any,
        *,
        detach_reset: bool,
        known: Sequence[Any] = (),
    ):
        self.codes, self.reals, self.gradient, self.distance = codes, reals, gradient, distance
        self.detach_reset, self.known = detach_reset, iter(known)

    def const(self, array: np.ndarray | int, name: str) -> Pair:
        return Pair(self.codes.const(array, name), self.reals.get(name, 0.0), ROLES.get(name, ""))

    def add(self, x: Pair, y: Pair) -> Pair:
        return Pair(_known(self.codes.add, x.code, y.code), x.real + y.real)

    def sub(self, x: Pair, y: Pair) -> Pair:
        code = _known(self.codes.sub, x.code, y.code)
        return Pair(code, -y.real, "gap") if y.role == "reset" and x.role == "" else Pair(code, x.real - y.real)

    def mul(self, x: Pair, y: Pair) -> Pair:
        often = 0.0 if self.detach_reset and x.role == "spike" else x.real
        return Pair(self.codes.mul(x.code, y.code), _times(x.code, y.real) + _times(y.code, often))

    def minimum(self, x: Pair, y: Pair) -> Pair:
        return Pair(self.codes.minimum(x.code, y.code), jnp.where(x.code <= y.code, x.real, y.real))

    def maximum(self, x: Pair, y: Pair) -> Pair:
        return Pair(self.codes.maximum(x.code, y.code), jnp.where(x.code >= y.code, x.real, y.real))

    def gate(self, c: Pair, x: Pair) -> Pair:
        decides = 0.0 if self.detach_reset and c.role == "spike" else _times(x.code, c.real)
        return Pair(self.codes.gate(c.code, x.code), decides + jnp.where(c.code, x.real, 0.0))

    def ge(self, x: Pair, y: Pair) -> Pair:
        code = self.codes.ge(x.code, y.code)
        if y.role != "threshold":
            return Pair(code, x.real, x.role)  # whether there is any spike: as smooth as their number
        return Pair(code, self._slope(x.code - y.code) * (x.real - y.real), "spike")

    def count(self, x: Pair, y: Pair, most: int | None) -> Pair:
        code = self.codes.count(x.code, y.code, most)
        real = 0.0
        for often in (code, code + 1):
            counts = (often >= 1) if most is None else (often >= 1) & (often <= most)
            real = real + jnp.where(counts, self._slope(x.code - often * y.code), 0.0) * (
                x.real - _times(often, y.real)
            )
        return Pair(code, real, "spike")

    def _slope(self, above):
        return self.gradient(above.astype(jnp.float32) / self.distance) / self.distance

    def multiply_shift(self, x: Pair, m: Pair, k: int, how: Rounding, bound: int) -> Pair:
        code = _known(lambda code: self.codes.multiply_shift(code, m.code, k, how, bound), x.code)
        return Pair(code, _times(m.code, x.real) * 2.0**-k)

    def shift_left(self, x: Pair, k: int) -> Pair:
        return Pair(_known(lambda code: self.codes.shift_left(code, k), x.code), x.real * 2.0**k)

    def shift_right(self, x: Pair, k: np.ndarray, name: str) -> Pair:
        share = np.asarray(2.0 ** -np.asarray(k, np.float64), np.float32)
        return Pair(_known(lambda code: self.codes.shift_right(code, k, name), x.code), share * x.real)

    def saturate(self, x: Pair, lo: int, hi: int) -> Pair:
        code = next(self.known) if x.code is None else self.codes.saturate(x.code, lo, hi)
        return Pair(code, jnp.where((code > lo) & (code < hi), x.real, 0.0))

    def wrap(self, x: Pair, lo: int, hi: int) -> Pair:
        return Pair(next(self.known) if x.code is None else self.codes.wrap(x.code, lo, hi), x.real)

    def wrap_once(self, x: Pair, lo: int, hi: int) -> Pair:
        return Pair(next(self.known) if x.code is None else self.codes.wrap_once(x.code, lo, hi), x.real)

    def columns(self, x: Pair) -> list[Pair]:
        reals = jnp.broadcast_to(x.real, x.code.shape)
        return [Pair(code, reals[..., j]) for j, code in enumerate(self.codes.columns(x.code))]

    def stack(self, columns: list[Pair]) -> Pair:
        reals = jnp.stack([jnp.broadcast_to(column.real, column.code.shape) for column in columns], axis=-1)
        return Pair(self.codes.stack([column.code for column in columns]), reals)


def _known(form: Callable, *codes: Any) -> Any:
    """A code formed of others, if all of them were kept."""
    return None if any(code is None for code in codes) else form(*codes)


def _times(code: Any, real: Any) -> Any:
    """A code times a stand-in; nothing where there is no stand-in."""
    return 0.0 if isinstance(real, float) else code.astype(jnp.float32) * real


def slope_of(spike_function: Callable) -> Callable:
    """Derivative of a spike function: its own ``gradient`` if it has one, else what JAX finds."""
    own = getattr(spike_function, "gradient", None)
    if own is not None:
        return own

    def slope(x):
        return jax.jvp(spike_function, (x,), (jnp.ones_like(x),))[1]

    return slope
