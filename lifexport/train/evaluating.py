"""How well a network does on samples it is not trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import brainstate
import jax.numpy as jnp
import numpy as np

from .feeding import Samples, checked_samples, require_classes
from .history import Evaluation
from .options import loss_of, require_options
from .placement import Placement
from .states import lasting, set_values, values_of
from .stepping import classes_of, evaluation


def evaluate(
    model,
    x,
    y,
    *,
    dt=None,
    batch_size: int = 256,
    loss: str | Callable = "count",
    encoder: Callable | None = None,
    seed: int = 0,
    devices: Sequence[Any] | None = None,
) -> Evaluation:
    """Loss and accuracy of a network on a set; the parameters are those of ``fit``.

    Returns
    -------
    Evaluation

    Raises
    ------
    ParameterError
        As ``fit``.

    Examples
    --------
    >>> import brainunit as u
    >>> import lifexport as lx
    >>> net = lx.Sequential(lx.Linear(1, 2, w_init=np.array([[0.0, 20.0]])), lx.LIF(2))
    >>> evaluate(net, np.ones((5, 4, 1)), [1, 1, 1, 0], dt=1 * u.ms).accuracy
    0.75
    """
    require_options(model, batch_size=batch_size, seed=seed)
    loss = loss_of(loss)
    place = Placement.over(devices)
    samples = checked_samples(x, y, encoder)
    kept = lasting(model)
    with surroundings(dt, seed):
        require_classes(samples, classes_of(model, samples))
        set_values(kept, place.whole(values_of(kept)))
        try:
            return Judge(model, samples, loss, place, batch_size)()
        finally:
            set_values(kept, place.back(values_of(kept)))
            brainstate.nn.init_all_states(model)


class Judge:
    """Evaluation of one set, compiled once: the last batch is filled up with samples that do not count."""

    def __init__(self, model, samples: Samples, loss, place: Placement, batch_size: int):
        size = -(-min(batch_size, len(samples)) // place.count) * place.count
        count = -(-len(samples) // size)
        self.batches = (np.arange(count * size) % len(samples)).reshape(count, size)
        self.samples, self.place = samples, place
        self.judge = evaluation(model, samples, loss, place)

    def __call__(self) -> Evaluation:
        """Judge the parameters as they are now; call it within ``surroundings``."""
        told = []
        for i, indices in enumerate(self.batches):
            x, y = self.samples.batch(indices, self.place)
            told.append(self.judge(x, y, self.place.whole(jnp.uint32(i))))
        n = len(self.samples)
        losses, hits = (np.concatenate([np.asarray(t[k]) for t in told])[:n] for k in (0, 1))
        return Evaluation(float(losses.mean()), float(hits.mean()))


@contextlib.contextmanager
def surroundings(dt, seed: int):
    """``dt`` in ``brainstate.environ``, no training unless said, and random numbers from ``seed``, while this lasts."""
    given = {} if dt is None else {"dt": dt}
    with brainstate.environ.context(fit=False, **given), brainstate.random.seed_context(seed):
        yield
