"""Fine-tune the digits network in a chip's integers, and show what its forward pass was."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from ..finetuning import QAT
from ..finetuning.forward import Ints
from ..finetuning.tuning import tune
from ..network import FloatNetwork
from ..quantspec import QuantSpec
from ..train.history import Epoch
from .training import BATCH


def fine_tune(
    f: FloatNetwork,
    target: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    seed: int,
    on_epoch: Callable[[Epoch], None],
    spec: QuantSpec,
) -> QAT:
    """Quantize a trained network and train it in integers, as ``lifexport.qat`` does; returns what was trained.

    Parameters
    ----------
    f : FloatNetwork
    target : str
    x : float32 array, shape ``(time, samples, *features)``
        Training inputs, for calibration too.
    y : int array, shape ``(samples,)``
    epochs, seed, on_epoch
        As for ``fit``.
    spec : QuantSpec
        Widths.
    """
    module = QAT(f, target, calibration=x, spec=spec)
    tune(module, x, y, epochs=epochs, batch_size=BATCH, seed=seed, progress=False, on_epoch=on_epoch)
    return module


def integers_inside_gradient(module: QAT, codes: np.ndarray) -> Ints:
    """Integers of the forward pass as training runs it: compiled, and differentiated.

    Parameters
    ----------
    module : QAT
    codes : int array, shape ``(time, batch, *features)``

    Returns
    -------
    Ints
        Spikes and membranes of every population, int32 or narrower.
    """

    def loss(parameters):
        out = module.apply(parameters, codes)
        return out.spikes.sum() + out.v.mean(), out.ints

    (_, ints), _ = jax.jit(jax.value_and_grad(loss, has_aux=True))(module.latent.value)
    return ints
