r"""From trained real numbers to the codes of a chip, with a gradient.

A weight :math:`w`, counted in its connection's root mean square, has code

.. math:: n = \mathrm{clip}(\mathrm{round}(w f), -n_{max}, n_{max})

with a factor :math:`f` for each output that the quantized network fixes: gains, units, divisors of pools. Rounding
passes gradients as if it were not there; one that would push a clipped number further out is dropped.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.custom_vjp
def to_codes(values: jax.Array, lo: float, hi: float) -> jax.Array:
    """Nearest codes (ties to even) of positions, within ``lo..hi``; float32 numbers that are whole.

    Examples
    --------
    >>> values = jnp.array([-9.0, -7.4, 0.5, 1.5, 9.0])
    >>> to_codes(values, -7, 7).tolist()
    [-7.0, -7.0, 0.0, 2.0, 7.0]
    >>> jax.grad(lambda v: to_codes(v, -7, 7).sum())(values).tolist()  # a step down this gradient brings 9.0 back
    [0.0, 1.0, 1.0, 1.0, 1.0]
    """
    return jnp.clip(jnp.rint(values), lo, hi)


def _forward(values, lo, hi):
    codes = jnp.rint(values)
    return jnp.clip(codes, lo, hi), (codes > hi, codes < lo)


def _backward(outside, gradient):
    above, below = outside
    pushed = (above & (gradient < 0)) | (below & (gradient > 0))
    return jnp.where(pushed, 0.0, gradient), None, None


to_codes.defvjp(_forward, _backward)
