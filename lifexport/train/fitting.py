"""Training in one call, for those who do not want to write the loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np

from ..errors import LifexportWarning
from ..findings import Finding, error
from .evaluating import Judge, surroundings
from .feeding import Samples, checked_samples, require_classes
from .history import Epoch, History
from .options import loss_of, optimizer_of, pair_of, require_options, require_parameters
from .placement import Placement
from .progress import training_bar
from .states import lasting, plain, set_values, trainable, values_of
from .stepping import Told, classes_of, training_step


def fit(
    model,
    x,
    y,
    *,
    dt=None,
    optimizer=None,
    epochs: int = 10,
    batch_size: int = 64,
    loss: str | Callable = "count",
    encoder: Callable | None = None,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: bool = True,
    on_epoch: Callable[[Epoch], Any] | None = None,
    devices: Sequence[Any] | None = None,
) -> History:
    """Train a network to name classes.

    Nothing here is needed to train: a loop of your own over ``model.run`` works as well (``docs/training.md``).

    Parameters
    ----------
    model : module
        With ``run`` from ``(time, batch, ...)`` to ``(time, batch, *classes)`` and parameters in ``ParamState``.
    x : array, shape ``(time, samples, ...)``, or ``(samples, ...)`` with an ``encoder``
        Plain numbers. Integers stay as they are until they reach the device.
    y : int array, shape ``(samples,)``
        Class of every sample, from 0.
    dt : time, optional
        Time step; by default that of ``brainstate.environ``.
    optimizer : optax.GradientTransformation, optional
        By default ``optax.adam(5e-3)``. It sees a dictionary of arrays without units, by the names that
        ``save_parameters`` uses.
    epochs, batch_size : int
        Every epoch visits the samples in a new order; those that fill no last batch come up in another one.
    loss : str or callable
        ``"count"``, ``"membrane_last"`` or ``"membrane_max"``: cross entropy on that readout; or
        ``loss(outputs, labels) -> scalar``, the mean over samples. Accuracy is that of ``loss.readout``, else counts.
    encoder : callable, optional
        From a batch ``(batch, ...)`` to ``(time, batch, ...)``, traced by JAX: only one batch at a time is as long as
        its sequence. If it takes ``seed`` it gets a new one with every batch, the same ones in every validation.
    validation : pair of arrays, optional
        ``(x, y)`` judged after every epoch; the best parameters are put back at the end.
    seed : int
        Of the order of samples, the encoder, and what the network itself draws (``Dropout``).
    progress : bool
        Show a bar, if stderr is a terminal.
    on_epoch : callable, optional
        Told every ``Epoch``; training ends early if it returns ``True``.
    devices : sequence of jax.Device, optional
        Share every batch between them; ``batch_size`` must be a multiple of their number.

    Returns
    -------
    History

    Raises
    ------
    ParameterError
        LX006: an option that means nothing; LX101: a parameter that is not finite before training; LX106: unknown
        loss; LX120: data or labels that cannot be trained on, with their place.
    ShapeError
        LX102: ``x`` and ``y`` of different lengths, or a network that takes other samples.
    DivergenceError
        LX121: loss, gradient or new parameter not finite, naming it; the network has its last good parameters.
    MissingDependencyError
        LX005: no optimizer given and optax not installed.

    Warns
    -----
    LifexportWarning
        LX501: a layer that did not fire once in an epoch; LX502: one that fired at every step.

    Examples
    --------
    >>> import brainunit as u
    >>> import lifexport as lx
    >>> net = lx.Sequential(lx.Linear(2, 2, w_init=np.full((2, 2), 3.0)), lx.LIF(2, spk_fun=lx.surrogate.Arctan(2.0)))
    >>> x = np.tile(np.eye(2, dtype=np.float32), (10, 20, 1))  # (time, samples, features)
    >>> history = fit(net, x, np.tile([0, 1], 20), dt=1 * u.ms, epochs=30, batch_size=20)
    >>> history.best.accuracy
    1.0
    """
    require_options(model, batch_size=batch_size, seed=seed, epochs=epochs, on_epoch=on_epoch)
    loss, optimizer = loss_of(loss), optimizer_of(optimizer)
    place = Placement.over(devices)
    samples = checked_samples(x, y, encoder)
    judged = None if validation is None else checked_samples(*pair_of(validation), encoder, name="validation")
    batch = min(batch_size, len(samples))
    if batch % place.count:
        fix = f"give a multiple of the {place.count} devices"
        raise error("LX006", field="batch_size", found=f"{batch}", fix=fix)
    kept = lasting(model)
    require_parameters(model)
    with surroundings(dt, seed), training_bar(epochs, progress) as tell:
        classes = classes_of(model, samples)
        for each, name in ((samples, ""), (judged, "validation")):
            if each is not None:
                require_classes(each, classes, name)
        set_values(kept, place.whole(values_of(kept)))
        try:
            run = _Run(model, samples, loss, optimizer, place, batch, seed)
            judge = None if judged is None else Judge(model, judged, loss, place, batch_size)
            history: list[Epoch] = []
            best, best_values = None, values_of(kept)
            warned: set[tuple[str, str]] = set()
            for number in range(1, epochs + 1):
                epoch = run.epoch(number, judge)
                history.append(epoch)
                _warn(epoch.rates, warned)
                if best is None or judge is None or _rank(epoch) > _rank(best):
                    best, best_values = epoch, values_of(kept)
                tell(number, _note(epoch))
                if on_epoch is not None and on_epoch(epoch) is True:
                    break
            set_values(kept, best_values)
        finally:
            set_values(kept, place.back(values_of(kept)))
            # The states made inside jit ended with its trace.
            brainstate.nn.init_all_states(model)
    assert best is not None
    return History(epochs=tuple(history), best=best)


class _Run:
    """Training under way: the compiled step, the optimizer's memory, what is drawn at random."""

    def __init__(self, model, samples: Samples, loss, optimizer, place: Placement, batch: int, seed: int):
        self.samples, self.place, self.batch, self.model = samples, place, batch, model
        self.step = training_step(model, samples, loss, optimizer, place)
        self.memory = place.whole(optimizer.init(plain(values_of(trainable(model)))))
        self.order = np.random.default_rng(seed)
        self.seeds = np.random.default_rng([seed, 1])
        self.good = place.whole(jnp.asarray(True))

    def epoch(self, number: int, judge: Judge | None) -> Epoch:
        order = self.order.permutation(len(self.samples))
        batches = order[: len(order) // self.batch * self.batch].reshape(-1, self.batch)
        told: list[Told] = []
        with brainstate.environ.context(fit=True):
            for indices in batches:
                seed = self.place.whole(jnp.asarray(self.seeds.integers(1 << 32, dtype=np.uint32)))
                x, y = self.samples.batch(indices, self.place)
                now, self.memory = self.step(x, y, seed, self.memory, self.good)
                self.good = now.good
                told.append(now)
                # One step behind, so that the next one is under way while this one is asked.
                if len(told) > 1:
                    self._require_good(told[-2], number)
        self._require_good(told[-1], number)
        losses, hits, rates = jax.device_get([list(part) for part in zip(*(t[:3] for t in told), strict=True)])
        return Epoch(
            number=number,
            loss=float(np.mean(losses)),
            accuracy=float(np.sum(hits) / batches.size),
            rates={name: float(np.mean([rate[name] for rate in rates])) for name in rates[0]},
            validation=None if judge is None else judge(),
        )

    def _require_good(self, told: Told, number: int) -> None:
        if told.good:
            return
        bad = [name for name, is_bad in told.bad.items() if is_bad]
        # Errors travel backwards: what lies nearest to the output was hit first.
        place = {"node": bad[-1], "field": "gradient"} if bad else {"field": "loss"}
        others = f", and {len(bad) - 1} parameters before it" if len(bad) > 1 else ""
        found = f"NaN or infinity in epoch {number}, loss {float(told.loss)}{others}"
        raise error("LX121", found=found, fix="lower the learning rate, or clip gradients", **place)  # type: ignore[arg-type]


def _rank(epoch: Epoch) -> tuple[float, float]:
    assert epoch.validation is not None
    return epoch.validation.accuracy, -epoch.validation.loss


def _warn(rates: dict[str, float], warned: set[tuple[str, str]]) -> None:
    """Say once of a layer that it is silent (LX501) or fires at every step (LX502)."""
    cases = {
        "LX501": (lambda rate: rate == 0, "no spike in a whole epoch", "larger initial weights or inputs"),
        "LX502": (lambda rate: rate > 1 - 1e-6, "a spike at every step", "smaller initial weights or inputs"),
    }
    for name, rate in rates.items():
        for code, (holds, found, fix) in cases.items():
            if holds(rate) and (code, name) not in warned:
                warned.add((code, name))
                fix = f"{fix}, or a surrogate with tails such as Arctan"
                warnings.warn(str(Finding(code=code, node=name, found=found, fix=fix)), LifexportWarning, stacklevel=3)


def _note(epoch: Epoch) -> str:
    after = "" if epoch.validation is None else f", validation {epoch.validation.accuracy:.1%}"
    return f"epoch {epoch.number}, loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}{after}"
