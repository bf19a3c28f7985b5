"""One training step and one evaluation, compiled: what ``fit`` repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from ..findings import error
from .activity import recording
from .feeding import Samples
from .losses import scores
from .placement import Placement
from .states import lasting, plain, set_values, trainable, values_of, with_units


class Told(NamedTuple):
    """What a step tells; everything still on its way to the host.

    Attributes
    ----------
    loss : float scalar
        Of this batch, before the step.
    hits : int scalar
        Samples whose highest score was their label's.
    rates : dict of str to float scalar
        Mean spikes per neuron and step, by layer.
    bad : dict of str to bool scalar
        By parameter, whether its gradient or its new value is NaN or infinite.
    good : bool scalar
        Whether this step and all before it met finite numbers only.
    """

    loss: jax.Array
    hits: jax.Array
    rates: dict[str, jax.Array]
    bad: dict[str, jax.Array]
    good: jax.Array


def forward(model, x) -> tuple[Any, dict[str, jax.Array]]:
    """Outputs ``(time, batch, *classes)`` of a model from fresh states, and how much its layers spike."""
    brainstate.nn.init_all_states(model, batch_size=x.shape[1])
    with recording() as seen:
        outputs = model.run(jnp.asarray(x, brainstate.environ.dftype()))
    return outputs, dict(seen)


def classes_of(model, samples: Samples) -> int:
    """Number of classes the model tells apart, found without computing anything (LX102: no sequence comes out)."""

    def run(x, seed):
        return u.get_mantissa(forward(model, samples.encode(x, seed))[0])

    first = samples.x[:1] if samples.axis == 0 else samples.x[:, :1]
    x = jax.ShapeDtypeStruct(first.shape, jnp.asarray(first).dtype)
    shape = brainstate.transform.eval_shape(run, x, jax.ShapeDtypeStruct((), jnp.uint32)).shape
    if len(shape) < 3 or shape[1] != 1:
        fix = "let run return (time, batch, classes)"
        raise error("LX102", field="model", found=f"an output of shape {shape} for one sample", fix=fix)
    classes = 1
    for n in shape[2:]:
        classes *= n
    return classes


def training_step(model, samples: Samples, loss: Callable, optimizer: Any, place: Placement) -> Callable:
    """Function ``(x, y, seed, memory, good) -> (Told, memory)`` that changes the parameters of the model.

    Once a number is not finite, ``good`` is false and nothing changes any more.
    """
    weights, kept = trainable(model), lasting(model)

    def objective(x, y):
        outputs, rates = forward(model, x)
        hits = (scores(outputs, _readout(loss)).argmax(axis=-1) == y).sum()
        return loss(outputs, y), (hits, rates)

    slope_of: Any = brainstate.transform.grad(objective, weights, has_aux=True, return_value=True)

    def step(x, y, seed, memory, good):
        before = values_of(kept)
        now = plain(values_of(weights))
        slopes, value, (hits, rates) = slope_of(samples.encode(x, seed), y)
        slopes = plain(slopes)
        with jax.numpy_dtype_promotion("standard"):  # optimizers mix types on purpose
            change, new_memory = optimizer.update(slopes, memory, now)
            new = {name: (now[name] + change[name]).astype(now[name].dtype) for name in now}
        bad = {name: ~(jnp.isfinite(slopes[name]).all() & jnp.isfinite(new[name]).all()) for name in now}
        good = good & jnp.isfinite(value) & ~jnp.any(jnp.stack(list(bad.values())))
        set_values(weights, with_units(values_of(weights), new))
        after = values_of(kept)

        def choose(a, b):
            return jax.tree.map(lambda new, old: jnp.where(good, new, old), a, b)

        set_values(kept, place.keep_whole(choose(after, before)))
        return place.keep_whole((Told(value, hits, rates, bad, good), choose(new_memory, memory)))

    return brainstate.transform.jit(step)


def evaluation(model, samples: Samples, loss: Callable, place: Placement) -> Callable:
    """Function ``(x, y, seed) -> (loss of every sample, whether it was recognised)``."""

    def judge(x, y, seed):
        outputs, _ = forward(model, samples.encode(x, seed))
        hits = scores(outputs, _readout(loss)).argmax(axis=-1) == y
        each = jax.vmap(lambda output, label: loss(output[:, None], label[None]), in_axes=(1, 0))
        return place.keep_whole((each(outputs, y), hits))

    return brainstate.transform.jit(judge)


def _readout(loss: Any) -> Any:
    return getattr(loss, "readout", "count")
