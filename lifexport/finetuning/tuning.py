"""Fine-tuning in one call: from a trained network to the integers of a chip, trained as the chip runs them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..network import IntNetwork
from ..quantspec import QuantSpec
from ..samples import Samples
from ..targets import Target
from ..train.fitting import fit
from ..train.history import Epoch, History
from ..train.losses import CrossEntropy
from ..train.options import optimizer_of
from ..train.surrogate import Arctan
from .module import QAT


def qat(
    net: Any,
    target: str | os.PathLike[str] | Target,
    x: np.ndarray,
    y: np.ndarray,
    *,
    dt: Any = None,
    calibration: np.ndarray | None = None,
    spec: QuantSpec | None = None,
    thresholds: bool = False,
    spk_fun: Callable = Arctan(2.0),  # noqa: B008
    detach_reset: bool = False,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Any = None,
    loss: str | Callable | None = None,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: bool = True,
    on_epoch: Callable[[Epoch], Any] | None = None,
    devices: Sequence[Any] | None = None,
    **choices: Any,
) -> IntNetwork:
    """Quantize a trained network and fine-tune it with the simulator itself as the forward pass.

    Parameters
    ----------
    net : module or FloatNetwork
        The trained network; it stays as it is.
    target : str, path or Target
        Any target that ``quantize`` knows.
    x : float array, shape ``(time, samples, *features)``
        Inputs as in training.
    y : int array, shape ``(samples,)``
        Class of every sample.
    dt, spec, thresholds, spk_fun, detach_reset, **choices
        As for ``QAT``.
    calibration : float array, optional
        As for ``quantize``; ``x`` by default.
    epochs, batch_size, optimizer, validation, seed, progress, on_epoch, devices
        As for ``fit``. By default Adam at 5e-3, which falls to zero along a cosine: codes come to rest.
    loss : str or callable, optional
        As for ``fit``; by default the cross entropy on the network's own readout.

    Returns
    -------
    IntNetwork
        With the codes of the best parameters; ``simulate`` gives the spikes that were trained on.

    Raises
    ------
    LifexportError
        What ``QAT`` and ``fit`` raise.

    Warns
    -----
    LifexportWarning
        LX501, LX502: a layer that is silent, or fires at every step; too few bits kill a network before its training
        can begin.

    Notes
    -----
    Where spikes are late on the chip, every sequence is followed by as many empty steps, as in ``compare``.

    Examples
    --------
    >>> import brainunit as u
    >>> import lifexport as lx
    >>> net = lx.Sequential(lx.Linear(2, 2, w_init=np.array([[2.0, 1.9], [1.9, 2.0]])), lx.LIF(2))
    >>> x, y = np.tile(np.eye(2, dtype=np.float32), (20, 16, 1)), np.tile([0, 1], 16)  # (time, samples, features)
    >>> q = qat(net, "fpga-q", x, y, dt=1 * u.ms, weight_bits=4, state_bits=12, batch_size=8, epochs=20)
    >>> bool((lx.simulate(q, x).prediction.labels == y).all())
    True
    """
    module = QAT(
        net,
        target,
        dt=dt,
        calibration=x if calibration is None else calibration,
        spec=spec,
        thresholds=thresholds,
        spk_fun=spk_fun,
        detach_reset=detach_reset,
        **choices,
    )
    tune(
        module,
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        loss=loss,
        validation=validation,
        seed=seed,
        progress=progress,
        on_epoch=on_epoch,
        devices=devices,
    )
    # fine-tuning chooses numbers too: what it saw is no evidence about what it did not see
    seen = [x] if calibration is None else [x, calibration]
    return dataclasses.replace(module.to_int(), calibration=Samples.of(*seen))


def tune(
    module: QAT,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 64,
    optimizer: Any = None,
    loss: str | Callable | None = None,
    validation: tuple[Any, Any] | None = None,
    **options: Any,
) -> History:
    """Train a quantized network in place; what ``qat`` does once it has quantized.

    Parameters
    ----------
    module : QAT
    x, y, epochs, batch_size, optimizer, loss, validation
        As for ``qat``.
    **options
        Further ones of ``fit``.

    Returns
    -------
    History
        As ``fit`` returns it.

    Raises
    ------
    LifexportError
        What ``fit`` raises.
    """
    samples = int(np.shape(y)[0]) if np.ndim(y) else 0
    steps = epochs * max(1, samples // max(1, batch_size))
    return fit(
        module,
        module.padded(x),
        y,
        optimizer=optimizer_of(optimizer, falls_to_zero_in=steps),
        epochs=epochs,
        batch_size=batch_size,
        loss=CrossEntropy(module.trained.readout) if loss is None else loss,
        validation=None if validation is None else (module.padded(validation[0]), validation[1]),
        **options,
    )
