"""The trainable module whose forward pass is the integer simulator."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..capturing import capture
from ..findings import error
from ..network import FloatNetwork, IntNetwork
from ..quantization.quantizing import plan
from ..quantspec import QuantSpec
from ..targets import Target
from ..train.activity import note
from ..train.surrogate import Arctan
from .backward import Settings
from .exactness import kernels, require_exact
from .forward import Forward, Output
from .numbers import Numbers, Parameters
from .surrogate_ops import slope_of


class QAT(brainstate.nn.Module):
    r"""A quantized network that trains: forward the integer simulator itself, backward a surrogate.

    Trained are real numbers; every forward pass rounds them to the codes that the chip would hold and runs those codes
    through the step of ``IntNetwork`` on the target's rules, in integers. Spikes and membranes are therefore, bit for
    bit, those of ``simulate(q.to_int(), codes)``, inside ``jit``, ``grad`` and ``vmap`` as well. Gradients are those of
    the same arithmetic with rounding left out (straight through), clipping as a constant, and the surrogate in place
    of a spike's derivative.

    Parameters
    ----------
    net : module or FloatNetwork
        What to start from; a module is captured first.
    target : str, path or Target
        Any target that ``quantize`` knows.
    dt : quantity or float, optional
        Time step, as for ``capture``; not for a FloatNetwork, which has its own.
    calibration : float array, shape ``(time, batch, *features)``, optional
        As for ``quantize``.
    spec : QuantSpec, optional
        As for ``quantize``; single choices may be given as keywords instead.
    thresholds : bool
        Whether thresholds are trained too (the distance from threshold to reset level keeps the level).
    spk_fun : callable
        Spike function whose gradient stands in, at the distance from threshold in units of threshold minus reset; see
        ``surrogate``.
    detach_reset : bool
        Whether no gradient flows through the spikes that reset the membrane.
    **choices
        Fields of ``QuantSpec``: ``weight_bits=4, state_bits=12, scale="channel", ...``

    Attributes
    ----------
    latent : ParamState
        The real numbers behind the codes: ``{connection: {"weight": ..., "bias": ...}, population: {"threshold":
        ...}}``, float32. Weights count in the root mean square of the connection's trained weights, biases and
        thresholds in thresholds: all are around 1, whatever the network, so that one learning rate fits all.
    trained : FloatNetwork
        What it started from.

    Raises
    ------
    LifexportError
        What ``capture`` and ``quantize`` raise; LX302 where int32 might not carry a sum of the largest weights that the
        widths admit, here for products and in ``run`` for membranes.

    Notes
    -----
    Scales, decays and widths stay as ``quantize`` chose them for the trained network; weights move on the grid they
    have, to the last code and no further. Products are carried in int8, or in float32 or int32 where a bound over all
    weights says that they are exact (``bounds.exact_kernels``).

    Examples
    --------
    >>> import brainunit as u
    >>> import lifexport as lx
    >>> net = lx.Sequential(lx.Linear(4, 3), lx.LIF(3, tau=10 * u.ms))
    >>> x = (np.arange(480).reshape(30, 4, 4) % 3 == 0).astype(np.float32)  # (time, batch, features)
    >>> q = QAT(net, "fpga-q", dt=1 * u.ms, calibration=x, weight_bits=4, state_bits=12)
    >>> spikes = q.run(x)
    >>> network = q.to_int()
    >>> bool((lx.simulate(network, x).output == spikes).all())
    True
    """

    def __init__(
        self,
        net: Any,
        target: str | os.PathLike[str] | Target,
        *,
        dt: Any = None,
        calibration: np.ndarray | None = None,
        spec: QuantSpec | None = None,
        thresholds: bool = False,
        spk_fun: Callable = Arctan(2.0),  # noqa: B008
        detach_reset: bool = False,
        **choices: Any,
    ):
        super().__init__()
        if isinstance(net, FloatNetwork) and dt is not None:
            raise error("LX006", field="dt", found=f"{dt}", fix=f"leave it out: the network has dt = {net.dt} s")
        self.trained = net if isinstance(net, FloatNetwork) else capture(net, dt=dt)
        if (spec is not None and spec.layers) or choices.get("layers"):
            fix = "give every layer the same, or quantize without fine-tuning"
            raise error("LX006", field="layers", found="choices for single layers", fix=fix)
        planned = plan(self.trained, target, calibration=calibration, spec=spec, **choices)
        self.numbers = Numbers(self.trained, planned, thresholds=thresholds)
        self._envelope = self.numbers.envelope()
        settings = Settings(slope_of(spk_fun), detach_reset)
        self._forward = Forward(self.numbers, self._envelope, kernels(self._envelope), settings)
        self._network = planned.network
        self.latent = brainstate.ParamState(self.numbers.start())

    @property
    def latency(self) -> int:
        """Steps by which the output lags behind the input."""
        return self._network.latency

    def apply(self, parameters: Parameters, codes: Any) -> Output:
        """Run with given parameters, for a training loop without states.

        Parameters
        ----------
        parameters : dict
            As ``self.latent.value``.
        codes : int array, shape ``(time, batch, *features)``
            As ``encode`` returns them.

        Returns
        -------
        Output
            ``spikes`` and ``v`` (codes) of the last population as float32, with gradients; and ``ints``, the integers
            of all populations.

        Raises
        ------
        LifexportError
            LX301: another shape, or no integers; LX302: membranes that int32 might not hold in so many steps. The
            range of codes is for ``encode`` to keep.
        """
        self._network.check_input(codes)
        if not jnp.issubdtype(codes.dtype, jnp.integer):
            fix = "give the integers that encode(x) returns, or call run"
            raise error("LX301", node=self._network.input_name, found=f"dtype {codes.dtype}", fix=fix)
        require_exact(self._envelope, codes.shape[0])
        return self._forward.run(*self.numbers.codes(parameters), codes)

    def encode(self, x: Any) -> np.ndarray:
        """Integer codes of real inputs, in the smallest type; see ``IntNetwork.encode``."""
        codes = self._network.encode(np.asarray(x)).codes
        fmt = self._network.input_code.format
        kinds = (np.int8, np.int16, np.int32)
        return codes.astype(
            next(kind for kind in kinds if np.iinfo(kind).min <= fmt.lo and fmt.hi <= np.iinfo(kind).max)
        )

    def padded(self, x: Any) -> np.ndarray:
        """Codes of real inputs with as many empty steps behind them as the output is late; see ``encode``."""
        codes = self.encode(x)
        return np.concatenate([codes, np.zeros((self.latency, *codes.shape[1:]), codes.dtype)])

    def run(self, x: Any) -> jax.Array:
        """Run a sequence from the initial state.

        Parameters
        ----------
        x : array, shape ``(time, batch, *features)``
            Codes (integers), or real inputs. Inside ``jax.jit`` codes beyond the input's range are clipped to it, and
            real inputs are rounded in float32, where that is exact: encode other ones outside.

        Returns
        -------
        float32 array, shape ``(time, batch, *classes)``
            Spikes of the last population; its membranes, where the network answers by membranes: in thresholds, and for
            neurons without one in halves of the largest membrane that calibration showed.
        """
        out = self.apply(self.latent.value, self._codes(x))
        for name, spikes in out.ints.spikes.items():
            if self._network.nodes[name].spiking:
                note(_Named(name), spikes)
        if self._network.readout == "count":
            return out.spikes
        return out.v / self._one()

    def _one(self) -> Any:
        """Codes of what membranes are counted in."""
        node: Any = self._network.nodes[self._network.readout_name]
        if node.spiking:
            return node.threshold.astype(np.float32)
        return np.float32(node.rules.membrane.hi / self.numbers.plan.chosen.membrane_range)

    def _codes(self, x: Any) -> Any:
        code = self._network.input_code
        if not isinstance(x, Tracer):
            x = np.asarray(x)
            if x.dtype.kind == "f":
                return jnp.asarray(self.encode(x))
            self._network.check_codes(x)
            return jnp.asarray(x.astype(np.int32) if x.dtype.itemsize > 4 else x)
        if jnp.issubdtype(x.dtype, jnp.floating):
            if code.unit.numerator & (code.unit.numerator - 1) or code.unit.denominator & (code.unit.denominator - 1):
                found = f"real inputs inside jax.jit, in units of {code.unit}"
                raise error("LX205", node=self._network.input_name, found=found, fix="run q.encode(x) outside of it")
            x = jnp.rint(x * float(1 / code.unit)).astype(jnp.int32)
        kind = jnp.int8 if code.format.lo >= -128 and code.format.hi <= 127 else jnp.int32
        return jnp.clip(x.astype(jnp.int32), code.format.lo, code.format.hi).astype(kind)

    def to_int(self) -> IntNetwork:
        """The network whose integers the forward pass runs on."""
        return self.numbers.to_network(self.latent.value)


class _Named:
    """A population, for those who note activity."""

    def __init__(self, name: str):
        self.name = name
